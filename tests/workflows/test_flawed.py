"""``plaudit audit`` names what is wrong with a scorer, and has nothing to say against a sound one."""

import json
from pathlib import Path
from typing import Any

import pytest

from plaudit.cli import main
from plaudit.preferences.formats.trl import Trl
from tests.flawed import PLANTED
from tests.honest import world


def audited(model: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The record that the command prints of a callable, on a file of the small world."""
    data, output = folder / "world.jsonl", folder / "audit"
    data.write_text("".join(json.dumps(row) + "\n" for row in Trl().write(world(5, 250))), encoding="utf-8")
    asked = ["--data", str(data), "--output", str(output), "--resamples", "400", "--json"]
    assert main(["audit", f"tests.flawed:scores_{model}", *asked]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    page = (output / "audit.html").read_text(encoding="utf-8")
    assert all(worry["sentence"][1:30] in page for worry in record["worries"][:3])
    return record


@pytest.mark.slow
@pytest.mark.parametrize("flaw", PLANTED)
def test_the_command_names_a_planted_flaw(flaw: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was planted is among the first three worries of the record, and they stand on the page."""
    reward, names = PLANTED[flaw]
    record = audited(reward.__name__, tmp_path, capsys)

    assert names <= {worry["name"] for worry in record["worries"][:3]}


@pytest.mark.slow
def test_the_command_has_nothing_against_a_sound_scorer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scorer that knows what is good, with noise, raises no worry."""
    assert audited("sound", tmp_path, capsys)["worries"] == []
