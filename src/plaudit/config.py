"""The constructor is the configuration: settings come from signatures, values from TOML and dotted overrides.

A section of a TOML file holds the arguments of one function or constructor; its annotations and defaults are the only
place where they are declared. A section that picks a kind of an open set names it beside that kind's own settings::

    [objective]
    name = "bradley_terry"
    use_strength = false
"""

import dataclasses
import difflib
import inspect
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import to_json

from plaudit import members

Schema = Mapping[str, Callable[..., Any] | str]
"""What each section configures: a callable, or the name of an open set from which it picks a kind."""

STRICT = ConfigDict(strict=True, extra="forbid", protected_namespaces=(), arbitrary_types_allowed=False)
KEY = re.compile(r"[A-Za-z0-9_-]+")


class BadConfiguration(ValueError):
    """A setting is unknown, missing or of a wrong value; the message names section, field, value and what is valid."""


def settings(target: Callable[..., Any], given: Iterable[str] = ()) -> type[BaseModel]:
    """Return the pydantic model of the arguments of ``target``: strict, unknown fields forbidden, defaults kept.

    Descriptions come from the ``Args:`` or ``Attributes:`` part of its docstring.

    Args:
        target: a class or function with annotated, named parameters; ``*args`` and ``**kwargs`` are no settings.
        given: parameters that code supplies (a model, a data set), which are no settings either.

    Raises:
        TypeError: a parameter has no annotation, or one that no configuration can express; ``given`` may name it.
    """
    described = _descriptions(inspect.getdoc(target) or "")
    fields: dict[str, Any] = {}
    for parameter in _parameters(target, given):
        if parameter.annotation is parameter.empty:
            raise TypeError(f"{_title(target)}: parameter {parameter.name!r} has no annotation")
        default = ... if parameter.default is parameter.empty else parameter.default
        field = Field(default, alias=parameter.name, description=described.get(parameter.name))
        fields[_attribute(parameter.name)] = (parameter.annotation, field)
    try:
        return create_model(_title(target), __config__=STRICT, **fields)
    except PydanticUserError as error:
        raise TypeError(f"{_title(target)}: a parameter cannot be configured: {error.message}") from error


def build(
    target: Callable[..., Any], mapping: Mapping[str, Any], where: str, given: Mapping[str, Any] | None = None
) -> Any:
    """Validate ``mapping`` against the signature of ``target`` and call it.

    Values are those TOML can hold: a path or an enumeration is given as a string, a tuple as an array. Only what
    ``mapping`` holds is passed, so the defaults stay the callable's own.

    Args:
        target: a class or function.
        mapping: its settings.
        where: the section they came from, for messages.
        given: arguments that code supplies, passed as they are.

    Raises:
        BadConfiguration: a field is unknown, missing or wrong, or ``target`` refused the values with a ValueError.
    """
    given = given or {}
    found = arguments(target, mapping, where, given)
    try:
        return target(**found, **given)
    except ValueError as error:
        raise BadConfiguration(f"[{where}] {error}. {_valid_fields(settings(target, given), where)}") from error


def arguments(
    target: Callable[..., Any], mapping: Mapping[str, Any], where: str, given: Iterable[str] = ()
) -> dict[str, Any]:
    """Validate ``mapping`` against the signature of ``target`` and return the arguments that it holds.

    Args:
        target: a class or function.
        mapping: its settings.
        where: the section they came from, for messages.
        given: parameters that code supplies, which are no settings.

    Raises:
        BadConfiguration: a field is unknown, missing or wrong.
    """
    return _validated(settings(target, given), mapping, where)


def build_kind(kind_set: str, mapping: Mapping[str, Any], where: str, given: Mapping[str, Any] | None = None) -> Any:
    """Build the kind of ``kind_set`` that ``mapping["name"]`` names from the rest of ``mapping``.

    Raises:
        BadConfiguration: the name is missing or unknown, or a setting is wrong.
    """
    name = _kind_name(kind_set, mapping, where)
    try:
        kind = members.load(kind_set, name)
    except members.UnknownKind as error:
        raise BadConfiguration(f"[{where}] name = {name!r}: {error}") from error
    return build(kind, {field: value for field, value in mapping.items() if field != "name"}, where, given)


def read(path: str | Path | None, overrides: Sequence[str] = (), schema: Schema | None = None) -> dict[str, Any]:
    """Return the tables of a TOML file with dotted ``overrides`` (``training.epochs=3``) laid over them.

    The value of an override is read as TOML; what is not TOML is a string, so ``objective.name=bradley_terry`` works.

    Args:
        path: the file, or None for an empty configuration.
        overrides: applied in order, the last one wins.
        schema: what each section configures; sections and fields it does not know are refused.

    Raises:
        BadConfiguration: the file cannot be read or is not TOML, an override is malformed, or the schema refuses.
    """
    configuration = {} if path is None else _parse(Path(path))
    for override in overrides:
        _apply(configuration, override)
    if schema is not None:
        _check(configuration, schema)
    return configuration


def write(configuration: Mapping[str, Any]) -> str:
    """Return ``configuration`` as TOML text that `read` turns back into the same values.

    TOML has no null: a field that is None is left out. A path becomes a string.

    Raises:
        TypeError: a value has no place in TOML.
    """
    return tomli_w.dumps(_without_none(configuration))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_without_none(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


# Signatures


def _title(target: Callable[..., Any]) -> str:
    return getattr(target, "__name__", type(target).__name__)


def _attribute(name: str) -> str:
    """Return the attribute that holds field ``name``: pydantic reserves ``json``, ``copy`` and the like, and ``_x``."""
    return f"field{name}" if name.startswith("_") else f"{name}_" if hasattr(BaseModel, name) else name


def _parameters(target: Callable[..., Any], given: Iterable[str]) -> list[inspect.Parameter]:
    skipped, factories = set(given), _factories(target)
    found = []
    for parameter in inspect.signature(target, eval_str=True).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name in skipped:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"{_title(target)}: parameter {parameter.name!r} has no name a configuration could use")
        made = factories.get(parameter.name)
        found.append(parameter if made is None else parameter.replace(default=made()))
    return found


def _factories(target: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return how the fields of a dataclass make their defaults; its signature shows only a placeholder."""
    if not dataclasses.is_dataclass(target):
        return {}
    made = [(field.name, field.default_factory) for field in dataclasses.fields(target)]
    return {name: factory for name, factory in made if factory is not dataclasses.MISSING}


def _descriptions(docstring: str) -> dict[str, str]:
    found: dict[str, str] = {}
    section = re.search(r"^(?:Args|Attributes):\n((?:[ \t]+.*(?:\n|$)|\n)+)", docstring, re.MULTILINE)
    name = ""
    for line in inspect.cleandoc(section[1]).splitlines() if section else []:
        if entry := re.match(r"(\w+)(?: \(.*?\))?: (.*)", line):
            name, found[entry[1]] = entry[1], entry[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


# Validation


def _validated(model: type[BaseModel], mapping: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        # As JSON, so that strict validation still takes a string for a path and an array for a tuple.
        found = model.model_validate_json(to_json(dict(mapping), inf_nan_mode="constants"))
    except ValidationError as error:
        raise BadConfiguration(_explain(error, model, where)) from error
    names = {attribute: field.alias or attribute for attribute, field in model.model_fields.items()}
    arguments = {names[attribute]: getattr(found, attribute) for attribute in found.model_fields_set}
    for name, value in arguments.items():
        if isinstance(value, float) and math.isnan(value):
            raise BadConfiguration(f"[{where}] {name} = nan: not a number. {_valid_fields(model, where)}")
    return arguments


def _explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    names = _names(model)
    lines = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            lines.append(f"[{where}] {field} is missing")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"[{where}] {field} = {problem['input']!r}: no such field{_nearest(field, names)}")
        else:
            lines.append(f"[{where}] {field} = {problem['input']!r}: {problem['msg']}")
    return "\n".join([*lines, _valid_fields(model, where)])


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _valid_fields(model: type[BaseModel], where: str) -> str:
    return f"Fields of [{where}]: {', '.join(_signature(model)) or 'none'}"


def _signature(model: type[BaseModel]) -> list[str]:
    shown = []
    for name, field in zip(_names(model), model.model_fields.values(), strict=True):
        kind = inspect.formatannotation(field.annotation)
        shown.append(f"{name}: {kind}" if field.is_required() else f"{name}: {kind} = {field.default!r}")
    return shown


def _kind_name(kind_set: str, mapping: Mapping[str, Any], where: str) -> str:
    name = mapping.get("name")
    if not isinstance(name, str):
        problem = "name is missing" if name is None else f"name = {name!r}: must be a string"
        raise BadConfiguration(f"[{where}] {problem}; known {kind_set}: {', '.join(members.names(kind_set)) or 'none'}")
    return name


# Files and overrides


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise BadConfiguration(f"cannot read the configuration {path}: {error.strerror or error}") from error


def _apply(configuration: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if any("\ud800" <= character <= "\udfff" for character in override):
        raise BadConfiguration(f"the override {override!r} is not valid UTF-8")
    if not equals or not all(KEY.fullmatch(part) for part in parts):
        raise BadConfiguration(f"the override {override!r} must read section.field=value")
    table = configuration
    for depth, part in enumerate(parts[:-1], start=1):
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise BadConfiguration(f"the override {override!r}: {'.'.join(parts[:depth])} is a value, not a section")
    table[parts[-1]] = _value(text.strip(), override)


def _value(text: str, override: str) -> Any:
    try:
        # Read alone and as an array's only element: where both agree there is no comment, second key or second value.
        alone, only = tomllib.loads(f"value = {text}"), tomllib.loads(f"value = [{text}]")
        if repr(alone) == repr({"value": only["value"][0]}) and len(only["value"]) == 1 and not text.endswith(","):
            return alone["value"]
    except (tomllib.TOMLDecodeError, IndexError) as error:
        if text[:1] in ("[", "{", '"', "'"):
            raise BadConfiguration(f"the override {override!r}: the value is not TOML: {error}") from error
    return text


def _check(configuration: Mapping[str, Any], schema: Schema) -> None:
    for section, table in configuration.items():
        if section not in schema:
            raise BadConfiguration(
                f"no section is called [{section}]{_nearest(section, schema)}; known sections: {', '.join(schema)}"
            )
        if not isinstance(table, Mapping):
            raise BadConfiguration(f"{section} = {table!r}: must be a section with fields, not a value")
        _check_section(section, table, schema[section])


def _check_section(section: str, table: Mapping[str, Any], target: Callable[..., Any] | str) -> None:
    if isinstance(target, str):
        name = _kind_name(target, table, section)
        if ":" not in name and name not in members.names(target):
            known = members.names(target)
            raise BadConfiguration(
                f"[{section}] name = {name!r}: no such kind{_nearest(name, known)}; known {target}: {', '.join(known)}"
            )
        return
    known = [parameter.name for parameter in _parameters(target, ())]
    for field in table:
        if field not in known:
            raise BadConfiguration(
                f"[{section}] {field} = {table[field]!r}: no such field{_nearest(field, known)}; "
                f"fields of [{section}]: {', '.join(known)}"
            )
