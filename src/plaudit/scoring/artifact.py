"""The artefact: a plain transformers folder, with the contract and the canaries beside the weights.

``save`` writes it beside its place, loads it back, measures what the contract states, and then moves it into place.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from plaudit import members
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.models import attention
from plaudit.models.headed import BIAS, Headed
from plaudit.scoring import canaries, fingerprints, parity
from plaudit.scoring.canaries import Canaries
from plaudit.scoring.card import card
from plaudit.scoring.contract import ADAPTER, CONTRACT, HISTORY, PARITY, BadArtefact, Contract, write_json
from plaudit.scoring.passes import logits_of
from plaudit.scoring.weights import read_extra, read_weights, restore_bias, write_extra, write_weights
from plaudit.scoring.writing import writing

FAITHFUL = 1e-3
"""Rewards of the saved model may differ by this much from those of the model in memory, at fp32."""


def save(
    folder: Path | str,
    model: Headed,
    encoder: Encoder,
    recipe: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]] = (),
    adapter: Path | None = None,
    weights_dtype: str = "float32",
    overwrite: bool = False,
) -> Contract:
    """Save a trained model so that it is loaded unchanged, by plaudit and by transformers.

    Args:
        folder: where to; made whole or not at all.
        model: with plain layers (adapters merged); its mode and device are left as they are.
        encoder: what it was trained with.
        recipe: what made it: configuration, versions, data fingerprint, seed, device, dtype. Plain data.
        history: rows of the training history.
        adapter: folder of the unmerged adapter, to be kept beside the merged weights.
        weights_dtype: of all tensors on disk; anything but fp32 is an export and says so.
        overwrite: replace an existing folder.

    Raises:
        CannotSave: the folder exists, or cannot be written.
        BadArtefact: what was written does not give the model's rewards, the pad token is scored, or sequences must be
            too short for enough canaries.
    """
    folder = Path(folder)
    _require_pad(folder, model, encoder)
    _require_canaries(folder, encoder)
    _tell_opening(model, encoder)
    with writing(folder, overwrite=overwrite) as temporary:
        shift = write_weights(temporary, model.classifier, weights_dtype)
        write_extra(temporary, model.extra_state())
        encoder.tokenizer.save_pretrained(temporary)
        if adapter is not None:
            shutil.copytree(adapter, temporary / ADAPTER)
        write_json(temporary / HISTORY, {"rows": [dict(row) for row in history]})
        measured = _checked(folder, temporary, model, encoder, shift, exact=weights_dtype == "float32")
        contract = _contract(model, encoder, recipe, measured, shift=shift, adapter=adapter is not None)
        contract = _with_files(contract, temporary, weights_dtype)
        write_json(temporary / CONTRACT, contract.record())
        canaries.write(temporary, measured.canaries, contract)
        (temporary / "README.md").write_text(card(folder.name, contract, measured.canaries), encoding="utf-8")
    return contract


@dataclass(frozen=True, slots=True)
class Measured:
    """What the saved weights do, loaded back.

    Attributes:
        canaries: with rewards at each dtype.
        sequences: of the scored canaries.
        few: places of those that the class itself has scored too.
        by_class: how far the class's own head outputs of those are from the model's, at most.
        head: the head's fingerprint.
        extra: the fingerprint of what lies in ``extra.safetensors``.
    """

    canaries: Canaries
    sequences: list[Tokens]
    few: list[int]
    by_class: float
    head: Mapping[str, Any]
    extra: Mapping[str, Any]

    def difference(self, columns: NDArray[np.float64]) -> float:
        """Return how far rewards, and parts and variance (`canaries.parts_apart`), of the few are from the record."""
        rewards, parts = self.canaries.rewards("float32")[self.few], self.canaries.parts("float32")[self.few]
        apart = np.column_stack([abs(columns[:, 0] - rewards), canaries.parts_apart(columns[:, 1:], parts)])
        return float(apart.max())

    def some(self) -> list[Tokens]:
        """Return the few sequences."""
        return [self.sequences[place] for place in self.few]


def name_of(model: Headed) -> str:
    """Return the name under which `members.load` finds the architecture."""
    module = type(model).__module__
    prefix = f"{members.SETS['architectures']}."
    return module.removeprefix(prefix) if module.startswith(prefix) else f"{module}:{type(model).__name__}"


def build(
    classifier: PreTrainedModel, architecture: str, settings: Mapping[str, Any], dtype: torch.dtype = torch.float32
) -> Headed:
    """Return the architecture around a loaded classifier, in evaluation mode."""
    model: Headed = members.load("architectures", architecture)(classifier, **settings, compute_dtype=dtype)
    return model.eval()


def put_extra(folder: Path, model: Headed, state: Mapping[str, torch.Tensor]) -> None:
    """Give ``model`` the weights that lay beside its classifier's in ``folder``.

    Raises:
        BadArtefact: they are not what this architecture keeps there.
    """
    try:
        model.load_extra(state)
    except ValueError as error:
        raise BadArtefact(folder, "extra", str(error)) from error


def _tell_opening(model: Headed, encoder: Encoder) -> None:
    """Write into the configuration of a model that needs it which ids of the text form stand before a response."""
    config: Any = model.classifier.config
    if hasattr(config, "opening"):
        config.opening = encoder.opening


def kernel_of(model: Headed) -> str:
    """Return the attention kernel in use."""
    return attention.NAME if model.layout == "trees" else str(model.classifier.config._attn_implementation)  # noqa: SLF001


def _require_pad(folder: Path, model: Headed, encoder: Encoder) -> None:
    pad = model.classifier.config.get_text_config().pad_token_id
    if model.pooling == "hf_last_non_pad":
        return
    own = encoder.tokenizer.pad_token_id
    if pad != own:
        way_out = "load the base with pad_token_id=encoder.tokenizer.pad_token_id"
        raise BadArtefact(folder, "pad", f"the model's pad id is {pad}, the tokenizer's {own}; {way_out}")
    if pad == encoder.scored_id:
        raise BadArtefact(folder, "pad", f"id {pad} is both pad and scored token, so transformers would skip it")


def _require_canaries(folder: Path, encoder: Encoder) -> None:
    try:
        canaries.require(encoder)
    except canaries.TooFewCanaries as error:
        raise BadArtefact(folder, "canaries", str(error)) from error


def _checked(folder: Path, written: Path, model: Headed, encoder: Encoder, shift: float, *, exact: bool) -> Measured:
    """Measure what was written for ``folder``, and require that it gives the rewards of the model in memory."""
    try:
        measured = _measure(written, model, encoder, shift)
    except BadArtefact as error:
        detail = f"as written, it {error.detail}; adapters must be merged before saving"
        raise BadArtefact(folder, error.check, detail) from error
    if exact:
        _require_faithful(folder, model, measured)
    return measured


def _measure(folder: Path, model: Headed, encoder: Encoder, shift: float) -> Measured:
    classifier = read_weights(folder).to(next(model.parameters()).device)  # type: ignore[arg-type]
    sequences = [one.sequence for one in canaries.encode(encoder)[0].values()]
    few = canaries.few(sequences)
    some = [sequences[place] for place in few]
    by_class = parity.class_logits(classifier, some)
    head, extra = fingerprints.head(classifier), read_extra(folder)
    restore_bias(classifier, shift)
    reloaded = build(classifier, name_of(model), model.settings)
    put_extra(folder, reloaded, extra)
    apart = float(abs(logits_of(reloaded, some) - by_class).max())
    return Measured(canaries.record(reloaded, encoder), sequences, few, apart, head, fingerprints.beside(extra))


def _require_faithful(folder: Path, model: Headed, measured: Measured) -> None:
    training = model.training
    rewards = canaries.at_dtype(model.eval(), measured.some(), "float32")
    model.train(training)
    difference = measured.difference(rewards)
    if difference > FAITHFUL:
        cause = "are adapters still to be merged, or weights not in fp32?"
        raise BadArtefact(folder, "weights", f"loaded back, rewards differ by {difference:.3g} from before; {cause}")


def _contract(
    model: Headed, encoder: Encoder, recipe: Mapping[str, Any], measured: Measured, *, shift: float, adapter: bool
) -> Contract:
    apart = measured.by_class
    biases = BIAS in model.extra_state()
    class_note = "" if apart <= PARITY else parity.class_note(apart, model.pooling, shift, biases=biases)
    made_note = parity.made_note(model.labels, model.composition)
    pairs = [canary.pair for canary in measured.canaries.scored]
    string_note = parity.string_note(encoder, pairs, measured.sequences)
    return Contract(
        architecture=name_of(model),
        settings=model.settings,
        encoding=encoder.contract(),
        scored_tokens=tuple(sorted({int(sequence.ids[-1]) for sequence in measured.sequences})),
        tolerances=canaries.tolerances(measured.canaries),
        measured=canaries.measured(measured.canaries),
        attention=kernel_of(model),
        reward_shift=shift,
        transformers_parity=not class_note,
        string_parity=not class_note and not string_note and not made_note,
        parity_note="; ".join(note for note in (made_note, class_note, string_note) if note),
        adapter=adapter,
        fingerprints={"head": dict(measured.head)} | ({"extra": dict(measured.extra)} if measured.extra else {}),
        recipe=dict(recipe),
        outputs=model.columns,
        parts_tolerances=canaries.parts_tolerances(measured.canaries),
    )


def _with_files(contract: Contract, folder: Path, weights_dtype: str) -> Contract:
    found = {"tokenizer": fingerprints.tokenizer(folder), "template": fingerprints.template(folder)}
    record = contract.record() | {
        "weights_dtype": weights_dtype,
        "fingerprints": {**contract.fingerprints, **found},
    }
    return Contract(**record)
