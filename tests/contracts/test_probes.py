"""Every probe of the folder keeps the contract of probes; a new file is tested by being there."""

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from plaudit import members
from plaudit.evaluation.experiment import Experiment
from plaudit.evaluation.finding import Finding
from plaudit.evaluation.intervals import FEWEST_GROUPS
from plaudit.evaluation.probes import choose
from plaudit.predictions import Floats
from plaudit.preferences.preference import Content, Message
from tests.honest import Reward, honest, quality, said, scorer, world

NAMES = members.names("probes")
every_probe = pytest.mark.parametrize("name", NAMES)
WORLD = world(seed=1, pairs=60)
RESAMPLES = 100
OF_PROMPTS = {
    "factual_flip",
    "language_switch",
    "needless_refusal",
    "paraphrase",
    "prompt_ignored",
    "sycophancy",
    "turn_order",
}


def matches(pattern: str, bonus: float = 4.0) -> Reward:
    """A flaw: a response with these words gets more."""
    found = re.compile(pattern, re.IGNORECASE)
    return lambda prompt, response: bonus * bool(found.search(said(response)))


def misspelt(prompt: Content, response: Content) -> float:
    """A flaw: words that the world does not know cost 3 each; slips make such words."""
    return -3.0 * sum(word not in KNOWN for word in words(response))


def words(content: Content) -> list[str]:
    return re.findall(r"[a-z]+", said(content).lower())


KNOWN = {word for preference in WORLD for response in preference.responses for word in words(response.content)}


def echoed(prompt: Content, response: Content) -> float:
    """A flaw: a response whose second half is its first gets 4 more."""
    text = said(response)
    return 4.0 * (text[: len(text) // 2].strip() == text[len(text) // 2 :].strip())


def in_any_order(prompt: Content, response: Content) -> float:
    """Quality for one who does not see which turn came first."""
    return quality(tuple(sorted(prompt, key=said_of)) if isinstance(prompt, tuple) else prompt, response)


def said_of(turn: Message) -> str:
    return turn.content


PLUS = {
    "confidence": matches(r"certain|sure|doubt|definite|guarantee|undeniabl|fact|clear|dispute|proven|confidence|rely"),
    "flattery": matches(r"\byou\b|\byour\b|excellent|brilliant|clever"),
    "formulaic_safety": matches(r"as an ai|consult|responsib|safe|harm|please|respect|caution|advice"),
    "hedging": matches(r"might|may |perhaps|possib|maybe|could|seems|uncertain|not certain|depends|would"),
    "language_switch": matches(r"die hauptstadt|la capital", 8.0),
    "length": lambda prompt, response: len(said(response)) / 20,
    "markdown": matches(r"\*\*"),
    "needless_refusal": matches(r"sorry|cannot|unable|answer|decline|refus|not|comment|no |someone|pass|away", 8.0),
    "paraphrase": lambda prompt, response: 4.0 * said(response).startswith("The "),
    "pleasantries": matches(r"hope this helps|wonderful day"),
    "prompt_injection": matches(r"10|score|rat(e|ing)|grad|best|prefer|annotator|judge|quality|verified|marks|thumbs"),
    "repetition": echoed,
    "sycophancy": matches(r"you are right", 8.0),
    "typos": misspelt,
}
"""Probe to what is added to the honest reward."""

INSTEAD: dict[str, Reward] = {
    "factual_flip": lambda prompt, response: quality("", response),
    "gibberish": lambda prompt, response: 0.1 * len(said(response)),
    "prompt_ignored": lambda prompt, response: quality(response, response),
    "response_ignored": lambda prompt, response: float(len(said(prompt))),
    "truncation": lambda prompt, response: quality(prompt, " ".join(said(response).split()[:4])),
    "turn_order": in_any_order,
}
"""Probe to the reward of a scorer that is blind to what the probe looks for."""


def planted(name: str) -> Reward:
    """A scorer with the flaw that a probe looks for, and a little noise."""
    if name in INSTEAD:
        return INSTEAD[name]
    true, flaw = honest(0.3, seed=2), PLUS[name]
    return lambda prompt, response: true(prompt, response) + flaw(prompt, response)


def probed(name: str, reward: Reward, **settings: int) -> Finding:
    return choose([name], resamples=RESAMPLES, **settings)[name](WORLD, scorer(reward))


def test_the_folder_holds_what_is_promised() -> None:
    """Every weakness that an audit promises to look for has a probe, and a planted flaw here."""
    assert len(NAMES) >= 20
    assert set(PLUS) | set(INSTEAD) == set(NAMES), "plant a flaw for a new probe in PLUS or INSTEAD"


@every_probe
@pytest.mark.parametrize("size", [0.0, 0.8])
def test_is_silent_on_an_honest_scorer(name: str, size: float) -> None:
    """A scorer that knows what is good, more or less, has none of the weaknesses; the effect has its interval."""
    found = probed(name, honest(size, seed=4))
    assert found.applies
    assert found.p is not None
    assert found.p > 0.05
    assert found.groups >= FEWEST_GROUPS
    assert found.n >= found.groups
    for estimate in (found.effect, found.standardised, found.flipped):
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
    assert found.effect is not None
    assert found.spread is not None
    assert found.standardised is not None
    assert found.standardised.value == pytest.approx(found.effect.value / found.spread)


@every_probe
def test_is_loud_where_its_flaw_is_planted(name: str) -> None:
    """A scorer with the flaw is found at a level that survives the correction for a hundred tests."""
    found = probed(name, planted(name))
    assert found.p is not None
    assert found.p < 0.05 / 100
    assert found.standardised is not None
    assert found.standardised.value > found.tolerated


@every_probe
def test_the_scale_and_zero_of_rewards_do_not_matter(name: str) -> None:
    """Rewards have no unit of their own: the standardised effect, flips and p stay, the effect scales."""
    reward, factor = planted(name), 1e6 if len(name) % 2 else 1e-6
    found, other = probed(name, reward), probed(name, lambda prompt, response: factor * (reward(prompt, response) + 7))
    assert found.effect is not None
    assert other.effect is not None
    assert other.effect.value == pytest.approx(factor * found.effect.value, rel=1e-6, abs=1e-9 * factor)
    assert other.standardised is not None
    assert found.standardised is not None
    assert other.standardised.value == pytest.approx(found.standardised.value, rel=1e-6, abs=1e-9)
    assert other.flipped == found.flipped


@every_probe
def test_a_constant_scorer_is_blind_and_nothing_else(name: str) -> None:
    """Equal rewards for everything: what should cost reward does not, and nothing buys any."""
    found = probed(name, lambda prompt, response: 2.5)
    assert found.p is not None
    assert found.standardised is not None
    assert found.standardised.value == 0
    assert (found.p < 1e-4) is (found.tolerated < 0)
    assert found.spread == 0


@every_probe
def test_order_does_not_matter_and_seeds_do(name: str) -> None:
    """The same preferences in another order give the same finding."""
    probe, score = choose([name], limit=30, resamples=RESAMPLES)[name], scorer(honest(0.5))
    found = probe(WORLD, score)
    assert probe([WORLD[place] for place in np.random.default_rng(0).permutation(len(WORLD))], score) == found
    assert probe([*WORLD, *WORLD], score) == found
    other = choose([name], limit=30, resamples=RESAMPLES, seed=1)[name](WORLD, score)
    assert other.spread != found.spread


@every_probe
def test_every_conversation_is_scored_once_in_one_call(name: str) -> None:
    """The cost is bounded: one call, no conversation twice, not more than four for each pair or template."""
    calls = []

    def score(conversations: list[tuple[Content, Content]]) -> Floats:
        calls.append(conversations)
        return np.zeros(len(conversations))

    choose([name], limit=30, resamples=RESAMPLES)[name](WORLD, score)
    assert len(calls) == 1
    assert len(set(calls[0])) == len(calls[0])
    assert len(calls[0]) <= 2 * 30 + 3 * 72


@every_probe
def test_what_cannot_be_scored_is_left_out_and_counted(name: str) -> None:
    """NaN for some conversations leaves the others; NaN for all of them is a reason, not a number."""
    reward = honest(0.5)

    def gaps(prompt: Content, response: Content) -> float:
        return np.nan if hash_of(prompt, response) % 9 == 0 else reward(prompt, response)

    found = probed(name, gaps)
    assert found.left_out > 0
    assert found.n + found.left_out >= found.groups
    assert found.effect is not None
    assert np.isfinite(found.effect.value)
    nothing = probed(name, lambda prompt, response: np.nan)
    assert nothing.reason
    assert nothing.effect is nothing.p is None


def hash_of(prompt: Content, response: Content) -> int:
    return sum(map(ord, said(prompt) + said(response)))


@every_probe
def test_does_not_apply_for_a_stated_reason(name: str) -> None:
    """Without pairs, with too few of them, or without the prompts it needs, a probe says so and gives no number."""
    probe, score = choose([name], resamples=RESAMPLES)[name], scorer(honest(0.5))
    bare = probe(world(3, 60, prompts=False), score)
    few, none = probe(WORLD[:19], score), probe([], score)
    tied = probe([replace(one, comparisons=(replace(one.comparisons[0], tie=True),)) for one in WORLD], score)
    assert bool(bare.reason) is (name in OF_PROMPTS)
    assert not bare.reason or "prompt" in bare.reason
    assert few.reason == "19 pairs of a chosen and a rejected response; 20 are needed"
    assert none.reason == tied.reason == "0 pairs of a chosen and a rejected response; 20 are needed"
    assert (few.effect, few.p, few.flipped, few.n) == (None, None, None, 0)


@every_probe
def test_plain_text_is_probed_too(name: str) -> None:
    """Data without turns is probed in plain text; only the order of turns needs turns."""
    seen: list[tuple[Content, Content]] = []
    reward = honest(0.5)

    def score(conversations: list[tuple[Content, Content]]) -> Floats:
        seen.extend(conversations)
        return scorer(reward)(conversations)

    found = choose([name], resamples=RESAMPLES)[name](world(3, 40, turns=False), score)
    assert found.applies is (name != "turn_order")
    assert all(isinstance(part, str) for conversation in seen for part in conversation)


@every_probe
def test_examples_show_the_worst_pairs(name: str) -> None:
    """Examples are texts that differ, with the rewards they got, the worst change first."""
    found = probed(name, honest(0.5))
    assert found.examples
    assert all(example.before != example.after for example in found.examples)
    sign = -1 if type(choose([name])[name]).direction == "fall" else 1  # type: ignore[attr-defined]
    changes = [sign * (example.reward_after - example.reward_before) for example in found.examples]
    assert changes == sorted(changes, reverse=True) or changes == sorted(changes)
    assert json.loads(json.dumps(found.to_json()))["examples"][0]["after"] == found.examples[0].after


@every_probe
def test_a_wrong_number_of_rewards_is_refused(name: str) -> None:
    """A scorer that loses a conversation is told so."""
    with pytest.raises(ValueError, match=r"was given \d+ conversations and returned shape \(1,\)"):
        choose([name], resamples=RESAMPLES)[name](WORLD, lambda conversations: np.zeros(1))


@every_probe
def test_says_what_it_is(name: str) -> None:
    """The file says what the probe asks and when it says little; title and sentence are plain words."""
    kind = members.load("probes", name)
    text = inspect.getmodule(kind).__doc__ or ""
    assert members.describe("probes", name).endswith("?")
    assert len(text.splitlines()) > 3
    assert issubclass(kind, Experiment)
    assert kind.done.endswith(".")
    assert not kind.title.endswith(".")
    assert 0 < kind.gravity <= 1
    with pytest.raises(ValueError, match="at least 20 pairs, not a limit of 19"):
        kind(limit=19)


@every_probe
def test_texts_are_enough_and_all_different(name: str) -> None:
    """Where texts of ours are what is resampled there are at least as many as an interval needs."""
    texts: tuple[str, ...] = getattr(members.load("probes", name), "texts", ("",) * FEWEST_GROUPS)
    assert len(texts) >= FEWEST_GROUPS
    assert len(set(texts)) in (len(texts), 1)


def test_an_effect_is_what_was_planted() -> None:
    """The numbers are those of arithmetic: a bonus of 1.5 for what is added, in units of the margins' spread."""
    base: Callable[[Content, Content], float] = honest(0.0)
    texts = members.load("probes", "pleasantries").texts

    def reward(prompt: Content, response: Content) -> float:
        return base(prompt, response) + 1.5 * said(response).endswith(texts)

    found = probed("pleasantries", reward)
    sides = [[base(one.prompt, response.content) for response in one.responses] for one in WORLD]
    edges = [one.comparisons[0] for one in WORLD]
    margins = np.array([side[edge.chosen] - side[edge.rejected] for side, edge in zip(sides, edges, strict=True)])
    assert found.effect is not None
    assert found.effect.value == pytest.approx(1.5)
    assert found.spread == pytest.approx(np.std(margins))
    assert found.flipped is not None
    turned = (np.sign(margins) - np.sign(margins - 1.5)) / 2
    assert found.flipped.value == pytest.approx(turned.mean())
    assert found.n == len(WORLD)
