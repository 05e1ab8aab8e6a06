"""Members of their own in one model: each is computed as it would be alone, whole or from a shared backbone."""

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

import plaudit.models
from plaudit.encoding.packing import collate
from plaudit.models.architectures.ensemble import Ensemble
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.backbone import add_head_bias
from plaudit.models.heads import head_modules, last_linear, linear_layers
from plaudit.models.several import Adapted, SeveralModel
from plaudit.scoring.artifact import save
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set
from tests.scoring.tiny import RECIPE, tiny_of

FAMILIES = ("llama", "gpt2", "bert", "roberta", "modernbert")


def classifier(family: str, seed: int = 0, heads: int = 1) -> PreTrainedModel:
    """A tiny classifier."""
    found: PreTrainedModel = build((decoders() | encoders())[family], seed=seed, heads=heads)
    return found.eval()


def pooling(family: str) -> str:
    return "last" if family in decoders() else "first"


def rewards(model: Any, family: str) -> torch.Tensor:
    """All columns for a few sequences."""
    encoded = encoded_set(causal=family in decoders())
    with torch.no_grad():
        batch = collate(encoded, range(len(encoded)), share=model.shares)
        found: torch.Tensor = model(batch).values
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_member_gives_what_it_gave_alone(family: str) -> None:
    """Three classifiers of other weights, alone and as members; the reward is their mean."""
    each = [classifier(family, seed) for seed in (1, 2, 3)]
    alone = [rewards(Scalar(copy.deepcopy(one), pooling(family)).eval(), family)[:, 0] for one in each]
    causal = family in decoders()
    together = Ensemble(
        SeveralModel.of(each, members=3), pooling(family), members=3, own="weights", causal=causal, normalise=False
    ).eval()
    found = rewards(together, family)

    torch.testing.assert_close(found[:, 1:], torch.stack(alone, 1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, 0], torch.stack(alone, 1).mean(1), atol=1e-5, rtol=1e-5)
    assert (torch.pdist(found[:, 1:].T) > 1e-3).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapted_member_gives_what_merged_weights_give(family: str) -> None:
    """A shared backbone with B_k A_k and a head each, against the classifier whose weights are W + B_k A_k."""
    whole = classifier(family, heads=2)
    base = copy.deepcopy(whole)
    model = Ensemble(whole, pooling(family), members=2, own="adapters", rank=3, normalise=False).eval()
    network: Any = model.classifier
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Adapted):
                module.up.normal_(0, 0.3)
    found = rewards(model, family)

    for place in range(2):
        merged = classifier(family)
        heads = set(head_modules(base))
        own = {k: v for k, v in base.state_dict().items() if not k.startswith(tuple(f"{name}." for name in heads))}
        merged.load_state_dict(own, strict=False)
        for name, module in head_modules(merged).items():
            options: Any = network.parts[0].get_submodule(name)
            module.load_state_dict(options.options[place].state_dict())
        with torch.no_grad():
            for name in linear_layers(base):
                layer: Any = network.parts[0].get_submodule(name)
                change = layer.up[place] @ layer.down[place]
                weight: Any = merged.get_submodule(name).weight
                weight.add_(change if isinstance(merged.get_submodule(name), torch.nn.Linear) else change.T)
        alone = rewards(Scalar(merged, pooling(family)).eval(), family)[:, 0]
        torch.testing.assert_close(found[:, 1 + place], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("own", ["weights", "adapters"])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_members_begin_with_the_rows_of_the_head(family: str, own: str) -> None:
    """Before training, members are the heads of a shared-backbone ensemble of the same weights, or nearly (Adapted)."""
    shared = Ensemble(classifier(family, heads=3), pooling(family), members=3).eval()
    apart = Ensemble(classifier(family, heads=3), pooling(family), members=3, own=own).eval()
    torch.testing.assert_close(rewards(apart, family), rewards(shared, family), atol=0.02, rtol=0.02)
    apart.begin()
    spread = Ensemble(classifier(family, heads=3), pooling(family), members=3, own=own, spread=2.0).eval()
    spread.begin()
    network: Any = spread.classifier
    other: Any = apart.classifier
    assert len(network.last_linears()) == 3
    for twice, once in zip(network.last_linears(), other.last_linears(), strict=True):
        torch.testing.assert_close(twice.weight, 2 * once.weight)


def test_a_backbone_with_adapters_is_stored_once() -> None:
    """Five members with adapters take far less than five backbones; with weights of their own they take five."""
    sizes = {}
    for own in ("heads", "adapters", "weights"):
        model = Ensemble(classifier("llama", heads=5), members=5, own=own, rank=1)  # type: ignore[arg-type]
        sizes[own] = sum(value.numel() for value in model.parameters())
    assert sizes["weights"] == pytest.approx(5 * sizes["heads"], rel=0.01)
    assert sizes["heads"] < sizes["adapters"] < 2 * sizes["heads"]


def test_threads_do_not_change_each_others_member() -> None:
    """Eight threads score at once with members that are switched pass by pass."""
    model = Ensemble(classifier("llama", heads=3), members=3, own="adapters", rank=2, normalise=False).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Adapted):
                module.up.normal_()
    wanted = rewards(model, "llama")
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: rewards(model, "llama"), range(16)):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("own", ["weights", "adapters"])
def test_transformers_loads_it_and_gives_the_members(own: str, tmp_path: Path) -> None:
    """The class's own forward gives the head's outputs, so parity holds, and no remote code is asked for."""
    assert plaudit.models
    model, encoder = tiny_of(Ensemble, "llama", members=2, own=own, rank=2)
    contract = save(tmp_path / "saved", model, encoder, RECIPE)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved")
    assert contract.transformers_parity
    assert isinstance(loaded, SeveralModel)
    assert loaded.config.num_labels == 2
    assert last_linear(loaded.parts[0]).out_features == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"own": "minds"}, "own must be one of heads, adapters, weights, not 'minds'"),
        ({"own": "adapters", "rank": 0}, "rank must be 1 or more, not 0"),
        ({"own": "adapters", "targets": ("q_prod",)}, "no layer to adapt is called q_prod; the backbone has: .*q_proj"),
        ({"own": "weights", "members": 4}, "load the base with heads=4"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    """Each names what would be right."""
    with pytest.raises(ValueError, match=message):
        Ensemble(classifier("llama", heads=3), **({"members": 3} | settings))


def test_what_members_cannot_have_is_refused() -> None:
    """A head bias has no place in a member's layout; a language-model head needs one backbone."""
    biased = classifier("llama", heads=2)
    add_head_bias(biased)
    with pytest.raises(ValueError, match="build the model with head_bias = false"):
        Ensemble(biased, members=2, own="weights")
    model: Any = Ensemble(classifier("llama", heads=2), members=2, own="weights")
    model.language_model = torch.nn.Identity()
    with pytest.raises(ValueError, match="members have their own weights keeps no language-model head"):
        rewards(model, "llama")
