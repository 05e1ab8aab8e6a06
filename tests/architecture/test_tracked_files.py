"""What is under version control is the project's own and works on any machine."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, tracked

# Written in two halves so that this file does not hold what it looks for.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "download." + "pytorch.org"]
PLACES = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/o" + "pt/"]
LARGEST = 1_000_000


def texts() -> list[tuple[Path, str]]:
    """Return the tracked files that are text, with what they hold."""
    found = [(path, path.read_bytes()) for path in tracked()]
    return [(path.relative_to(ROOT), raw.decode()) for path, raw in found if b"\0" not in raw]


@pytest.mark.parametrize("host", HOSTS)
def test_no_package_registry_is_named(host: str) -> None:
    """Which index packages come from is the user's affair."""
    assert [str(path) for path, text in texts() if host in text] == []


@pytest.mark.parametrize("place", PLACES)
def test_no_path_of_one_machine_is_named(place: str) -> None:
    """No absolute path into somebody's folders."""
    pattern = re.compile(rf"(?<![\w.)}}/]){re.escape(place)}\w")

    assert [str(path) for path, text in texts() if pattern.search(text)] == []


def test_no_large_file_is_tracked() -> None:
    """Models and data come from packages or hubs, never from this repository."""
    assert [str(path) for path in tracked() if path.stat().st_size > LARGEST] == []


def test_the_ci_script_is_valid_and_executable() -> None:
    """.ci/run parses as bash, stops at the first failure and may be run."""
    script = ROOT / ".ci" / "run"

    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o100


def targets() -> list[str]:
    """Return the documented targets of the Makefile."""
    return re.findall(r"^([a-z.-]+):.* ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", targets())
def test_every_make_target_can_be_planned(target: str) -> None:
    """`make -n` finds a way to each target, from nothing."""
    run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
