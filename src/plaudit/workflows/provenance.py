"""What every result carries: configuration, versions, data fingerprints, machine."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from plaudit import __version__
from plaudit.objectives import innermost, learned, settings_of

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "peft", "numpy")


PLAIN = (bool, int, float, str, tuple, list, type(None))
"""Settings that have a place in a result's recipe as they are."""


def objective_record(table: Mapping[str, Any], objective: object) -> dict[str, Any]:
    """Return what was minimised as plain data: name, settings with their defaults and, if any, ``learned`` values.

    Args:
        table: the configuration's ``objective``.
        objective: made from it, after training.
    """
    own = settings_of(innermost(objective))
    settings = {name: value for name, value in own.items() if isinstance(value, PLAIN)}
    values = learned(objective)
    return {**settings, **table, **({"learned": values} if values else {})}


def provenance(
    configuration: Mapping[str, Any], data: Mapping[str, str], dtype: str, objective: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the recipe of a run as plain data.

    Args:
        configuration: the tables it ran with.
        data: fingerprint of each part of its data.
        dtype: what the backbone computed in.
        objective: from `objective_record`.
    """
    return {
        "configuration": {name: dict(table) for name, table in configuration.items()},
        "objective": dict(objective),
        "data": dict(data),
        "dtype": dtype.removeprefix("torch."),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {"plaudit": __version__, **{name: version(name) for name in PACKAGES}},
    }
