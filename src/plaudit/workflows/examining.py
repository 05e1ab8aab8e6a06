"""What an audit asks a model beyond the comparisons it was given: probes, an attack, other sets of preferences.

All of it needs something that gives rewards to new texts; of scores in a file it cannot be asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from plaudit.evaluation.attacks.attack import Effort, Search, attack
from plaudit.evaluation.attacks.attacked import Attacked
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.gaps import ATTACKED, UNATTACKED, Gaps, gaps
from plaudit.evaluation.probing import probe_all
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.predict import predict
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.audit import Auditing, Beside
from plaudit.workflows.data import Data
from plaudit.workflows.subjects import BadSubject, Subject, read

OWN = "these comparisons"
"""What the audited comparisons are called in the table of gaps, whose reference they are."""
PIECES = 8
"""Longest suffix of an attack, in pieces or tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examining:
    """What else is asked.

    Attributes:
        probes: names of probes, or ``module:Class`` of one's own; all that plaudit has if None, [] for none.
        limit: comparisons that the probes draw, at most.
        attack: conversations that each search of an attack may score; 0 for no attack.
        sets: other preferences, by name, whose accuracy is set beside that of the audited ones.
    """

    probes: Sequence[str] | None = None
    limit: int = 200
    attack: int = 0
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be 1 or more, not {self.limit}")
        if self.attack < 0:
            raise ValueError(f"attack must be a number of conversations, 0 for none, not {self.attack}")
        if taken := sorted({OWN, ATTACKED, UNATTACKED} & set(self.sets)):
            raise ValueError(f"a set cannot be called {taken[0]!r}; the table has a row of this name")


@dataclass(frozen=True, slots=True)
class Tried:
    """Attacks of several searches, and those that this model does not allow."""

    attacks: tuple[Attacked, ...]
    refused: Mapping[str, str]

    @property
    def best(self) -> Attacked:
        """The one whose suffix gained most where it was searched, which is the same for all."""
        return max(self.attacks, key=lambda one: one.best.searched)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"attacks": [one.to_json() for one in self.attacks], "refused": dict(self.refused)}


def named_sets(given: Sequence[str]) -> dict[str, list[str]]:
    """Return sources by name from ``NAME=SOURCE``; several of one name are one set.

    Raises:
        BadSubject: one has no name or no source.
    """
    sets: dict[str, list[str]] = {}
    for one in given:
        name, equals, source = one.partition("=")
        if not (name.strip() and equals and source.strip()):
            raise BadSubject(f"another set of preferences is given as NAME=SOURCE, not {one!r}")
        sets.setdefault(name.strip(), []).append(source.strip())
    return sets


def examine(
    subject: Subject,
    wanted: Examining | None = None,
    *,
    how: Auditing | None = None,
    data: Data | None = None,
    beside: Beside | None = None,
    say: Say = to_stderr,
) -> Beside:
    """Return ``beside`` with what the probes, the attack and the other sets told.

    Args:
        subject: what is audited.
        wanted: what to ask it.
        how: resamples and seed.
        data: how to read the other sets.
        beside: what is known already.
        say: is told what was asked, and what could not be.

    Raises:
        BadSubject: an attack, probes by name or other sets are wanted of scores in a file.
        NothingToAttack: there are too few comparisons for the attack.
    """
    wanted, how, beside = wanted or Examining(), how or Auditing(), beside or Beside()
    if subject.score is None or subject.preferences is None:
        if wanted.probes or wanted.attack or wanted.sets:
            raise BadSubject(f"{subject.name} holds scores alone; probes, attacks and other sets need a model")
        say("only scores are known, so no probe was run")
        return beside
    if wanted.probes is None or wanted.probes:
        probed = probe_all(
            subject.preferences,
            subject.score,
            wanted.probes,
            limit=wanted.limit,
            seed=how.seed,
            resamples=how.resamples,
        )
        say(f"{len(probed.findings)} probes scored {probed.conversations:,} conversations")
        beside = replace(beside, probed=probed, findings=(*beside.findings, *probed.findings))
    tried = _attacked(subject, wanted, how) if wanted.attack else None
    if tried:
        say(f"{len(tried.attacks)} searches scored {sum(one.spent for one in tried.attacks):,} conversations")
        beside = replace(beside, attacked=tried, attacks=(tried.best.finding(),))
    if tried or wanted.sets:
        beside = replace(beside, gaps=_gaps(subject, wanted, how, data or Data(), tried, say))
    return beside


def _attacked(subject: Subject, wanted: Examining, how: Auditing) -> Tried:
    """Search without looking at the weights, and with their gradients where they are open."""
    assert subject.score
    assert subject.preferences is not None
    searches: list[Search] = [Evolutionary(PIECES)]
    refused: dict[str, str] = {}
    if subject.search is not None:
        found = subject.search(PIECES)
        if isinstance(found, str):
            refused["gradient"] = found
        else:
            searches.append(found)
    effort = asdict(Effort(budget=wanted.attack, resamples=how.resamples, seed=how.seed))
    made = [attack(subject.preferences, subject.score, search, **effort) for search in searches]
    return Tried(tuple(made), refused)


def _gaps(subject: Subject, wanted: Examining, how: Auditing, data: Data, tried: Tried | None, say: Say) -> Gaps:
    """Return accuracy on each set beside that on the audited comparisons."""
    assert subject.score
    score = subject.score

    def predicted(sources: Sequence[str]) -> Predictions:
        records: Preferences = read(sources, data, say)
        return predict(lambda pairs: score(pairs).tolist(), records, data.on_unfit)

    found = {OWN: subject.predictions, **{name: predicted(sources) for name, sources in wanted.sets.items()}}
    if tried is None:
        return gaps(found, resamples=how.resamples, seed=how.seed)
    own = {ATTACKED: (UNATTACKED, tried.best.clean())}
    return gaps({**found, ATTACKED: tried.best.attacked()}, counterparts=own, resamples=how.resamples, seed=how.seed)
