"""The whole way: people compare film reviews in a browser, what they said is exported, aggregated, learned from."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from plaudit import cli
from plaudit.annotation.store import Store
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.reading import read
from tests.annotation.driving import free_port, letter_of, submit_and_wait

pytestmark = pytest.mark.slow

PEOPLE = ("ann", "bob", "cat")
COMPARISONS = 60
LEARNED = 40
"""Comparisons that a model learns from; the others are for measuring it."""


class Serving:
    """``plaudit annotate`` as a process that can be killed and started again at the same address."""

    def __init__(self, folder: Path, database: str, source: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        names = [part for name in PEOPLE for part in ("--annotator", name)]
        self.command = [
            *(sys.executable, "-m", "plaudit", "annotate", "--json", "--port", str(self.port)),
            *("--database", database, "--secret", str(folder / "secret"), *names, "--pairs", str(source)),
            *("--overlap", "2", "--overlap-share", "0.5", "--set", "annotation.extra_votes=0"),
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> dict:
        source = Path(__file__).parents[2] / "src"
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(source)}
        )
        told = json.loads(self.process.stdout.readline())
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{self.base}/health", timeout=5).close()
                return told
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process.stdout.close()


def is_mistaken(name: str, number: int) -> bool:
    """Return whether somebody prefers the poor review of a comparison: one in fifteen, each another one."""
    return (number + 2 * PEOPLE.index(name)) % 15 == 0


class Shift:
    """Annotators who answer by keyboard, and what they mean to say: the place of the review they prefer."""

    def __init__(self, serving: Serving, reviews: list[tuple[str, str]]) -> None:
        self.serving, self.reviews = serving, reviews
        self.meant: dict[tuple[str, str], int] = {}

    def answer(self, name: str, page, *, kill: bool = False) -> None:
        """Answer what is shown; if asked, the server is killed before Enter is pressed, and started again."""
        at = len(self.meant) + 1
        number = int(page.locator(".prompt .words").inner_text().split()[-1])
        wanted = int(is_mistaken(name, number))
        page.keyboard.press(letter_of(page, self.reviews[number][wanted]).lower())
        page.keyboard.press(str(1 + at % 3))
        if at % 5 == 0:
            page.keyboard.press("r")
            page.keyboard.type(f"reason {at}")
            page.keyboard.press("Escape")
        self.meant[name, f"t{number}"] = wanted
        if kill:
            self.serving.kill()
            submit_and_wait(page, self._starts_again)
        else:
            submit_and_wait(page)

    def _starts_again(self, page) -> None:
        page.locator("#saving", has_text="kept in this browser").wait_for()
        self.serving.start()

    def work(self, people: dict) -> None:
        """Take turns until there is nothing left for anybody."""
        while any(page.locator("#answer").count() for page in people.values()):
            for name, page in people.items():
                if page.locator("#answer").count():
                    self.answer(name, page, kill=len(self.meant) == 30)
                else:
                    page.goto(f"{self.serving.base}/task")


@pytest.fixture(scope="module")
def reviews() -> list[tuple[str, str]]:
    """Two real reviews a comparison: of those that people read as praising a film most, and as damning it most."""
    rated = [record.responses[0] for record in read("builtin:movie-ratings")]
    short = [one for one in rated if 40 <= len(str(one.content)) <= 160]
    ordered = [" ".join(str(one.content).split()) for one in sorted(short, key=lambda one: one.ratings["rating"])]
    draw = random.Random(0)
    good, poor = (draw.sample(end, COMPARISONS) for end in (ordered[-COMPARISONS:], ordered[:COMPARISONS]))
    return list(zip(good, poor, strict=True))


@pytest.fixture
def serving(where, tmp_path, reviews):
    """``plaudit annotate`` over 60 comparisons, half of them for two people."""
    source = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"Which review says more good of film {n}", "responses": pair, "id": f"t{n}"}
        for n, pair in enumerate(reviews)
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    started = Serving(tmp_path, where, source)
    yield started
    started.kill()


def votes_of(records: Preferences, reviews: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the place of the review that each prefers, in which comparison."""
    return {
        (edge.annotator, record.id): reviews[int(record.id[1:])].index(record.responses[edge.chosen].content)
        for record in records
        for edge in record.comparisons
    }


def run(capsys, verb: str, *arguments: object) -> tuple[dict, str]:
    """Run a verb; return its object, and what it said meanwhile."""
    assert cli.main([verb, *map(str, arguments), "--json"]) == 0
    out, said = capsys.readouterr()
    return json.loads(out), said


def divided(source: Path) -> tuple[Path, Path]:
    """Write the rows of the first comparisons and those of the others to two files beside ``source``."""
    learned, held = (source.with_name(f"{source.stem}-{name}.jsonl") for name in ("learned", "held"))
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    for path, first in ((learned, True), (held, False)):
        kept = [line for line in lines if (int(json.loads(line)["item_id"][1:]) < LEARNED) == first]
        path.write_text("".join(kept), encoding="utf-8")
    return learned, held


def trained(capsys, learned: Path, held: Path, output: Path) -> tuple[dict, str]:
    """Train a linear reward on the features of a frozen sentence encoder: seconds, and enough for praise."""
    settings = [
        *(f'data.train=["{learned}"]', f'data.test=["{held}"]', "data.validation_share=0"),
        *("model.base=builtin:minilm-l6", "model.pooling=mean", "model.max_length=128"),
        *("model.architecture=embedding_mlp", 'model.settings={sizes=[],normalise=true,initial="zero"}'),
        *("training.tune=head", "training.epochs=12", "training.batch_size=8", "training.learning_rate=0.01"),
        *("evaluation.resamples=500", "evaluation.slices=[]"),
    ]
    return run(capsys, "train", "--output", output, *(part for one in settings for part in ("--set", one)))


def test_from_three_annotators_and_a_killed_server_to_a_measured_model(
    serving, where, tmp_path, visit, reviews, capsys
) -> None:
    """By keyboard alone, with the server killed before an Enter: every answer is there once, as it was meant; so the
    export says; one label is made of each comparison's votes; a model learns from two thirds of them, and is better
    than chance at what people said of the others.
    """
    told = serving.start()
    shift = Shift(serving, reviews)
    shift.work({name: visit(address, expect="ERR_") for name, address in told["annotators"].items()})
    owner = visit(told["owner"])
    votes = tmp_path / "annotations.jsonl"
    with owner.expect_download() as saving:
        owner.get_by_role("link", name="annotations.jsonl").click()
    saving.value.save_as(votes)
    with Store(where) as store:
        answers = store.answers()

    assert len(answers) == len(shift.meant) == COMPARISONS * 3 // 2
    assert Counter((one.annotator, one.task) for one in answers) == dict.fromkeys(shift.meant, 1)
    assert {(one.annotator, one.task): one.chosen for one in answers} == shift.meant
    assert set(Counter(one.task for one in answers).values()) == {1, 2}
    assert sum(bool(one.reason) for one in answers) == len(answers) // 5
    assert votes_of(read(votes), reviews) == shift.meant

    labels = tmp_path / "labels.jsonl"
    made, _ = run(capsys, "aggregate", votes, "--output", labels)
    assert (made["votes"], made["labels"], made["left_out"]) == (len(answers), COMPARISONS, {})
    assert set(made["skill"]) == set(PEOPLE)

    learned, held = divided(labels)
    done, said = trained(capsys, learned, held, tmp_path / "run")
    assert f"train: file:{learned.name}: {LEARNED} records, {LEARNED} comparisons" in said
    assert done["n"] == COMPARISONS - LEARNED
    recipe = json.loads((tmp_path / "run" / "artefact" / "plaudit.json").read_text(encoding="utf-8"))["recipe"]
    assert recipe["data"] == {"train": read(learned).fingerprint, "test": read(held).fingerprint}

    _, unseen = divided(votes)
    found, _ = run(capsys, "evaluate", done["artefact"], unseen, "--resamples", 500)
    assert found["n"] == sum(int(task[1:]) >= LEARNED for _, task in shift.meant)
    assert found["overall"]["groups"] == COMPARISONS - LEARNED
    low, high = found["interval"]
    assert 0.5 < low < found["accuracy"] < high <= 1
