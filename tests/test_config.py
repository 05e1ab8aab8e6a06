"""Configuration: settings from signatures, TOML and overrides, and errors that say what would be right."""

import math
import tomllib
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import config, members
from plaudit.config import BadConfiguration


class Unit(Enum):
    """A closed choice."""

    TOKENS = "tokens"
    RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Warmup:
    """Settings inside settings."""

    share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A stand-in for a component, with one field of each sort.

    Attributes:
        rate: step size, per step,
            greater than 0.
        epochs: passes over the data.
        sizes: what is tried.
        json: a name that pydantic has for itself.
        model_name: another such name.
    """

    rate: float
    epochs: int = 3
    out: Path = Path("runs")
    sizes: tuple[int, ...] = (1, 2)
    unit: Unit = Unit.TOKENS
    mode: Literal["linear", "cosine"] = "linear"
    json: str | None = None
    model_name: str = ""
    tags: list[str] = field(default_factory=lambda: ["a"])
    warmup: Warmup = Warmup()

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"rate must be greater than 0, not {self.rate}")


def fit(model: object, rate: float = 0.1, *extra: int, _hidden: int = 0, **more: int) -> tuple[object, float, int]:
    """A function whose model is given by code."""
    return model, rate, _hidden


def test_settings_keep_types_defaults_and_descriptions() -> None:
    """The derived model says about each field what the constructor says."""
    found = config.settings(Schedule).model_fields
    assert found["rate"].is_required()
    assert found["rate"].description == "step size, per step, greater than 0."
    assert found["epochs"].annotation is int
    assert (found["epochs"].default, found["sizes"].default, found["tags"].default) == (3, (1, 2), ["a"])
    assert [shown.alias for shown in found.values()] == list(Schedule.__dataclass_fields__)


def test_build_passes_only_what_was_set() -> None:
    """An empty mapping gives the callable's own defaults."""
    assert config.build(Schedule, {"rate": 0.5}, "schedule") == Schedule(rate=0.5)


def test_build_takes_every_sort_of_value_as_toml_holds_it() -> None:
    """Strings become paths and enumerations, arrays become tuples, tables become nested settings, 1 becomes 1.0."""
    text = """
    rate = 1
    out = "elsewhere"
    sizes = [4, 5, 6]
    unit = "records"
    mode = "cosine"
    json = "x"
    model_name = "m"
    tags = []
    warmup = { share = 0.2 }
    """
    built = config.build(Schedule, tomllib.loads(text), "schedule")
    assert built == Schedule(
        rate=1.0,
        out=Path("elsewhere"),
        sizes=(4, 5, 6),
        unit=Unit.RECORDS,
        mode="cosine",
        json="x",
        model_name="m",
        tags=[],
        warmup=Warmup(0.2),
    )
    assert isinstance(built.rate, float)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rate": "0.1"}, "rate = '0.1'"),
        ({"rate": True}, "rate = True"),
        ({"rate": math.nan}, "rate = nan"),
        ({"rate": 1, "epochs": 2.0}, "epochs = 2.0"),
        ({"rate": 1, "epochs": "3"}, "epochs = '3'"),
        ({"rate": 1, "sizes": [1, "b"]}, "sizes.1 = 'b'"),
        ({"rate": 1, "mode": "sine"}, "mode = 'sine'"),
        ({"rate": 1, "unit": "words"}, "unit = 'words'"),
        ({"rate": 1, "warmup": {"share": 0.1, "steps": 3}}, "warmup.steps = 3"),
        ({"rate": 1, "epoch": 2}, "epoch = 2: no such field; did you mean epochs?"),
        ({"epochs": 2}, "rate is missing"),
        ({"rate": -1}, "rate must be greater than 0, not -1"),
    ],
)
def test_a_wrong_setting_is_refused_by_section_field_and_value(wrong: dict[str, Any], says: str) -> None:
    """Nothing is coerced or ignored; the message also lists the valid fields with their types."""
    with pytest.raises(BadConfiguration) as caught:
        config.build(Schedule, wrong, "schedule")
    assert "[schedule]" in str(caught.value)
    assert says in str(caught.value)
    assert "epochs: int = 3" in str(caught.value)


def test_given_arguments_are_passed_and_are_no_settings() -> None:
    """What code supplies reaches the callable as it is, and a configuration cannot set it."""
    model = object()
    assert config.build(fit, {"_hidden": 4}, "fit", given={"model": model}) == (model, 0.1, 4)
    with pytest.raises(BadConfiguration, match="model = 'm': no such field"):
        config.build(fit, {"model": "m"}, "fit", given={"model": model})
    with pytest.raises(BadConfiguration, match="more = 1: no such field"):
        config.build(fit, {"more": 1}, "fit", given={"model": model})


def _unannotated(rate=0.1):  # type: ignore[no-untyped-def]
    return rate


def _positional(rate: float, /) -> float:
    return rate


class Opaque:
    """Nothing that a configuration could hold."""


def _opaque(thing: Opaque) -> Opaque:
    return thing


@pytest.mark.parametrize(("target", "name"), [(_unannotated, "rate"), (_positional, "rate"), (_opaque, "Opaque")])
def test_a_signature_that_cannot_be_configured_is_a_programming_error(target: Any, name: str) -> None:
    """The author of the component is told which parameter it is."""
    with pytest.raises(TypeError, match=name):
        config.settings(target)


# Kinds of an open set


def test_build_kind_takes_the_name_and_that_kinds_fields() -> None:
    """A section names its kind beside the kind's own settings; a kind elsewhere is named by module and attribute."""
    built = config.build_kind("objectives", {"name": f"{__name__}:Schedule", "rate": 2.0}, "objective")
    assert built == Schedule(rate=2.0)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({}, f"name is missing; known objectives: {', '.join(members.names('objectives'))}"),
        ({"name": 3}, f"name = 3: must be a string; known objectives: {', '.join(members.names('objectives'))}"),
        ({"name": "bradley_tery"}, f"known: {', '.join(members.names('objectives'))}"),
        ({"name": "no.such.module:Thing"}, "no.such.module"),
    ],
)
def test_build_kind_lists_the_known_kinds(section: dict[str, Any], says: str) -> None:
    """A missing or unknown name is refused with the section and the kinds there are."""
    with pytest.raises(BadConfiguration) as caught:
        config.build_kind("objectives", section, "objective")
    assert "[objective]" in str(caught.value)
    assert says in str(caught.value)


def test_build_kind_reports_the_kinds_own_refusal() -> None:
    """A value that a real objective refuses comes back with section, reason and the objective's fields."""
    with pytest.raises(BadConfiguration, match=r"\[penalty\] weight must be .*not 0.7.*weight: float = 0.1"):
        config.build_kind("regularisers", {"name": "label_smoothing", "weight": 0.7}, "penalty")


# Files and overrides

SCHEMA: config.Schema = {
    "schedule": Schedule,
    "fit": config.settings(fit, given=("model",)),
    "objective": "objectives",
}


def test_overrides_lie_over_the_file_and_the_last_wins(tmp_path: Path) -> None:
    """Sections and fields that the file lacks are made; others are replaced."""
    file = tmp_path / "run.toml"
    file.write_text("[schedule]\nrate = 1.0\nepochs = 2\n[schedule.warmup]\nshare = 0.3\n")
    overrides = ["schedule.epochs=5", "schedule.warmup.share=0.5", "objective.name=bradley_terry", "schedule.epochs=6"]
    assert config.read(file, overrides, SCHEMA) == {
        "schedule": {"rate": 1.0, "epochs": 6, "warmup": {"share": 0.5}},
        "objective": {"name": "bradley_terry"},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-5", 1e-5),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("{x = 1}", {"x": 1}),
        ('"3"', "3"),
        ("'a b'", "a b"),
        ("bradley_terry", "bradley_terry"),
        ("runs/a=b", "runs/a=b"),
        ("True", "True"),
        ("", ""),
        ("1#2", "1#2"),
        ("1,2", "1,2"),
        ("1,", "1,"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_the_value_of_an_override_is_toml_or_a_bare_string(text: str, value: object) -> None:
    """Nothing that was typed is lost: a comment, a second value or a second key make the whole a string."""
    assert config.read(None, [f"a.b={text}"]) == {"a": {"b": value}}


@pytest.mark.parametrize(
    "override", ["a", "=1", "a..b=1", "a b=1", "a.=1", "a.b=[1, 2", "a.b='x", 'a.b="x" "y"', "é=1"]
)
def test_a_malformed_override_is_quoted(override: str) -> None:
    """The message holds the override as it was typed."""
    with pytest.raises(BadConfiguration) as caught:
        config.read(None, [override])
    assert repr(override) in str(caught.value)


def test_an_override_that_is_not_text_is_refused() -> None:
    """Bytes of the command line that are no UTF-8 could never be saved with a result."""
    with pytest.raises(BadConfiguration, match="not valid UTF-8"):
        config.read(None, ["a.b=\udc80"])


def test_an_override_below_a_value_is_refused() -> None:
    """A field cannot be opened like a section."""
    with pytest.raises(BadConfiguration, match=r"a\.b is a value, not a section"):
        config.read(None, ["a.b=1", "a.b.c=2"])


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("schedul.rate=1", "[schedul]; did you mean schedule?; known sections: schedule, fit, objective"),
        ("schedule=3", "schedule = 3: must be a section"),
        ("schedule.epoch=3", "[schedule] epoch = 3: no such field; did you mean epochs?; fields of [schedule]: rate"),
        ("fit.model=m", "[fit] model = 'm': no such field"),
        (
            "objective.name=bradley_tery",
            "no such kind; did you mean bradley_terry?; known objectives: adaptive_margin, ",
        ),
        ("objective.use_strength=true", "[objective] name is missing"),
    ],
)
def test_the_schema_refuses_what_it_does_not_know(override: str, says: str) -> None:
    """Unknown sections, fields and kinds are refused with the known ones and the nearest."""
    with pytest.raises(BadConfiguration) as caught:
        config.read(None, [override], SCHEMA)
    assert says in str(caught.value)


@pytest.mark.parametrize("content", [b"[a\n", b"a = 1\na = 2\n", b"\xff\xfe", b"a = nul"])
def test_a_file_that_is_not_toml_is_named(content: bytes, tmp_path: Path) -> None:
    """The message holds the path and the parser's place."""
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(BadConfiguration, match=r"run\.toml is not TOML: "):
        config.read(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a folder are both refused with their path."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadConfiguration, match=f"cannot read the configuration {path}"):
            config.read(path)


# Properties

TIMES = st.times().map(lambda time: time.replace(fold=0))  # TOML's local times have no fold
SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.dates(), TIMES)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
KEYS = st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True)


def _canonical(value: object) -> str:
    """Text that is equal for equal values of equal types, whatever the order of keys: 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return str(sorted((key, _canonical(inner)) for key, inner in value.items()))
    return str([_canonical(inner) for inner in value]) if isinstance(value, list) else repr(value)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to write to."""
    return tmp_path_factory.mktemp("written") / "run.toml"


@settings(max_examples=60)
@given(table=st.dictionaries(st.text(), VALUES))
def test_what_is_written_reads_back_the_same(written: Path, table: dict[str, Any]) -> None:
    """Any TOML value, under any key, survives a write and a read unchanged, its type included."""
    written.write_text(config.write(table), encoding="utf-8")
    assert _canonical(config.read(written)) == _canonical(table)


@given(st.lists(KEYS, min_size=1, max_size=4), SCALARS)
def test_an_override_sets_exactly_one_field(path: list[str], value: object) -> None:
    """Whatever the depth, the value written as TOML arrives unchanged, and nothing else appears."""
    text = config.write({"value": value}).removeprefix("value = ").rstrip("\n")
    expected: object = value
    for key in reversed(path):
        expected = {key: expected}
    assert _canonical(config.read(None, [f"{'.'.join(path)}={text}"])) == _canonical(expected)


@given(KEYS, st.text(st.characters(codec="utf-8")))
def test_no_override_text_is_lost(key: str, text: str) -> None:
    """Any text is read as TOML, or kept as a string, or refused by name: never cut."""
    try:
        found = config.read(None, [f"{key}={text}"])[key]
    except BadConfiguration as error:
        assert text.strip()[:1] in ("[", "{", '"', "'")
        assert key in str(error)  # noqa: PT017 - it may also be accepted
    else:
        assert found == text.strip() or config.read(None, [f"{key}={config.write({'v': found})[4:].strip()}"]) == {
            key: found
        }


def test_none_is_left_out_and_paths_are_strings() -> None:
    """TOML has no null and no path; tuples become arrays."""
    assert tomllib.loads(config.write({"a": {"b": None, "c": Path("x/y"), "d": (1, 2)}})) == {
        "a": {"c": "x/y", "d": [1, 2]}
    }


def test_a_value_without_a_place_in_toml_is_refused() -> None:
    """An object is an error, never its repr."""
    with pytest.raises(TypeError):
        config.write({"a": object()})
