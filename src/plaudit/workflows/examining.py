"""What an audit asks a model beyond the comparisons it was given: probes, an attack, other sets of preferences.

All of it needs something that gives rewards to new texts; of scores in a file it cannot be asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from plaudit.evaluation.attacks.all_attacks import Attacks, Searches, attack_by_all
from plaudit.evaluation.attacks.attack import Effort
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.gaps import ATTACKED, UNATTACKED, Gaps, gaps
from plaudit.evaluation.probing import probe_all
from plaudit.preferences.dataset import Preferences
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
    # What may be refused comes first: a source that cannot be read, a budget that is too small.
    others = {name: read(sources, data or Data(), say) for name, sources in wanted.sets.items()}
    attacks = _attacked(subject, wanted, how) if wanted.attack else None
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
    if attacks:
        say(f"{len(attacks.attacks)} searches scored {sum(one.spent for one in attacks.attacks):,} conversations")
        beside = replace(beside, attacked=attacks, attacks=(attacks.best.finding(),))
    if attacks or others:
        beside = replace(beside, gaps=_gaps(subject, others, how, attacks))
    return beside


def _attacked(subject: Subject, wanted: Examining, how: Auditing) -> Attacks:
    """Search without looking at the weights, and with their gradients where they are open."""
    assert subject.score
    assert subject.preferences is not None
    searches = Searches((Evolutionary(PIECES),)) if subject.searches is None else subject.searches(PIECES)
    effort = Effort(budget=wanted.attack, resamples=how.resamples, seed=how.seed)
    return attack_by_all(subject.name, subject.preferences, subject.score, searches, effort)


def _gaps(subject: Subject, others: Mapping[str, Preferences], how: Auditing, attacks: Attacks | None) -> Gaps:
    """Return the figures on each set beside those on the audited comparisons, and under attack beside without."""
    assert subject.predict
    found = {OWN: subject.predictions} | {name: subject.predict(other) for name, other in others.items()}
    if attacks is None:
        return gaps(found, resamples=how.resamples, seed=how.seed)
    clean = {ATTACKED: (UNATTACKED, attacks.best.clean())}
    under = {**found, ATTACKED: attacks.best.attacked()}
    return gaps(under, counterparts=clean, resamples=how.resamples, seed=how.seed)
