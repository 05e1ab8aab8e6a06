"""Every architecture of the folder keeps the contract of reward models; a new file is tested by being there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import members
from plaudit.encoding.batch import Batch
from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.heads import backbone_of, head_parameters
from plaudit.scoring.artifact import save
from plaudit.scoring.verify import load
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set
from tests.scoring.tiny import RECIPE, tiny

CAUSAL, BOTH_WAYS = "llama", "bert"


def scalar(family: str, layout: str) -> Scalar:
    """Return the scalar architecture over a tiny backbone."""
    pooling = "last" if family in decoders() else "first"
    return Scalar(build((decoders() | encoders())[family]), pooling, layout=layout).eval()


BUILDERS: dict[str, Callable[[str, str], Any]] = {"scalar": scalar}
"""For each architecture, what builds a tiny one of a backbone's family and a layout."""

TOLERANCE = 1e-5
NAMES = members.names("architectures")
every_architecture = pytest.mark.parametrize("name", NAMES)
every_backbone = pytest.mark.parametrize("family", [CAUSAL, BOTH_WAYS])


def made(name: str, family: str, layout: str = "trees") -> Any:
    """Return an architecture; the same weights each time."""
    assert name in BUILDERS, f"architecture {name!r} has no entry in BUILDERS, so nothing here would test it"
    return BUILDERS[name](family, layout)


def rewards(model: Any, batch: Batch) -> dict[int, torch.Tensor]:
    """Return the rewards of a batch, by sequence."""
    with torch.no_grad():
        values = model(batch).values
    assert values.dtype == torch.float32
    assert values.shape[0] == len(batch.sequences)
    return dict(zip(batch.sequences, values, strict=True))


def alike(one: dict[int, torch.Tensor], other: dict[int, torch.Tensor]) -> bool:
    """Return whether both hold the same sequences with the same rewards."""
    assert one.keys() == other.keys()
    return all(torch.allclose(one[key], other[key], atol=TOLERANCE) for key in one)


def whole(name: str, family: str) -> tuple[Any, Any, dict[int, torch.Tensor]]:
    """Return a model, an encoded set, and the rewards of all of it in one packed batch."""
    model, encoded = made(name, family), encoded_set(causal=family == CAUSAL)
    every = rewards(model, collate(encoded, range(len(encoded)), share=model.shares))
    assert torch.stack(list(every.values())).std() > 1e-3, "all rewards alike: the test would prove nothing"
    return model, encoded, every


def test_every_architecture_is_tested() -> None:
    """Each member has a builder here, and no builder outlives its member."""
    assert sorted(BUILDERS) == NAMES


def test_a_member_without_a_builder_fails() -> None:
    """An architecture that nobody built here is an error, not a test that passes by testing nothing."""
    with pytest.raises(AssertionError, match="'newcomer' has no entry in BUILDERS"):
        made("newcomer", CAUSAL)


@every_architecture
@every_backbone
def test_sharing_a_prompt_changes_nothing(name: str, family: str) -> None:
    """Sequences packed apart have the rewards of sequences that share their prompt."""
    model, encoded, every = whole(name, family)

    assert alike(rewards(model, collate(encoded, range(len(encoded)), share=False)), every)


@every_architecture
@every_backbone
def test_padding_changes_nothing(name: str, family: str) -> None:
    """The padded layout gives the rewards of the packed one."""
    model, encoded, every = whole(name, family)
    padded = made(name, family, "padded")
    assert (model.layout, padded.layout) == ("trees", "padded")

    assert alike(rewards(padded, collate(encoded, range(len(encoded)), share=False)), every)


@every_architecture
@every_backbone
def test_order_changes_nothing(name: str, family: str) -> None:
    """Records, and sequences, in any order have the same rewards, each its own."""
    model, encoded, every = whole(name, family)
    draw = np.random.default_rng(1)
    records, sequences = draw.permutation(len(encoded)), draw.permutation(encoded.sequences)

    assert alike(rewards(model, collate(encoded, records.tolist(), share=model.shares)), every)
    assert alike(rewards(model, collate_sequences(encoded, sequences.tolist(), share=model.shares)), every)


@every_architecture
@every_backbone
@pytest.mark.parametrize("size", [1, 2, 5])
def test_batch_size_and_company_change_nothing(name: str, family: str, size: int) -> None:
    """In batches of any size, next to any others, a sequence keeps its reward."""
    model, encoded, every = whole(name, family)
    places = np.random.default_rng(size).permutation(encoded.sequences).tolist()
    found: dict[int, torch.Tensor] = {}
    for begin in range(0, len(places), size):
        found |= rewards(model, collate_sequences(encoded, places[begin : begin + size], share=model.shares))

    assert alike(found, every)


@every_architecture
@every_backbone
@pytest.mark.parametrize("layout", ["trees", "padded"])
def test_gradients_reach_head_and_backbone(name: str, family: str, layout: str) -> None:
    """Every parameter of the head, and nearly every one of the backbone, gets a finite gradient that is not zero."""
    model = made(name, family, layout).train()
    encoded = encoded_set(causal=family == CAUSAL)
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    (model(batch).values * torch.linspace(-1, 2, len(batch.sequences))[:, None]).sum().backward()
    head = list(head_parameters(model.classifier))
    layers = list(backbone_of(model.classifier).named_parameters())
    silent = {key for key, p in layers if p.grad is None or not p.grad.any()}

    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in head)
    assert all(p.grad is None or p.grad.isfinite().all() for _, p in layers)
    assert len(silent) <= 0.1 * len(layers), silent


@every_architecture
@every_backbone
def test_saved_and_loaded_exactly(name: str, family: str, tmp_path) -> None:
    """An artefact loads as the same architecture with the same settings, and weights equal to the last bit.

    Rewards are compared within rounding: where in memory a weight lies changes the order of a product's sums.
    """
    classifier, encoder = tiny(family)
    model = members.load("architectures", name)(classifier.classifier, classifier.pooling).eval()
    save(tmp_path / "saved", model, encoder, RECIPE)
    opened = load(tmp_path / "saved").model
    encoded = encoded_set(causal=family == CAUSAL)
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    restored = opened.state_dict()

    assert type(opened) is type(model)
    assert (opened.layout, opened.pooling, opened.causal) == (model.layout, model.pooling, model.causal)
    assert restored.keys() == model.state_dict().keys()
    assert all(torch.equal(value, restored[key]) for key, value in model.state_dict().items())
    assert alike(rewards(opened, batch), rewards(model, batch))
