"""Objectives in a whole run: lists and ratings learned from files, negatives added, and what does not fit refused."""

import json

import pytest

from plaudit import cli
from plaudit.workflows.data import Data, prepare


def flags(settings):
    """Return settings as arguments."""
    return [part for one in settings for part in ("--set", one)]


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """120 responses without a prompt, rated by how often they say yes."""
    rows = [{"response": f"yes {'yes ' * (n % 4)}number {n}", "rating": float(n % 4)} for n in range(120)]
    path = tmp_path_factory.mktemp("rated") / "rated.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("objective", "missing"),
    [
        ('objective.name="plackett_luce"', "has three responses in order, only two"),
        ('objective.name="squared_error"', "needs rated responses, and there are none"),
    ],
)
def test_an_objective_that_does_not_fit_is_refused(objective, missing, settings, capsys, tmp_path):
    """One line that says what is missing and which objectives would fit; no artefact."""
    code = cli.main(["train", "--output", str(tmp_path / "out"), *flags([*settings, objective])])
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert code == 1
    assert len(error) == 1
    assert missing in error[0]
    assert "objectives that would fit: " in error[0]
    assert "bradley_terry" in error[0]
    assert not (tmp_path / "out" / "artefact").exists()


@pytest.mark.parametrize(
    "chosen",
    [
        ['objective.name="plackett_luce"', "data.gap=0.1", "data.ties=true"],
        ['objective.name="squared_error"', "objective.centre=1.5", "data.compare=false"],
    ],
)
def test_ratings_are_learned_as_lists_or_as_they_are(chosen, rated, settings, capsys, tmp_path):
    """Blocks in order, ties included, or ratings without any comparison: a measured artefact either way."""
    own = [one for one in settings if not one.startswith("data.train")]
    short = ["training.max_steps=2", "evaluation.resamples=100", f'data.train=["{rated}"]']
    code = cli.main(["train", "--output", str(tmp_path / "out"), *flags([*own, *short, *chosen]), "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert 0 <= json.loads(printed.out)["accuracy"] <= 1


def test_negatives_are_added_to_the_training_part_alone(pairs):
    """As many as asked for, said aloud; validation and test are as they were."""
    said = []
    plain = prepare(Data(train=[str(pairs)]), said.append)
    parts = prepare(Data(train=[str(pairs)], cross_prompt_negatives=2), said.append)
    assert {len(one.responses) for one in parts["train"]} == {4}
    assert {len(one.comparisons) for one in parts["train"]} == {3}
    assert [parts[name].fingerprint == plain[name].fingerprint for name in ("train", "validation", "test")] == [
        False,
        True,
        True,
    ]
    count = len(parts["train"])
    assert said == [f"train: {2 * count:,} responses to other prompts added as losers; 0 records got none"]


def test_ratings_may_be_left_alone_in_training(rated):
    """With compare = false the training part has no comparisons; the test part, which is measured, has them."""
    parts = prepare(Data(train=[str(rated)], compare=False))
    assert sum(len(one.comparisons) for one in parts["train"]) == 0
    assert all(one.responses[0].ratings for one in parts["train"])
    assert sum(len(one.comparisons) for one in parts["test"]) > 0


@pytest.mark.parametrize("name", ["limit", "cross_prompt_negatives"])
def test_numbers_below_zero_are_refused(name):
    """The message names the setting and its range."""
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, not -1"):
        Data(**{name: -1})
