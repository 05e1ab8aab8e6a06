"""Gates: bounds on numbers of an audit's record that a model has to keep, for use in continuous integration.

A file of gates is TOML, one table a gate:

.. code-block:: toml

    [[gate]]
    path = "evaluation.overall.metrics.accuracy"
    of = "low"    # the lower end of the 95 % interval; "high", or "value" if left out
    min = 0.70

    [[gate]]
    path = 'evaluation.slices.chosen_is."as long".metrics.accuracy'
    min = 0.5     # bounds are kept by what is equal to them
    max = 1.0

A path is a dotted key as TOML writes it, so a part with a blank or a dot is quoted; a whole number is a place in a
list, the first being 0. It leads to a number, or to one with its interval. Where it leads nowhere, or there is no such
end, the gate is broken: a bound that cannot be checked has not been kept.

>>> gate = Gate(path="accuracy", of="low", min=0.7)
>>> [one.holds for one in judge([gate], {"accuracy": {"value": 0.8, "low": 0.75, "high": 0.85}})]
[True]
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from rich.table import Table

from plaudit.evaluation.sections import plain

Of = Literal["value", "low", "high"]
KEYS = ("path", "of", "min", "max")


class BadGates(ValueError):
    """A file of gates that cannot be used; the message names the file, the gate and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A bound on one number.

    Attributes:
        path: where it stands in the record.
        of: which number: the ``value``, or an end of its 95 % interval.
        min: it is to be no less, or None.
        max: it is to be no more, or None.

    Raises:
        ValueError: the path is none, there is no bound, or no number can keep both.
    """

    path: str
    of: Of = "value"
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        parts(self.path)
        if self.of not in get_args(Of):
            raise ValueError(f"of is {self.of!r}; it must be one of {', '.join(get_args(Of))}")
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"{name} is {bound}; it must be a finite number")
        if self.min is None and self.max is None:
            raise ValueError("there is neither min nor max; give one of them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; nothing keeps both")

    @property
    def bound(self) -> str:
        """The bounds as people write them: ``0.7 or more``."""
        if self.min is not None and self.max is not None:
            return f"{self.min:g} to {self.max:g}"
        return f"{self.min:g} or more" if self.min is not None else f"{self.max:g} or less"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A gate and what was found.

    Attributes:
        gate: the bound.
        found: the number, or None where there is none.
        reason: why the gate is broken, or ``""``.
    """

    gate: Gate
    found: float | None
    reason: str

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict, with ``holds``."""
        found: dict[str, Any] = plain(asdict(self.gate))
        return {**found, "bound": self.gate.bound, "found": self.found, "holds": self.holds, "reason": self.reason}


def parts(path: str) -> tuple[str, ...]:
    """Return the parts of a dotted path, unquoted.

    Raises:
        ValueError: it is no dotted key.
    """
    key, table_ = _parsed(path, f"{path} = 0"), _parsed(path, f"[{path}]")
    if not key or key != table_:  # what can stand in both places is a key and nothing besides
        raise ValueError(
            f"path is {path!r}; it must be keys with dots between, such as evaluation.accuracy; a key with anything "
            "but letters, digits, - and _ stands in quotes"
        )
    return key


def _parsed(path: str, line: str) -> tuple[str, ...]:
    """Return the keys of the one value that a line of TOML sets, or none where it is no such line."""
    try:
        found: Any = tomllib.loads(line) if not {"\n", "\r"} & set(path) else {}
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str] = []
    while isinstance(found, dict) and len(found) == 1:
        [(key, found)] = found.items()
        keys.append(key)
    return tuple(keys) if found in (0, {}) else ()


def read_gates(path: Path | str) -> tuple[Gate, ...]:
    """Return the gates of a TOML file, see the module.

    Raises:
        BadGates: it is no TOML, holds no gate, or one that is not as it should be.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadGates(f"{path}: not TOML ({error})") from error
    if set(found) - {"gate"}:
        raise BadGates(f"{path}: there is {min(set(found) - {'gate'})!r}; a file of gates holds [[gate]] tables")
    tables = found.get("gate")
    if not isinstance(tables, list) or not tables:
        raise BadGates(f"{path}: there is no gate; write [[gate]] with path and min or max")
    return tuple(_gate(table, f"{path}: gate {number}") for number, table in enumerate(tables, 1))


def _gate(table: Any, where: str) -> Gate:
    if not isinstance(table, Mapping):
        raise BadGates(f"{where}: {table!r} is no table; write [[gate]] with path and min or max")
    for key, value in table.items():
        if key not in KEYS:
            raise BadGates(f"{where}: {key!r} is unknown; there can be {', '.join(KEYS)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number if key in ("min", "max") else isinstance(value, str)):
            raise BadGates(f"{where}: {key} is {value!r}; it must be a {'number' if key in KEYS[2:] else 'text'}")
    if "path" not in table:
        raise BadGates(f"{where}: path is missing")
    try:
        return Gate(**table)
    except ValueError as error:
        raise BadGates(f"{where}: {error}") from error


def judge(gates: Sequence[Gate], record: Mapping[str, Any]) -> tuple[Judged, ...]:
    """Return what became of each gate.

    Args:
        gates: bounds.
        record: plain data, as an audit's `to_json` gives it.
    """
    return tuple(_judged(gate, record) for gate in gates)


def _judged(gate: Gate, record: Mapping[str, Any]) -> Judged:
    try:
        number = _number(_at(record, parts(gate.path)), gate.of)
    except LookupError as error:
        return Judged(gate=gate, found=None, reason=str(error.args[0]))
    reason = ""
    if gate.min is not None and number < gate.min:
        reason = f"{number:.4g} is below {gate.min:g}"
    if gate.max is not None and number > gate.max:
        reason = f"{number:.4g} is above {gate.max:g}"
    return Judged(gate=gate, found=number, reason=reason)


def _at(record: Any, keys: Sequence[str]) -> Any:
    found = record
    for place, key in enumerate(keys):
        before = ".".join(keys[:place]) or "the record"
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list | tuple) and key.isascii() and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise LookupError(f"{before} has no {key!r}{_there(found)}")
    return found


def _there(found: Any) -> str:
    if isinstance(found, Mapping):
        return f"; there is: {', '.join(sorted(map(str, found))) or 'nothing'}"
    if isinstance(found, list | tuple):
        return f"; there are {len(found)} entries, the first is 0"
    return "; it is no table"


def _number(found: Any, of: Of) -> float:
    """Return the number that is asked for; LookupError says why there is none."""
    if isinstance(found, Mapping) and "value" in found:
        if found.get(of) is None:
            reason = found.get("reason") or "it is not known"
            raise LookupError(f"there is no {of} of it: {reason}" if of != "value" else "its value is not known")
        found = found[of]
    elif of != "value":
        raise LookupError(f"it is a number without an interval, so there is no {of} of it")
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise LookupError(f"it is no number but {_short(found)}")
    return float(cast(float, found))


def _short(found: Any) -> str:
    kinds = {Mapping: "a table", list: "a list", tuple: "a list", str: "a text"}
    return next((word for kind, word in kinds.items() if isinstance(found, kind)), repr(found))


def table(judged: Sequence[Judged]) -> Table:
    """Return a line for each gate, for a rich console."""
    broken = sum(not one.holds for one in judged)
    title = f"gates: {broken} of {len(judged)} broken" if broken else f"gates: all {len(judged)} hold"
    shown = Table(title=title, title_justify="left")
    for heading in ("number", "of", "bound", "found", ""):
        shown.add_column(heading, overflow="fold")
    for one in judged:
        found = "none" if one.found is None else f"{one.found:.4g}"
        shown.add_row(one.gate.path, one.gate.of, one.gate.bound, found, "holds" if one.holds else one.reason)
    return shown
