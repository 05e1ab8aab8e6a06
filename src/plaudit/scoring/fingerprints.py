"""Fingerprints that can say *what* was changed: the head, the tokenizer, the template."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from plaudit.models.heads import head_modules

IGNORED = ("truncation", "padding")
"""Parts of tokenizer.json that a mere use of the tokenizer may write, and that plaudit never reads."""


def head(classifier: PreTrainedModel) -> dict[str, Any]:
    """Return the head's fingerprint: its norm, and hashes of its values in order and sorted."""
    values = _head_values(classifier)
    return {
        "values": _digest(values),
        "sorted": _digest(values.sort().values),
        "norm": float(values.double().norm()),
        "sum": float(values.double().abs().sum()),
        "count": values.numel(),
    }


def head_difference(saved: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return in words how a head differs from the one that was saved, or an empty string."""
    if saved["values"] == found["values"]:
        return ""
    if saved["count"] != found["count"]:
        return f"the head has {found['count']} values, not {saved['count']}"
    if saved["sorted"] == found["sorted"]:
        return "the head's values are permuted: the same numbers in another order"
    scales = [found[name] / saved[name] if saved[name] else float("inf") for name in ("norm", "sum")]
    if abs(scales[0] - scales[1]) < 1e-5 * scales[0]:
        return f"the head is scaled by {scales[0]:.6g}"
    return f"the head's values are others (norm {found['norm']:.6g}, saved {saved['norm']:.6g})"


def beside(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return the shape and the hash of every tensor that an architecture keeps beside the classifier."""
    held = {name: value.detach().cpu() for name, value in state.items()}
    return {name: {"shape": list(value.shape), "values": _digest(value)} for name, value in held.items()}


def beside_difference(saved: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return in words which tensors beside the classifier are not those that were saved, or an empty string."""
    words = (("missing", saved.keys() - found.keys()), ("not of this model", found.keys() - saved.keys()))
    changed = {name for name in saved.keys() & found.keys() if saved[name] != found[name]}
    return "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in (*words, ("changed", changed)) if names)


def tokenizer(folder: Path) -> str:
    """Return the hash of what tokenizer.json says about turning text into ids."""
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in content.items() if name not in IGNORED}
    return _hash(json.dumps(kept, sort_keys=True))


def template(folder: Path) -> str:
    """Return the hash of the chat template that the tokenizer in ``folder`` carries."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return _hash(path.read_text(encoding="utf-8"))
    settings = folder / "tokenizer_config.json"
    content = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    return _hash(json.dumps(content.get("chat_template"), sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(values: torch.Tensor) -> str:
    return hashlib.sha256(values.contiguous().flatten().view(torch.uint8).numpy().tobytes()).hexdigest()


def _head_values(classifier: PreTrainedModel) -> torch.Tensor:
    """Return every number of the head in fp32, in the order of its parameter names."""
    named = {
        f"{name}.{inner}": value
        for name, module in head_modules(classifier).items()
        for inner, value in module.state_dict().items()
    }
    return torch.cat([named[name].detach().float().cpu().flatten() for name in sorted(named)])
