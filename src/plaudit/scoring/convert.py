"""Converting a checkpoint: another pooling, another text form or another dtype, and what that does to its rewards."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.template import VERBATIM
from plaudit.scoring import canaries
from plaudit.scoring.artifact import build, save
from plaudit.scoring.contract import CONTRACT, BadArtefact
from plaudit.scoring.conversations import Pair
from plaudit.scoring.foreign import embedding_rows, open_foreign
from plaudit.scoring.verify import Artefact, load

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What was converted, and the rewards of the canaries before and after, in fp32.

    Attributes:
        folder: the new artefact.
        changes: what is different, in words.
        names: of the canaries, [N].
        before: float64 [N].
        after: float64 [N].
    """

    folder: Path
    changes: tuple[str, ...]
    names: tuple[str, ...]
    before: Floats
    after: Floats

    @property
    def order_changed(self) -> int:
        """How many pairs of canaries are in another order than before."""
        signs = [np.sign(rewards[:, None] - rewards[None]) for rewards in (self.before, self.after)]
        return int(np.triu(signs[0] != signs[1], 1).sum())

    def lines(self) -> list[str]:
        """Return the changes and how each canary's reward moved, as text."""
        width = max(map(len, self.names))
        rows = [
            f"  {name:<{width}}  {before:+.5f} -> {after:+.5f}  ({after - before:+.5f})"
            for name, before, after in zip(self.names, self.before, self.after, strict=True)
        ]
        pairs = len(self.names) * (len(self.names) - 1) // 2
        difference = abs(self.after - self.before)
        last = f"largest change {difference.max():.5g}; {self.order_changed} of {pairs} pairs in another order"
        return [*(f"{self.folder}: {change}" for change in self.changes), *rows, last]


def convert(
    path: Path | str,
    out: Path | str,
    *,
    pooling: str | None = None,
    template: str | None = None,
    dtype: str = "float32",
    overwrite: bool = False,
) -> Conversion:
    """Save the model at ``path`` as an artefact at ``out``.

    Args:
        path: an artefact, or a checkpoint that plaudit did not write.
        out: the new folder.
        pooling: the new pooling; None keeps it. Moving away from ``hf_last_non_pad`` gives the model a pad token that
            is never scored.
        template: text form of the new artefact, see ``choices.for_tokenizer``; None keeps the old one's.
        dtype: of the saved weights, head included. Anything but ``float32`` is a lossy export.
        overwrite: replace ``out``.

    Raises:
        BadArtefact: ``path`` cannot be scored with; CannotSave: ``out`` cannot be written.
    """
    source = _open(Path(path), template)
    before = _rewards(source)
    settings = source.model.settings
    changes = _changes(settings["pooling"], pooling, dtype)
    if source.shipped is not None:
        changes.append("its calibration was left behind: fit one to predictions of the new model")
    model = build(source.model.classifier, source.contract.architecture, settings | _only(pooling=pooling))
    model.load_extra(source.model.extra_state())
    encoder = _encoder(source, template)
    if model.pooling != "hf_last_non_pad":
        changes += _pad(source, encoder)
    contract = save(
        out, model, encoder, dict(source.contract.recipe), weights_dtype=dtype, adapter=_adapter(source),
        overwrite=overwrite,
    )  # fmt: skip
    saved = load(out)
    if saved.canaries is None:
        raise BadArtefact(Path(out), "canaries", "none were written")
    after = {(canary.name, canary.pair): canary.rewards["float32"] for canary in saved.canaries.scored}
    both = [canary for canary in after if canary in before]
    if encoder is not source.encoder:
        changes.append(f"text form {source.contract.encoding['kind']} -> {contract.encoding['kind']}")
    return Conversion(
        folder=Path(out),
        changes=tuple(changes or ["nothing changed but the canaries, which are new"]),
        names=tuple(name for name, _ in both),
        before=np.array([before[canary] for canary in both]),
        after=np.array([after[canary] for canary in both]),
    )


def _open(folder: Path, template: str | None) -> Artefact:
    if (folder / CONTRACT).is_file():
        return load(folder)
    return open_foreign(folder, template=template if template in ("plain", *VERBATIM) else None)


def _rewards(source: Artefact) -> dict[tuple[str, Pair], float]:
    """Return the rewards of the canaries that the model can write, by name and text."""
    written, _ = canaries.encode(source.encoder)
    rewards = canaries.at_dtype(source.model, [one.sequence for one in written.values()], "float32")[:, 0]
    return {(name, one.pair): float(reward) for (name, one), reward in zip(written.items(), rewards, strict=True)}


def _encoder(source: Artefact, template: str | None) -> Encoder:
    old = source.encoder
    if template is None or template == old.template.kind:
        return old
    rows = embedding_rows(source.model.classifier)
    return Encoder(old.tokenizer, for_tokenizer(old.tokenizer, template), old.max_length, rows)


def _pad(source: Artefact, encoder: Encoder) -> list[str]:
    """Give the model the encoder's pad token, and say so if it is another."""
    text = source.model.classifier.config.get_text_config()
    old, new = text.pad_token_id, encoder.tokenizer.pad_token_id
    text.pad_token_id = source.model.classifier.config.pad_token_id = new
    return [] if old == new else [f"pad token {old} -> {new} ({encoder.tokenizer.pad_token!r})"]


def _changes(old: str, new: str | None, dtype: str) -> list[str]:
    changes = [f"pooling {old} -> {new}"] if new is not None and new != old else []
    if dtype != "float32":
        changes.append(f"all weights rounded to {dtype}, the reward head too")
    return changes


def _adapter(source: Artefact) -> Path | None:
    return source.folder / "adapter" if source.contract.adapter else None


def _only(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}
