"""Objectives by name, from the command line to the artefact: settings, refusals and what is learned."""

import json

import pytest

from plaudit import cli


def call(settings, output, *more):
    """Train a little through the command line; return its exit code."""
    wanted = (*settings, "training.max_steps=6", *more)
    return cli.main(["train", "--output", str(output), "--json", *(part for one in wanted for part in ("--set", one))])


def test_what_an_objective_learns_is_in_the_result_and_the_artefact(settings, tmp_path, capsys):
    """The tie parameter, away from its start, under ``objective``, beside name and settings, in both."""
    code = call(settings, tmp_path / "run", "objective.name=davidson", "training.objective_learning_rate=0.05")
    found = json.loads(capsys.readouterr().out)["objective"]
    recipe = json.loads((tmp_path / "run" / "artefact" / "plaudit.json").read_text())["recipe"]

    assert code == 0
    assert found == recipe["objective"]
    assert (found["name"], found["nu"]) == ("davidson", "learn")
    assert 0.5 < found["learned"]["nu"] < 0.95


def test_a_person_is_told_what_was_learned(settings, tmp_path, capsys):
    """One sentence on the terminal; none where nothing is learned."""
    learn = ("objective.name=robust", "objective.flip_rate=learn")
    for name, more, count in (("learned", learn, 1), ("known", ("objective.name=robust",), 0)):
        wanted = (*settings, "training.max_steps=2", *more)
        sets = (part for one in wanted for part in ("--set", one))
        assert cli.main(["train", "--output", str(tmp_path / name), *sets]) == 0
        assert capsys.readouterr().out.count("The objective learned flip_rate = 0.") == count


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (("name=focal", "gamma=-1"), "gamma must be a finite number, 0 or more, not -1"),
        (("name=hinge", "power=3"), "power = 3"),
        (("name=triplet", "margin=0"), "margin must be a finite number above 0"),
        (("name=thurstone", "noise=0"), "noise must be a finite number above 0"),
        (("name=robust", "flip_rate=0.5"), r"flip_rate must be in [0, 0.5)"),
        (("name=robust", "flip_rate=guess"), "flip_rate"),
        (("name=adaptive_margin", "limit=0"), "limit must be above 0"),
        (("name=davidson", "nu=0"), "nu must be a finite number above 0"),
        (("name=rao_kupper", "theta=1"), "theta must be a finite number above 1"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_read(objective, message, settings, tmp_path, capsys):
    """Exit code 1, the section, the setting and what is valid."""
    code = call(settings, tmp_path / "run", *(f"objective.{setting}" for setting in objective))
    told = capsys.readouterr().err

    assert code == 1
    assert "[objective]" in told
    assert message in told
