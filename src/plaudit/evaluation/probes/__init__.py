"""Probes: one weakness of a reward model each. A new file here is a new probe, run and tested by being there.

A probe makes pairs of conversations that differ in one thing, has them scored, and returns a
`plaudit.evaluation.finding.Finding`. It takes whatever scores (a model of ours or of others, a server, a function) as
a function from conversations to rewards, and knows nothing else about it.

The members here are `plaudit.evaluation.experiment.Experiment` records: they say only what to compare, in one of four
ways, which stand in `evaluation/`: texts of ours added to responses or responses written anew (``counterfactual.py``),
prompts or facts of our own (``contrasts.py``). All have the settings ``limit`` (pairs drawn from the preferences, 200),
``seed`` and ``resamples``. Anything else that can be called like a `Probe` will do from elsewhere
(``package.module:Thing``).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

from plaudit import members
from plaudit.evaluation.experiment import Experiment
from plaudit.evaluation.finding import Finding, Score
from plaudit.preferences.preference import Preference


class Probe(Protocol):
    """What looks for one weakness."""

    def __call__(self, preferences: Sequence[Preference], score: Score) -> Finding:
        """Return what was found, or why the probe does not apply to these preferences.

        Args:
            preferences: what the model is for.
            score: from conversations to rewards; NaN where one cannot be scored.
        """
        ...


def choose(names: Iterable[str] | None = None, **settings: Any) -> dict[str, Probe]:
    """Return the probes of the given names (all of this folder by default), ready to call.

    Args:
        names: as in `plaudit.members.load`.
        settings: of `plaudit.evaluation.experiment.Experiment`; other kinds are made without.

    Raises:
        plaudit.members.UnknownKind: there is no such probe; the message lists those there are.
    """
    chosen = members.names("probes") if names is None else names
    return {name: _made(members.load("probes", name), settings) for name in chosen}


def _made(kind: Any, settings: dict[str, Any]) -> Probe:
    if isinstance(kind, type):
        kind = kind(**settings) if issubclass(kind, Experiment) else kind()
    return cast(Probe, kind)
