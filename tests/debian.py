"""Programs of Debian that slow tests need: found, or installed where that can be done, or a reason to skip.

``python -m tests.debian`` installs all of them, as root. ``PLAUDIT_APT=no`` forbids tests to install anything.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

CHROMIUM, POSTGRESQL = "chromium", "postgresql"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CLUSTERS = Path("/usr/lib/postgresql")
"""Where Debian puts the programs of PostgreSQL servers, a folder a version; most are on no path."""
OPTIONS = ("-o", "DPkg::Lock::Timeout=300", "-q", "-y")
SECONDS = 400


class Missing(Exception):
    """A program is not there and cannot be installed; the message says why, and what to do."""


def chromium() -> Path:
    """Return the browser.

    Raises:
        Missing: there is none, and it cannot be installed.
    """
    return _found(CHROMIUM, _chromium)


def postgresql() -> Path:
    """Return the folder of the newest server's programs.

    Raises:
        Missing: there is none, and it cannot be installed.
    """
    return _found(POSTGRESQL, _postgresql)


def _chromium() -> Path | None:
    return next((Path(found) for name in BROWSERS if (found := shutil.which(name))), None)


def _postgresql() -> Path | None:
    found = sorted(CLUSTERS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    named = shutil.which("initdb")
    return found[-1].parent if found else None if named is None else Path(named).resolve().parent


def _found(package: str, look: Callable[[], Path | None]) -> Path:
    path = look()
    if path is None:
        install(package)
        path = look()
    if path is None:
        raise Missing(f"{package} was installed, and its programs are not where they should be")
    return path


def install(package: str) -> None:
    """Install a package of Debian.

    Raises:
        Missing: it is not allowed, not possible for this user or on this system, or it failed.
    """
    reason = _hindrance()
    if reason:
        by_hand = f"apt-get install --no-install-recommends {package}"
        raise Missing(f"{package} is not installed, and {reason}; by hand, as root: {by_hand}")
    for arguments in (("update",), ("install", "--no-install-recommends", package)):
        _apt(package, *arguments)


def _hindrance() -> str:
    """Return why nothing can be installed, or an empty string."""
    if os.environ.get("PLAUDIT_APT") == "no":
        return "PLAUDIT_APT=no forbids to install it"
    if shutil.which("apt-get") is None:
        return "there is no apt-get to install it with"
    return "only root can install it" if os.geteuid() else ""


def _apt(package: str, *arguments: str) -> None:
    asked = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", *OPTIONS, *arguments], env=asked, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{package}: apt-get {arguments[0]} took more than {SECONDS} seconds") from error
    if done.returncode:
        raise Missing(f"{package}: apt-get {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")


if __name__ == "__main__":
    for program in (chromium, postgresql):
        print(program())
