"""LoRA: begins as the base model, trains adapters and head alone, and merges into plain weights."""

import dataclasses
from pathlib import Path

import peft
import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.models.architectures.scalar import Scalar
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.adapters import Lora, attach, attached, merge, save_adapter
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe
from tests.models.families import build, decoders, encoders
from tests.training.tiny import TinyModel, preferences

FAMILIES = ["llama", "gpt2", "bert", "roberta"]
LORA = Lora(rank=4, alpha=8)
TRAIN = preferences(10)


def model(family: str) -> Scalar:
    """Build a tiny model of ``family``."""
    configuration = {**decoders(), **encoders()}[family]
    return Scalar(build(configuration), "last" if family in decoders() else "first").eval()


def rewards(scalar: Scalar) -> torch.Tensor:
    """Return the rewards of the training set."""
    with torch.no_grad():
        found: torch.Tensor = scalar(collate(TRAIN, range(10), share=scalar.shares)).values
    return found


def stirred(scalar: Scalar) -> Scalar:
    """Give every trained weight some noise, as training would."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in scalar.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return scalar


@pytest.mark.parametrize("family", FAMILIES)
def test_merging_keeps_the_rewards_and_leaves_plain_modules(family: str) -> None:
    """Fresh adapters change nothing; trained ones merge into the names and classes of the base with equal rewards."""
    plain, adapted = model(family), attach(model(family), LORA)
    torch.testing.assert_close(rewards(adapted), rewards(plain))
    trained = rewards(stirred(adapted))
    assert (trained - rewards(plain)).abs().max() > 1e-2
    merge(adapted)
    torch.testing.assert_close(rewards(adapted), trained, atol=1e-5, rtol=1e-5)
    assert adapted.state_dict().keys() == plain.state_dict().keys() and not attached(adapted)
    assert [type(m) for m in adapted.modules()] == [type(m) for m in plain.modules()]


@pytest.mark.parametrize("family", FAMILIES)
def test_only_adapters_and_the_head_are_trained(family: str) -> None:
    """Gradients reach adapters and head; no other weight asks for one."""
    adapted = attach(model(family), LORA)
    rewards_ = adapted(collate(TRAIN, range(10), share=adapted.shares))
    rewards_.values.square().sum().backward()
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert trained and all("lora_" in name or "modules_to_save" in name for name in trained)
    assert any("modules_to_save" in name for name in trained)
    reached = {name for name, parameter in adapted.named_parameters() if parameter.grad is not None}
    assert reached == trained


def test_the_adapter_folder_is_peft_s_own(tmp_path: Path) -> None:
    """The folder put on the base model by peft alone has the trained model's rewards."""
    adapted = stirred(attach(model("llama"), LORA))
    expected = rewards(adapted)
    save_adapter(adapted, tmp_path, base="somewhere/base")
    base = model("llama")
    loaded = peft.PeftModel.from_pretrained(base.classifier, str(tmp_path)).merge_and_unload()
    torch.testing.assert_close(rewards(Scalar(loaded).eval()), expected, atol=1e-5, rtol=1e-5)


def test_fitting_with_lora_leaves_the_base_alone(tmp_path: Path) -> None:
    """After a run with LoRA the frozen weights are bitwise the base's, the loss fell, and checkpoints are small."""
    base, scalar = model("llama"), model("llama")
    recipe = Recipe(epochs=6, batch_size=5, learning_rate=0.02, tune="lora", lora=LORA)
    fitted = fit(scalar, TRAIN, objective=BradleyTerry(), output=tmp_path / "run", recipe=recipe, listeners=())
    epochs = [row["loss"] for row in fitted.history if row["kind"] == "epoch"]
    assert epochs[-1] < epochs[0]
    held = {name.replace("base_layer.", ""): value for name, value in scalar.state_dict().items()}
    frozen = [name for name in base.state_dict() if name in held and "score" not in name]
    assert len(frozen) > 10 and all(torch.equal(held[name], base.state_dict()[name]) for name in frozen)
    checkpoint = next((tmp_path / "run" / "checkpoints").glob("checkpoint-*"))
    whole = sum(value.numel() * 4 for value in base.state_dict().values())
    assert (checkpoint / "model.safetensors").stat().st_size < whole / 2


def test_bad_adapters_are_refused() -> None:
    """Unknown layers are refused with the known ones, settings out of range by name, other models by what to do."""
    with pytest.raises(ValueError, match=r"called q_prjo; the backbone has: .*q_proj"):
        attach(model("llama"), dataclasses.replace(LORA, targets=("q_prjo",)))
    with pytest.raises(ValueError, match="rank must be at least 1, not 0"):
        Lora(rank=0)
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\)"):
        Lora(dropout=1.0)
    with pytest.raises(ValueError, match="TinyModel has no transformers classifier"):
        attach(TinyModel(), LORA)


def test_chosen_layers_alone_are_adapted() -> None:
    """Targets are the last parts of layer names."""
    adapted = attach(model("llama"), dataclasses.replace(LORA, targets=("q_proj", "v_proj")))
    names = {name.split(".lora_A")[0].rsplit(".", 1)[-1] for name, _ in adapted.named_parameters() if ".lora_A" in name}
    assert names == {"q_proj", "v_proj"}
