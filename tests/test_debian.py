"""Programs that slow tests need: found as they lie, installed when they can be, else a reason that says what to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import debian
from tests.debian import Missing

APT = {"apt-get": "/usr/bin/apt-get"}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with only apt-get, whose user is root; runs are recorded, and may put programs there or fail."""
    there, runs = dict(APT), []

    def run(command, **how):
        runs.append((command, how))
        failed = command[-1] == there.get("fails")
        if "install" in command and not failed:
            there[command[-1]] = f"/usr/bin/{command[-1]}"
            (tmp_path / "9" / "bin").mkdir(parents=True)
            (tmp_path / "9" / "bin" / "initdb").touch()
        return subprocess.CompletedProcess(command, 100 * failed, "", "E: no such package" if failed else "")

    monkeypatch.delenv("PLAUDIT_APT", raising=False)
    monkeypatch.setattr(shutil, "which", there.get)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "CLUSTERS", tmp_path)
    return there, runs


def test_what_is_there_is_taken(machine, tmp_path) -> None:
    """Whatever the browser's name, and the newest server by number, not by letters; nothing is run."""
    there, runs = machine
    there["chromium-browser"] = "/snap/bin/chromium-browser"
    for version in ("9", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()

    assert debian.chromium() == Path("/snap/bin/chromium-browser")
    assert debian.postgresql() == tmp_path / "15" / "bin"
    assert runs == []


@pytest.mark.parametrize(("program", "package"), [(debian.chromium, "chromium"), (debian.postgresql, "postgresql")])
def test_root_installs_what_is_missing(machine, program, package) -> None:
    """Lists first, then the one package without what it recommends, asking nobody; the second time it is there."""
    _, runs = machine
    assert program() == program()

    assert [[word for word in command if word not in debian.OPTIONS] for command, _ in runs] == [
        ["apt-get", "update"],
        ["apt-get", "install", "--no-install-recommends", package],
    ]
    assert all("-y" in command and how["env"]["DEBIAN_FRONTEND"] == "noninteractive" for command, how in runs)


def test_why_it_cannot_be_is_said(machine, monkeypatch) -> None:
    """No root, no apt-get, not allowed: nothing is run; a failure of apt-get is told in its own words."""
    there, runs = machine
    with monkeypatch.context() as forbidding:
        forbidding.setenv("PLAUDIT_APT", "no")
        with pytest.raises(Missing, match="forbids.*apt-get install --no-install-recommends chromium"):
            debian.chromium()
    with monkeypatch.context() as another:
        another.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(Missing, match="only root can install it; by hand, as root"):
            debian.postgresql()
    with monkeypatch.context() as elsewhere:
        elsewhere.delitem(there, "apt-get")
        with pytest.raises(Missing, match="no apt-get"):
            debian.postgresql()
    assert runs == []
    there["fails"] = "postgresql"
    with pytest.raises(Missing, match="install failed: E: no such package"):
        debian.postgresql()


def test_programs_must_be_there_afterwards(machine, monkeypatch) -> None:
    """A package that brings no program, and an apt-get that never ends, are reasons too."""
    with pytest.raises(Missing, match="not where they should be"):
        debian._found("sl", lambda: None)

    def forever(command, **how):
        raise subprocess.TimeoutExpired(command, how["timeout"])

    monkeypatch.setattr(subprocess, "run", forever)
    with pytest.raises(Missing, match="update took more than"):
        debian.chromium()
