"""`plaudit audit`, whole: from scores and callables, with gates, people and other models; files that say the same."""

import csv
import json
import sys

import numpy as np
import pytest

from plaudit.cli import main
from plaudit.evaluation.gates import Gate
from plaudit.evaluation.human import KIND
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.pages import html
from plaudit.predictions import Predictions
from plaudit.scoring.predict import predict
from plaudit.workflows.audit import Auditing, Beside, audit
from plaudit.workflows.subjects import BadSubject, Subject, is_callable, is_saved, named, of_scores, spoken, texts_of
from tests.audited import QUICK, preferences, small, subject, yes

FAST = ["--resamples", "100", "--set", "audit.pairs=6", "--set", "audit.texts=3"]


@pytest.fixture
def scores(tmp_path):
    """A CSV file of scores from anywhere: 60 pairs, no texts."""
    draw = np.random.default_rng(0)
    path = tmp_path / "scores.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["chosen", "rejected", "chosen_id", "rejected_id", "chosen_length", "rejected_length"])
        for number in range(60):
            margin = draw.normal(1, 1)
            out.writerow([margin, 0.0, f"c{number}", f"r{number}", *draw.integers(5, 99, 2)])
    return path


def run(*arguments) -> int:
    return main(["audit", *map(str, arguments), *FAST])


def test_a_file_of_scores_is_audited(scores, tmp_path, capsys) -> None:
    """A CSV in; a page, a record and a card out, with the same accuracy; the printed JSON is the record."""
    assert run(scores, "--output", tmp_path / "out", "--json") == 0

    printed, written = json.loads(capsys.readouterr().out), json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {name: one for name, one in printed.items() if name != "written"} == written
    expected = Accuracy()(of_scores(scores).predictions)
    assert written["evaluation"]["accuracy"] == pytest.approx(expected)
    assert f"{expected:.3f}" in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert f"{expected:.3f}" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_broken_gates_break_the_run(scores, tmp_path, capsys) -> None:
    """A bound that holds leaves exit code 0, one that does not leaves 1; the files are there and name it."""
    gates = tmp_path / "gates.toml"
    gates.write_text("[[gate]]\npath = 'evaluation.accuracy'\nmin = 0.5\n", encoding="utf-8")
    assert run(scores, "--output", tmp_path / "out", "--gate", gates) == 0
    gates.write_text("[[gate]]\npath = 'evaluation.accuracy'\nof = 'low'\nmin = 0.5\n", encoding="utf-8")
    assert run(scores, "--output", tmp_path / "out", "--gate", gates) == 1

    assert "1 of 1 broken" in capsys.readouterr().out
    [told] = json.loads((tmp_path / "out" / "audit.json").read_text())["gates"]
    assert not told["holds"]
    assert told["reason"] in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


def test_people_and_models_stand_beside(scores, tmp_path) -> None:
    """Answers of a person are held against model and labels, and another model is compared."""
    other = tmp_path / "other.csv"
    other.write_text(scores.read_text(encoding="utf-8").replace(",0.0,", ",9.0,"), encoding="utf-8")
    judged = [{"first": f"r{number}", "second": f"c{number}", "verdict": "second"} for number in range(30)]
    answers = tmp_path / "ada.json"
    answers.write_text(json.dumps({"kind": KIND, "judgements": judged}), encoding="utf-8")

    assert run(scores, "--output", tmp_path / "out", "--compare", other, "--human", answers) == 0

    record = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert record["human"]["ada"]["with_labels"]["value"] == 1.0
    own = of_scores(scores).predictions.margins[:30]
    assert record["human"]["ada"]["with_model"]["value"] == pytest.approx((own > 0).mean())
    [contest] = record["comparison"]["contests"]
    assert contest["verdict"] == "better"
    assert any("Ada" in one or "ada" in one for one in record["verdict"]["sentences"])


def test_a_callable_is_audited(tmp_path, monkeypatch) -> None:
    """``package.module:thing`` and preferences in; texts, mistakes and a blind sample in the record."""
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"Is {n} good?", "chosen": "yes " * (1 + n % 4), "rejected": "no " * (1 + n % 3)} for n in range(30)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "scorers.py").write_text("def long(pairs):\n    return [float(len(text)) for _, text in pairs]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "scorers", raising=False)

    assert run("scorers:long", "--data", path, "--output", tmp_path / "out") == 0

    record = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert record["model"] == {"name": "scorers:long", "kind": "callable", "recipe": {}}
    assert record["texts"]["highest"][0]["response"] == "yes yes yes yes "
    assert record["texts"]["highest"][0]["reward"] == 16.0
    assert all(one["margin"] < 0 for one in record["texts"]["mistakes"])
    assert len(record["blind"]["pairs"]) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["json:nothing", "--data", "x.jsonl"], "json:nothing"),
        (["json:dumps"], "--data"),
        (["scores.csv", "--gate", "none.toml"], "none.toml"),
        (["scores.csv", "--human", "none.json"], "none.json"),
        (["scores.csv", "--compare", "scores.csv"], "audited and also given"),
        (["scores.csv", "--human", "a.json", "--human", "a.json"], "more than once"),
    ],
)
def test_what_cannot_be_audited_is_refused(arguments, words, scores, monkeypatch, capsys) -> None:
    """Each error is one line that names the file or the option, and nothing is written."""
    monkeypatch.chdir(scores.parent)

    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (scores.parent / "runs").exists()


def test_the_record_is_the_same_whoever_asks_again() -> None:
    """Same subject, same seed, same record; another seed draws another sample and says so."""
    first, again = (audit(subject(), QUICK).to_json() for _ in range(2))
    other = audit(subject(), Auditing(resamples=100, pairs=8, texts=4, seed=1)).to_json()

    assert first == again
    assert other["blind"]["identity"] != first["blind"]["identity"]
    assert other["evaluation"]["accuracy"] == first["evaluation"]["accuracy"]


def test_texts_are_those_that_were_scored() -> None:
    """Every id of the predictions leads to the text whose length they hold; an id of two texts leads to none."""
    own = preferences()
    predictions, texts = predict(yes, own), texts_of(own)

    assert set(predictions.ids) == set(texts)
    for place, name in enumerate(predictions.ids):
        assert len(texts[name][1]) == predictions.lengths[place]
        assert predictions.rewards[place] == pytest.approx(yes([texts[name]])[0])
    twice = [*own, *preferences(2, evil="another ")]
    assert {"r0a", "r0b", "r1a", "r1b"}.isdisjoint(texts_of(twice))
    assert spoken(own[0].prompt) == own[0].prompt


def test_few_prompts_are_audited_and_reasons_given() -> None:
    """Ten prompts allow neither intervals nor calibration; the audit says so and is whole."""
    few = Predictions.from_pairs(np.arange(10.0), np.zeros(10))
    record = audit(Subject(name="few", kind="scores", predictions=few), QUICK).to_json()

    assert "10 groups" in record["calibration"]["reason"]
    assert record["verdict"]["standing"] == "unknown"
    assert record["evaluation"]["overall"]["metrics"]["accuracy"]["low"] is None


def test_gates_are_judged_by_the_record() -> None:
    """What the gates see is what is written."""
    gated = small().gated([Gate(path="evaluation.overall.metrics.accuracy", of="low", min=2.0)])

    assert not gated.passed
    assert gated.to_json()["gates"][0]["found"] == gated.record["evaluation"]["overall"]["metrics"]["accuracy"]["low"]
    assert "gates: 1 of 1 broken" in gated.told({"page": "x"})


def test_a_missing_extra_is_said(tmp_path, monkeypatch) -> None:
    """Without plotly the files are written, and both the page and the terminal name what to install."""
    monkeypatch.setattr(html, "can_plot", lambda: False)
    written = small().write(tmp_path)

    assert "pip install" in small().told(written)
    page = written["page"].read_text(encoding="utf-8")
    assert "pip install" in page
    assert len(page) < 1_000_000


def test_nothing_to_stand_beside_leaves_nothing() -> None:
    """Parts that were not handed in are not in the record; checks and worries need nothing but the predictions."""
    record = audit(subject(), QUICK, Beside()).record

    assert {"human", "comparison", "probes", "attacked", "gaps"}.isdisjoint(record)
    assert {"checks", "worries"} <= set(record)


@pytest.mark.parametrize(
    ("model", "saved", "callable_"),
    [
        ("a.csv", True, False),
        ("a.npz", True, False),
        ("runs/demo", False, False),
        ("package.module:thing", False, True),
        ("C:\\model", False, False),
        ("hub/name", False, False),
    ],
)
def test_what_is_given_is_recognised(model, saved, callable_) -> None:
    """Files of scores by their suffix, callables by their colon, everything else is a model."""
    assert (is_saved(model), is_callable(model)) == (saved, callable_)


def test_what_is_no_callable_is_refused() -> None:
    """A name that is not there, and one that cannot be called."""
    with pytest.raises(BadSubject, match="package"):
        named("no_such_package:thing")
    with pytest.raises(BadSubject, match="not a function"):
        named("json:__doc__")
