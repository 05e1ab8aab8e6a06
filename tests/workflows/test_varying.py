"""What a search may vary: choices, ranges, tables; and what is refused, by name, before anything runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit import config
from plaudit.config import BadConfiguration
from plaudit.workflows.varying import Choices, Range, axes, check, overlaid, points, settings_of

NAMES = st.text("abc", min_size=1, max_size=2)
TABLES = st.recursive(st.integers() | st.lists(st.integers(), max_size=2), lambda inner: st.dictionaries(NAMES, inner))


def test_dotted_keys_and_nested_tables_are_the_same():
    """A TOML file may quote the whole setting or not, and so may the tables of a choice."""
    whole = {"training.learning_rate": {"low": 1e-6, "high": 1e-4, "log": True}, "objective.name": ["hinge", "focal"]}
    nested = {
        "training": {"learning_rate": {"low": 1e-6, "high": 1e-4, "log": True}},
        "objective": {"name": ["hinge", "focal"]},
    }

    assert axes(whole) == axes(nested)
    assert [type(axis) for axis in axes(whole)] == [Range, Choices]


def test_a_choice_may_be_a_table_of_settings():
    """Its settings go together, beside choices that are plain values; an empty table is a value."""
    (axis,) = axes({"objective.name": ["hinge", {"objective": {"name": "squared_error"}, "data.compare": False}]})
    (other,) = axes({"model": [{"model": {"architecture": "scalar", "settings": {}}}]})

    assert [dict(axis.of(label)) for label in axis.values()] == [
        {"objective.name": "hinge"},
        {"objective.name": "squared_error", "data.compare": False},
    ]
    assert dict(other.of(other.labels[0])) == {"model.architecture": "scalar", "model.settings": {}}


@given(TABLES.filter(lambda table: isinstance(table, dict)), st.lists(NAMES, min_size=1, max_size=3), st.integers())
def test_a_setting_is_laid_over_a_copy(tables, path, value):
    """The value stands where the dots say, everything beside it as before, and the given tables are untouched."""
    before, below = repr(tables), tables
    for part in path[:-1]:
        below = below.get(part, {})
        if not isinstance(below, dict):
            with pytest.raises(BadConfiguration, match="is a value, not a section"):
                overlaid(tables, {".".join(path): value})
            return
    reached = found = overlaid(tables, {".".join(path): value})
    for part in path:
        reached = reached[part]

    assert reached == value
    assert repr(tables) == before
    assert {name: inner for name, inner in found.items() if name != path[0]} == {
        name: inner for name, inner in tables.items() if name != path[0]
    }


def test_a_finite_space_is_counted_and_a_range_is_not():
    """Every combination once, whole ranges among them; a range of real numbers has none to list."""
    finite = axes({"training.batch_size": {"low": 2, "high": 8, "step": 3}, "model.pooling": ["last", "mean"]})
    found = points(finite)

    assert found is not None
    assert sorted(settings_of(finite, point)["training.batch_size"] for point in found) == [2, 2, 5, 5, 8, 8]
    assert len({repr(point) for point in found}) == 6
    assert points(axes({"training.learning_rate": {"low": 0.1, "high": 1.0}})) is None


REFUSED = {
    "nothing": ({}, "is empty"),
    "no choices": ({"training.learning_rate": []}, "no choices"),
    "a bare value": ({"training.learning_rate": 1e-4}, "must be a list of choices, or a range"),
    "twice the same": ({"training.learning_rate": [1e-4, 1e-4]}, "is there 2 times"),
    "varied twice": ({"a": [{"model.pooling": "last"}], "model.pooling": ["mean"]}, "varied by a and by model.pooling"),
    "over and under": ({"model.settings": [[]], "model.settings.members": [2]}, "varied by"),
    "low above high": ({"training.learning_rate": {"low": 1.0, "high": 0.1}}, "low must be below high"),
    "log of zero": ({"training.weight_decay": {"low": 0.0, "high": 0.1, "log": True}}, "low must be above 0"),
    "no high": ({"training.learning_rate": {"low": 0.1}}, "high is missing"),
    "range of text": ({"training.learning_rate": {"low": "a", "high": "b"}}, "'a': Input should be a valid"),
    "an unknown key": ({"training.learning_rate": {"low": 0.1, "high": 1.0, "logarithmic": True}}, "logarithmic"),
    "a step too far": ({"training.learning_rate": {"low": 0.1, "high": 1.0, "step": 2.0}}, "step = 2.0"),
    "half a step": ({"training.batch_size": {"low": 1, "high": 8, "step": 0.5}}, "must be whole"),
    "a step beside high": ({"training.batch_size": {"low": 2, "high": 8, "step": 4}}, "must be a multiple of step = 4"),
    "the split": ({"data.seed": [0, 1]}, "one split and one held-out part"),
    "the held-out ratings": ({"data.gap": [0.5, 1.0]}, "only data.compare"),
    "luck": ({"training.seed": [0, 1]}, "a seed is luck"),
    "the figure": ({"training.monitor": ["loss", "nll"]}, "one figure"),
    "the measurement": ({"evaluation.resamples": [100, 200]}, "cannot be varied"),
    "the budget": ({"search.trials": [1, 2]}, "cannot be varied"),
    "a section": ({"training": [1, 2]}, "section.setting"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_varied_is_refused(name):
    """The message names setting and reason."""
    vary, message = REFUSED[name]
    with pytest.raises(BadConfiguration, match=r"search\.vary") as caught:
        axes(vary)

    assert message in str(caught.value)


UNKNOWN = {
    "an unknown setting": ({"training.learning_rates": [1e-4]}, "did you mean|no such field"),
    "an unknown section": ({"modle.base": ["a"]}, "unknown sections modle"),
    "an unknown objective": ({"objective.name": ["bradley_terry", "bradley"]}, "bradley"),
    "an unknown architecture": ({"model.architecture": ["scalar", "scaler"]}, "scaler"),
    "a wrong type": ({"training.learning_rate": [1e-4, "fast"]}, "fast"),
    "a value out of range": ({"training.batch_size": {"low": 0, "high": 4}}, "batch_size must be above 0"),
    "another's setting": ({"objective": [{"objective.name": "hinge", "objective.gamma": 2.0}]}, "gamma"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_every_choice_is_tried_out_before_a_search(name):
    """A choice that no run could use is named with the setting, the value and what is valid."""
    vary, message = UNKNOWN[name]
    with pytest.raises(BadConfiguration, match=message) as caught:
        check(axes(vary), {"objective": {"name": "bradley_terry"}})

    assert str(caught.value).startswith("[search.vary] ")


def test_settings_read_from_the_command_line_are_the_same():
    """``--set search.vary.training.learning_rate=[…]`` says what the file would."""
    tables = config.read(None, ["search.vary.training.learning_rate=[1e-4, 2e-4]"])

    assert axes(tables["search"]["vary"]) == axes({"training.learning_rate": [1e-4, 2e-4]})
