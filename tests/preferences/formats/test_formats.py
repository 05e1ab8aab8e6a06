"""What single formats make of their rows."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit import members
from plaudit.preferences.formats.annotations import Annotations
from plaudit.preferences.formats.hh import Hh
from plaudit.preferences.formats.rankings import Rankings
from plaudit.preferences.formats.ratings import Ratings
from plaudit.preferences.formats.trl import Trl
from plaudit.preferences.preference import Comparison, Message, Preference, Response
from plaudit.preferences.rows import BadRow, Fields, Ledger, Row, Unwritable

USER, GOOD, POOR = Message("user", "q"), Message("assistant", "good"), Message("assistant", "poor")


def _read(form: Any, *rows: Fields, ledger: Ledger | None = None) -> list[Preference]:
    return list(form.read([Row(fields, "f", at) for at, fields in enumerate(rows, 1)], ledger))


def _turn(message: Message) -> Fields:
    return {"role": message.role, "content": message.content}


def test_hh_shares_the_prompt() -> None:
    """The prompt is the common beginning; a response may have several turns."""
    (record,) = _read(
        Hh(),
        {
            "chosen": "\n\nHuman: q\n\nAssistant: good\n\nHuman: more\n\nAssistant: ok",
            "rejected": "\n\nHuman: q\n\nAssistant: poor",
        },
    )

    assert record.prompt == (USER,)
    assert record.responses[0].content == (GOOD, Message("user", "more"), Message("assistant", "ok"))
    assert record.responses[1].content == (POOR,)
    assert record.comparisons == (Comparison(chosen=0, rejected=1),)


@given(st.lists(st.tuples(st.sampled_from(["Human", "Assistant"]), st.text(max_size=8)), max_size=5), st.data())
def test_hh_inverts(turns: list[tuple[str, str]], data: st.DataObject) -> None:
    """Whatever two dialogues hold, spaces after labels or not, they are written back to the letter."""
    body = "".join(f"\n\n{label}:{text}" for label, text in turns)
    ends = [data.draw(st.text(max_size=8)) for _ in range(2)]
    row = dict(zip(("chosen", "rejected"), (f"\n\nHuman: x{body}\n\nAssistant:{end}" for end in ends), strict=True))

    assert list(Hh().write(_read(Hh(), row))) == [row]


def test_hh_must_end_with_the_assistant() -> None:
    """A dialogue that ends with the human's turn has nothing to judge."""
    with pytest.raises(BadRow, match="row 1, field 'rejected': does not end with an Assistant turn"):
        _read(Hh(), {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a"})


def test_trl_shapes_mean_the_same() -> None:
    """A conversation with its prompt given or implied is one and the same record, but for the note that says which."""
    explicit = {"prompt": [_turn(USER)], "chosen": [_turn(GOOD)], "rejected": [_turn(POOR)]}
    implicit = {"chosen": [_turn(USER), _turn(GOOD)], "rejected": [_turn(USER), _turn(POOR)]}
    one, other = _read(Trl(), explicit, implicit)

    assert (one.prompt, one.responses, one.id) == (other.prompt, other.responses, other.id)
    assert one.prompt == (USER,)


def test_trl_plain_text_keeps_an_empty_prompt() -> None:
    """Where plain texts only share letters, nothing is called a prompt."""
    (record,) = _read(Trl(), {"chosen": "The sky is blue", "rejected": "The sky is loud"})

    assert record.prompt == ""
    assert [response.content for response in record.responses] == ["The sky is blue", "The sky is loud"]


def test_trl_margin_is_the_strength() -> None:
    """`margin` becomes the strength; below 0, not finite or not a number it is refused; null stays in the extra."""
    row = {"chosen": "a", "rejected": "b"}
    stated, null = _read(Trl(), row | {"margin": 1.5}, row | {"margin": None})

    assert stated.comparisons[0].strength == 1.5
    assert null.comparisons[0].strength is None
    assert null.extra == {"margin": None}
    for bad in (-1, float("nan"), float("inf"), "2", True):
        with pytest.raises(BadRow, match="field 'margin'"):
            _read(Trl(), row | {"margin": bad})


def test_trl_messages_are_the_prompt() -> None:
    """Where `prompt_format` is hh, the conversation in `messages` is the prompt, text responses its next turn."""
    row = {"prompt": "\n\nHuman: q\n\nAssistant:", "prompt_format": "hh", "chosen": "good", "rejected": "poor"}
    with_messages, without = _read(Trl(), row | {"messages": [_turn(USER)]}, row)

    assert with_messages.prompt == without.prompt == (USER,)
    assert with_messages.responses[0].content == (GOOD,)
    assert list(Trl().write([with_messages, without])) == [row | {"messages": [_turn(USER)]}, row]


def test_trl_keeps_what_turns_hold_besides() -> None:
    """Turns with more than role and content are written back whole."""
    row = {"prompt": [_turn(USER) | {"name": "eve"}], "chosen": [_turn(GOOD)], "rejected": [_turn(POOR) | {"n": 1}]}

    assert list(Trl().write(_read(Trl(), row))) == [row]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"chosen": "a"}, "rejected"),
        ({"chosen": "a", "rejected": ["b"]}, "rejected[0]"),
        ({"chosen": "a", "rejected": [_turn(POOR)]}, "rejected"),
        ({"chosen": [_turn(GOOD)], "rejected": []}, "rejected"),
        ({"chosen": [{"role": "user", "content": None}], "rejected": [_turn(POOR)]}, "chosen[0].content"),
        ({"chosen": "a", "rejected": "b", "prompt": 3}, "prompt"),
        ({"chosen": "a", "rejected": "b", "prompt": "c", "prompt_format": "xml"}, "prompt_format"),
        ({"chosen": "a", "rejected": "b", "prompt": "c", "prompt_format": "hh"}, "prompt"),
        ({"chosen": "a", "rejected": "b", "prompt": "c", "prompt_format": "hh", "messages": []}, "messages"),
        ({"chosen": [_turn(GOOD)], "rejected": [_turn(POOR)], "prompt": "c"}, "prompt"),
    ],
)
def test_trl_names_the_field(row: Fields, field: str) -> None:
    """What is wrong is named by its field."""
    with pytest.raises(BadRow) as caught:
        _read(Trl(), row)

    assert caught.value.field == field


def test_rankings_compare_all_pairs() -> None:
    """Every pair of ranks is a comparison, the lower rank chosen; equal ranks tie."""
    ranks = [1, 0, 2, 1]
    row = {"prompt": "q", "responses": [{"text": str(at), "rank": rank} for at, rank in enumerate(ranks)]}
    (record,) = _read(Rankings(), row)
    seen = {(edge.chosen, edge.rejected): edge.tie for edge in record.comparisons}

    assert seen == {(1, 0): False, (0, 2): False, (0, 3): True, (1, 2): False, (1, 3): False, (3, 2): False}


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3), st.permutations([[1, 2], [1, 3], [3, 2]]))
def test_rankings_invert_outcomes(codes: list[int], order: list[list[int]]) -> None:
    """Two-by-two outcomes in any order of pairs are written back as they were."""
    row = {"responses": [{"text": t} for t in "abc"], "pairwise": codes, "pair_order": order}
    (record,) = _read(Rankings(), row)

    assert list(Rankings().write([record])) == [row]
    for edge, code, (first, second) in zip(record.comparisons, codes, order, strict=True):
        assert edge.tie == (code == 0)
        assert {edge.chosen, edge.rejected} == {first - 1, second - 1}
        assert code == 0 or edge.chosen == (first if code == 1 else second) - 1


def test_rankings_put_remarks_on_their_response() -> None:
    """What a row says about one response lands in that response's extra."""
    row = {"responses": [{"text": "a", "rank": 0}, {"text": "b", "rank": 1}], "feedback_on_response_1": [3]}
    (record,) = _read(Rankings(), row)

    assert record.responses[1].extra["feedback"] == [3]
    assert list(Rankings().write([record])) == [row]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"responses": []}, "responses"),
        ({"responses": [{"text": "a", "rank": 0}]}, "at least two"),
        ({"responses": [{"text": "a", "rank": 0}, {"text": "b"}]}, "responses\\[1\\].rank"),
        ({"responses": [{"text": "a", "rank": 0}, {"text": "b", "rank": "x"}]}, "responses\\[1\\].rank"),
        ({"responses": [{"text": "a"}, {"text": "b"}], "pairwise": [1, 2]}, "1 codes"),
        ({"responses": [{"text": "a"}, {"text": "b"}], "pairwise": [3]}, "pairwise\\[0\\]"),
        ({"responses": [{"text": "a"}, {"text": "b"}], "pairwise": [1], "pair_order": [[1, 3]]}, "between 1 and 2"),
        ({"responses": [{"text": "a", "score": float("nan"), "rank": 0}]}, "responses\\[0\\].score"),
    ],
)
def test_rankings_name_the_field(row: Fields, problem: str) -> None:
    """What is wrong is named by its field."""
    with pytest.raises(BadRow, match=problem):
        _read(Rankings(), row)


def test_ratings_of_one_prompt_share_a_record() -> None:
    """Consecutive rows with one prompt are one record; rows without a prompt, or of another file, are their own."""
    rows = [{"prompt": p, "response": t, "rating": r} for p, t, r in [("q", "a", 1), ("q", "b", 2), ("z", "c", 3)]]
    bare = [{"text": t, "rating": 0} for t in "xy"]
    records = _read(Ratings(), *rows, *bare)
    apart = list(Ratings().read([Row(rows[0], "f", 1), Row(rows[1], "g", 1)]))

    assert [len(record.responses) for record in records] == [2, 1, 1, 1]
    assert [response.ratings for response in records[0].responses] == [{"rating": 1}, {"rating": 2}]
    assert [len(record.responses) for record in apart] == [1, 1]


@pytest.mark.parametrize("bad", [float("nan"), float("-inf"), "high", True, []])
def test_ratings_are_finite_numbers(bad: object) -> None:
    """NaN, infinities, words and truth values are no ratings; null is none."""
    with pytest.raises(BadRow, match="field 'rating'"):
        _read(Ratings(), {"text": "a", "rating": bad})
    with pytest.raises(BadRow, match=r"field 'ratings\.wit'"):
        _read(Ratings(), {"text": "a", "ratings": {"wit": bad}})
    with pytest.raises(BadRow, match="field 'ratings'"):
        _read(Ratings(), {"text": "a", "rating": None})


def test_ratings_take_other_columns_by_name() -> None:
    """The constructor names the columns that are ratings."""
    (record,) = _read(Ratings(attributes=("warmth",)), {"text": "a", "warmth": 2, "rating": 9})

    assert record.responses[0].ratings == {"warmth": 2}
    assert record.responses[0].extra["rating"] == 9


def _vote(item: str, label: str, **more: object) -> Fields:
    return {"item_id": item, "prompt": "q", "response_a": "a", "response_b": "b", "label": label, **more}


def test_annotations_share_an_item() -> None:
    """Votes of an item are comparisons of one record, each with its annotator and reason, whatever lies between."""
    rows = [
        _vote("1", "A", annotator="x", reason="r"),
        _vote("2", "B", annotator="x"),
        _vote("1", "tie", annotator="y"),
    ]
    one, two = _read(Annotations(), *rows)

    assert [(e.chosen, e.rejected, e.tie, e.annotator, e.reason) for e in one.comparisons] == [
        (0, 1, False, "x", "r"),
        (0, 1, True, "y", ""),
    ]
    assert (two.comparisons[0].chosen, two.comparisons[0].rejected) == (1, 0)


def test_annotations_turn_swapped_sides() -> None:
    """A vote with the sides exchanged is about the same responses, and is written back exchanged."""
    swapped = _vote("1", "A", model_a="m", model_b="n") | {"response_a": "b", "response_b": "a"}
    rows = [_vote("1", "A", model_a="n", model_b="m"), swapped]
    (record,) = _read(Annotations(), *rows)

    assert [edge.chosen for edge in record.comparisons] == [0, 1]
    assert list(Annotations().write([record])) == rows


def test_annotations_refuse_unknown_responses() -> None:
    """A vote about a response its item lacks, or for a side there is not, is named; so is one about another prompt."""
    other = _vote("1", "A") | {"response_b": "c"}
    with pytest.raises(BadRow, match="row 2, field 'response_b': is a vote about responses that the item in row 1"):
        _read(Annotations(), _vote("1", "A"), other)
    with pytest.raises(BadRow, match="field 'label': is 'C'"):
        _read(Annotations(), _vote("1", "C"))
    with pytest.raises(BadRow, match="field 'prompt'"):
        _read(Annotations(), _vote("1", "A"), _vote("1", "A") | {"prompt": "z"})
    ledger = Ledger(drop=True)
    (record,) = _read(Annotations(), _vote("1", "A"), other, ledger=ledger)

    assert len(record.comparisons) == 1
    assert ledger.drops == Counter({"vote about unknown responses": 1})


def test_annotations_keep_a_bounded_window() -> None:
    """Items are given out once `window` others have come since."""
    records = Annotations(window=2).read(Row(_vote(str(at), "A"), "f", at) for at in range(10**9))

    assert [next(records).id for _ in range(3)] == ["0", "1", "2"]


def test_annotations_separate_vote_from_record() -> None:
    """A field all votes agree on belongs to the record, one that varies (or is a vote's by name) to the vote."""
    rows = [_vote("1", "A", topic="t", hour=1, raw_winner="a"), _vote("1", "A", topic="t", hour=2, raw_winner="a")]
    (record,) = _read(Annotations(), *rows)

    assert record.extra == {"topic": "t"}
    assert [edge.extra for edge in record.comparisons] == [{"hour": h, "raw_winner": "a"} for h in (1, 2)]


def test_records_a_format_cannot_hold_are_refused() -> None:
    """Writing loses nothing in silence: each format refuses what it has no field for."""
    responses = (Response(content="a"), Response(content="b"), Response(content="c"))
    edge = Comparison(chosen=0, rejected=1, reason="because")
    three = Preference(prompt="q", responses=responses, comparisons=(edge,), id="x")
    tie = Preference(prompt="q", responses=responses[:2], comparisons=(Comparison(chosen=0, rejected=1, tie=True),))
    plain = Preference(prompt="q", responses=responses[:2], comparisons=(edge,))
    refused = {
        "trl": [three, tie],
        "hh": [three, tie, plain],
        "rankings": [three],
        "ratings": [tie],
        "annotations": [three],
    }
    assert sorted(refused) == members.names("formats")
    for name, records in refused.items():
        for record in records:
            with pytest.raises(Unwritable, match=f"cannot be written as {name}"):
                list(members.load("formats", name)().write([record]))


def test_rankings_write_records_of_other_origin() -> None:
    """A record that no ranking row made is written with its outcomes, and reads back as the same comparisons."""
    responses = tuple(Response(content=text) for text in "abc")
    edges = (Comparison(chosen=2, rejected=0), Comparison(chosen=1, rejected=2, tie=True))
    record = Preference(prompt="q", responses=responses, comparisons=edges, id="own")
    (back,) = _read(Rankings(), *Rankings().write([record]))

    assert back.comparisons == edges
    assert back.id == "own"
