"""Set-up: every package that `make` installs is pinned, and the versions told agree."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import plaudit
from tests.architecture.sources import ROOT

INSTALLED_EXTRAS = ("report", "search", "dev")


def project() -> dict[str, Any]:
    """Return pyproject.toml's [project]."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def pins(name: str = "constraints.txt") -> dict[str, str]:
    """Return the pinned versions of a constraints file by canonical package name."""
    stated = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line and line[0] not in "#-"]
    requirements = [Requirement(line) for line in stated]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in requirements}


def needed() -> list[Requirement]:
    """Return what [project] and the installed extras name, plaudit itself left out."""
    table = project()
    stated = [*table["dependencies"], *(r for extra in INSTALLED_EXTRAS for r in table["optional-dependencies"][extra])]
    return [r for r in map(Requirement, stated) if r.name != "plaudit"]


@pytest.mark.parametrize("requirement", needed(), ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    """What pyproject.toml names has one exact version in constraints.txt, and one it allows."""
    pinned = pins()[canonicalize_name(requirement.name)]

    assert requirement.specifier.contains(pinned, prereleases=True)


@pytest.mark.parametrize("name", sorted(pins()))
def test_what_a_pinned_package_needs_is_pinned(name: str) -> None:
    """The pins are closed: the dependencies of a pinned package, as installed here, are pinned too."""
    try:
        stated = requires(name) or []
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    wanted = [r for r in map(Requirement, stated) if r.marker is None or r.marker.evaluate({"extra": ""})]

    assert sorted({canonicalize_name(r.name) for r in wanted} - set(pins()) - _of_the_cuda_build(name)) == []


def test_pins_are_exact_and_without_local_versions() -> None:
    """One version each, and none that binds to one build or one platform."""
    assert [pin for pin in pins().items() if not re.fullmatch(r"[0-9][0-9A-Za-z.]*", pin[1])] == []


def test_the_environment_has_the_pinned_versions() -> None:
    """Tests run on what is pinned; a build tag such as +cpu does not count."""
    found = {name: version(name).split("+")[0] for name in pins() if _is_installed(name)}

    assert found == {name: pins()[name] for name in found}


def test_the_peers_run_on_the_same_libraries() -> None:
    """constraints-peers.txt holds the peers alone and takes all else from constraints.txt."""
    assert "-c constraints.txt" in (ROOT / "constraints-peers.txt").read_text(encoding="utf-8").splitlines()
    assert set(pins("constraints-peers.txt")) == {"sentence-transformers", "trl"}


def test_the_changelog_tells_the_version() -> None:
    """CHANGELOG's newest version is the project's; an installed plaudit says the same."""
    told = re.findall(r"^## ([0-9][\w.]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert told[0] == project()["version"]
    assert plaudit.__version__ in {project()["version"], "0.0.0"}


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _of_the_cuda_build(name: str) -> set[str]:
    """Return what a CUDA build of torch adds: it pins these itself."""
    heavy = ("nvidia-", "cuda-", "triton")
    stated = [canonicalize_name(Requirement(r).name) for r in requires(name) or []] if name == "torch" else []
    return {r for r in stated if r.startswith(heavy)}
