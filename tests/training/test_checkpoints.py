"""Checkpoints: whole or not there, found again, and never at the price of an older one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plaudit.training import checkpoints
from plaudit.training.checkpoints import CheckpointError


def fill(folder: Path) -> None:
    """Write two files."""
    (folder / "weights").write_bytes(b"w" * 1000)
    (folder / "state").write_text("state")


def fail(folder: Path) -> None:
    """Write two files and find the disk full."""
    fill(folder)
    raise OSError(28, "No space left on device")


def test_a_checkpoint_is_found_again(tmp_path: Path) -> None:
    """What was written is listed, whole, and the newest comes first by number, not by name."""
    for step in (9, 10, 2):
        checkpoints.write(tmp_path, step, fill)
    assert checkpoints.steps(tmp_path) == [10, 9, 2]
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-10"
    assert all(not checkpoints.problem(checkpoints.at(tmp_path, step)) for step in (2, 9, 10))


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    """A folder that is empty or missing has no newest checkpoint, which is no error."""
    assert checkpoints.newest(tmp_path) is None and checkpoints.newest(tmp_path / "missing") is None


def test_a_failed_write_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    """Disk full while saving: the older checkpoint is intact, named in the error, and no litter is left."""
    checkpoints.write(tmp_path, 3, fill)
    with pytest.raises(CheckpointError, match=r"step 6 .*No space left.*step 3 is intact"):
        checkpoints.write(tmp_path, 6, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-3"]
    assert not checkpoints.problem(tmp_path / "checkpoint-3")


def test_a_first_write_that_fails_says_that_nothing_is_kept(tmp_path: Path) -> None:
    """Without an earlier checkpoint the error says so."""
    with pytest.raises(CheckpointError, match="there is no earlier one"):
        checkpoints.write(tmp_path, 6, fail)


def test_a_checkpoint_is_replaced_whole(tmp_path: Path) -> None:
    """Writing a step again replaces its checkpoint."""
    checkpoints.write(tmp_path, 3, fill)
    checkpoints.write(tmp_path, 3, lambda folder: (folder / "other").touch())
    assert sorted(path.name for path in (tmp_path / "checkpoint-3").iterdir()) == ["manifest.json", "other"]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda folder: (folder / "weights").write_bytes(b"w" * 999 + b"v"), "weights is not as it was written"),
        (lambda folder: (folder / "weights").write_bytes(b"w" * 10), "weights is not as it was written"),
        (lambda folder: (folder / "state").unlink(), "state is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_named_and_passed_over(
    tmp_path: Path, damage: Callable[[Path], object], what: str
) -> None:
    """One bit, a cut file, a lost file, a lost manifest: a warning says which, and the one before is taken."""
    for step in (3, 6):
        checkpoints.write(tmp_path, step, fill)
    damage(tmp_path / "checkpoint-6")
    with pytest.warns(UserWarning, match=f"checkpoint-6 is damaged .{what}"):
        assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-3"


def test_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    """Where every checkpoint is damaged the run is not begun anew in silence."""
    checkpoints.write(tmp_path, 3, fill)
    (tmp_path / "checkpoint-3" / "state").unlink()
    with (
        pytest.warns(UserWarning, match="state is missing"),
        pytest.raises(CheckpointError, match="all 1 checkpoints are damaged"),
    ):
        checkpoints.newest(tmp_path)


def test_rotation_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    """The newest ones and the best stay; others, and what dead processes left, go."""
    for step in (1, 2, 3, 4, 5):
        checkpoints.write(tmp_path, step, fill)
    (tmp_path / "writing-6").mkdir()
    (tmp_path / "leaving-0").mkdir()
    checkpoints.rotate(tmp_path, keep=2, best=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-4", "checkpoint-5"]
