"""A frozen backbone: cached features give the training that computing them anew would give."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from plaudit.encoding.batch import Batch
from plaudit.encoding.packing import collate
from plaudit.models.architectures.embedding_mlp import EmbeddingMlp
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.heads import head_parameters
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.feature_file import BadFeatureFile
from plaudit.training.features import cache_features
from plaudit.training.fit import fit
from plaudit.training.preparation import NotTrainable
from plaudit.training.recipe import Recipe
from tests.models.families import build, decoders, encoders
from tests.training.tiny import TinyModel, preferences

RECIPE = Recipe(epochs=3, batch_size=6, learning_rate=0.05)
HEAD = dataclasses.replace(RECIPE, tune="head")


def model(family: str) -> Scalar:
    """Build a tiny model of ``family``."""
    configuration = {**decoders(), **encoders()}[family]
    return Scalar(build(configuration), "last" if family in decoders() else "first")


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_cached_features_are_the_model_s(family: str) -> None:
    """Each sequence's cached state is what the model computes for it, whatever it was packed with."""
    train, scalar = preferences(9, prompts=4), model(family).eval()
    table = cache_features(scalar, train, token_budget=40)
    with torch.no_grad():
        batch = collate(train, range(9), share=scalar.shares)
        torch.testing.assert_close(table[list(batch.sequences)], scalar.features(batch), atol=1e-5, rtol=1e-5)
    assert torch.isfinite(table).all()


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_a_head_on_cached_features_learns_what_a_frozen_backbone_would(tmp_path: Path, family: str) -> None:
    """The same losses, validation and head as training with the backbone frozen by hand; the backbone never moves."""
    train, validation = preferences(14), preferences(8, seed=5)
    cached, frozen = model(family), model(family)
    frozen.requires_grad_(False)
    for parameter in head_parameters(frozen.classifier):
        parameter.requires_grad_(True)
    before = {name: value.clone() for name, value in cached.state_dict().items()}
    results = []
    for name, scalar, recipe in (("cached", cached, HEAD), ("frozen", frozen, RECIPE)):
        results.append(
            fit(
                scalar,
                train,
                objective=BradleyTerry(),
                output=tmp_path / name,
                recipe=recipe,
                validation=validation,
                listeners=(),
            )
        )
    for ours, theirs in zip(*(result.history for result in results), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-5)
    heads = zip(head_parameters(cached.classifier), head_parameters(frozen.classifier), strict=True)
    assert all(torch.allclose(ours, theirs, atol=1e-5) for ours, theirs in heads)
    moved = {name for name, value in cached.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all("score" in name or "classifier." in name or "pooler" in name for name in moved)
    assert not any("layer" in name or "embed" in name for name in moved)


class Counted(EmbeddingMlp):
    """Counts the sequences that its backbone runs."""

    ran = 0

    def features(self, batch: Batch) -> torch.Tensor:
        """Count, then compute."""
        self.ran += len(batch.sequences)
        return super().features(batch)


def counted(**settings: Any) -> Counted:
    """A linear reward on the two layers of a tiny model of random but always equal weights."""
    return Counted(
        build(decoders()["llama"]), settings.pop("pooling", "last"), **({"sizes": (), "layers": (1, 2)} | settings)
    )


def test_features_in_a_file_are_those_in_memory(tmp_path: Path) -> None:
    """What was kept is found again by another head and seed, exactly; what is new is computed and added."""
    file, some, more = str(tmp_path / "features.sqlite"), preferences(5, prompts=4), preferences(9, prompts=4)
    first, second = counted(), counted(sizes=(3,), initial="small", seed=7)
    table = cache_features(first, some, token_budget=40, file=file)
    again = cache_features(second, some, token_budget=40, file=file)
    cache_features(second, more, token_budget=40, file=file)
    shared = {some.ids(sequence).tobytes() for sequence in range(some.sequences)}
    new = sum(more.ids(sequence).tobytes() not in shared for sequence in range(more.sequences))

    assert first.ran == some.sequences
    assert torch.equal(again, table)
    assert torch.equal(table, cache_features(counted(), some, token_budget=40))
    assert second.ran == new > 0


@pytest.mark.parametrize("change", ["weights", "pooling", "layers", "dtype"])
def test_other_features_are_not_taken_from_the_file(tmp_path: Path, change: str) -> None:
    """Another weight, pooling, layer or dtype of computing has features of its own."""
    file, train = str(tmp_path / "features.sqlite"), preferences(4)
    cache_features(counted(), train, token_budget=40, file=file)
    other = counted(
        pooling="response" if change == "pooling" else "last", layers=(2, 1) if change == "layers" else (1, 2)
    )
    if change == "weights":
        with torch.no_grad():
            next(iter(other.classifier.backbone.layers[1].parameters())).add_(1e-3)
    if change == "dtype":
        other.compute_dtype = torch.bfloat16
    cache_features(other, train, token_budget=40, file=file)

    assert other.ran == train.sequences


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """By name; and a folder that is not there."""
    (tmp_path / "notes.txt").write_text("no database, and longer than a header of one would be" * 40)
    for file in (tmp_path / "notes.txt", tmp_path / "missing" / "features.sqlite"):
        with pytest.raises(BadFeatureFile, match=f"{file.name} cannot be used as a file of features"):
            cache_features(counted(), preferences(4), token_budget=40, file=str(file))


def test_a_model_without_halves_is_refused(tmp_path: Path) -> None:
    """A head cannot be trained alone where there is no classifier to find it in; the error says what to do."""
    with pytest.raises(ValueError, match="TinyModel has no transformers classifier"):
        fit(
            TinyModel(),
            preferences(4),
            objective=BradleyTerry(),
            output=tmp_path,
            recipe=HEAD,
        )

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = TinyModel()

    with pytest.raises(NotTrainable, match=r"Whole has no features\(\) and head\(\)"):
        fit(
            Whole(),
            preferences(4),
            objective=BradleyTerry(),
            output=tmp_path / "b",
            recipe=HEAD,
        )
