"""The cache of unpacked packages: one good copy or nothing."""

import hashlib
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from plaudit.assets import AssetError, Unreachable, WrongHash, cache
from plaudit.assets.builtin import Package

ROOT = Path(__file__).parents[2]

# What the processes below share with the tests: a package of one text, and how it is unpacked.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from plaudit.assets import cache
from plaudit.assets.builtin import Package

def fetch(package, folder):
    with open(sys.argv[3], "a") as log:
        log.write("fetched\\n")
    time.sleep(0.3)
    file = folder / "tiny.txt"
    file.write_bytes(b"the text")
    return file

def unpack(file, folder):
    (folder / "text.txt").write_bytes(file.read_bytes())
    if sys.argv[1] == "die":
        os.kill(os.getpid(), signal.SIGKILL)

package = Package(project="tiny", version="1", sha256=sys.argv[2], megabytes=0, unpack=unpack)
print(cache.obtain(package, fetch))
"""
SHA256 = hashlib.sha256(b"the text").hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; returns the folder in which packages appear."""
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "assets"


def _unpack(file: Path, folder: Path) -> None:
    (folder / "text.txt").write_bytes(file.read_bytes())


def _package(**changes: object) -> Package:
    fields = {"project": "tiny", "version": "1", "sha256": SHA256, "megabytes": 0, "unpack": _unpack}
    return Package(**(fields | changes))  # type: ignore[arg-type]


def _fetch(package: Package, folder: Path) -> Path:
    file = folder / "tiny.txt"
    file.write_bytes(b"the text")
    return file


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def _start(log: Path, mode: str = "live") -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), mode, SHA256, str(log)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_package_is_fetched_once_and_then_found(folder: Path) -> None:
    """The second call reads the cache: its fetcher is never called."""
    first = cache.obtain(_package(), _fetch)

    def refuse(package: Package, folder: Path) -> Path:
        raise AssertionError("fetched again")

    assert cache.obtain(_package(), refuse) == first
    assert (first / "text.txt").read_text() == "the text"
    assert _left(folder) == [first.name]


def test_a_wrong_hash_is_refused_by_both_digests_and_nothing_is_unpacked(folder: Path) -> None:
    """The file is removed, the message holds the found and the pinned digest, and the unpacker never sees it."""
    seen: list[Path] = []

    def unpack(file: Path, target: Path) -> None:
        seen.append(file)

    with pytest.raises(WrongHash) as caught:
        cache.obtain(_package(sha256="0" * 64, unpack=unpack), _fetch)

    assert SHA256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert seen == []
    assert _left(folder) == []


def test_check_hash_removes_the_refused_file(tmp_path: Path) -> None:
    """A file with a wrong hash cannot be picked up later by mistake."""
    file = tmp_path / "tiny.txt"
    file.write_bytes(b"another text")
    with pytest.raises(WrongHash):
        cache.check_hash(file, _package())
    assert not file.exists()


@pytest.mark.parametrize("problem", [KeyError("member"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_extraction_leaves_nothing(folder: Path, problem: BaseException) -> None:
    """Whatever stops the unpacking, no folder is published and no scratch is left; the next attempt succeeds."""

    def unpack(file: Path, target: Path) -> None:
        (target / "half.txt").write_text("half")
        raise problem

    with pytest.raises((AssetError, KeyboardInterrupt)):
        cache.obtain(_package(unpack=unpack), _fetch)

    assert _left(folder) == []
    assert (cache.obtain(_package(), _fetch) / "text.txt").is_file()


def test_what_a_killed_process_left_is_removed_by_the_next(folder: Path, tmp_path: Path) -> None:
    """A kill in the middle of unpacking publishes nothing; the next process cleans up and succeeds."""
    killed = _start(tmp_path / "log", "die")
    killed.communicate(timeout=30)
    assert killed.returncode == -9
    assert [name for name in _left(folder) if not name.startswith(".")] == []
    assert len(_left(folder)) == 1

    found = cache.obtain(_package(), _fetch)

    assert _left(folder) == [found.name]


def test_two_processes_at_once_end_with_one_good_copy(folder: Path, tmp_path: Path) -> None:
    """Both return the same complete folder, and only one of them fetched."""
    log = tmp_path / "log"
    both = [_start(log), _start(log)]
    answers = [process.communicate(timeout=30) for process in both]

    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert log.read_text() == "fetched\n"
    assert (Path(answers[0][0].strip()) / "text.txt").read_text() == "the text"
    assert len(_left(folder)) == 1


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the folder and the variable that chooses another."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match=r"file/assets.*PLAUDIT_CACHE"):
        cache.obtain(_package(), _fetch)


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """PLAUDIT_CACHE goes before XDG_CACHE_HOME, which goes before the home folder."""
    monkeypatch.setenv("PLAUDIT_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert cache.cache_folder() == Path("/a")
    monkeypatch.delenv("PLAUDIT_CACHE")
    assert cache.cache_folder() == Path("/b/plaudit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path("/c/.cache/plaudit")


def _wheel(folder: Path) -> Path:
    folder.mkdir()
    file = folder / "tiny_asset-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny_asset-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-asset\nVersion: 1.0\n")
        archive.writestr(
            "tiny_asset-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_asset-1.0.dist-info/RECORD", "")
    return file


@pytest.fixture
def local_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that pip finds without any index."""
    wheel = _wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    return wheel


def test_pip_fetches_the_pinned_file(local_index: Path, tmp_path: Path) -> None:
    """The fetcher returns the very bytes the index serves, and installs nothing."""
    pinned = hashlib.sha256(local_index.read_bytes()).hexdigest()
    (tmp_path / "scratch").mkdir()
    found = cache.download(_package(project="tiny-asset", version="1.0", sha256=pinned), tmp_path / "scratch")
    assert found.read_bytes() == local_index.read_bytes()


def test_pip_itself_refuses_a_wrong_hash(local_index: Path, tmp_path: Path) -> None:
    """The hash is checked before pip could run anything of a source distribution; both digests are in the message."""
    found = hashlib.sha256(local_index.read_bytes()).hexdigest()
    with pytest.raises(Unreachable) as caught:
        cache.obtain(_package(project="tiny-asset", version="1.0", sha256="0" * 64))
    assert found in str(caught.value)
    assert "0" * 64 in str(caught.value)


def test_a_package_that_cannot_be_had_names_it_and_the_way_out(local_index: Path, folder: Path) -> None:
    """Without an index the error names the exact version and the two variables that help."""
    with pytest.raises(Unreachable, match=r"tiny==1 .*PIP_INDEX_URL.*PIP_FIND_LINKS"):
        cache.obtain(_package())
    assert _left(folder) == []
