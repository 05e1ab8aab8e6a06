"""What a model is made ready with."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, DebertaV2Config, GPT2Config, LlamaConfig

from plaudit.encoding.packing import collate
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.precision import choose_dtype, measured_dtype, set_compute_dtype
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.preparation import NotTrainable, check_repeatable, recompute_activations, set_dropout
from plaudit.training.step import train_step
from tests.models.families import GROUPED, SIZE, build, decoders
from tests.training.tiny import TinyModel, preferences

CONFIGURATIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, GROUPED | {"attention_dropout": 0.5}),
    "gpt2": (GPT2Config, {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
    "bert": (BertConfig, SIZE),
    "deberta": (DebertaV2Config, SIZE | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
}


def noisy(family: str) -> Scalar:
    """Build a model whose dropouts are on."""
    kind, settings = CONFIGURATIONS[family]
    configuration = kind(**settings, num_labels=1, pad_token_id=0, problem_type="regression")
    return Scalar(
        AutoModelForSequenceClassification.from_config(configuration), "last" if family in decoders() else "first"
    )


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_dropout_is_off_wherever_a_family_keeps_it(family: str) -> None:
    """With dropout on, two training-mode passes differ; set to 0, in modules and in numbers, they agree."""
    model = noisy(family)
    batch = collate(preferences(4), range(4), share=model.shares)
    set_dropout(model, 0.5)
    with pytest.raises(NotTrainable, match="two forward passes"):
        check_repeatable(model, batch)
    set_dropout(model, 0.0)
    check_repeatable(model, batch)


def test_checking_does_not_disturb_the_random_state() -> None:
    """The check draws nothing from the run's random numbers."""
    state = torch.random.get_rng_state()
    check_repeatable(TinyModel(), collate(preferences(2), [0]))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_checkpointing_gives_the_same_step(family: str) -> None:
    """A step with recomputed activations moves the weights as one with stored activations."""
    moved = []
    for recompute in (False, True):
        model = Scalar(build(decoders()[family]))
        if recompute:
            recompute_activations(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train_step(model, collate(preferences(5), range(5)), objective=BradleyTerry(), optimizer=optimizer)
        moved.append(model.state_dict())
    for name, value in moved[0].items():
        torch.testing.assert_close(moved[1][name], value, atol=1e-6, rtol=1e-5)


def test_checkpointing_needs_a_transformers_model() -> None:
    """A model without one is refused."""
    with pytest.raises(NotTrainable, match="TinyModel holds no transformers model"):
        recompute_activations(TinyModel())


def test_the_compute_dtype_is_chosen_by_name_or_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are looked up, ``auto`` takes bf16 only where it is clearly faster, others are refused."""
    assert choose_dtype("bfloat16") is torch.bfloat16 and measured_dtype() in (torch.float32, torch.bfloat16)
    with pytest.raises(ValueError, match="unknown dtype 'float16'; known: float32, bfloat16, auto"):
        choose_dtype("float16")
    for bf16_seconds, expected in ((0.5, torch.bfloat16), (0.9, torch.float32), (9.0, torch.float32)):
        seconds = {torch.float32: 1.0, torch.bfloat16: bf16_seconds}
        monkeypatch.setattr("plaudit.models.precision._product_seconds", lambda left, _right, s=seconds: s[left.dtype])
        assert choose_dtype("auto") is expected


def test_the_compute_dtype_reaches_the_model_and_leaves_the_weights() -> None:
    """bf16 changes what is computed, a little; weights and rewards stay fp32."""
    model, batch = Scalar(build(decoders()["llama"])).eval(), collate(preferences(4), range(4))
    with torch.no_grad():
        exact = model(batch).values
        set_compute_dtype(model, torch.bfloat16)
        rounded = model(batch).values
    assert rounded.dtype == torch.float32 and next(model.parameters()).dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.1
    with pytest.raises(ValueError, match="Linear has no compute_dtype"):
        set_compute_dtype(nn.Linear(1, 1), torch.bfloat16)
