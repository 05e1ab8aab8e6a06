"""The gap table of one model: what it is worth on several sets of preferences, and under attack."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from plaudit.evaluation.attacks.attacked import Attacked
from plaudit.evaluation.gaps import ATTACKED, UNATTACKED, Gaps, gaps
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.data import Data, announce


def gap_table(
    model: Path | str | Scorer,
    sets: Mapping[str, Sequence[str] | Preferences],
    *,
    attacked: Attacked | None = None,
    data: Data | None = None,
    resamples: int = 2000,
    seed: int = 0,
    say: Say = to_stderr,
) -> Gaps:
    """Score several sets of preferences and return each one's numbers, and how far they are from the first's.

    Args:
        model: an artefact or a sequence-classification checkpoint, or an open one.
        sets: name to sources, or to preferences that are compared already; the reference first: usually the test data
            of the training data's own kind.
        attacked: what an attack on the same model found; adds a row ``attacked``, whose gap is from the same
            comparisons without the suffix.
        data: how to read the sources.
        resamples: behind each interval.
        seed: theirs.
        say: receives what was read.

    Raises:
        ValueError: there are fewer than two rows, or a set is called ``attacked`` beside one that was.
        NoReward: a response cannot be scored and ``data.on_unfit`` says so, or a set has no comparison.
    """
    if attacked is not None and ATTACKED in sets:
        raise ValueError(f"a set is called {ATTACKED!r}, as is the row of the attack; give it another name")
    scorer = model if isinstance(model, Scorer) else Scorer.load(model)
    found = {name: _predicted(scorer, name, sources, data or Data(), say) for name, sources in sets.items()}
    if attacked is None:
        return gaps(found, resamples=resamples, seed=seed)
    beside = {ATTACKED: (UNATTACKED, attacked.clean())}
    return gaps({**found, ATTACKED: attacked.attacked()}, counterparts=beside, resamples=resamples, seed=seed)


def _predicted(scorer: Scorer, name: str, given: Sequence[str] | Preferences, data: Data, say: Say) -> Predictions:
    read = given if isinstance(given, Preferences) else data.compared(data.read(list(given)), all_pairs=True)
    announce(name, read, say)
    refuse: Literal["error", "nan"] = "error" if data.on_unfit == "error" else "nan"

    def scored(pairs: Sequence[Pair]) -> list[Score]:
        return scorer.score(pairs, on_unfit=refuse, deviations=True)

    return predict(scored, read, data.on_unfit)
