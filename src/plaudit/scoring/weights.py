"""The weights of an artefact: a plain transformers folder, read strictly and written in one dtype."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from plaudit.models.backbone import BadBase, refuse_unsafe
from plaudit.models.quiet import quiet
from plaudit.scoring.contract import EXTRA, BadArtefact

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_STORED = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}


def write_weights(folder: Path, classifier: PreTrainedModel, dtype: str = "float32") -> float:
    """Write configuration and weights for ``AutoModelForSequenceClassification``.

    Args:
        folder: where to.
        classifier: with plain layers (adapters merged).
        dtype: of every floating-point tensor, the head's included.

    Returns:
        The bias of a head of one output where the class has no place for one, else 0: to be added to every reward.
    """
    state = {name: _cast(value, DTYPES[dtype]) for name, value in classifier.state_dict().items()}
    bias = state.pop("score.bias", torch.zeros(1))
    classifier.config.problem_type = "regression"
    with quiet():
        classifier.save_pretrained(folder, state_dict=state)
    _state_dtype(folder / "config.json", dtype)
    return float(bias.item()) if bias.numel() == 1 else 0.0


def restore_bias(classifier: PreTrainedModel, shift: float) -> None:
    """Give the head the bias that the standard layout had no place for."""
    if shift:
        score: Any = classifier.get_submodule("score")
        score.bias = nn.Parameter(torch.tensor([shift], dtype=score.weight.dtype, device=score.weight.device))


def write_extra(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Write the weights that the standard layout has no place for, as they are; nothing where there are none."""
    if state:
        save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, folder / EXTRA)


def read_extra(folder: Path) -> dict[str, Tensor]:
    """Return what `write_extra` wrote.

    Raises:
        BadArtefact: the file is damaged.
    """
    if not (folder / EXTRA).is_file():
        return {}
    try:
        return load_file(folder / EXTRA)
    except (OSError, SafetensorError) as error:
        raise BadArtefact(folder, "extra", f"{EXTRA} is damaged or cut short ({error})") from error


def read_weights(folder: Path) -> PreTrainedModel:
    """Return the sequence classifier in ``folder``, in fp32 and evaluation mode.

    Raises:
        BadArtefact: pickled weights, remote code, a damaged file, or weights that are missing or too many.
    """
    require_safe(folder)
    try:
        with quiet():
            classifier, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadArtefact(folder, "weights", f"cannot be loaded: {error}") from error
    _require_all(folder, info)
    return classifier.eval()  # type: ignore[no-any-return]


def require_safe(folder: Path) -> None:
    """Raise `BadArtefact` where there are no weights, or loading them would run code from the folder."""
    try:
        refuse_unsafe(folder)
    except BadBase as error:
        raise BadArtefact(folder, "files", str(error).removeprefix(f"{folder}: ")) from error


def stored_dtype(folder: Path) -> str:
    """Return the dtype of the floating-point weights on disk (``mixed`` if there are several), without the extra ones.

    Raises:
        BadArtefact: a weights file is damaged.
    """
    found: set[str] = set()
    for path in sorted(path for path in folder.glob("*.safetensors") if path.name != EXTRA):
        try:
            with safe_open(path, "pt") as stream:
                found |= {_STORED.get(stream.get_slice(name).get_dtype(), "") for name in stream.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise BadArtefact(folder, "weights", f"{path.name} is damaged or cut short ({error})") from error
    found.discard("")
    return found.pop() if len(found) == 1 else "mixed"


def _require_all(folder: Path, info: Mapping[str, Any]) -> None:
    missing, extra = (sorted(map(str, info[key])) for key in ("missing_keys", "unexpected_keys"))
    if missing:
        raise BadArtefact(folder, "weights", f"the file lacks {len(missing)} tensors ({', '.join(missing[:3])}…)")
    if extra:
        raise BadArtefact(
            folder, "weights", f"{len(extra)} tensors have no place in the model ({', '.join(extra[:3])}…)"
        )


def _cast(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value


def _state_dtype(path: Path, dtype: str) -> None:
    """Write ``dtype`` into config.json, at the top and in the text model's part."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for part in (config, config.get("text_config")):
        if isinstance(part, dict):
            part["dtype"] = dtype
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
