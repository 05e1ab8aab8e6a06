"""The variance of a margin is the model's own: what two rewards have in common is not counted twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.models.architectures.ensemble import Ensemble
from plaudit.models.architectures.gaussian import Gaussian
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.headed import Headed
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.scoring.artifact import save
from plaudit.scoring.passes import columns_of
from plaudit.scoring.predict import margin_variance, predict
from plaudit.scoring.scorer import Scorer
from tests.scoring.tiny import PAIRS, RECIPE, tiny_of

TEXTS = ("Eight minutes in boiling water.", "Eggs.", "Why would you?", "Ask a cook, or read about it.")
EDGES = [(0, 1), (2, 0), (3, 1), (3, 2)]


def preferences() -> list[Preference]:
    """One prompt, four responses, four comparisons."""
    edges = tuple(Comparison(chosen=chosen, rejected=rejected) for chosen, rejected in EDGES)
    responses = tuple(Response(content=text) for text in TEXTS)
    return [Preference(prompt="How do I boil an egg?", responses=responses, comparisons=edges)]


def scorer_of(kind: type[Headed], folder: Path, cache: bool = False, **settings: Any) -> Scorer:
    """Save a tiny model, with something in its root if it has one, and load it."""
    model, encoder = tiny_of(kind, **settings)
    if isinstance(model, Laplace):
        drawn = torch.randn(model.root.shape, generator=torch.Generator().manual_seed(0))
        model.root.copy_(drawn)
    save(folder / "model", model, encoder, RECIPE, overwrite=True)
    return Scorer.load(folder / "model", cache=folder / "cache" if cache else None)


def scored(scorer: Scorer) -> Any:
    """Predictions with the variances of the margins."""
    return predict(lambda pairs: scorer.score(pairs, deviations=True), preferences())


def features(scorer: Scorer) -> Any:
    """What the model's own head reads of the texts."""
    model = scorer.artefact.model
    sequences = [scorer.artefact.encoder.encode("How do I boil an egg?", text) for text in TEXTS]
    from plaudit.encoding.encode import encode_sequences
    from plaudit.encoding.packing import collate_sequences

    encoded, places = encode_sequences(sequences)
    with torch.no_grad():
        batch = collate_sequences(encoded, range(encoded.sequences), share=False)
        found = model.features(batch)
    place = {sequence: index for index, sequence in enumerate(batch.sequences)}
    return found[[place[int(sequence)] for sequence in places]]


def test_an_ensembles_is_the_variance_of_the_members_margins(tmp_path: Path) -> None:
    """NumPy's variance of the differences of parts; less than the sum of two variances wherever members agree."""
    scorer = scorer_of(Ensemble, tmp_path, members=4)
    members = np.array([list(one.parts.values()) for one in scorer.score(("How do I boil an egg?", t) for t in TEXTS)])
    found = scored(scorer)
    wanted = [(members[chosen] - members[rejected]).var() for chosen, rejected in EDGES]

    np.testing.assert_allclose(found.margin_variance, wanted, rtol=1e-4)
    summed = found.variance[found.chosen] + found.variance[found.rejected]
    assert not np.allclose(found.margin_variance, summed, rtol=0.05)


def test_laplaces_is_that_of_the_difference_of_features(tmp_path: Path) -> None:
    """The same as `Laplace.margins`, where the model has both responses at hand."""
    scorer = scorer_of(Laplace, tmp_path)
    read = features(scorer)
    model: Any = scorer.artefact.model
    first, second = (read[[edge[side] for edge in EDGES]] for side in (0, 1))
    with torch.no_grad():
        margins, variances = model.margins(first, second)
    found = scored(scorer)

    np.testing.assert_allclose(found.margins, margins.numpy(), atol=1e-4)
    np.testing.assert_allclose(found.margin_variance, variances.numpy(), rtol=1e-3)


def test_a_gaussians_is_the_sum(tmp_path: Path) -> None:
    """Its rewards err independently of each other."""
    found = scored(scorer_of(Gaussian, tmp_path))
    np.testing.assert_allclose(found.margin_variance, found.variance[found.chosen] + found.variance[found.rejected])


def test_a_scalar_model_has_none(tmp_path: Path) -> None:
    """No number is made up: all are NaN."""
    assert np.isnan(scored(scorer_of(Scalar, tmp_path)).margin_variance).all()


@pytest.mark.parametrize("kind", [Ensemble, Laplace])
def test_deviations_say_what_the_variance_says(kind: type[Headed], tmp_path: Path) -> None:
    """Squares of a response's deviations add up to its variance; without being asked for, there are none."""
    scorer = scorer_of(kind, tmp_path)
    for score in scorer.score(PAIRS, deviations=True):
        assert score.deviations is not None
        assert float(np.square(score.deviations).sum()) == pytest.approx(score.variance, rel=1e-4)
    assert all(score.deviations is None for score in scorer.score(PAIRS))


@pytest.mark.parametrize("kind", [Ensemble, Laplace])
def test_a_cache_changes_nothing(kind: type[Headed], tmp_path: Path) -> None:
    """With rewards kept on disk the variances of margins are the same; an ensemble's even come from there."""
    fresh, cached = scorer_of(kind, tmp_path), scorer_of(kind, tmp_path, cache=True)
    wanted = scored(fresh)
    for _ in range(2):
        found = scored(cached)
        np.testing.assert_allclose(found.margin_variance, wanted.margin_variance, rtol=1e-6)
        np.testing.assert_allclose(found.rewards, wanted.rewards, rtol=1e-6)
    plain = cached.score([("How do I boil an egg?", text) for text in TEXTS])
    if kind is Ensemble:
        assert all(score.cached for score in plain)


def test_columns_come_first_and_deviations_after(tmp_path: Path) -> None:
    """The wide table of a model with deviations begins with its usual columns."""
    scorer = scorer_of(Laplace, tmp_path)
    model = scorer.artefact.model
    sequences = [scorer.artefact.encoder.encode(*pair) for pair in PAIRS]
    usual, wide = columns_of(model, sequences), columns_of(model, sequences, deviations=True)
    assert wide.shape == (len(PAIRS), len(model.columns) + model.directions)
    np.testing.assert_allclose(wide[:, : len(model.columns)], usual, rtol=1e-6)
    np.testing.assert_allclose(np.square(wide[:, len(model.columns) :]).sum(1), usual[:, -1], rtol=1e-5)


def test_by_formula() -> None:
    """Distances where both sides have deviations, sums where one has none, 0 of a response over itself, NaN of none."""
    ends = np.array([[0, 1], [0, 2], [1, 1], [2, 3], [2, 2]])
    deviations = [np.array([1, 2], np.float32), np.array([4, 6], np.float32), None, None]
    found = margin_variance(np.array([5.0, 52.0, 3.0, np.nan]), deviations, ends)
    np.testing.assert_allclose(found, [25.0, 8.0, 0.0, np.nan, 0.0])
    assert margin_variance(np.array([]), [], np.zeros((0, 2), np.int64)).shape == (0,)
