"""What every result carries: configuration, versions, data fingerprints, machine."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from plaudit import __version__

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "peft", "numpy")


def provenance(configuration: Mapping[str, Any], data: Mapping[str, str], dtype: str) -> dict[str, Any]:
    """Return the recipe of a run as plain data.

    Args:
        configuration: the tables it ran with.
        data: fingerprint of each part of its data.
        dtype: what the backbone computed in.
    """
    return {
        "configuration": {name: dict(table) for name, table in configuration.items()},
        "data": dict(data),
        "dtype": dtype.removeprefix("torch."),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {"plaudit": __version__, **{name: version(name) for name in PACKAGES}},
    }
