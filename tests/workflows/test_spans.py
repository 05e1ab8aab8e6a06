"""Span feedback in a whole run: learned from a file, and refused before training where something is missing."""

import json

import pytest

from plaudit import cli

SUPERVISED = ['model.architecture="hierarchical"', "model.settings.span=4", 'objective.name="bradley_terry"']
REGULARISER = 'objective.regularisers=[{name="span_supervision", weight=0.5}]'


def flags(settings):
    """Return settings as arguments."""
    return [part for one in settings for part in ("--set", one)]


def row(number, end=2):
    """A ranking of two responses, the first with a marked word."""
    responses = [{"text": "no it is not", "rank": 1}, {"text": "yes it is", "rank": 0}]
    feedback = {"errors": [{"start": 0, "end": end, "error type": "Irrelevant"}]}
    return {"prompt": f"Is snow number {number} white?", "responses": responses, "feedback_on_response_0": feedback}


@pytest.fixture
def train(settings, tmp_path, capsys):
    """Return what runs a training of two steps: on rows, under more settings; gives exit code, stdout and stderr."""

    def run(rows, *more):
        own = settings
        if rows:
            path = tmp_path / "rows.jsonl"
            path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
            own = [one for one in settings if not one.startswith("data.train")] + [f'data.train=["{path}"]']
        short = ["training.max_steps=2", "evaluation.resamples=100"]
        code = cli.main(["train", "--output", str(tmp_path / "out"), *flags([*own, *short, *more]), "--json"])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_marked_words_are_learned_from(train, tmp_path):
    """A run with span supervision leaves a measured artefact, and its loss is not that without."""
    losses = []
    for more in ((REGULARISER,), ("objective.regularisers=[]",)):
        code, out, err = train([row(number) for number in range(60)], *SUPERVISED, *more)
        assert code == 0, err
        assert 0 <= json.loads(out)["accuracy"] <= 1
        history = json.loads((tmp_path / "out" / "run" / "history.json").read_text())
        losses.append([one["loss"] for one in history if one["kind"] in ("step", "evaluation")])
        (tmp_path / "out").rename(tmp_path / f"out{len(losses)}")

    assert all(with_spans > without + 0.1 for with_spans, without in zip(*losses, strict=True))


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([], [*SUPERVISED, REGULARISER], "SpanSupervision learns from span feedback, and no compared response has any"),
        ([row(n) for n in range(60)], [*SUPERVISED[2:], REGULARISER], "set model.architecture to 'hierarchical'"),
        (
            [row(n) for n in range(60)],
            [*SUPERVISED, REGULARISER, 'training.tune="head"'],
            "training.tune to 'full' or 'lora'",
        ),
        (
            [row(n, end=40) for n in range(60)],
            [*SUPERVISED, REGULARISER],
            "response 0: feedback.errors[0] runs from 0 to 40; a span lies within the response, which has 12",
        ),
    ],
    ids=["no feedback", "no spans in the model", "a frozen backbone", "marks beyond the text"],
)
def test_what_is_missing_is_said_before_training(rows, more, message, train, tmp_path):
    """One line that says what; no artefact."""
    code, _, err = train(rows, *more)
    error = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 1
    assert len(error) == 1
    assert message in error[0]
    assert not (tmp_path / "out" / "artefact").exists()


def test_bad_marks_do_no_harm_unless_asked_for(train):
    """Without the regulariser nobody reads feedback; with on_unfit = "drop" bad feedback is counted."""
    bad = [row(number, end=40 if number % 2 else 2) for number in range(60)]
    assert train(bad)[0] == 0


def test_bad_marks_may_be_dropped(train):
    """They are counted by their reason, and the response stays."""
    bad = [row(number, end=40 if number % 2 else 2) for number in range(60)]
    code, _, err = train(bad, *SUPERVISED, REGULARISER, 'data.on_unfit="drop"')
    assert code == 0, err
    assert "dropped while encoding: bad_span_feedback" in err
