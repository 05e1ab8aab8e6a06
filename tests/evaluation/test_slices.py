"""Slices part the comparisons: each is in exactly one part."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from plaudit.evaluation.slices import parts, with_length
from plaudit.predictions import Predictions
from tests.scored import as_labels, predictions


@given(predictions())
@settings(max_examples=40, deadline=None)
def test_every_comparison_is_in_one_part(scored: Predictions) -> None:
    """The parts' comparisons together are all of them, and each part has one label; True is not 1."""
    found = list(parts(scored, "source"))
    assert sum(len(part) for _, part in found) == len(scored)
    for label, part in found:
        assert {(type(own), own) for own in part.slices["source"]} == {(type(label), label)}
    margins = np.concatenate([part.margins for _, part in found])
    assert sorted(margins) == sorted(scored.margins)


def test_length_labels_say_which_side_is_longer() -> None:
    """Longer, shorter, as long; a tie has no chosen side."""
    scored = Predictions.from_pairs(
        np.ones(4), np.zeros(4), outcome=[1, 1, 1, 0.5], lengths=([5, 1, 3, 9], [2, 4, 3, 1])
    )
    assert with_length(scored).slices["chosen_is"].tolist() == ["longer", "shorter", "as long", "tied"]
    known = replace(scored, slices={"chosen_is": as_labels("abcd")})
    assert with_length(known) is known
    unknown = replace(scored, lengths=np.zeros(8, int))
    assert with_length(unknown) is unknown


def test_unknown_slice_is_refused() -> None:
    """The message lists the slices there are."""
    scored = Predictions.from_pairs([1.0], [0.0], slices={"source": ["hh"]})
    with pytest.raises(ValueError, match="no slice is called 'x'; there are: source"):
        list(parts(scored, "x"))


def test_labels_that_python_calls_equal_are_different_slices() -> None:
    """1, True, 1.0 and "1" are four labels, in a stable order, each with its own comparisons; no label, no part."""
    labels = [1, True, "1", 1.0, None, True, 1]
    scored = Predictions.from_pairs(np.arange(7.0), np.zeros(7), slices={"kind": labels})
    found = [(type(label).__name__, part.margins.tolist()) for label, part in parts(scored, "kind")]

    assert found == [
        ("NoneType", [4.0]), ("bool", [1.0, 5.0]), ("float", [3.0]), ("int", [0.0, 6.0]), ("str", [2.0]),
    ]  # fmt: skip
    assert list(parts(scored.select([]), "kind")) == []
