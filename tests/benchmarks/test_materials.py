"""What is drawn to be measured on, and the order in which plaudit takes it."""

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import materials, smoke
from benchmarks.loading import Pair, in_planned_order, planned_ids, preference_of
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.preferences.preference import Content
from plaudit.testing import byte_tokenizer
from plaudit.training.fit import Run
from plaudit.training.recipe import Recipe
from tests.training.tiny import TinyModel


def pair(prompt: str, chosen: str, rejected: str) -> Pair:
    """Return a conversation of one question and two answers."""
    sides = {"chosen": chosen, "rejected": rejected}
    answers = {side: [{"role": "assistant", "content": text}] for side, text in sides.items()}
    return {"prompt": [{"role": "user", "content": prompt}], **answers}


@pytest.fixture
def encoder() -> Encoder:
    """Return an encoder of bytes for 80 tokens."""
    tokenizer = byte_tokenizer()
    return Encoder(tokenizer, for_tokenizer(tokenizer, "chatml"), 80)


def test_only_whole_different_pairs_with_prompts_of_their_own_fit(encoder: Encoder) -> None:
    """Too long, equal or repeated: left out, so that neither side drops or shares anything."""
    pairs = [
        pair("a", "yes", "no"),
        pair("b", "same", "same"),
        pair("a", "again", "the same prompt"),
        pair("c", "x" * 100, "no"),
        pair("d", "", "no"),
        pair("e", "fine", "bad"),
    ]

    found = materials.fitting(pairs, encoder)

    assert [item.pair["prompt"][0]["content"] for item in found] == ["a", "e"]
    assert found[0].longest == len(encoder.encode(*_sides(pairs[0], "chosen")).ids)


def _sides(of: Pair, side: str) -> tuple[Content, Content]:
    record = preference_of(of)
    return record.prompt, record.responses[0 if side == "chosen" else 1].content


def test_sorting_by_length_keeps_the_warm_up_and_loses_nothing(encoder: Encoder) -> None:
    """The same pairs, the first of them in place, the rest from short to long."""
    taken = materials.drawn(materials.fitting(smoke.made_up_pairs(40), _roomy(encoder)), 20, seed=3)

    found = materials.length_sorted(taken, 8)

    lengths = [item.longest for item in found[8:]]
    assert found[:8] == taken[:8]
    assert lengths == sorted(lengths)
    assert sorted(map(id, found)) == sorted(map(id, taken))


def _roomy(encoder: Encoder) -> Encoder:
    return Encoder(encoder.tokenizer, encoder.template, 512)


def test_drawing_is_repeatable_and_says_when_there_are_too_few(encoder: Encoder) -> None:
    """One seed, one order; another seed, another order."""
    pool = materials.fitting(smoke.made_up_pairs(30), _roomy(encoder))

    assert materials.drawn(pool, 12, seed=1) == materials.drawn(pool, 12, seed=1)
    assert materials.drawn(pool, 12, seed=1) != materials.drawn(pool, 12, seed=2)
    with pytest.raises(materials.NoPairs, match="only 30 pairs fit, and 31"):
        materials.drawn(pool, 31, seed=1)


@pytest.mark.parametrize("tokens", [50, 333])
def test_the_long_prompt_is_as_long_as_asked(tokens: int, encoder: Encoder) -> None:
    """Never shorter, longer by less than a word."""
    wide = _roomy(encoder)
    pool = materials.fitting(smoke.made_up_pairs(60), wide)

    case = materials.long_case(pool, tokens, 5, 0, lambda text: materials.prompt_tokens(wide, text))

    found = materials.prompt_tokens(wide, case["prompt"][0]["content"])
    assert tokens <= found <= tokens + max(map(len, smoke.WORDS)) + 1
    assert len(set(case["responses"])) == 5


def test_the_short_prompt_is_the_closest(encoder: Encoder) -> None:
    """No other prompt of the pool is closer to the length asked for."""
    pool = materials.fitting(smoke.made_up_pairs(60), _roomy(encoder))

    case = materials.short_case(pool, 60, 4, 0)

    distance = {item.pair["prompt"][0]["content"]: abs(item.prompt - 60) for item in pool}
    assert distance[case["prompt"][0]["content"]] == min(distance.values())


def test_native_pairs_are_read_from_the_named_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialogues become messages: what they share is the prompt."""
    row = {
        "chosen": "\n\nHuman: May I?\n\nAssistant: Please do.",
        "rejected": "\n\nHuman: May I?\n\nAssistant: Never.",
    }
    (tmp_path / materials.PAIRS_FILE).write_bytes(gzip.compress(json.dumps(row).encode()))
    monkeypatch.setenv(materials.SHARED, str(tmp_path))

    assert list(materials.shared_pairs()) == [pair("May I?", "Please do.", "Never.")]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that may name its folder."""
    monkeypatch.setenv(materials.SHARED, str(tmp_path))

    with pytest.raises(materials.NoPairs, match=materials.SHARED):
        materials.shared_pairs()


def test_plaudit_trains_on_the_pairs_in_the_order_given(encoder: Encoder) -> None:
    """Each step of the first epoch that `fit` plans holds the next pairs, so both sides time the same ones."""
    pairs, recipe = list(smoke.made_up_pairs(12)), Recipe(batch_size=4)
    wide = _roomy(encoder)
    encoded = in_planned_order(pairs, wide, recipe.batch_size, recipe.seed)

    plan = Run(TinyModel(), encoded, BradleyTerry(), Path(), recipe).plan_epoch(0)

    asked = [[wide.encode(*_sides(one, side)).ids.tolist() for side in ("chosen", "rejected")] for one in pairs]
    steps = [
        [encoded.ids(int(side)).tolist() for r in step.records for side in encoded.responses_of(r)] for step in plan
    ]
    for number, step in enumerate(steps):
        wanted = [ids for both in asked[4 * number : 4 * number + 4] for ids in both]
        assert sorted(step) == sorted(wanted)
    assert planned_ids(encoded, 4, recipe.seed) == [ids for both in asked for ids in both]


def test_repeated_prompts_are_refused(encoder: Encoder) -> None:
    """They would be taken together here, and one by one by the peer."""
    pairs = [pair(f"{number % 5}", f"yes {number}", "no") for number in range(10)]

    with pytest.raises(ValueError, match="the same prompt"):
        in_planned_order(pairs, encoder, 2, 0)


def test_the_warm_up_is_as_long_as_the_longest_timed_batches_and_not_timed(encoder: Encoder) -> None:
    """No pair twice, none longer than the longest timed one; stand-ins for the longest and for the fullest batch."""
    pool = materials.fitting(smoke.made_up_pairs(200), _roomy(encoder))
    timed = materials.drawn(pool, 24, seed=3)

    found = materials.warming(pool, timed, 16, batch_size=8)

    top = max(item.longest for item in timed)
    fullest = max(sum(item.tree for item in timed[first : first + 8]) for first in (0, 8, 16))
    assert len({id(item) for item in [*found, *timed]}) == 40
    assert 0.9 * top <= max(item.longest for item in found[:8]) <= top
    assert sum(item.tree for item in found[8:]) == pytest.approx(fullest, rel=0.1)
    with pytest.raises(materials.NoPairs, match="to warm up with"):
        materials.warming(timed, timed, 8, batch_size=8)


def test_tokens_are_counted_padded_sorted_and_packed() -> None:
    """By hand: batches of two pairs, each of two sides as long as the longest sequence of its batch."""
    nothing = pair("a", "b", "c")
    timed = [materials.Fitting(nothing, 4, longest, tree) for longest, tree in ((10, 12), (40, 50), (20, 24), (30, 34))]

    found = materials.token_counts(timed, timed, 2, seed=0)

    assert found["packed_tokens"] == 120
    assert found["padded_tokens"] == 4 * 40 + 4 * 30
    assert found["sorted_padded_tokens"] == 4 * 20 + 4 * 40
    assert found["padded_over_packed"] == pytest.approx(280 / 120)
    assert round(30 * found["padded_over_packed_of_all"]) in {60, 70}
