"""What a run is made of, so that a resumed one can be compared with how it began."""

import dataclasses
import hashlib
import platform
import zlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import nn

from plaudit.encoding.encoded import EncodedSet
from plaudit.objectives import settings_of
from plaudit.objectives._members import EachMember
from plaudit.objectives.regularisers import Regularised
from plaudit.training import ranks
from plaudit.training.recipe import Recipe

PACKAGES = ("plaudit", "torch", "transformers", "accelerate", "peft")


def facts_of(
    *,
    model: nn.Module,
    objective: object,
    recipe: Recipe,
    train: EncodedSet,
    validation: EncodedSet | None,
    dtype: torch.dtype,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the facts of a run: ``binding`` ones, which a resumed run must share, and ``loose`` ones.

    ``configuration`` is bound as it is: what it was made from, as plain data.
    """
    binding = {
        "data": fingerprint(train),
        "validation": fingerprint(validation) if validation is not None else None,
        "recipe": dataclasses.asdict(recipe),
        "objective": described(objective),
        "model": _model(model),
        "dtype": str(dtype).removeprefix("torch."),
        "configuration": dict(configuration or {}),
    }
    return {
        "binding": binding,
        "loose": {"threads": torch.get_num_threads(), "processes": ranks.count(), **_versions()},
    }


def fingerprint(encoded: EncodedSet) -> str:
    """Return the set's own fingerprint, or one of its columns where it has none."""
    if encoded.fingerprint:
        return encoded.fingerprint
    digest = hashlib.sha256()
    for column in dataclasses.fields(encoded):
        value = getattr(encoded, column.name)
        digest.update(np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else b"-")
    return digest.hexdigest()


def described(thing: object) -> str:
    """Return an objective's class and settings as text that is the same in every process."""
    if isinstance(thing, Regularised):
        return " + ".join(map(described, (thing.objective, *thing.regularisers)))
    if isinstance(thing, EachMember):
        return f"columns {thing.columns}: {described(thing.objective)}"
    if dataclasses.is_dataclass(thing):
        return repr(thing)
    held = settings_of(thing) if isinstance(thing, nn.Module) else getattr(thing, "__dict__", {})
    settings = {name: value for name, value in held.items() if isinstance(value, int | float | str)}
    kind: Any = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{kind.__module__}.{kind.__qualname__}({settings})"


def _model(model: nn.Module) -> dict[str, Any]:
    shapes = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    frozen = 0
    for parameter in model.parameters():
        if not parameter.requires_grad:
            raw = parameter.detach().contiguous().view(torch.uint8).flatten().cpu().numpy()
            frozen = zlib.crc32(raw.data, frozen)
    digest = hashlib.sha256(repr(shapes).encode()).hexdigest()
    return {"class": type(model).__name__, "shapes": digest, "frozen_weights": frozen}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
