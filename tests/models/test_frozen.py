"""Layers frozen for scoring give the same rewards, and are plain layers wherever the copy is not what is wanted."""

import pytest
import torch
from torch import nn

from plaudit.encoding.batch import Batch
from plaudit.encoding.packing import collate
from plaudit.models import frozen
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.frozen import FrozenLinear, freeze
from tests.models.families import build, decoders, encoders
from tests.training.tiny import preferences

FAMILIES = ("llama", "mistral", "qwen3", "gemma2", "gpt_neox", "bert", "roberta", "modernbert")
with_onednn = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch was built without oneDNN's linear layers"
)


def model_of(family: str, dtype: torch.dtype = torch.bfloat16) -> Scalar:
    """Return a tiny model in evaluation mode; the same weights every time."""
    pooling = "last" if family in decoders() else "first"
    return Scalar(build((decoders() | encoders())[family]), pooling, compute_dtype=dtype).eval()


def batch_of(model: Scalar) -> Batch:
    """Return a batch of ten records."""
    return collate(preferences(10), range(10), share=model.shares)


def rewards(model: Scalar) -> torch.Tensor:
    """Return the rewards without gradients."""
    with torch.no_grad():
        return model(batch_of(model)).scalar


@with_onednn
@pytest.mark.parametrize("family", FAMILIES)
def test_rewards_are_those_of_the_model_that_casts(family: str) -> None:
    """Every linear layer of the backbone is frozen; rewards agree far within bf16's rounding; fp32 state is kept."""
    plain, quick = model_of(family), model_of(family)
    linear = [module for module in quick.classifier.base_model.modules() if isinstance(module, nn.Linear)]
    kept = {name: value.clone() for name, value in quick.state_dict().items()}

    assert freeze(quick) == len(linear) > 0
    torch.testing.assert_close(rewards(quick), rewards(plain), atol=1e-3, rtol=0)
    assert quick.state_dict().keys() == kept.keys()
    assert all(torch.equal(value, kept[name]) for name, value in quick.state_dict().items())


@with_onednn
def test_the_copy_is_really_used() -> None:
    """With another copy the rewards are others."""
    model = model_of("llama")
    freeze(model)
    before = rewards(model)
    layer = next(module for module in model.modules() if isinstance(module, FrozenLinear))
    layer.copy = (torch.ops.mkldnn._reorder_linear_weight(2 * layer.weight.detach().bfloat16(), 8), None)

    assert (rewards(model) - before).abs().max() > 1e-3


@with_onednn
def test_a_changed_weight_is_seen() -> None:
    """After a step of training, or a loaded state, rewards are those of the new weights."""
    quick, plain = model_of("llama"), model_of("llama")
    freeze(quick)
    before = rewards(quick)
    with torch.no_grad():
        for model in (quick, plain):
            for parameter in model.parameters():
                parameter.mul_(1.5)

    assert (before - rewards(quick)).abs().max() > 1e-2
    torch.testing.assert_close(rewards(quick), rewards(plain))


@with_onednn
def test_gradients_and_fp32_are_as_before() -> None:
    """A frozen model still trains, and computes in fp32 when asked to."""
    quick, plain = model_of("llama"), model_of("llama")
    freeze(quick)
    for model in (quick, plain):
        model(batch_of(model)).scalar.sum().backward()
    for (name, one), (_, other) in zip(quick.named_parameters(), plain.named_parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)

    quick.compute_dtype = plain.compute_dtype = torch.float32
    assert torch.equal(rewards(quick), rewards(plain))


def test_what_would_not_be_used_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing for fp32, nothing for a model that is too large."""
    assert freeze(model_of("llama", torch.float32)) == 0
    monkeypatch.setattr(frozen, "LARGEST", 100)
    assert freeze(model_of("llama")) == 0
