"""What a search varies: dotted settings of a training configuration, each with choices or a range.

In a configuration file a setting is a key of ``[search.vary]``, whole or as nested tables::

    [search.vary]
    training.learning_rate = {low = 1e-6, high = 1e-4, log = true}
    model.base = ["builtin:minilm-l6", "builtin:smollm2-135m-instruct"]
    objective = [{objective.name = "bradley_terry"}, {objective.name = "squared_error", data.compare = false}]

A choice is a value of the setting, or a table of several settings that belong together; then the key is only a name.
"""

import copy
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from plaudit import config
from plaudit.config import BadConfiguration
from plaudit.workflows.data import Data
from plaudit.workflows.training import sections

WHERE = "search.vary"
"""Where a configuration says what to vary."""

OF_DATA = ("compare", "confidence", "cross_prompt_negatives", "block", "passes")
"""Settings of [data] that change what is learned from and leave split and held-out comparisons as they are."""

FIXED = {
    "training.seed": "a seed is luck, not a setting: the best of several would be the luckiest",
    "model.seed": "a seed is luck, not a setting: the best of several would be the luckiest",
    "training.monitor": "trials are compared by one figure, the held-out nll",
    "training.evaluate_every": "trials are compared evaluation by evaluation, so all have the same interval",
    "training.save_every": "it changes what is kept, not what is learned",
    "training.keep": "it changes what is kept, not what is learned",
    "training.report_to": "it changes who is told, not what is learned",
}
"""Settings that can be given but not varied, and why."""

MOST = 10_000
"""Combinations of a space that is tried out whole."""

OF_ENCODING = ("model.base", "model.max_length", "model.template")
"""Settings that change which responses fit."""


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several.

    Attributes:
        name: of the setting, or of the tables.
        settings: of each choice, dotted setting to value.
        labels: of each choice, its value as JSON.
    """

    name: str
    settings: tuple[Mapping[str, Any], ...]
    labels: tuple[str, ...]

    def of(self, value: Any) -> Mapping[str, Any]:
        """Return the settings of the choice with the label ``value``."""
        return self.settings[self.labels.index(value)]

    def ends(self) -> tuple[Any, ...]:
        """Return the labels: every choice is tried out before a search begins."""
        return self.labels

    def values(self) -> Sequence[Any]:
        """Return the labels."""
        return self.labels

    def touched(self) -> set[str]:
        """Return the settings that any choice sets."""
        return {setting for choice in self.settings for setting in choice}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number from ``low`` to ``high``; a whole one if both are whole.

    Attributes:
        name: of the setting.
        low: the least.
        high: the most, included.
        log: draw its logarithm evenly, not itself.
        step: distance between the values that are drawn.
    """

    name: str
    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, both finite, not low = {self.low} and high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"with log = true low must be above 0, not {self.low}")
        if self.step is not None and (self.log or not 0 < self.step <= self.high - self.low):
            raise ValueError(f"step = {self.step} must be above 0 and within the range, and log false")
        if self.whole and isinstance(self.step, float):
            raise ValueError(f"step = {self.step} must be whole where low and high are")
        if self.step is not None and (Decimal(str(self.high)) - Decimal(str(self.low))) % Decimal(str(self.step)):
            raise ValueError(f"high - low must be a multiple of step = {self.step}, so that high can be reached")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def of(self, value: Any) -> Mapping[str, Any]:
        """Return the setting at ``value``."""
        return {self.name: value}

    def ends(self) -> tuple[Any, ...]:
        """Return both ends: they are tried out before a search begins."""
        return (self.low, self.high)

    def values(self) -> Sequence[Any]:
        """Return every whole number of the range, or nothing where they are not whole."""
        return range(int(self.low), int(self.high) + 1, int(self.step or 1)) if self.whole else ()

    def touched(self) -> set[str]:
        """Return the setting."""
        return {self.name}


Axis = Choices | Range


def axes(vary: Mapping[str, Any]) -> tuple[Axis, ...]:
    """Return what ``[search.vary]`` says, in its order.

    Raises:
        BadConfiguration: nothing is varied, a setting cannot be, has no choices, or is varied twice.
    """
    found = tuple(_axes(vary))
    if not found:
        example = "training.learning_rate = {low = 1e-6, high = 1e-4, log = true}"
        raise BadConfiguration(f"[{WHERE}] is empty: name settings to vary, such as {example}")
    for axis in found:
        for setting in sorted(axis.touched()):
            _require_searchable(setting, axis.name)
    for first, second in itertools.combinations(found, 2):
        for one, other in itertools.product(sorted(first.touched()), sorted(second.touched())):
            if f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}."):
                raise BadConfiguration(f"[{WHERE}] {one} is varied by {first.name} and by {second.name}; once, please")
    return found


def overlaid(configuration: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``configuration`` with dotted ``settings`` laid over it; the given one stays as it is.

    Raises:
        BadConfiguration: a setting's section is a value.
    """
    tables: dict[str, Any] = copy.deepcopy(dict(configuration))
    for setting, value in settings.items():
        *path, last = setting.split(".")
        table = tables
        for depth, part in enumerate(path, start=1):
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise BadConfiguration(f"[{WHERE}] {setting}: {'.'.join(path[:depth])} is a value, not a section")
        table[last] = copy.deepcopy(value)
    return tables


def settings_of(space: Sequence[Axis], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dotted settings at a point: the value of each axis by its name."""
    return {setting: value for axis in space for setting, value in axis.of(values[axis.name]).items()}


def check(space: Sequence[Axis], configuration: Mapping[str, Any]) -> None:
    """Validate every choice and both ends of every range, each with the first of everything else.

    Raises:
        BadConfiguration: a setting is unknown or a value wrong; the message names the choice.
    """
    first = {axis.name: axis.ends()[0] for axis in space}
    for axis in space:
        for value in axis.ends():
            try:
                sections(overlaid(configuration, settings_of(space, {**first, axis.name: value})))
            except BadConfiguration as error:
                raise BadConfiguration(f"[{WHERE}] {axis.name}, {value}: {error}") from error


def points(space: Sequence[Axis]) -> list[dict[str, Any]] | None:
    """Return every combination, or None where a range makes more of them than could be tried."""
    values = [axis.values() for axis in space]
    if not all(values) or math.prod(map(len, values)) > MOST:
        return None
    names = [axis.name for axis in space]
    return [dict(zip(names, combined, strict=True)) for combined in itertools.product(*values)]


def _axes(table: Mapping[str, Any], prefix: str = "") -> Iterator[Axis]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, list | tuple):
            yield _choices(name, value)
        elif isinstance(value, Mapping) and {"low", "high", "log", "step"} & set(value):
            yield config.build(Range, value, f"{WHERE}.{name}", given={"name": name})
        elif isinstance(value, Mapping):
            yield from _axes(value, f"{name}.")
        else:
            raise BadConfiguration(
                f"[{WHERE}] {name} = {value!r}: must be a list of choices, or a range {{low = …, high = …, log = true}}"
            )


def _choices(name: str, values: Sequence[Any]) -> Choices:
    if not values:
        raise BadConfiguration(f"[{WHERE}] {name} = []: no choices; name at least one")
    settings = tuple(dict(_flat(value)) if isinstance(value, Mapping) else {name: value} for value in values)
    labels = tuple(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str) for value in values)
    for label in labels:
        if labels.count(label) > 1:
            raise BadConfiguration(f"[{WHERE}] {name}: the choice {label} is there {labels.count(label)} times; once")
    return Choices(name, settings, labels)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted settings of a table of settings; an empty table is a value."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _require_searchable(setting: str, name: str) -> None:
    section, _, field = setting.partition(".")
    if setting in FIXED:
        raise BadConfiguration(f"[{WHERE}] {name}: {setting} cannot be varied: {FIXED[setting]}")
    if section == "data" and field in {one.name for one in fields(Data)} - set(OF_DATA):
        allowed = ", ".join(f"data.{one}" for one in OF_DATA)
        raise BadConfiguration(
            f"[{WHERE}] {name}: {setting} cannot be varied: all trials share one split and one held-out part. Of "
            f"[data] only {allowed} can, which change nothing but what is learned from"
        )
    if section in ("evaluation", "search") or not field:
        known = "model, objective, training and a part of data"
        raise BadConfiguration(
            f"[{WHERE}] {name}: {setting} cannot be varied; settings of {known} can, section.setting"
        )
