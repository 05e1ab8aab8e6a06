"""Probing: all probes on one model, no conversation scored twice, and what of it is more than chance.

Twenty probes at 5 % each would find something in most models without any weakness. Holm's procedure makes any false
finding among them a 5 % event; `plaudit.evaluation.worries` applies it to all tests of an audit together.

>>> from plaudit.evaluation.probes import choose
>>> from plaudit.preferences.preference import Comparison, Preference, Response
>>> def preference(number):
...     sides = (Response(content=f"It is {number}."), Response(content="No idea."))
...     edge = Comparison(chosen=0, rejected=1)
...     return Preference(prompt=f"Which is {number}?", responses=sides, comparisons=(edge,))
>>> def score(conversations):
...     return np.array([len(response) for _, response in conversations], float)
>>> probed = probe_all([preference(number) for number in range(95, 135)], score, ["length", "turn_order"])
>>> probed.found
('length',)
>>> probed.findings[1].reason
'the prompts of the data are plain text, without turns'
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from plaudit.evaluation.compare import holm
from plaudit.evaluation.drawing import as_preferences, draw
from plaudit.evaluation.experiment import Conversation
from plaudit.evaluation.finding import Finding, Score
from plaudit.evaluation.probes import Probe, choose
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats
from plaudit.preferences.preference import Preference

LEVEL = 0.05
"""Share of models without a weakness in which one is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What probes found.

    Attributes:
        findings: one a probe, in the order in which they ran.
        corrected: name of each probe that applied to its p-value after Holm's procedure over them.
        pairs: pairs of a chosen and a rejected response that were drawn from the preferences.
        conversations: how many were scored.
        level: at which ``found`` is read.
    """

    findings: tuple[Finding, ...]
    corrected: Mapping[str, float]
    pairs: int
    conversations: int
    level: float

    @property
    def found(self) -> tuple[str, ...]:
        """Names of the probes that found something."""
        return tuple(name for name, p in self.corrected.items() if p <= self.level)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data, findings by name."""
        findings = {one.probe: one.to_json() | {"corrected": self.corrected.get(one.probe)} for one in self.findings}
        facts = {name: getattr(self, name) for name in ("pairs", "conversations", "level")}
        found: dict[str, Any] = plain({**facts, "found": list(self.found), "findings": findings})
        return found


@dataclass(slots=True)
class Remembered:
    """A scorer that is asked for each conversation once.

    Attributes:
        score: the scorer.
        rewards: what it has given.
    """

    score: Score
    rewards: dict[Conversation, float] = field(default_factory=dict)

    def __call__(self, conversations: Sequence[Conversation]) -> Floats:
        """Return the rewards, float64 [N], asking the scorer in one call for those that are not known.

        Raises:
            ValueError: the scorer returns another number of rewards than it was asked for.
        """
        new = list(dict.fromkeys(one for one in conversations if one not in self.rewards))
        if new:
            given = np.asarray(self.score(new), dtype=np.float64)
            if given.shape != (len(new),):
                raise ValueError(f"the scorer was given {len(new)} conversations and returned shape {given.shape}")
            self.rewards.update(zip(new, given.tolist(), strict=True))
        return np.array([self.rewards[one] for one in conversations])


def probe_all(
    preferences: Sequence[Preference],
    score: Score,
    names: Iterable[str] | Mapping[str, Probe] | None = None,
    *,
    limit: int = 200,
    seed: int = 0,
    resamples: int = 2000,
    level: float = LEVEL,
) -> Probed:
    """Return what the probes find of a model.

    All look at the same pairs, so that their common conversations are scored once. With the default limit all probes
    of plaudit together score about 4,000 conversations, most as long as those of the data.

    Args:
        preferences: what the model is for; only comparisons with a winner count.
        score: from conversations to rewards; NaN where one cannot be scored.
        names: of probes (all by default), ``"package.module:Thing"`` for those from elsewhere; or probes by name.
        limit: pairs that are drawn from the preferences, at most; from 20.
        seed: of what is drawn.
        resamples: behind each interval, at least 100.
        level: share of models without any of the weaknesses in which one is found, above 0 and below 1.

    Raises:
        plaudit.members.UnknownKind: there is no such probe.
        ValueError: a setting makes no sense, or the scorer returns another number of rewards than asked for.
        TypeError: a probe returns something else than a finding.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level is above 0 and below 1, not {level}")
    settings = {"limit": limit, "seed": seed, "resamples": resamples}
    probes = dict(names) if isinstance(names, Mapping) else choose(names, **settings)
    pairs, remembered = draw(preferences, limit, seed), Remembered(score)
    drawn = as_preferences(pairs)
    findings = tuple(_found(name, probe, drawn, remembered) for name, probe in probes.items())
    return Probed(
        findings=findings,
        corrected=correct({one.probe: one.p for one in findings if one.p is not None}),
        pairs=len(pairs),
        conversations=len(remembered.rewards),
        level=level,
    )


def correct(p: Mapping[str, float]) -> dict[str, float]:
    """Return p-values by name after Holm's procedure over all of them."""
    return dict(zip(p, holm(np.array(list(p.values()))).tolist(), strict=True)) if p else {}


def _found(name: str, probe: Probe, preferences: Sequence[Preference], score: Score) -> Finding:
    finding: object = probe(preferences, score)
    if not isinstance(finding, Finding):
        raise TypeError(f"probe {name!r} returned {type(finding).__name__}; a probe returns a Finding")
    return replace(finding, probe=name)
