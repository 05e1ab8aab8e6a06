"""Lean norms and gated layers compute what transformers' own do."""

import copy

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from plaudit.models.lean import LAYERS, LeanGated, LeanNorm, slim

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


def tiny(family: str, **settings: object) -> PreTrainedModel:
    config = AutoConfig.for_model(
        family,
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        **settings,
    )
    torch.manual_seed(0)
    model = AutoModel.from_config(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.5)
    return model


def gradients(model: nn.Module, dtype: torch.dtype = torch.float32) -> tuple[Tensor, dict[str, Tensor]]:
    """Hidden states of one sequence, and the gradient of every parameter that has one."""
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        hidden = model(input_ids=torch.arange(12)[None] * 3 % 40).last_hidden_state.float()
    (hidden * torch.linspace(-1, 1, hidden.numel()).reshape(hidden.shape)).sum().backward()
    return hidden.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_hidden_states_and_gradients(family: str) -> None:
    """In fp32 the lean layers give the hidden states and the gradients of transformers' own, to rounding."""
    plain = tiny(family)
    lean = copy.deepcopy(plain)
    assert slim(lean) == 2
    expected, wanted = gradients(plain)
    found, got = gradients(lean)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert got.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()), msg=name)


def test_autocast_gives_the_same_forward_pass() -> None:
    """Under bf16 autocast the hidden states are the same numbers: the norm's result is rounded once either way."""
    plain = tiny("llama")
    lean = copy.deepcopy(plain)
    slim(lean)
    torch.testing.assert_close(
        gradients(lean, torch.bfloat16)[0], gradients(plain, torch.bfloat16)[0], rtol=0, atol=0
    )


def test_backward_passes_match_finite_differences() -> None:
    """The written-out gradients are those of the functions, checked in fp64 by finite differences."""
    from plaudit.models.lean import SiluTimes

    gate, up = (torch.randn(3, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(SiluTimes.apply, (gate, up))


def test_saved_activations_shrink() -> None:
    """Fewer bytes are kept for the backward pass."""
    sizes = []
    for lean in (False, True):
        model, kept = tiny("llama"), 0
        if lean:
            slim(model)
        storages: dict[int, int] = {}

        def keep(tensor: Tensor, seen: dict[int, int] = storages) -> Tensor:
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            with torch.autocast("cpu", torch.bfloat16):
                out = model(input_ids=torch.arange(30)[None]).last_hidden_state
        kept = sum(storages.values())
        del out
        sizes.append(kept)
    assert sizes[1] < sizes[0]


def test_names_parameters_and_copies_stay() -> None:
    """State dictionaries are the same, and a copy of a lean model computes with its own weights."""
    model = tiny("llama")
    names = list(model.state_dict())
    slim(model)
    assert list(model.state_dict()) == names
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.layers[0].input_layernorm.weight.mul_(2)
    ids = torch.arange(5)[None]
    assert not torch.allclose(model(input_ids=ids).last_hidden_state, twin(input_ids=ids).last_hidden_state)


def test_another_activation_and_other_families_are_left_alone() -> None:
    """A gated layer with GELU keeps its class; a family whose norms feed a residual is not touched at all."""
    model = tiny("llama", hidden_act="gelu")
    assert slim(model) == 2
    assert not isinstance(model.layers[0].mlp, LeanGated) and isinstance(model.layers[0].input_layernorm, LeanNorm)
    assert slim(tiny("gemma2")) == 0
    assert "Gemma2DecoderLayer" not in LAYERS


def test_frozen_weights_get_no_gradient() -> None:
    """With frozen norms the input still gets its gradient, and the weight none."""
    model = tiny("llama")
    slim(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    embeds = torch.randn(1, 4, 32, requires_grad=True)
    model(inputs_embeds=embeds).last_hidden_state.sum().backward()
    assert embeds.grad is not None and model.layers[0].input_layernorm.weight.grad is None
