"""Base models and real data: built-ins that ship inside PyPI packages, local folders, hub ids.

Importing this needs neither torch nor transformers; only the one-time conversion of a built-in model does.
"""

import importlib
from pathlib import Path

from plaudit.assets import builtin, cache
from plaudit.assets.errors import AssetError, UnknownAsset, Unreachable, WrongHash

__all__ = ["AssetError", "UnknownAsset", "Unreachable", "WrongHash", "base_model", "data_file", "names"]


def names() -> dict[str, str]:
    """Return every built-in name with one line on what it is."""
    return {name: found.description for name, found in builtin.BUILTINS.items()}


def base_model(name: str) -> Path:
    """Return a folder from which transformers loads the model and tokenizer ``name`` with ``from_pretrained``.

    Args:
        name: a built-in (``builtin:minilm-l6``), a local folder (returned as it is), or a hub id with an optional
            revision (``openai-community/gpt2@main``).

    Raises:
        UnknownAsset: it is none of these; the message lists the built-ins.
        Unreachable: it has to be downloaded and cannot be (a hub is given up on in under 10 seconds).
        AssetError: the weights are pickled or incomplete, or the cache cannot be written.
    """
    if not name.startswith(builtin.PREFIX):
        local = Path(name).expanduser()
        return local if name and local.exists() else _from_hub(name)
    found = builtin.find(name, "model")
    return cache.obtain(found.package) / found.folder


def _from_hub(name: str) -> Path:
    hub = importlib.import_module("plaudit.assets.hub")  # by name: listing built-ins does not wait for huggingface_hub
    found: Path = hub.resolve(name, builtin.known("model"))
    return found


def data_file(name: str) -> Path:
    """Return the folder of the built-in data set ``name``: ``*_GroundTruth.txt`` and ``*_anonDataRatings.txt``.

    Raises:
        UnknownAsset: no such built-in; the message lists those there are.
    """
    found = builtin.find(name, "data")
    return cache.obtain(found.package) / found.folder
