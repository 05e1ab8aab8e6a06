"""Lines are scored and ranked as they come: in order, a chunk at a time, those before a bad one always."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plaudit import cli
from plaudit.workflows.scoring import BadLine, rank_rows, rows_of, score_rows
from tests.scoring.tiny import saved

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("yes", "no", "perhaps", "never", "tea", "rain")


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    """An artefact of a tiny Llama."""
    folder = tmp_path_factory.mktemp("models") / "llama"
    saved(folder)
    return folder


@pytest.fixture(scope="module")
def scorer(artefact):
    """Its scorer."""
    from plaudit.scoring.scorer import Scorer

    return Scorer.load(artefact, device="cpu")


def line(text, **fields):
    """Return a line that asks for the reward of ``text``."""
    return json.dumps({"prompt": "Is it?", "response": text, **fields})


def taken(rows):
    """Return what can be taken of ``rows`` and the error that ended them."""
    found = []
    try:
        found.extend(rows)
        return found, None
    except BadLine as error:
        return found, error


@pytest.mark.parametrize("chunk", [1, 2, 4, 100])
def test_no_more_is_read_than_the_chunk_in_hand(scorer, chunk):
    """When a row comes out, no line beyond its chunk has been asked for; rows keep their order, blank lines go."""
    asked = []

    def lines():
        for number, word in enumerate(WORDS):
            asked.append(number)
            yield line(word, number=number) + "\n"

    rows = score_rows(scorer, lines(), chunk=chunk)
    for number, row in enumerate(rows):
        assert row["number"] == number
        assert len(asked) == min(len(WORDS), (number // chunk + 1) * chunk)
    assert len(asked) == len(WORDS)


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_chunks_change_no_reward(scorer, chunk):
    """Rewards and rankings are those of one line at a time, whatever the chunk."""
    alone = [scorer.rewards([("Is it?", word)])[0] for word in WORDS]
    together = [row["reward"] for row in score_rows(scorer, map(line, WORDS), chunk=chunk)]
    assert together == pytest.approx(alone, abs=1e-4)

    asked = [{"prompt": "Is it?", "responses": list(WORDS[:n]), "id": n} for n in (1, 3, 6, 2)]
    ranked = list(rank_rows(scorer, map(json.dumps, asked), chunk=chunk))
    assert [row["id"] for row in ranked] == [1, 3, 6, 2]
    for row, given in zip(ranked, asked, strict=True):
        best = [each.index for each in scorer.rank("Is it?", given["responses"])]
        assert [each["index"] for each in row["ranking"]] == best


BAD_SCORES = {
    "not JSON": ("not json", "line 3: not JSON"),
    "not UTF-8": (b'{"response": "\xff"}', "line 3: not JSON"),
    "too deep": ("[" * 100_000, "line 3: not JSON"),
    "no object": ("[1, 2]", "line 3: an object is needed"),
    "null": ("null", "line 3: an object is needed"),
    "no response": ('{"prompt": "a"}', "line 3: has the fields prompt"),
    "wrong response": ('{"response": 3}', "line 3, response: a text or a list of messages is needed"),
    "empty response": (line(" "), "line 3: the response is empty"),
    "too long": (line("so " * 2000), "line 3: the response needs"),
}


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
@pytest.mark.parametrize("name", BAD_SCORES)
def test_a_bad_line_is_named_and_those_before_it_come_first(scorer, name, chunk):
    """Whatever is wrong with line 3, lines 1 and 2 are scored, the error names line 3, and line 4 is not scored."""
    bad, expected = BAD_SCORES[name]
    rows, error = taken(score_rows(scorer, [line("yes"), line("no"), bad, line("tea")], "rows", chunk=chunk))

    assert [row["response"] for row in rows] == ["yes", "no"]
    assert expected in str(error) and str(error).startswith("rows, ")


BAD_RANKS = {
    "no list": ('{"responses": "a"}', "line 2: a field 'responses'"),
    "none": ('{"responses": []}', "line 2: a field 'responses'"),
    "wrong": ('{"responses": ["a", 3]}', "line 2, responses[1]: a text or a list"),
    "wrong prompt": ('{"prompt": 3, "responses": ["a"]}', "line 2, prompt: a text or a list"),
    "empty": ('{"responses": ["a", "b", ""]}', "line 2, responses[2]: the response is empty"),
}


@pytest.mark.parametrize("chunk", [1, 64])
@pytest.mark.parametrize("name", BAD_RANKS)
def test_a_bad_ranking_is_named_to_the_response(scorer, name, chunk):
    """The error names the line, and the response where one response is at fault."""
    bad, expected = BAD_RANKS[name]
    rows, error = taken(rank_rows(scorer, ['{"responses": ["a", "b"]}', bad], chunk=chunk))

    assert len(rows) == 1 and len(rows[0]["ranking"]) == 2
    assert expected in str(error)


def test_unfit_lines_can_be_reported_in_place(scorer):
    """With ``nan`` a line that does not fit has no reward but a reason, and the others go on."""
    rows = list(score_rows(scorer, [line("yes"), line(" "), line("no")], on_unfit="nan", chunk=2))

    assert [row["reward"] is None for row in rows] == [False, True, False]
    assert rows[1]["refused"] == "empty_response"


def test_lines_are_numbered_as_an_editor_does():
    """Blank lines are skipped and counted."""
    assert list(rows_of(["\n", '{"a": 1}\n', "  \n", b'{"a": 2}'], "f")) == [
        ("f, line 2", {"a": 1}),
        ("f, line 4", {"a": 2}),
    ]


@pytest.mark.parametrize("verb", ["score", "rank"])
def test_the_verbs_print_what_came_before_a_bad_line(artefact, capsys, tmp_path, verb):
    """Exit code 1, the good lines on standard output, the bad one named by file and number on standard error."""
    good = line("yes") if verb == "score" else '{"responses": ["a", "b"]}'
    rows = tmp_path / "rows.jsonl"
    rows.write_text(f"{good}\n{good}\n\nnot json\n{good}\n")

    assert cli.main([verb, str(artefact), str(rows)]) == 1
    printed = capsys.readouterr()
    assert len([json.loads(each) for each in printed.out.splitlines()]) == 2
    assert f"{rows}, line 4: not JSON" in printed.err and "Traceback" not in printed.err
    assert cli.main([verb, str(artefact), str(rows), "--json"]) == 1
    assert capsys.readouterr().out == ""


def start(verb, artefact, *arguments):
    """Start a verb with open pipes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "plaudit", verb, str(artefact), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, encoding="utf-8", **pipes)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["score", "rank"])
def test_answers_come_while_the_pipe_is_open(artefact, verb):
    """After two lines the first two answers can be read; then two more; closing the pipe ends with code 0."""
    asked = [line(word) if verb == "score" else json.dumps({"responses": [word, "b"]}) for word in WORDS]
    with start(verb, artefact, "--chunk", "2") as process:
        for first in (0, 2):
            process.stdin.write("".join(f"{each}\n" for each in asked[first : first + 2]))
            process.stdin.flush()
            answers = [json.loads(process.stdout.readline()) for _ in range(2)]
            assert all("reward" in each or "ranking" in each for each in answers)
            assert process.poll() is None
        rest, error = process.communicate(f"{asked[4]}\n", timeout=60)
    assert process.returncode == 0, error
    assert len(rest.splitlines()) == 1


@pytest.mark.slow
def test_a_reader_that_leaves_ends_it_quietly(artefact):
    """When standard output is closed at the other end, the verb stops without a word, and says so by its code."""
    with start("score", artefact, "--chunk", "1") as process:
        process.stdin.write(f"{line('yes')}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["response"] == "yes"
        process.stdout.close()
        process.stdin.write(f"{line('no')}\n" * 10)
        process.stdin.close()
        said = process.stderr.read().splitlines()
    assert [each for each in said if each and "Loading weights" not in each] == []
    assert process.returncode == 1


def test_standard_input_may_be_text(artefact, capsys, monkeypatch):
    """A text stream without a byte buffer, as programs that call `main` put in, is read too."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(line("ÿ yes 😀")))

    assert cli.main(["score", str(artefact)]) == 0
    assert json.loads(capsys.readouterr().out)["response"] == "ÿ yes 😀"
