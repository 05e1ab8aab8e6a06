"""What two sets share is found, counted and taken out: prompts, near-duplicates, and responses without a prompt."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.leaks import find_leak
from plaudit.preferences.preference import Comparison, Preference, Response


def pair(prompt: str, chosen: str = "yes", rejected: str = "no", name: str = "") -> Preference:
    """Return a pair; without a prompt the texts are the units."""
    return Preference(
        prompt=prompt,
        responses=(Response(content=chosen), Response(content=rejected)),
        comparisons=(Comparison(chosen=0, rejected=1),),
        id=name,
    )


def test_nothing_shared() -> None:
    """Other prompts are no leak, also where the responses are the same; nor is an empty set."""
    one = Preferences.of([pair("What is tea?"), pair("What is rain?")])
    assert find_leak(one, Preferences.of([pair("Who was Ada Lovelace?")])).groups == 0
    assert find_leak(one, Preferences.of([])).groups == find_leak(Preferences.of([]), one).groups == 0


def test_equal_and_nearly_equal_prompts() -> None:
    """Case and punctuation do not matter, nor does a word before a long prompt; each group counts once."""
    long = "Write a short story about a lighthouse keeper who finds a letter in a bottle on a stormy night by the sea"
    one = Preferences.of([pair("what is tea", name="a"), pair("What is tea?"), pair(long + "."), pair("Rain?")])
    leak = find_leak(one, Preferences.of([pair("What is TEA"), pair("Now: " + long)]))

    assert (leak.groups, leak.records, leak.example) == (2, 3, "a")
    assert [record.prompt for record in leak.removed(one)] == ["Rain?"]


def test_responses_without_a_prompt() -> None:
    """A shared response goes with its comparisons; what else the record compares stays."""
    three = Preference(
        prompt="",
        responses=tuple(Response(content=text) for text in ("tea", "rain", "snow")),
        comparisons=(Comparison(chosen=0, rejected=1), Comparison(chosen=1, rejected=2)),
    )
    one = assign(Preferences.of([three, pair("", "sea", "sand")]))
    leak = find_leak(one, Preferences.of([pair("", "Tea!", "moss"), pair("", "sand", "moss")]))
    left = list(leak.removed(one))

    assert (leak.groups, leak.records) == (2, 2)
    assert [[response.content for response in record.responses] for record in left] == [["rain", "snow"]]
    assert left[0].comparisons == (Comparison(chosen=0, rejected=1),)


PROMPTS = st.lists(st.sampled_from(["tea", "rain", "snow", "moss", "TEA", "Rain!"]), max_size=6)


@settings(max_examples=40, deadline=None)
@given(PROMPTS, PROMPTS)
def test_what_is_left_shares_nothing(first: list[str], second: list[str]) -> None:
    """Without the leak there is none, the records left are those of other prompts in their order, and drops stay."""
    one, held = (Preferences.of(map(pair, prompts)) for prompts in (first, second))
    one.drops["before"] = 3
    leak = find_leak(one, held)
    left = leak.removed(one)
    known = {prompt.casefold().strip("!") for prompt in second}

    assert [record.prompt for record in left] == [text for text in first if text.casefold().strip("!") not in known]
    assert leak.groups == len(known & {text.casefold().strip("!") for text in first})
    assert find_leak(left, held).groups == 0
    assert left.drops["before"] == 3
