"""Nothing is trained before packed rewards were compared with those of single sequences, whoever calls `fit`."""

from pathlib import Path
from typing import Any

import pytest
import torch

from plaudit.models import attention
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.selftest import LayoutMismatch
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.adapters import Lora
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe
from tests.models.families import build, decoders, encoders
from tests.training.tiny import TinyModel, preferences

TRAIN = preferences(12, responses=3, comparisons=2)


def run(model: torch.nn.Module, output: Path, **settings: Any) -> list[str]:
    """Train two steps; return what was said."""
    said: list[str] = []
    recipe = Recipe(max_steps=2, batch_size=4, lora=Lora(rank=2), **settings)
    fit(model, TRAIN, objective=BradleyTerry(), output=output, recipe=recipe, listeners=(), say=said.append)
    return said


def misplaced(monkeypatch: pytest.MonkeyPatch, model: Scalar) -> Scalar:
    """Let the backbone number positions from its first token to its last, whatever it is told."""
    kind = type(model.classifier.get_submodule("model"))
    forward = kind.forward

    def counting_on(self: Any, input_ids: Any = None, position_ids: Any = None, **settings: Any) -> Any:
        if position_ids is not None:
            position_ids = torch.arange(input_ids.shape[1])[None]
        return forward(self, input_ids=input_ids, position_ids=position_ids, **settings)

    monkeypatch.setattr(kind, "forward", counting_on)
    return model


@pytest.mark.parametrize("changes", [{}, {"gradient_checkpointing": True}, {"dtype": "bfloat16"}], ids=str)
@pytest.mark.parametrize("tune", ["full", "lora", "head"])
def test_fit_refuses_a_backbone_that_misplaces_tokens(
    tune: str, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions that do not restart after the prompt are noticed before a step is taken or a checkpoint written."""
    model = misplaced(monkeypatch, Scalar(build(decoders()["llama"])))
    weights = {name: value.clone() for name, value in model.named_parameters()}

    with pytest.raises(LayoutMismatch, match="differ from single sequences"):
        run(model, tmp_path / "run", tune=tune, **changes)
    now = dict(model.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in weights.items() if name in now)
    assert not list(tmp_path.rglob("checkpoint-*"))


@pytest.mark.parametrize("tune", ["full", "lora", "head"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bert"])
def test_honest_backbones_are_trained_and_the_difference_said(family: str, tune: str, tmp_path: Path) -> None:
    """The test is named with what it measured, and packing goes on being used."""
    model = Scalar(build({**decoders(), **encoders()}[family]), "last" if family in decoders() else "first")
    [said] = run(model, tmp_path / "run", tune=tune)

    assert said.startswith("self-test: packed rewards differ from single sequences by ")
    assert float(said.rsplit(" ", 1)[1]) < 1e-4
    assert model.classifier.config._attn_implementation == attention.NAME


def test_what_does_not_pack_is_not_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The padded path gives the backbone no layout to misread, and a model of another kind has none."""
    assert run(misplaced(monkeypatch, Scalar(build(decoders()["llama"]), layout="padded")), tmp_path / "padded") == []
    assert run(TinyModel(), tmp_path / "tiny") == []
