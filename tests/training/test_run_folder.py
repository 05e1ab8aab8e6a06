"""The folder of a run: one process at a time, and one recipe for life."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plaudit.training.run_folder import RunFolderError, held, record_facts

FACTS: dict[str, dict[str, Any]] = {
    "binding": {"data": "abc", "recipe": {"epochs": 2}},
    "loose": {"threads": 2, "torch": "2.0"},
}


def begun(folder: Path) -> None:
    """Begin a run and end it."""
    with held(folder, resume=False):
        record_facts(folder, FACTS)


def test_a_second_run_in_one_folder_is_refused_by_process(tmp_path: Path) -> None:
    """While one run holds the folder another is refused and told which process it is; afterwards it may."""
    begun(tmp_path)
    with (
        held(tmp_path, resume=True),
        pytest.raises(RunFolderError, match=rf"in use by another run .process {os.getpid()}"),
        held(tmp_path, resume=True),
    ):
        pass
    with held(tmp_path, resume=True):
        record_facts(tmp_path, FACTS)


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    """A process that dies in the folder leaves its lock file, and the next run takes over."""
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom plaudit.training.run_folder import held\n"
        "with held(Path(sys.argv[1]), resume=False): os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)
    assert died.returncode == 9 and (tmp_path / "run.lock").read_text().strip() != str(os.getpid())
    begun(tmp_path)


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    """Not empty, a run without resume, a file, a place that cannot be written: each is refused and said why."""
    (tmp_path / "notes.txt").write_text("mine")
    cases = {tmp_path: "not empty and not a run", tmp_path / "notes.txt": "is a file"}
    begun(tmp_path / "run")
    cases[tmp_path / "run"] = "already holds a run"
    cases[tmp_path / "notes.txt" / "deeper"] = "cannot write to"
    for folder, message in cases.items():
        with pytest.raises(RunFolderError, match=message), held(folder, resume=False):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    """A folder without write permission is refused before anything is computed."""
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match=r"cannot write to .* writable"), held(tmp_path, resume=False):
        pass


def test_a_write_that_is_refused_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system's reason for refusing the lock file, it is in the message."""

    def refuse(*unused: object) -> int:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RunFolderError, match="Read-only file system"), held(tmp_path, resume=False):
        pass


def test_what_binds_a_run_may_not_change(tmp_path: Path) -> None:
    """Other data or another recipe: refused, with each difference, old and new."""
    begun(tmp_path)
    changed = {**FACTS, "binding": {"data": "xyz", "recipe": {"epochs": 3}}}
    with held(tmp_path, resume=True), pytest.raises(RunFolderError) as refused:
        record_facts(tmp_path, changed)
    assert "data was 'abc' and is 'xyz'" in str(refused.value) and "recipe.epochs was 2 and is 3" in str(refused.value)


def test_what_only_changes_bits_is_named(tmp_path: Path) -> None:
    """Another number of threads or another version is a warning that names it."""
    begun(tmp_path)
    changed = {**FACTS, "loose": {"threads": 4, "torch": "2.0"}}
    with held(tmp_path, resume=True), pytest.warns(UserWarning, match="threads was 2 and is 4"):
        record_facts(tmp_path, changed)


def test_a_damaged_run_file_is_named(tmp_path: Path) -> None:
    """A run.json that is no JSON is named, and the run is not begun anew."""
    begun(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with held(tmp_path, resume=True), pytest.raises(RunFolderError, match=r"run.json cannot be read"):
        record_facts(tmp_path, FACTS)
