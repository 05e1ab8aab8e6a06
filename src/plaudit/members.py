"""Open sets: the folder is the registry.

A set is a package; each public module in it is a kind, named like the file (a package inside it is none); the class
(or function) it offers is the file's name in CamelCase, or the file's own name. ``bradley_terry`` means
``objectives/bradley_terry.py`` and in it ``BradleyTerry``. Nothing is registered anywhere. ``package.module:Thing``
names a kind that lives elsewhere.

Listing reads files and never imports them, so it is instant and needs no torch.
"""

import ast
import importlib
import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

SETS = {
    "formats": "plaudit.preferences.formats",
    "architectures": "plaudit.models.architectures",
    "objectives": "plaudit.objectives",
    "regularisers": "plaudit.objectives.regularisers",
    "metrics": "plaudit.evaluation.metrics",
    "probes": "plaudit.evaluation.probes",
    "calibrators": "plaudit.calibration.calibrators",
    "selectors": "plaudit.labels.selection",
    "aggregation": "plaudit.labels.aggregation",
    "exchange": "plaudit.annotation.exchange",
    "checks": "plaudit.doctor.checks",
    "detectors": "plaudit.monitoring.detectors",
    "dialects": "plaudit.serving.dialects",
}


class UnknownKind(ValueError):
    """A kind was asked for that its set does not hold; the message lists those it does."""


def _folder(kind_set: str) -> Path:
    if kind_set not in SETS:
        raise UnknownKind(f"no open set is called {kind_set!r}; known sets: {', '.join(SETS)}")
    return Path(__file__).parent.joinpath(*SETS[kind_set].split(".")[1:])


def names(kind_set: str) -> list[str]:
    """Return the names of the kinds in ``kind_set``, sorted, without importing any of them."""
    found = pkgutil.iter_modules([str(_folder(kind_set))])
    return sorted(module.name for module in found if not module.ispkg and not module.name.startswith("_"))


def describe(kind_set: str, name: str) -> str:
    """Return the first line of the docstring of kind ``name``, read from its file without importing it."""
    _require(kind_set, name)
    source = (_folder(kind_set) / f"{name}.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return text.split("\n", 1)[0]


def load(kind_set: str, name: str) -> Any:
    """Import and return the class or function of kind ``name``.

    Args:
        kind_set: one of `SETS`.
        name: a name from `names`, or ``"package.module:Thing"`` for a kind defined elsewhere.

    Raises:
        UnknownKind: the set has no such kind, or the module named offers no such thing.
    """
    if ":" in name:
        return _load_foreign(kind_set, name)
    _require(kind_set, name)
    module = importlib.import_module(f"{SETS[kind_set]}.{name}")
    camel = "".join(part.capitalize() for part in name.split("_"))
    found = getattr(module, camel, None) or getattr(module, name, None)
    if found is None:
        raise UnknownKind(f"{module.__name__} defines neither {camel} nor {name}")
    return found


def _require(kind_set: str, name: str) -> None:
    known = names(kind_set)
    if name not in known:
        raise UnknownKind(
            f"{name!r} is not one of the {kind_set}; known: {', '.join(known) or 'none'}, or 'package.module:Thing'"
        )


def _load_foreign(kind_set: str, name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UnknownKind(
            f"{kind_set}: cannot load {name!r} ({error}); "
            f"known: {', '.join(names(kind_set))}, or 'package.module:Thing'"
        ) from error
