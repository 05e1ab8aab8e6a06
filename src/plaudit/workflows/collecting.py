"""An ensemble of models that were trained apart: checked against each other, and put into one artefact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from plaudit.encoding.encode import OnUnfit, encode_all
from plaudit.models.architectures.ensemble import Combine, Ensemble
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.several import Adapted, SeveralModel
from plaudit.preferences.dataset import Preferences
from plaudit.scoring import artifact, members
from plaudit.scoring.contract import Contract
from plaudit.scoring.members import Adapters, NotAlike
from plaudit.scoring.passes import BUDGET, columns_of
from plaudit.scoring.verify import Artefact, load
from plaudit.training.settling import settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What came of collecting.

    Attributes:
        folder: the new artefact.
        own: what each member has for itself, ``adapters`` or ``weights``.
        members: the folders they came from.
        difference: how far a member's reward of a canary is from the one it had alone, at most, before any shift.
        settled: whether members were put on one mean and deviation.
        contract: of the new artefact.
    """

    folder: Path
    own: str
    members: tuple[Path, ...]
    difference: float
    settled: bool
    contract: Contract

    def lines(self) -> list[str]:
        """Return what was done, as text."""
        stored = "whole" if self.own == "weights" else "adapters and heads on one backbone"
        first = f"{self.folder}: {len(self.members)} members, {stored}; scoring takes {len(self.members)} passes"
        kept = f"each member's rewards are within {self.difference:.2g} of what they were alone"
        on_one = "all were put on one mean and standard deviation over the training responses"
        not_on_one = (
            "their means are as training left them: differences between these are in the variance of a reward, and the "
            "worst case is mostly the member with the lowest (give the training data to put them on one)"
        )
        return [first, kept, on_one if self.settled else not_on_one, *self.contract.remarks()]


def collect(
    sources: Sequence[Path | str],
    output: Path | str,
    *,
    combine: Combine = "mean",
    penalty: float = 0.5,
    own: Literal["auto", "adapters", "weights"] = "auto",
    train: Preferences | None = None,
    on_unfit: OnUnfit = "error",
    overwrite: bool = False,
    device: str = "cpu",
) -> Collected:
    """Save the scalar models at ``sources`` as one ``ensemble`` at ``output``.

    Args:
        sources: two or more artefacts of the architecture ``scalar``, of one base, tokenizer and text form.
        output: folder of the new artefact.
        combine: how members become a reward, see `Ensemble`.
        penalty: likewise.
        own: ``weights`` stores every member whole; ``adapters`` the backbone once and each member's LoRA matrices and
            head; ``auto`` does that where all have an adapter.
        train: what they were trained on: all members get one mean and standard deviation over its responses. Without
            it they keep what training left them with.
        on_unfit: what to do about a response of ``train`` that cannot be encoded.
        overwrite: replace ``output``.
        device: where to compute.

    Raises:
        NotAlike: the models cannot be members of one ensemble; the message names which, and why.
        BadArtefact: one of them is not what was saved.
        CannotSave: ``output`` cannot be written.
        ValueError: a setting is out of its range.
    """
    folders = tuple(Path(source) for source in sources)
    opened = [load(folder, device=device) for folder in folders]
    members.require_alike(opened)
    kind = own if own != "auto" else "adapters" if all(one.contract.adapter for one in opened) else "weights"
    model = _assembled(opened, kind, combine, penalty)
    difference = _require_same(opened, model)
    if train is not None:
        settle(model, encode_all(train, opened[0].encoder, on_unfit), token_budget=BUDGET)
    recipe = {"members": [_recipe(one) for one in opened], "data": None if train is None else train.fingerprint}
    contract = artifact.save(output, model, opened[0].encoder, recipe, overwrite=overwrite)
    return Collected(
        folder=Path(output), own=kind, members=folders, difference=difference, settled=train is not None,
        contract=contract,
    )  # fmt: skip


def _assembled(opened: Sequence[Artefact], kind: str, combine: Combine, penalty: float) -> Ensemble:
    """Return the ensemble, each member's rewards where they were; the members' weights become part of it."""
    held = [members.adapters(one) for one in opened] if kind == "adapters" else []
    shifts = [-_without_bias(one.model.classifier) for one in opened]
    network, settings = _sharing(opened, held) if held else (_whole(opened), {"own": "weights"})
    first: Any = opened[0].model
    how = {"pooling": first.pooling, "causal": first.causal, "layout": first.layout}
    model = Ensemble(network, **how, **settings, members=len(opened), combine=combine, penalty=penalty)
    with torch.no_grad():
        model.centre.copy_(torch.tensor(shifts))
    return model.to(next(network.parameters()).device).eval()


def _without_bias(classifier: PreTrainedModel) -> float:
    """Take away a bias that the standard layout has no place for, and return it."""
    score: Any = getattr(classifier, "score", None)
    bias = getattr(score, "bias", None)
    if bias is None:
        return 0.0
    score.bias = None
    return float(bias.detach())


def _whole(opened: Sequence[Artefact]) -> SeveralModel:
    return SeveralModel.of([one.model.classifier for one in opened], members=len(opened))


def _sharing(opened: Sequence[Artefact], held: Sequence[Adapters]) -> tuple[SeveralModel, dict[str, Any]]:
    """Return the model of a shared backbone, and the settings that say what the members have beside it."""
    heads = [members.head(one) for one in opened]
    base = members.shared_base(opened, held)
    targets, rank = list(held[0].down), held[0].rank
    network = SeveralModel.of([base], heads, members=len(opened), rank=rank, targets=targets)
    with torch.no_grad():
        for name in targets:
            layer: Any = base.get_submodule(name)
            assert isinstance(layer, Adapted)
            layer.down.copy_(_stacked(held, "down", name))
            layer.up.copy_(_stacked(held, "up", name))
    suffixes = tuple(sorted({name.rsplit(".", 1)[-1] for name in targets}))
    return network, {"own": "adapters", "rank": rank, "targets": suffixes}


def _stacked(held: Sequence[Adapters], side: str, name: str) -> Tensor:
    tables: list[Mapping[str, Tensor]] = [getattr(one, side) for one in held]
    return torch.stack([table[name] for table in tables])


def _require_same(opened: Sequence[Artefact], model: Ensemble) -> float:
    """Return how far members' rewards are from those they had alone; refuse more than an artefact may be off."""
    apart = 0.0
    for place, one in enumerate(opened):
        recorded = one.canaries
        assert recorded is not None
        sequences = [one.encoder.encode(*canary.pair) for canary in recorded.scored]
        found = columns_of(model, sequences)[:, 1 + place]
        apart = max(apart, float(abs(found - recorded.rewards("float32")).max()))
        if apart > artifact.FAITHFUL:
            raise NotAlike(f"{one.folder}: as a member its rewards would be {apart:.3g} from what they are alone")
    return apart


def _recipe(one: Artefact) -> dict[str, Any]:
    assert isinstance(one.model, Scalar)
    return {"folder": one.folder.name, "head": one.contract.fingerprints["head"], "recipe": dict(one.contract.recipe)}
