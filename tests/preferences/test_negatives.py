"""Responses to other prompts as losers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.negatives import ORIGIN, add_negatives
from plaudit.preferences.preference import Comparison, Message, Preference, Response

ANSWERS = st.lists(st.sampled_from(["yes", "Yes!", "no", "perhaps", "never", "often"]), min_size=2, max_size=4)
RECORDS = st.lists(
    st.tuples(st.sampled_from(["", "is tea good", "how old is rain", "where is the sea"]), ANSWERS, st.booleans()),
    min_size=1,
    max_size=8,
)


def record(prompt: str, answers: list[str], tie: bool = False, **more: object) -> Preference:
    """A record in which the first answer beat the second, or tied with it, and the second the third."""
    edges = [Comparison(chosen=at, rejected=at + 1, tie=tie, weight=2.0 + at) for at in range(min(2, len(answers) - 1))]
    responses = tuple(Response(content=answer, ratings={"rating": 1.0}) for answer in answers)
    return Preference(prompt=prompt, responses=responses, comparisons=tuple(edges), source="s", **more)  # type: ignore[arg-type]


def prompts(count: int = 6) -> Preferences:
    """Records of prompts that have nothing in common."""
    words = ["tea", "rain in autumn", "a long train", "chess", "the sea at night", "bread"]
    return assign(
        Preferences.of(
            (
                record(f"what about {words[at]}", [f"good {words[at]}", f"bad {words[at]}"], id=f"{at}")
                for at in range(count)
            ),
            weight=0.5,
        )
    )


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(1, 2), st.integers(0, 3))
def test_negatives_are_other_prompts_responses(rows: list[tuple[str, list[str], bool]], count: int, seed: int) -> None:
    """Each is a response of a record of another group, says nothing that its record says, and lost to every winner."""
    before = assign(
        Preferences.of(record(prompt, answers, tie, id=f"{at}") for at, (prompt, answers, tie) in enumerate(rows))
    )
    try:
        made = add_negatives(before, count, seed)
    except ValueError:
        others = {one.group for one in before if one.prompt}
        assert len(others) < 2 or len({str(r.content).strip("!").lower() for one in before for r in one.responses}) < 6
        return
    old = {one.id: one for one in before}
    added = 0
    for one in made.preferences:
        own = old[one.id]
        kept, new = one.responses[: len(own.responses)], one.responses[len(own.responses) :]
        winners = {edge.chosen for edge in own.comparisons if not edge.tie}
        assert (kept, one.comparisons[: len(own.comparisons)]) == (own.responses, own.comparisons)
        assert (one.prompt, one.group, one.source) == (own.prompt, own.group, own.source)
        assert len(new) == (count if winners and own.prompt else 0)
        for place, negative in enumerate(new, start=len(own.responses)):
            origin = old[negative.extra[ORIGIN]["record"]]
            assert origin.group != own.group
            assert origin.responses[negative.extra[ORIGIN]["response"]].content == negative.content
            assert not negative.ratings
            assert {e.chosen for e in one.comparisons if e.rejected == place and not e.tie} == winners
        said = [str(response.content).lower().strip("!") for response in (*{r.content: r for r in kept}.values(), *new)]
        assert len(set(said[-len(new) :])) == len(new) if new else True
        assert not set(said[: len(said) - len(new)]) & set(said[len(said) - len(new) :])
        added += len(new)
    assert added == made.added
    assert made.without == sum(len(one.responses) == len(old[one.id].responses) for one in made.preferences)


def test_the_same_seed_draws_the_same() -> None:
    """And another seed others; weights are the means of what the winner won, the source's weight times them."""
    first, second, other = (add_negatives(prompts(), 2, seed).preferences for seed in (0, 0, 1))
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert {edge.weight for one in first for edge in one.comparisons} == {1.0}
    one = assign(Preferences.of([record("what is it", ["a", "b", "c"]), *prompts(2)]))
    weights = [edge.weight for edge in add_negatives(one, 1).preferences[0].comparisons]
    assert weights == [2, 3, 2, 3]


def test_turns_are_given_turns() -> None:
    """A record of conversations gets no plain text, and the other way round."""
    spoken = [
        Preference(
            prompt=(Message("user", question),),
            responses=(
                (Response(content=(Message("assistant", good),))),
                Response(content=(Message("assistant", "no"),)),
            ),
            comparisons=(Comparison(chosen=0, rejected=1),),
        )
        for question, good in (("what is tea", "a leaf"), ("how far is the moon", "far away"))
    ]
    made = add_negatives(assign(Preferences.of([*spoken, *prompts(2)])), 1).preferences
    for one in made:
        assert {type(response.content) for response in one.responses} == {type(one.responses[0].content)}


def test_what_cannot_be_done_is_said() -> None:
    """A count below 1, no prompts, no winners, no groups, too few others."""
    with pytest.raises(ValueError, match="count must be at least 1, not 0"):
        add_negatives(prompts(), 0)
    for bare in (record("", ["a", "b"]), record("p", ["a", "b"], tie=True)):
        with pytest.raises(ValueError, match="no record has both a prompt and a response that won"):
            add_negatives(assign(Preferences.of([bare])), 1)
    with pytest.raises(ValueError, match="groups.assign first"):
        add_negatives(Preferences.of([record("p", ["a", "b"])]), 1)
    with pytest.raises(ValueError, match=r"record '0' should get 3 responses to other prompts, and there are only 2"):
        add_negatives(prompts(2), 3)


def test_what_was_dropped_is_still_known() -> None:
    """Drops travel along."""
    before = prompts()
    before.drops["row"] += 3
    assert add_negatives(before, 1).preferences.drops == {"row": 3}
