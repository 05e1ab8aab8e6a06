"""Predictions hold exact numbers, refuse wrong ones by name, and come back from files as they were."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.predictions import Predictions
from tests.scored import as_labels, predictions

ARRAYS = (
    *("rewards", "response_group", "lengths", "variance"),
    *("chosen", "rejected", "outcome", "weight", "strength", "margin_variance"),
)

PAIRS = Predictions.from_pairs([3.0, 0.5], [1.0, 0.5], group=[7, 9], lengths=([5, 6], [8, 2]))


def assert_same(left: Predictions, right: Predictions) -> None:
    for name in ARRAYS:
        found, wanted = getattr(left, name), getattr(right, name)
        assert found.dtype == wanted.dtype
        assert found.tobytes() == wanted.tobytes() or np.array_equal(found, wanted, equal_nan=True), name
    assert {name: labels.tolist() for name, labels in left.slices.items()} == {
        name: labels.tolist() for name, labels in right.slices.items()
    }
    for table in ("parts", "ratings"):
        found, wanted = getattr(left, table), getattr(right, table)
        assert list(found) == list(wanted)
        assert all(np.array_equal(found[name], wanted[name], equal_nan=True) for name in found)
    assert (left.by_response, left.ids) == (right.by_response, right.ids)


def test_probability_is_the_sigmoid_of_the_margin() -> None:
    """Probabilities are 1 / (1 + exp(-margin)), without overflow at huge margins."""
    scored = Predictions.from_pairs([2.0, 0.0, 1e30, 0.0], [0.5, 0.0, 0.0, 1e30])
    assert scored.probabilities.tolist() == [1 / (1 + math.exp(-1.5)), 0.5, 1.0, 0.0]
    assert PAIRS.length_differences.tolist() == [-3, 4]


def test_lists_and_float32_are_taken_exactly_and_sealed() -> None:
    """Rewards of any float kind become float64 without rounding, and no array can be written to."""
    rewards = np.array([0.1, 0.2], np.float32)
    scored = replace(PAIRS, rewards=np.concatenate([rewards, rewards]))
    assert scored.rewards.dtype == np.float64
    assert scored.rewards[0] == float(np.float32(0.1))
    with pytest.raises(ValueError, match="read-only"):
        scored.rewards[0] = 1.0
    rewards[0] = 5.0  # the caller's own array stays writeable
    assert scored.rewards[0] != 5.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": [1.0, np.nan, 0.0, 0.0], "ids": ("a", "b", "c", "d")}, "reward of response 'b' is nan"),
        ({"rewards": [1.0, 2.0, 0.0, -np.inf]}, "reward of response number 3 is -inf"),
        ({"rewards": [1.0, 2.0, 1e39, 0.0]}, "finite float32"),
        ({"rewards": ["a", "b", "c", "d"]}, "rewards has dtype <U1"),
        ({"rewards": [[1.0], [2.0]]}, r"rewards has shape \(2, 1\)"),
        ({"rewards": [1.0]}, "response_group has 4 entries for 1 responses"),
        ({"chosen": [0, 4]}, "chosen of comparison 1 is 4; it must be an index from 0 to 3"),
        ({"rejected": [-1, 3]}, "rejected of comparison 0 is -1"),
        ({"chosen": [0.0, 1.0]}, "chosen has dtype float64; it must hold whole numbers"),
        ({"outcome": [1.0, 0.0]}, r"outcome of comparison 1 is 0.0; it must be 1 \(chosen won\) or 0.5"),
        ({"outcome": [np.nan, 1.0]}, "outcome of comparison 0 is nan"),
        ({"weight": [1.0, -1.0]}, "weight of comparison 1 is -1.0"),
        ({"weight": [np.nan, 1.0]}, "weight of comparison 0 is nan"),
        ({"weight": [1.0, np.inf]}, "weight of comparison 1 is inf"),
        ({"weight": [1.0]}, "weight has 1 entries for 2 comparisons"),
        ({"strength": [np.inf, 1.0]}, "strength of comparison 0 is inf"),
        (
            {"variance": [1.0, 2.0, -3.0, np.nan]},
            "^variance holds negative or infinite values; it is 0 or more, or NaN",
        ),
        ({"margin_variance": [1.0, np.inf]}, "^margin_variance holds negative or infinite values"),
        ({"margin_variance": [1.0]}, "margin_variance has 1 entries for 2 comparisons"),
        ({"lengths": [1, 2, 3, -4]}, "length of response number 3 is -4"),
        ({"response_group": [7, 9, 7, 8]}, r"groups of comparison 1 is \[9 8\]; it must be the same on both sides"),
        ({"slices": {"source": ["x"]}}, "slice 'source' has 1 entries for 2 comparisons"),
        ({"slices": {"source": ["x", np.nan]}}, "slice 'source' of comparison 1 is nan"),
        ({"slices": {"source": ["x", ["y"]]}}, r"slice 'source' of comparison 1 is \['y'\]"),
        ({"ids": ("a",)}, "ids has 1 entries for 4 responses"),
        ({"parts": {"span": [1.0, 2.0]}}, "parts 'span' has 2 entries for 4 responses"),
        ({"ratings": {"humor": [1.0, np.nan, np.inf, 0.0]}}, "ratings 'humor' holds infinite values"),
        ({"ratings": {"humor": ["a", "b", "c", "d"]}}, "ratings 'humor' has dtype <U1"),
    ],
)
def test_wrong_input_is_refused_by_name(change: dict[str, object], message: str) -> None:
    """Every array is checked, and the message says which entry is wrong and what would be right."""
    with pytest.raises(ValueError, match=message):
        replace(PAIRS, **change)  # type: ignore[arg-type]


def test_pairs_need_two_sides() -> None:
    """Rewards of chosen and rejected responses come in equal numbers."""
    with pytest.raises(ValueError, match="chosen has 2 rewards and rejected 1"):
        Predictions.from_pairs([1.0, 2.0], [1.0])


@given(predictions(), st.data())
def test_select_keeps_what_is_said_about_a_comparison(scored: Predictions, data: st.DataObject) -> None:
    """A selection has the chosen comparisons' own margins, labels, weights, groups and ids, in the order asked for."""
    kept = data.draw(st.lists(st.integers(0, len(scored) - 1)))
    part = scored.select(kept)
    assert part.margins.tolist() == scored.margins[kept].tolist()
    assert part.weight.tolist() == scored.weight[kept].tolist()
    np.testing.assert_array_equal(part.margin_variance, scored.margin_variance[kept])
    assert part.slices["source"].tolist() == [scored.slices["source"][i] for i in kept]
    assert part.length_differences.tolist() == scored.length_differences[kept].tolist()
    for side, whole in zip(part.comparison_groups, scored.comparison_groups, strict=True):
        assert side.tolist() == whole[kept].tolist()
    for table in ("parts", "ratings"):
        for name, column in getattr(scored, table).items():
            np.testing.assert_array_equal(getattr(part, table)[name][part.chosen], column[scored.chosen[kept]])
    if scored.ids:
        assert [part.ids[i] for i in part.chosen] == [scored.ids[scored.chosen[i]] for i in kept]


def test_select_takes_a_mask() -> None:
    """One boolean a comparison selects those that are true."""
    assert PAIRS.select([False, True]).margins.tolist() == [0.0]


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
@given(scored=predictions(fewest=0))
@settings(max_examples=40)
def test_files_give_back_every_bit(suffix: str, scored: Predictions) -> None:
    """What is saved is loaded again exactly, in both forms, down to labels' kinds and the last bit of a reward."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"scored{suffix}"
        scored.save(path)
        assert_same(Predictions.load(path), scored)
        assert [found.name for found in Path(folder).iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_surrogates_and_nulls_survive(suffix: str, tmp_path: Path) -> None:
    """Text that is not valid UTF-8, or ends in NUL, is kept as it is."""
    scored = replace(PAIRS, ids=("a\0", "\ud800", "", "é"), slices={"\udfff": as_labels(["x\0", "y"])})
    scored.save(tmp_path / f"scored{suffix}")
    assert_same(Predictions.load(tmp_path / f"scored{suffix}"), scored)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: [], "line 1 does not say kind"),
        (lambda lines: ['{"kind": "other"}', *lines[1:]], "line 1 does not say kind 'plaudit predictions'"),
        (lambda lines: lines[:-1], "promises 6 lines after it and there are 5"),
        (lambda lines: [*lines[:2], "{", *lines[3:]], "line 3 is not JSON"),
        (lambda lines: [*lines[:2], "[]", *lines[3:]], "line 3 is not an object"),
        (lambda lines: [*lines[:2], "{}", *lines[3:]], "line 3 has no field 'rewards'"),
        (lambda lines: [*lines[:5], "{}", *lines[6:]], "line 6 has no field 'slices'"),
        (lambda lines: [*lines[:1], lines[1].replace("3.0", "NaN"), *lines[2:]], "reward of response number 0 is nan"),
        (lambda lines: [*lines[:1], lines[1].replace("3.0", '"3"'), *lines[2:]], "rewards has dtype"),
    ],
)
def test_damaged_lines_are_named(edit: object, message: str, tmp_path: Path) -> None:
    """A file that was cut or edited is refused with its name, the line and the field."""
    path = tmp_path / "scored.jsonl"
    PAIRS.save(path)
    path.write_text("\n".join(edit(path.read_text().splitlines())))  # type: ignore[operator]
    with pytest.raises(ValueError, match=message) as caught:
        Predictions.load(path)
    assert str(path) in str(caught.value)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    """An empty, a cut and a foreign npz file are refused with the file's name."""
    path = tmp_path / "scored.npz"
    PAIRS.save(path)
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", rewards=np.zeros(2))
    for content in (b"", whole[: len(whole) // 2], (tmp_path / "other.npz").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not saved predictions"):
            Predictions.load(path)


def test_unknown_suffix_and_missing_file(tmp_path: Path) -> None:
    """Other suffixes are refused with the known ones; a missing file is what Python calls it."""
    with pytest.raises(ValueError, match=r"kept as \.jsonl or \.npz, not '\.csv'"):
        PAIRS.save(tmp_path / "scored.csv")
    with pytest.raises(FileNotFoundError):
        Predictions.load(tmp_path / "absent.jsonl")


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path) -> None:
    """A label that cannot be written stops the save and leaves the file from before, and nothing beside it."""
    path = tmp_path / "scored.jsonl"
    PAIRS.save(path)
    before = path.read_bytes()
    broken = replace(PAIRS, slices={"source": as_labels(["x", "y"])})
    broken.slices["source"].flags.writeable = True
    broken.slices["source"][1] = float("inf")
    with pytest.raises(ValueError, match="JSON compliant"):
        broken.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_lines_are_plain_json(tmp_path: Path) -> None:
    """Any reader of JSON lines gets the numbers: no NaN, a missing strength is null."""
    PAIRS.save(tmp_path / "scored.jsonl")
    lines = (tmp_path / "scored.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in lines]
    assert rows[1] == {"rewards": 3.0, "response_group": 7, "lengths": 5}
    assert rows[5]["strength"] is None


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_files_from_before_variances_of_margins_are_read(suffix: str, tmp_path: Path) -> None:
    """A file without the column gives NaN, and no sum of variances is made up for it."""
    path, old = tmp_path / f"new{suffix}", tmp_path / f"old{suffix}"
    known = replace(PAIRS, variance=[1.0, 2.0, 3.0, 4.0], margin_variance=[0.5, 0.25])  # type: ignore[arg-type]
    known.save(path)
    if suffix == ".npz":
        with np.load(path) as arrays:
            np.savez(old, **{name: arrays[name] for name in arrays if name != "margin_variance"})
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [{name: value for name, value in row.items() if name != "margin_variance"} for row in rows]
        old.write_text("\n".join(map(json.dumps, kept)))
    assert Predictions.load(path).margin_variance.tolist() == [0.5, 0.25]
    assert np.isnan(Predictions.load(old).margin_variance).all()
    assert Predictions.load(old).variance.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_evaluation_needs_no_torch() -> None:
    """From predictions on nothing imports torch or transformers, directly or indirectly."""
    code = (
        "import sys, plaudit.predictions, plaudit.evaluation.evaluate;"
        "from plaudit.evaluation.metrics import choose; choose();"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
