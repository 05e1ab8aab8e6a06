"""Compare saved models on the predictions that lie beside them, and scores from anywhere."""

from collections.abc import Sequence
from pathlib import Path

from plaudit.evaluation.compare import Compared, compare
from plaudit.predictions import Predictions
from plaudit.predictions.scores import read_scores
from plaudit.workflows.folders import ARTEFACT, PREDICTIONS


class NoPredictions(ValueError):
    """There is nothing saved to compare; the message says where it was looked for."""


def compare_saved(
    paths: Sequence[Path | str],
    metrics: Sequence[str] | None = None,
    *,
    shared_only: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> Compared:
    """Compare what was saved at ``paths``, each named by its path.

    Args:
        paths: two or more; see `saved_predictions`.
        metrics: names of metrics; by default those of which higher or lower is better.
        shared_only: compare on the comparisons that all have, and count the others, instead of refusing.
        resamples: number of resamples behind each interval.
        seed: theirs.

    Raises:
        NoPredictions: a path is given twice, or holds no predictions.
        ValueError: a file cannot be read, or as in `plaudit.evaluation.compare.compare`.
        OSError: a file is not there.
    """
    named = [str(path) for path in paths]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise NoPredictions(f"{twice[0]} is given more than once")
    models = {name: saved_predictions(Path(name)) for name in named}
    return compare(models, metrics, shared_only=shared_only, resamples=resamples, seed=seed)


def saved_predictions(path: Path) -> Predictions:
    """Return the predictions at ``path``.

    Args:
        path: a ``.jsonl`` or ``.npz`` file that was saved, a ``.csv`` file of scores (`plaudit.predictions.scores`),
            the folder of a run, or the ``artefact`` in it.

    Raises:
        NoPredictions: it is a folder without predictions.
        ValueError: the file is not what its suffix says.
        OSError: the file is not there.
    """
    if path.is_dir():
        run = [path.resolve().parent] if path.resolve().name == ARTEFACT else []
        beside = [folder / PREDICTIONS for folder in (path, *run)]
        there = [file for file in beside if file.is_file()]
        if not there:
            looked = " or ".join(map(str, beside))
            raise NoPredictions(f"{looked} is not there; `plaudit evaluate MODEL DATA --save FILE` makes such a file")
        return Predictions.load(there[0])
    return read_scores(path) if path.suffix == ".csv" else Predictions.load(path)
