"""Groups: equal and nearly equal prompts together, and without a prompt each response by itself."""

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign, units
from plaudit.preferences.near_duplicates import band_hashes, jaccard, merge_near, normalise
from plaudit.preferences.preference import Content, Message, Preference, Response

WORDS = ["amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty", "knoll", "ledge"]
WORDS += ["marsh", "oasis", "plain", "quarry", "ridge"]


def _sentence(seed: int, words: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def _record(prompt: Content, *responses: Response) -> Preference:
    return Preference(prompt=prompt, responses=responses or (Response(content="r"),))


def _groups(*prompts: Content) -> list[int]:
    return [int(code) for code in assign(Preferences.of(map(_record, prompts))).groups]


def test_equal_prompts_share_a_group() -> None:
    """Case, spaces and punctuation do not make another prompt; other words, signs or roles do."""
    assert _groups("What is it?", "what  is it", "What is it not?", "!?", "?!", "") == [0, 0, 1, 2, 3, 4]
    assert _groups((Message("user", "a"),), (Message("user", "A."),), (Message("system", "a"),)) == [0, 0, 1]


def test_near_duplicates_are_merged() -> None:
    """A long prompt with one word changed is in the group of the original, another long prompt is not."""
    long = _sentence(0)
    changed = long[:100] + "x" + long[100:]

    assert jaccard(normalise(long), normalise(changed)) > 0.9
    assert _groups(long, _sentence(1), changed, _sentence(2)) == [0, 1, 0, 2]
    assert len(set(assign(Preferences.of(map(_record, (long, changed))), similarity=1).groups)) == 2


def test_candidates_are_found_as_often_as_promised() -> None:
    """Pairs of Jaccard about s share a band with probability about 1 - (1 - s^8)^16; unlike pairs hardly ever do."""
    near, far = [], []
    for seed in range(150):
        words = _sentence(seed, 120)
        at = len(words) // 2
        near.append((words, words[:at] + "another five words come here " + words[at:]))
        far.append((words, _sentence(seed + 1000, 120)))
    similarities = np.array([jaccard(*pair) for pair in near])
    promised = 1 - (1 - similarities**8) ** 16

    def found(pairs: list[tuple[str, str]]) -> float:
        one, other = (band_hashes(texts) for texts in zip(*pairs, strict=True))
        return float((one == other).any(axis=1).mean())

    assert found(near) >= promised.mean() - 0.1
    assert found(far) < 0.5
    assert np.all([jaccard(*pair) < 0.6 for pair in far])


def test_short_texts_are_candidates_no_more_often_than_promised() -> None:
    """A few common words do not make candidates of short texts, else every pair of a large set would be compared."""
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=5)) for _ in range(400)]
    near = [(text, "x" + text) for text in texts]
    far = list(itertools.pairwise(texts))

    def shared(pairs: list[tuple[str, str]]) -> tuple[float, float]:
        one, other = (band_hashes(side) for side in zip(*pairs, strict=True))
        alike = np.array([jaccard(*pair) for pair in pairs])
        return float((one == other).any(axis=1).mean()), float((1 - (1 - alike**8) ** 16).mean())

    found, promised = shared(near)
    assert promised > 0.9 and found > promised - 0.1
    found, promised = shared(far)
    assert promised < 0.05 and found < promised + 0.05


def test_a_pair_is_compared_once() -> None:
    """Texts are asked for in blocks, and a pair that was found unlike is not asked for in a later band."""
    texts = [f"what is the capital of {name}" for name in WORDS] * 2
    asked: list[int] = []

    def given(wanted: Sequence[int]) -> list[str]:
        asked.extend(wanted)
        return [texts[at] for at in wanted]

    roots = merge_near(np.zeros((len(texts), 16), np.uint64), given, 0.85)
    assert asked == list(range(len(texts)))
    assert len(set(roots)) == len(texts) - 1 and roots[len(WORDS)] == 0


def test_merging_agrees_with_all_pairs() -> None:
    """What MinHash merges is what comparing all pairs exactly would merge."""
    texts = [_sentence(seed) for seed in range(30)]
    texts += [text[:50] + "x" + text[50:] for text in texts[:10]] + [text + " y" for text in texts[:5]]
    roots = merge_near(band_hashes(texts), lambda wanted: [texts[at] for at in wanted], 0.85)
    exact = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if jaccard(texts[i], texts[j]) >= 0.85:
                exact = [exact[j] if root == exact[i] else root for root in exact]

    assert len(set(roots)) == 30
    assert len(set(zip(roots, exact, strict=True))) == len(set(exact)) == 30


def test_group_names_do_not_hang_on_order() -> None:
    """The same prompts have the same group names in any order and in any batch."""
    long = _sentence(0)
    prompts = [long, long[:100] + "x" + long[100:], "short", _sentence(3)]
    forth, back = (assign(Preferences.of(map(_record, order))) for order in (prompts, prompts[::-1]))

    assert [r.group for r in forth] == [r.group for r in back][::-1]
    assert np.array_equal(band_hashes(prompts), np.concatenate([band_hashes([prompt]) for prompt in prompts]))


def test_without_a_prompt_the_response_is_the_unit() -> None:
    """Its group field counts first, then its id, then its text; one text under two ids is one unit."""
    responses = [
        Response(content="a", id="1"),
        Response(content="b", id="1"),
        Response(content="A!", id="2"),
        Response(content="c"),
        Response(content="c."),
        Response(content="d", id="3", extra={"group": "g"}),
        Response(content="e", id="4", extra={"group": "g"}),
        Response(content="f", id="5"),
    ]
    grouped = assign(Preferences.of(_record("", response) for response in responses))

    assert grouped.groups.tolist() == [0, 0, 0, 1, 1, 2, 2, 3]
    assert units(grouped).codes.tolist() == units(Preferences.of([_record("", *responses)])).codes.tolist()


def test_ids_of_two_sources_are_apart() -> None:
    """The same id in two sources is two units, unless the texts are the same."""
    texts = {"s": "a", "t": "b", "u": "A"}
    records = [
        Preference(prompt="", responses=(Response(content=text, id="1"),), source=source)
        for source, text in texts.items()
    ]

    assert assign(Preferences.of(records)).groups.tolist() == [0, 1, 0]


def test_units_are_groups_where_there_is_a_prompt() -> None:
    """All responses to a prompt are one unit; without a prompt each is its own, whichever record it is in."""
    a, b, c = (Response(content=text, id=text) for text in "abc")
    grouped = assign(Preferences.of([_record("q", a, b), _record("", a, c), _record("", c, b), _record("", c, a)]))
    found = units(grouped)
    names = [found.names[code] for code in found.codes]

    assert found.offsets.tolist() == [0, 2, 4, 6, 8]
    assert names[0] == names[1] == grouped[0].group
    assert names[2:] == ["response:a", "response:c", "response:c", "response:b", "response:c", "response:a"]
    assert grouped.groups.tolist() == [0, 1, 2, 1]


def test_bad_calls_are_refused() -> None:
    """Units of prompts need groups; a similarity is above 0 and at most 1."""
    with pytest.raises(ValueError, match=r"groups\.assign first"):
        units(Preferences.of([_record("q")]))
    for similarity in (0, 1.1):
        with pytest.raises(ValueError, match="similarity"):
            assign(Preferences.of([_record("q")]), similarity)
    assert len(assign(Preferences.of([]))) == 0


@pytest.mark.slow
def test_many_prompts_take_little_memory() -> None:
    """Hashing 100,000 prompts keeps 128 bytes of each."""
    bands = band_hashes(f"{at} {WORDS[at % 17]} {at * 7919}" for at in range(100_000))

    assert bands.nbytes == 128 * 100_000
