"""Every architecture of the folder keeps the contract of reward models; a new file is tested by being there."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import members
from plaudit.encoding.batch import Batch
from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.headed import Headed, parameters
from plaudit.models.heads import backbone_of, head_parameters
from plaudit.models.reward_model import Rewards
from plaudit.scoring.artifact import save
from plaudit.scoring.passes import columns_of
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import load
from plaudit.training.adapters import Lora, attach, merge
from plaudit.training.features import cache_features
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set
from tests.scoring.tiny import PAIRS, RECIPE, tiny_of

CAUSAL, BOTH_WAYS = "llama", "bert"


@dataclass(frozen=True, slots=True)
class Variant:
    """Settings under which an architecture is tested, and the backbones that they are for."""

    settings: dict[str, Any] = field(default_factory=dict)
    families: tuple[str, ...] = (CAUSAL, BOTH_WAYS)


VARIANTS: dict[str, dict[str, Variant]] = {
    "attributes": {
        "equal": Variant({"names": ("helpful", "harmless")}),
        "weighted": Variant({"names": ("helpful", "brief", "toxic"), "weights": (2.0, 0.5, -1.5)}),
        "gated": Variant({"names": ("helpful", "harmless"), "gate": True}, (CAUSAL,)),
    },
    "cross_attention": {"": Variant({"sizes": (24,), "heads": 2}, (BOTH_WAYS,))},
    "embedding_mlp": {
        "normed": Variant({"sizes": (24, 16)}),
        "plain": Variant({"sizes": (40,), "layer_norm": False}),
        "linear on layers": Variant({"sizes": (), "layers": (2, 1), "normalise": True}),
    },
    "ensemble": {
        "mean": Variant(),
        "worst": Variant({"members": 3, "combine": "worst"}),
        "uncertainty weighted": Variant({"combine": "uncertainty_weighted", "penalty": 0.1, "normalise": False}),
        "own weights": Variant({"members": 2, "own": "weights"}),
        "own adapters": Variant({"members": 3, "own": "adapters", "rank": 2}),
    },
    "gaussian": {"": Variant()},
    "hierarchical": {
        "equal": Variant({"span": 3}),
        "weighted": Variant({"span": 4, "weights": (0.5, -0.25, 2.0)}),
    },
    "laplace": {"evidence": Variant(), "fixed": Variant({"prior_precision": 4.0})},
    "odin": {"": Variant()},
    "scalar": {"": Variant()},
    "two_tower": {"": Variant({"sizes": (24,)}, (BOTH_WAYS,))},
}
"""For each architecture, the settings that take every path through it."""

TOLERANCE = 1e-5
NAMES = members.names("architectures")
CASES = [
    pytest.param(f"{name}:{variant}", family, id=f"{name} {variant} {family}")
    for name, variants in VARIANTS.items()
    for variant, chosen in variants.items()
    for family in chosen.families
]
every_case = pytest.mark.parametrize(("name", "family"), CASES)


def variant_of(name: str) -> tuple[type[Headed], dict[str, Any]]:
    """Return the class and settings of ``architecture:variant``."""
    kind, _, variant = name.partition(":")
    assert kind in VARIANTS, f"architecture {kind!r} has no entry in VARIANTS, so nothing here would test it"
    return members.load("architectures", kind), VARIANTS[kind][variant].settings


def made(name: str, family: str, layout: str = "trees") -> Any:
    """Return an architecture; the same weights each time."""
    kind, settings = variant_of(name)
    heads = len(kind.labels_of({key: item.default for key, item in parameters(kind).items()} | settings))
    pooling = "last" if family in decoders() else "first"
    classifier = build((decoders() | encoders())[family], heads=heads)
    return stirred(kind(classifier, pooling, layout=layout, **settings)).eval()


def stirred(model: Headed) -> Headed:
    """Return ``model`` with weights of its own where it has some beside the classifier, so that they show."""
    with torch.no_grad():
        for number, value in enumerate(model.extra_state().values()):
            value.add_(torch.linspace(0.1, 0.9 + number, value.numel()).reshape(value.shape))
    return model


def rewards(model: Any, batch: Batch) -> dict[int, torch.Tensor]:
    """Return the rewards of a batch, by sequence."""
    with torch.no_grad():
        found = model(batch)
    variance = found.values[:, :0] if found.variance is None else found.variance[:, None]
    values = torch.cat([found.values, variance], dim=1)
    assert values.dtype == torch.float32
    assert values.shape == (len(batch.sequences), len(model.columns))
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
    """Each member has variants here, and no variant outlives its member."""
    assert sorted(VARIANTS) == NAMES


def test_a_member_without_a_variant_fails() -> None:
    """An architecture that nobody built here is an error, not a test that passes by testing nothing."""
    with pytest.raises(AssertionError, match="'newcomer' has no entry in VARIANTS"):
        made("newcomer", CAUSAL)


@every_case
def test_sharing_a_prompt_changes_nothing(name: str, family: str) -> None:
    """Sequences packed apart have the rewards of sequences that share their prompt."""
    model, encoded, every = whole(name, family)

    assert alike(rewards(model, collate(encoded, range(len(encoded)), share=False)), every)


@every_case
def test_padding_changes_nothing(name: str, family: str) -> None:
    """The padded layout gives the rewards of the packed one."""
    model, encoded, every = whole(name, family)
    padded = made(name, family, "padded")
    assert (model.layout, padded.layout) == ("trees", "padded")

    assert alike(rewards(padded, collate(encoded, range(len(encoded)), share=False)), every)


@every_case
def test_order_changes_nothing(name: str, family: str) -> None:
    """Records, and sequences, in any order have the same rewards, each its own."""
    model, encoded, every = whole(name, family)
    draw = np.random.default_rng(1)
    records, sequences = draw.permutation(len(encoded)), draw.permutation(encoded.sequences)

    assert alike(rewards(model, collate(encoded, records.tolist(), share=model.shares)), every)
    assert alike(rewards(model, collate_sequences(encoded, sequences.tolist(), share=model.shares)), every)


@every_case
@pytest.mark.parametrize("size", [1, 2, 5])
def test_batch_size_and_company_change_nothing(name: str, family: str, size: int) -> None:
    """In batches of any size, next to any others, a sequence keeps its reward."""
    model, encoded, every = whole(name, family)
    places = np.random.default_rng(size).permutation(encoded.sequences).tolist()
    found: dict[int, torch.Tensor] = {}
    for begin in range(0, len(places), size):
        found |= rewards(model, collate_sequences(encoded, places[begin : begin + size], share=model.shares))

    assert alike(found, every)


@every_case
@pytest.mark.parametrize("layout", ["trees", "padded"])
def test_gradients_reach_head_and_backbone(name: str, family: str, layout: str) -> None:
    """Every parameter of the head, and nearly every one of the backbone, gets a finite gradient that is not zero."""
    model = made(name, family, layout).train()
    encoded = encoded_set(causal=family == CAUSAL)
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    found = model(batch)
    ((found.values.sum(1) + varied(found)) * torch.linspace(-1, 2, len(batch.sequences))).sum().backward()
    head = list(head_parameters(model.classifier))
    layers = list(backbone_of(model.classifier).named_parameters())
    silent = {key for key, p in layers if p.grad is None or not p.grad.any()}

    beside = [value for key, value in model.named_parameters() if not key.startswith("classifier.")]
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in (*head, *beside))
    rows = head[-1].grad if len(head[-1]) == len(model.labels) else torch.stack([p.grad.abs().sum() for p in head])
    assert all(row.any() for row in rows), "an output of the head learns nothing"
    assert all(p.grad is None or p.grad.isfinite().all() for _, p in layers)
    assert len(silent) <= 0.1 * len(layers), silent


@every_case
def test_saved_and_loaded_exactly(name: str, family: str, tmp_path) -> None:
    """An artefact loads as the same architecture with the same settings, and weights equal to the last bit.

    Rewards, parts and variance are compared within rounding: where in memory a weight lies changes the order of a
    product's sums.
    """
    model, encoder = stored(name, family)
    save(tmp_path / "saved", model, encoder, RECIPE)
    opened = load(tmp_path / "saved").model
    encoded = encoded_set(causal=family == CAUSAL)
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    restored = opened.state_dict()

    assert type(opened) is type(model)
    assert opened.settings == model.settings
    assert restored.keys() == model.state_dict().keys()
    assert all(torch.equal(value, restored[key]) for key, value in model.state_dict().items())
    assert alike(rewards(opened, batch), rewards(model, batch))


@every_case
def test_the_first_column_is_served_with_its_parts(name: str, family: str, tmp_path) -> None:
    """The Scorer's reward is column 0, its parts the others by name, its variance the model's; a cache keeps all."""
    model, encoder = stored(name, family)
    contract = save(tmp_path / "saved", model, encoder, RECIPE)
    sequences = [encoder.encode(*pair) for pair in PAIRS]
    expected = columns_of(model, sequences)
    fresh = Scorer.load(tmp_path / "saved", cache=tmp_path / "cache").score(PAIRS)
    again = Scorer.load(tmp_path / "saved", cache=tmp_path / "cache").score(PAIRS)

    assert model.outputs[0] == "reward"
    assert contract.outputs == model.columns
    assert len(set(model.columns)) == len(model.columns)
    for score, row in zip(fresh, expected.tolist(), strict=True):
        named = dict(zip(model.columns, row, strict=True))
        assert score.reward == pytest.approx(named.pop("reward"), abs=TOLERANCE)
        variance = named.pop("variance", None)
        assert score.variance == (None if variance is None else pytest.approx(variance, abs=TOLERANCE))
        assert score.parts == pytest.approx(named, abs=TOLERANCE)
    assert all(score.cached for score in again)
    assert [(s.reward, s.parts, s.variance) for s in again] == [(s.reward, s.parts, s.variance) for s in fresh]


@every_case
def test_labels_stand_in_the_plain_configuration(name: str, family: str) -> None:
    """The classifier has one output a label, named in its configuration; any other number is refused by name."""
    model, (kind, settings) = made(name, family), variant_of(name)
    config = model.classifier.config
    assert config.id2label == dict(enumerate(model.labels))
    assert config.label2id == {label: place for place, label in enumerate(model.labels)}
    assert len(set(model.labels)) == config.num_labels

    other = build((decoders() | encoders())[family], heads=len(model.labels) + 1)
    with pytest.raises(ValueError, match=f"heads={len(model.labels)}"):
        kind(other, model.pooling, **settings)


@every_case
def test_variance_is_a_variance(name: str, family: str) -> None:
    """Where an architecture says that it varies, each response has a finite variance above 0; else there is none."""
    model, encoded = made(name, family), encoded_set(causal=family == CAUSAL)
    with torch.no_grad():
        variance = model(collate(encoded, range(len(encoded)), share=model.shares)).variance

    assert (variance is not None) == model.varies
    if variance is not None:
        assert variance.shape == (encoded.sequences,)
        assert (variance > 0).all()
        assert variance.isfinite().all()


@every_case
def test_cached_features_give_the_rewards(name: str, family: str) -> None:
    """The head on kept features gives what the whole model gives, so a head can be trained alone."""
    model, encoded, every = whole(name, family)
    found = model.head(cache_features(model, encoded, token_budget=60)[list(every)]).values

    assert torch.allclose(found, torch.stack(list(every.values()))[:, : found.shape[1]], atol=TOLERANCE)


@every_case
def test_adapters_train_and_merge(name: str, family: str) -> None:
    """With LoRA the adapters, the head and what is beside the classifier get gradients; merging changes no reward."""
    model, encoded, before = whole(name, family)
    beside = [value for key, value in model.named_parameters() if not key.startswith("classifier.")]
    attach(model, Lora(rank=2))
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    found = model(batch)
    ((found.values.sum(1) + varied(found)) * torch.linspace(-1, 2, len(batch.sequences))).sum().backward()
    trained = {key: value.grad for key, value in model.named_parameters() if value.requires_grad}

    assert all(value.grad is not None and value.grad.any() for value in beside)
    assert any("lora_B" in key and grad is not None and grad.any() for key, grad in trained.items())
    assert alike(rewards(merge(model), batch), before)


def stored(name: str, family: str) -> tuple[Headed, Any]:
    """Return a model with the vocabulary of a real tokenizer, and its encoder."""
    kind, settings = variant_of(name)
    model, encoder = tiny_of(kind, family, **settings)
    return stirred(model).eval(), encoder


def varied(found: Rewards) -> torch.Tensor:
    """Return the variance of rewards, or zeros."""
    return torch.zeros(len(found.values)) if found.variance is None else found.variance
