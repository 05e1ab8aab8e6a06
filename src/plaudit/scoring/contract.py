"""The contract: everything besides the weights that a reward depends on, as plain data beside them."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
CONTRACT = "plaudit.json"
CANARIES = "canaries.json"
HISTORY = "history.json"
CALIBRATION = "calibration.json"
EXTRA = "extra.safetensors"
ADAPTER = "adapter"
PARITY = 1e-4
"""Rewards that differ by no more than this, in fp32, are those of the class's own forward."""


class BadArtefact(ValueError):
    """A folder that is not scored with, because it is not what was saved; the message names what differs.

    Attributes:
        check: a word for what was looked at (``head``, ``tokenizer``, ``rewards``…).
    """

    def __init__(self, folder: Path, check: str, detail: str) -> None:
        super().__init__(f"{folder}: {check}: {detail}")
        self.folder, self.check, self.detail = folder, check, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """How the weights in a folder are scored with.

    Attributes:
        architecture: name of the kind, or ``"package.module:Thing"``.
        settings: its constructor's settings (pooling, layout, …).
        encoding: the encoder's own record: template, length, special ids, beginning-of-sequence rule.
        scored_tokens: the ids a sequence may end with, as the canaries' do; empty where any may be last.
        weights_dtype: of every saved tensor, the head's included.
        tolerances: dtype of computing to the largest difference from the fp32 rewards that is accepted.
        measured: dtype to what it does to the canaries: ``difference`` (the largest from fp32), and ``ties`` among
            ``pairs`` of them.
        attention: the attention kernel the canaries were scored with.
        reward_shift: added to what the head gives (a bias that the standard layout has no place for).
        transformers_parity: whether the class's own forward gives the same head outputs on the same ids; the one
            output of a plain head is the reward.
        string_parity: whether the tokenizer's chat template, applied and tokenised elsewhere, gives the same ids.
        parity_note: why not, where either is false; and how the reward is made of a head's several outputs.
        adapter: whether ``adapter/`` lies beside the merged weights.
        fingerprints: of the head (``head``), the tokenizer, its template, and the weights in ``extra.safetensors``.
        recipe: what made the model: configuration, versions, data fingerprint, seed, device, dtype.
        outputs: names of what the model gives: ``reward``, then its parts, and ``variance`` last where it has one.
        parts_tolerances: as ``tolerances``, for the numbers after the reward (relative, where they are beyond 1).
        format: version of this record.
    """

    architecture: str
    settings: Mapping[str, Any]
    encoding: Mapping[str, Any]
    scored_tokens: tuple[int, ...] = ()
    weights_dtype: str = "float32"
    tolerances: Mapping[str, float] = field(default_factory=lambda: {"float32": 1e-3})
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    attention: str = ""
    reward_shift: float = 0.0
    transformers_parity: bool = False
    string_parity: bool = False
    parity_note: str = ""
    adapter: bool = False
    fingerprints: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("reward",)
    parts_tolerances: Mapping[str, float] = field(default_factory=dict)
    format: int = FORMAT

    def record(self) -> dict[str, Any]:
        """Return the contract as plain data."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}

    def remarks(self) -> list[str]:
        """Return what a user should be told when the model was saved, as text."""
        lines = [
            f"{dtype}: within {found['difference']:.3g} of fp32; {found['ties']:g} of {found['pairs']:g} pairs tied"
            for dtype, found in self.measured.items()
        ]
        if self.weights_dtype != "float32":
            lines.append(f"all weights are {self.weights_dtype}, the reward head too")
        return lines + ([self.parity_note] if self.parity_note else [])

    def scoring(self) -> dict[str, Any]:
        """Return the part that decides rewards, as JSON would give it back."""
        told = ("recipe", "parity_note", "measured")
        part = {name: value for name, value in self.record().items() if name not in told}
        return dict(json.loads(json.dumps(part)))


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as readable JSON (numbers in full precision, NaN refused)."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of an artefact.

    Raises:
        BadArtefact: the file is missing or is not a JSON object.
    """
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadArtefact(folder, "files", f"{name} is missing") from None
    except (OSError, ValueError) as error:
        raise BadArtefact(folder, "files", f"{name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BadArtefact(folder, "files", f"{name} holds a {type(content).__name__}, not an object")
    return content


def read_contract(folder: Path) -> Contract:
    """Return the contract in ``folder``.

    Raises:
        BadArtefact: it is missing, unreadable, of another format version, or has other fields.
    """
    content = read_json(folder, CONTRACT)
    if content.get("format") != FORMAT:
        raise BadArtefact(folder, "contract", f"format {content.get('format')!r}; this plaudit reads format {FORMAT}")
    try:
        for name in ("scored_tokens", "outputs"):
            content[name] = tuple(content[name])
        return Contract(**content)
    except (KeyError, TypeError) as error:
        raise BadArtefact(folder, "contract", f"{CONTRACT} has other fields than expected ({error})") from error
