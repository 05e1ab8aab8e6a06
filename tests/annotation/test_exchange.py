"""What every tool's file keeps to, and what real exports of each say."""

import copy
import json
from typing import Any

import pytest

from plaudit import members
from plaudit.annotation.exchange import BadExchange, Exchange
from plaudit.annotation.exchange.argilla import Argilla
from plaudit.annotation.exchange.label_studio import CONFIG, LabelStudio
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Message, Preference, Response

TOOLS = members.names("exchange")
BAD = {"raw_winner": "tie (both bad)"}


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> Exchange:
    """Every tool, made without arguments."""
    made: Exchange = members.load("exchange", request.param)()
    return made


def _responses(*said: str) -> tuple[Response, ...]:
    return tuple(Response(content=one) for one in said)


def _records() -> list[Preference]:
    """Records with everything that both tools carry."""
    talk = (Message("system", "Be brief."), Message("user", "Hi <b>there</b>"))
    answers = tuple(Response(content=(Message("assistant", said),)) for said in ("Hello!", "What?\n\nUser: no"))
    pair = Preference(
        prompt="Say hello.",
        responses=_responses("Hello!", "What?"),
        comparisons=(
            Comparison(chosen=1, rejected=0, annotator="ann", strength=2.0, reason="Short — and \U0001f600"),
            Comparison(chosen=0, rejected=1, annotator="bob", tie=True, extra=BAD),
            Comparison(chosen=0, rejected=1, annotator="cyd", tie=True),
        ),
        id="greeting/1",
        source="made",
        extra={"topic": "manners"},
    )
    ranked = Preference(
        prompt=talk,
        responses=(
            *answers,
            Response(content=(Message("assistant", "Yes"), Message("user", "?"), Message("assistant", "No"))),
        ),
        comparisons=(
            Comparison(chosen=2, rejected=0, annotator="ann"),
            Comparison(chosen=0, rejected=1, annotator="ann"),
            Comparison(chosen=2, rejected=1, annotator="ann"),
        ),
        id="talk/1",
    )
    return [pair, ranked, Preference(prompt="Open?", responses=_responses("yes", "no"), id="open")]


def _said(preference: Preference) -> set[tuple[Any, ...]]:
    return {
        (frozenset((e.chosen, e.rejected)) if e.tie else (e.chosen, e.rejected), e.annotator, e.strength, e.reason,
         e.extra.get("raw_winner"))
        for e in preference.comparisons
    }  # fmt: skip


def test_round_trip(tool: Exchange) -> None:
    """What is written, sent through JSON and read again says the same, down to turns, identities and extras."""
    before = _records()
    after = list(tool.read(json.loads(json.dumps(tool.write(before)))))

    for one, other in zip(before, after, strict=True):
        assert (one.prompt, one.responses, one.id, one.source, one.extra) == (
            other.prompt, other.responses, other.id, other.source, other.extra,
        )  # fmt: skip
        assert _said(one) == _said(other)


def test_reads_its_example_twice_alike(tool: Exchange) -> None:
    """Reading leaves the export alone, gives the same records again, and they go into the Arrow table."""
    before = copy.deepcopy(tool.example)
    first = list(tool.read(tool.example))

    assert tool.example == before
    assert list(tool.read(tool.example)) == first
    assert list(Preferences.of(first)) == first
    assert len({record.id for record in first}) == len(first)


@pytest.mark.parametrize(
    "broken",
    [
        {"not": "a list"},
        ["task"],
        [{}],
        [{"data": "x", "fields": "x"}],
        [
            {
                "data": {"prompt": 7, "answer1": "a", "answer2": "b"},
                "fields": {"prompt": 7, "response_1": "a", "response_2": "b"},
            }
        ],
        [{"data": {"prompt": "p", "answer1": "a"}, "fields": {"prompt": "p", "response_1": "a"}}],
    ],
)
def test_broken_exports_are_named(tool: Exchange, broken: Any) -> None:
    """What is no export of the tool is refused by task and field."""
    with pytest.raises(BadExchange, match="task 1|should be a list"):
        list(tool.read(broken))


def test_lonely_responses_are_refused(tool: Exchange) -> None:
    """There is nothing to compare in one response."""
    with pytest.raises(BadExchange, match="'one' has 1 responses"):
        tool.write([Preference(prompt="p", responses=_responses("a"), id="one")])


def test_label_studio_export() -> None:
    """A real layout of its JSON export: e-mail or number as annotator, cancelled ones left out, lead time kept."""
    pair, ranked = LabelStudio().read(LabelStudio.example)

    assert [(e.chosen, e.tie, e.annotator, e.strength, e.reason) for e in pair.comparisons] == [
        (0, False, "ann@example.org", 2.0, "It is polite."),
        (0, True, "4", None, ""),
    ]
    assert pair.comparisons[0].extra == {"seconds": 4.25, "created": "2026-03-09T22:16:08.728353Z"}
    assert pair.comparisons[1].extra == BAD
    assert {(e.chosen, e.rejected) for e in ranked.comparisons} == {(1, 0), (2, 0), (1, 2)}


def test_label_studio_import_bytes() -> None:
    """What its importer is given for one voted pair, byte for byte."""
    record = Preference(
        prompt="p",
        responses=_responses("a", "b"),
        id="k",
        comparisons=(Comparison(chosen=1, rejected=0, annotator="ann"),),
    )

    assert json.dumps(LabelStudio().write([record])) == (
        '[{"data": {"prompt": "p", "plaudit": {"id": "k", "source": "", "prompt": null, "responses": [null, null], '
        '"extra": {}}, "answer1": "a", "answer2": "b"}, "annotations": [{"completed_by": {"email": "ann"}, "result": '
        '[{"from_name": "preference", "to_name": "answer1,answer2", "type": "pairwise", "value": {"selected": '
        '"right"}}], "was_cancelled": false}]}]'
    )


def test_label_studio_interface_names_what_is_written() -> None:
    """The labelling interface has every control and field that written results speak of."""
    written = LabelStudio().write(_records()[:1])[0]
    for one in (result for annotation in written["annotations"] for result in annotation["result"]):
        assert f'name="{one["from_name"]}" toName="{one["to_name"]}"' in CONFIG
    assert all(f'value="${name}"' in CONFIG for name in written["data"] if name != "plaudit")


@pytest.mark.parametrize(
    ("result", "named"),
    [
        ({"type": "pairwise", "value": {"selected": "middle"}}, "'selected' is 'middle'"),
        ({"type": "ranker", "value": {"ranker": {"rank": ["left"]}}}, "'ranker'"),
        ({"type": "pairwise"}, "'result' holds"),
    ],
)
def test_label_studio_bad_results(result: dict[str, Any], named: str) -> None:
    """A result that names no response is refused by task and annotation."""
    task = {"data": {"prompt": "p", "answer1": "a", "answer2": "b"}, "annotations": [{"result": [result]}]}
    with pytest.raises(BadExchange, match=f"task 1, annotation 1.*{named}"):
        list(LabelStudio().read([task]))


def test_argilla_export() -> None:
    """A real layout of its records: users are numbers, rankings are names in order, questions are read together."""
    pair, ranked = Argilla().read(Argilla.example)

    assert [(e.chosen, e.tie, e.annotator[:4], e.strength, e.reason) for e in pair.comparisons] == [
        (0, False, "0f0b", 2.0, "It is polite."),
        (0, True, "7f1d", None, ""),
    ]
    assert (pair.id, pair.extra) == ("greeting/1", {"topic": "manners"})
    assert {(e.chosen, e.rejected) for e in ranked.comparisons} == {(1, 0), (2, 0), (1, 2)}


def test_argilla_older_rankings_have_ties() -> None:
    """Rankings with numbers, as older exports and its HTTP interface write them, may have ties."""
    ranking = [{"value": f"response_{at}", "rank": rank} for at, rank in ((1, 2), (2, 1), (3, 1))]
    record = {
        "id": "k",
        "fields": {"prompt": "p", "response_1": "a", "response_2": "b", "response_3": "c"},
        "responses": {"ranking": [{"value": ranking, "user_id": "u"}]},
    }
    (read,) = Argilla().read([record])

    assert {(e.chosen, e.rejected, e.tie) for e in read.comparisons} == {(1, 0, False), (2, 0, False), (1, 2, True)}


def test_argilla_keeps_our_ties_in_rankings() -> None:
    """A ranking has no ties there; ours travel beside it and come back."""
    edges = tuple(
        Comparison(chosen=a, rejected=b, tie=a == 0 and b == 1, annotator="ann") for a, b in ((0, 1), (0, 2), (1, 2))
    )
    record = Preference(prompt="p", responses=_responses("a", "b", "c"), id="k", comparisons=edges)
    written = Argilla().write([record])

    assert written[0]["responses"]["ranking"][0]["value"] == ["response_1", "response_2", "response_3"]
    assert next(iter(Argilla().read(written))).comparisons == edges


@pytest.mark.parametrize("value", ["response_9", ["response_1"], ["response_1", "response_1"], 7, None])
def test_argilla_bad_answers(value: Any) -> None:
    """An answer that names no response is refused."""
    fields = {"prompt": "p", "response_1": "a", "response_2": "b"}
    with pytest.raises(BadExchange, match="task 1"):
        list(Argilla().read([{"fields": fields, "responses": {"preference": [{"value": value}]}}]))
