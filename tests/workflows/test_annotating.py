"""A campaign out of files: what is added, what is kept, what is refused."""

import json
from pathlib import Path

import pytest

from plaudit.annotation.importing import NoTask
from plaudit.annotation.links import Links, load_secret
from plaudit.config import BadConfiguration
from plaudit.preferences.rows import BadRow, BadSource
from plaudit.workflows.annotating import Campaign, open_campaign


def rows(path: Path, *listed: object) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in listed), encoding="utf-8")
    return str(path)


@pytest.fixture
def pairs(tmp_path) -> str:
    """Three records: of two texts, of three, and of two turns."""
    return rows(
        tmp_path / "pairs.jsonl",
        {"prompt": "p1", "responses": ["a", "b"], "id": "one"},
        {"prompt": "p2", "responses": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        {"prompt": [{"role": "user", "content": "p3"}], "response_a": "a", "response_b": "b"},
    )


@pytest.fixture
def judged(tmp_path) -> str:
    """Two preferences with reasons, one of them a tie."""
    return rows(
        tmp_path / "judged.jsonl",
        {"item_id": "g1", "prompt": "p", "response_a": "good", "response_b": "poor", "label": "A", "reason": "it is"},
        {"item_id": "g2", "prompt": "q", "response_a": "same", "response_b": "equal", "label": "tie"},
    )


def campaign(tmp_path: Path, **fields: object) -> Campaign:
    return Campaign(database=str(tmp_path / "campaign.db"), **fields)


def test_tasks_of_every_role_guidelines_and_links(tmp_path, pairs, judged) -> None:
    """Files become tasks; examples know their answer and its reason; links are signed with the secret beside them."""
    (tmp_path / "guide.md").write_text("# Guide", encoding="utf-8")
    sources = {"real": [pairs], "gold": [judged], "check": [judged], "practice": [judged]}
    with open_campaign(
        campaign(tmp_path, sources=sources, guidelines=tmp_path / "guide.md", annotators=["ann"])
    ) as opened:
        tasks = opened.store.tasks()
        assert opened.added == {"real": 3, "gold": 2, "check": 2, "practice": 2}
        assert [len(one.responses) for one in tasks if one.role == "real"] == [2, 3, 2]
        assert [(one.expected, one.explanation) for one in tasks if one.role == "practice"] == [(0, "it is"), (-1, "")]
        assert opened.store.guidelines().markdown == "# Guide"
        carried = Links(load_secret(tmp_path / "campaign.db.secret")).read(
            opened.annotators["ann"].removeprefix("/in/")
        )
        assert carried.role == "annotator"
        assert (tmp_path / "campaign.db.secret").stat().st_mode & 0o077 == 0


def test_opening_again_adds_only_what_is_new(tmp_path, pairs) -> None:
    """The same files change nothing, settings are kept unless named, and one setting leaves the others."""
    first = campaign(tmp_path, sources={"real": [pairs]}, settings={"title": "Mine", "overlap": 2})
    with open_campaign(first):
        pass
    with open_campaign(campaign(tmp_path, sources={"real": [pairs]}, settings={"pass_mark": 0.5})) as opened:
        assert (opened.added["real"], opened.known) == (0, 3)
        settings = opened.store.settings
        assert (settings.title, settings.overlap, settings.pass_mark) == ("Mine", 2, 0.5)
        assert opened.to_json("http://x")["owner"].startswith("http://x/in/o.0.")
        assert any("3 real" in line for line in opened.lines("http://x"))


def test_gold_that_says_nothing_is_refused(tmp_path, pairs, judged) -> None:
    """An example needs an answer; a record needs two responses; an id is there once."""
    with pytest.raises(NoTask, match="says nowhere which response is better"):
        open_campaign(campaign(tmp_path, sources={"real": [pairs], "gold": [pairs]}))
    twice = rows(tmp_path / "t.jsonl", *({"prompt": "p", "responses": ["a", str(at)], "id": "x"} for at in range(2)))
    with pytest.raises(ValueError, match="'x'"):
        open_campaign(campaign(tmp_path, sources={"real": [twice]}))
    cycle = rows(
        tmp_path / "c.jsonl",
        {"prompt": "p", "responses": [{"text": "a"}, {"text": "b"}, {"text": "c"}], "pairwise": [1, 2, 1]},
    )
    with pytest.raises(NoTask, match="no single best"):
        open_campaign(campaign(tmp_path, sources={"real": [pairs], "gold": [cycle]}))
    assert not (tmp_path / "campaign.db").exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "p", "responses": ["a"]}, "at least two"),
        ({"prompt": "p", "responses": ["a", 3]}, "responses"),
        ({"prompt": "p", "responses": [{"words": "a"}, "b"]}, "'text'"),
        ({"prompt": 5, "responses": ["a", "b"]}, "prompt"),
        ({"prompt": "p", "response_a": "a", "response_b": None}, "response_b"),
    ],
)
def test_bad_rows_are_named(tmp_path, row, words) -> None:
    """File, row and field of what cannot be compared."""
    source = rows(tmp_path / "bad.jsonl", {"prompt": "p", "responses": ["a", "b"]}, row)

    with pytest.raises(BadRow, match=r"bad\.jsonl, row 2") as error:
        open_campaign(campaign(tmp_path, sources={"real": [source]}))
    assert words in str(error.value)


def test_what_cannot_be_opened_is_said(tmp_path, pairs) -> None:
    """No tasks, no file, guidelines that are no text, a server without a secret, settings that cannot be."""
    (tmp_path / "guide.md").write_bytes(b"\xff\xfe")
    real = {"real": [pairs]}
    with pytest.raises(ValueError, match="--pairs"):
        open_campaign(campaign(tmp_path))
    with pytest.raises(BadSource, match="nowhere"):
        open_campaign(campaign(tmp_path, sources={"real": [str(tmp_path / "nowhere.jsonl")]}))
    with pytest.raises(BadSource, match="UTF-8"):
        open_campaign(campaign(tmp_path, sources=real, guidelines=tmp_path / "guide.md"))
    with pytest.raises(ValueError, match="--secret"):
        open_campaign(Campaign(database="postgresql://u@localhost/none", sources=real))
    with pytest.raises(BadConfiguration, match="pass_mark"):
        open_campaign(campaign(tmp_path, sources=real, settings={"pass_mark": 7}))
    with pytest.raises(ValueError, match="plaudit can use"):
        open_campaign(Campaign(database="mysql://u@h/n", sources=real, secret=tmp_path / "s"))
