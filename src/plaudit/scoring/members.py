"""Models that were trained apart, as members of one ensemble: whether they can be, and what they share."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.models.heads import head_modules
from plaudit.scoring.contract import ADAPTER
from plaudit.scoring.verify import Artefact

_MATRIX = re.compile(r"^base_model\.model\.(.+)\.lora_([AB])\.weight$")
_PLAIN = {"use_dora": False, "rank_pattern": {}, "alpha_pattern": {}, "bias": "none"}
"""Settings of an adapter without which it is more than two matrices a layer."""


class NotAlike(ValueError):
    """Models that cannot be members of one ensemble; the message names which, and why."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """The low-rank matrices of one model, by the name of the layer they change.

    Attributes:
        rank: of all of them.
        down: A, [rank, in].
        up: B with the adapter's scale, [out, rank].
    """

    rank: int
    down: Mapping[str, Tensor]
    up: Mapping[str, Tensor]


def require_alike(opened: Sequence[Artefact]) -> None:
    """Raise `NotAlike` unless the models can be members of one ensemble.

    They are two or more, of the architecture ``scalar``, write and tokenise text the same way, are pooled the same way,
    have weights of the same shapes, and do not all give the same rewards.
    """
    if len(opened) < 2:
        raise NotAlike(f"an ensemble has two members or more, not {len(opened)}")
    first = opened[0]
    for one in opened:
        if one.contract.architecture != "scalar":
            kind = one.contract.architecture
            raise NotAlike(f"{one.folder} is of the architecture {kind!r}; members are 'scalar'")
        for what, own, wanted in _compared(one, first):
            if own != wanted:
                raise NotAlike(f"{one.folder} has another {what} than {first.folder}: {_where(own, wanted)}")
    for place, one in enumerate(opened):
        for other in opened[:place]:
            if _same_rewards(one, other):
                raise NotAlike(f"{one.folder} gives the same rewards as {other.folder}: the same model twice")


def _compared(one: Artefact, first: Artefact) -> list[tuple[str, Any, Any]]:
    """Return what must be equal: its name, the one's and the first's."""
    found = []
    for each in (one, first):
        classifier, prints = each.model.classifier, each.contract.fingerprints
        found.append(
            {
                "tokenizer": prints["tokenizer"],
                "chat template": prints["template"],
                "encoding": dict(each.contract.encoding),
                "pooling or layout": dict(each.contract.settings),
                "class": type(classifier).__name__,
                "shape": {name: tuple(value.shape) for name, value in classifier.state_dict().items() if _kept(name)},
            }
        )
    return [(what, found[0][what], found[1][what]) for what in found[0]]


def _kept(name: str) -> bool:
    return name != "score.bias"  # it becomes a shift


def _where(own: Any, wanted: Any) -> str:
    """Return where two values differ, in a few words."""
    if not isinstance(own, dict):
        return f"{own!s:.40} and {wanted!s:.40}"
    apart = [name for name in {**own, **wanted} if own.get(name) != wanted.get(name)]
    return "; ".join(f"{name} is {own.get(name)!s:.60} and {wanted.get(name)!s:.60}" for name in apart[:3])


def _same_rewards(one: Artefact, other: Artefact) -> bool:
    first, second = _rewards(one), _rewards(other)
    both = first.keys() & second.keys()
    return bool(both) and all(first[ids] == second[ids] for ids in both)


def _rewards(one: Artefact) -> dict[tuple[int, ...], float]:
    """Return the recorded rewards of a model's canaries, by their ids."""
    assert one.canaries is not None
    return {canary.ids: canary.rewards["float32"] for canary in one.canaries.scored}


def head(one: Artefact) -> dict[str, nn.Module]:
    """Return the modules of a model's head, by name."""
    return head_modules(one.model.classifier)


def adapters(one: Artefact) -> Adapters:
    """Return the adapter that lies beside a model's merged weights.

    Raises:
        NotAlike: there is none, or it is more than two matrices a layer.
    """
    path = one.folder / ADAPTER
    if not one.contract.adapter or not (path / "adapter_model.safetensors").is_file():
        raise NotAlike(f"{one.folder} has no adapter of its own; collect whole members instead (own = 'weights')")
    settings = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
    other = [name for name, value in _PLAIN.items() if settings.get(name, value) != value]
    if other:
        raise NotAlike(f"{path}: {', '.join(other)} is set; only plain LoRA can be shared (own = 'weights' takes any)")
    rank = int(settings["r"])
    scale = settings["lora_alpha"] / (rank**0.5 if settings.get("use_rslora") else rank)
    sides: dict[str, dict[str, Tensor]] = {"A": {}, "B": {}}
    device = next(one.model.parameters()).device
    for name, value in sorted(load_file(path / "adapter_model.safetensors").items()):
        if match := _MATRIX.match(name):
            sides[match[2]][match[1]] = value.float().to(device)
    return Adapters(rank, sides["A"], {name: scale * value for name, value in sides["B"].items()})


def shared_base(opened: Sequence[Artefact], held: Sequence[Adapters]) -> PreTrainedModel:
    """Take each model's own adapter off its weights and return the first, which all others are then equal to.

    Raises:
        NotAlike: adapters of other layers or ranks, or a weight in which two models differ without their adapters.
    """
    first = opened[0].model.classifier
    for one, own in zip(opened, held, strict=True):
        if own.rank != held[0].rank or own.down.keys() != held[0].down.keys():
            raise NotAlike(f"the adapter of {one.folder} has another rank or other layers than {opened[0].folder}'s")
        _take_off(one.model.classifier, own)
        if name := _different(one.model.classifier, first):
            raise NotAlike(
                f"without their adapters, {name} of {one.folder} is not that of {opened[0].folder}: they were not "
                "trained from one base; own = 'weights' stores each whole"
            )
    return first


@torch.no_grad()
def _take_off(classifier: PreTrainedModel, own: Adapters) -> None:
    for name in own.down:
        layer: Any = classifier.get_submodule(name)
        change = own.up[name] @ own.down[name]
        layer.weight.sub_(change if isinstance(layer, nn.Linear) else change.T)


def _different(one: PreTrainedModel, first: PreTrainedModel) -> str:
    """Return the name of a weight outside the head in which two models differ by more than rounding, or ""."""
    heads, wanted = tuple(f"{name}." for name in head_modules(one)), first.state_dict()
    for name, value in one.state_dict().items():
        if not name.startswith(heads) and not torch.allclose(value, wanted[name], rtol=1e-5, atol=1e-6):
            return name
    return ""
