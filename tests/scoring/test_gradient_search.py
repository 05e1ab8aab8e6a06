"""Gradient-guided suffixes: texts and not tokens, more reward than by chance, within the budget."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.encoder import Encoder
from plaudit.evaluation.attacks.attack import Search, attack
from plaudit.evaluation.attacks.random_search import RandomSearch
from plaudit.evaluation.attacks.suffixes import append
from plaudit.evaluation.attacks.targets import Target
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.architectures.two_tower import TwoTower
from plaudit.models.input_gradients import NoInputGradients
from plaudit.predictions import Floats
from plaudit.preferences.preference import Comparison, Content, Message, Preference, Response
from plaudit.scoring.gradient_search import GradientSearch, SuffixTokens
from plaudit.scoring.passes import rewards_of
from tests.scoring.tiny import tiny, tiny_of

FAMILIES = pytest.mark.parametrize("name", ["llama", "bert"])
EFFORT = {"budget": 500, "held_out": 24, "responses": 4, "keep": 1, "resamples": 100}
WORDS = [
    "quick",
    "brown",
    "fox",
    "jumps",
    "lazy",
    "dog",
    "sleeps",
    "runs",
    "human",
    "fine",
    "thank",
    "reward",
    "model",
    "learns",
    "answer",
    "people",
    "prefer",
]


def asked() -> list[Preference]:
    """Forty prompts with two answers each, of words that every tiny tokeniser knows."""
    rng = np.random.default_rng(0)

    def drawn() -> str:
        return " ".join(rng.choice(WORDS, 5))

    return [
        Preference(
            prompt=f"{drawn()}?",
            responses=(Response(content=drawn()), Response(content=drawn())),
            comparisons=(Comparison(chosen=0, rejected=1),),
        )
        for _ in range(40)
    ]


@cache
def model_of(name: str) -> tuple[Scalar, Encoder]:
    return tiny(name)


class Scoring:
    """A tiny model as a scoring function; counts what it scored."""

    def __init__(self, name: str) -> None:
        self.model, self.encoder = model_of(name)
        self.scored = 0

    def __call__(self, pairs: Sequence[tuple[Content, Content]]) -> Floats:
        self.scored += len(pairs)
        return rewards_of(self.model, [self.encoder.encode(*pair) for pair in pairs])


@FAMILIES
def test_gradients_find_at_least_what_chance_finds(name: str) -> None:
    """At the same budget, averaged over two seeds, on prompts that neither search saw."""

    def reached(search: Search) -> float:
        found = [attack(asked(), Scoring(name), search, **EFFORT, seed=seed) for seed in range(2)]
        return float(np.mean([one.best.gain.value for one in found]))

    model, encoder = model_of(name)

    assert reached(GradientSearch(model, encoder, candidates=8, responses=2)) >= reached(RandomSearch())


@FAMILIES
def test_what_is_reported_is_the_reward_of_the_text(name: str) -> None:
    """Each line scored again, one by one and in other company, has its reward; gradients are paid for."""
    score = Scoring(name)
    search = GradientSearch(*model_of(name), candidates=8, responses=2)
    found = attack(asked(), score, search, **EFFORT)

    assert score.scored < found.spent <= 500
    assert (found.spent - score.scored) % 3 == 0
    assert found == attack(asked(), Scoring(name), search, **EFFORT)
    for one in found.examples:
        assert Scoring(name)([(one.prompt, one.response)])[0] == pytest.approx(one.reward, abs=1e-4)
        assert one.response == append(one.response[: -len(one.suffix)], one.suffix)


@FAMILIES
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_surviving_suffixes_are_read_as_the_same_tokens(name: str, seed: int) -> None:
    """Whatever tokens are proposed: the text that is kept has exactly these, after a text and after a last turn."""
    _, encoder = model_of(name)
    tokens, rng = SuffixTokens(encoder), np.random.default_rng(seed)
    proposed = [tuple(rng.choice(len(encoder.tokenizer), 4).tolist()) for _ in range(40)]
    target = Target("Is it good?", "Yes.", "It is not.")
    kept = tokens.surviving(target, proposed)
    turns = Target(
        (Message("user", "Is it good?"),), (Message("assistant", "Yes."),), (Message("assistant", "It is not."),)
    )  # fmt: skip

    for text in kept:
        assert tokens.ids(target, text) in proposed
        assert tokens.ids(turns, text) == tokens.ids(target, text)
        assert text == text.rstrip() and text.replace("\n", "").isprintable() and text[0].isspace()


@FAMILIES
def test_the_places_are_those_of_the_suffix(name: str) -> None:
    """The tokens found decode to the suffix, and no special token is ever proposed."""
    _, encoder = model_of(name)
    tokens = SuffixTokens(encoder)
    found = tokens.places(Target("Is it good?", "Yes.", "It is not."), " the lazy dog")
    assert found is not None
    sequence, places = found

    assert encoder.tokenizer.decode(sequence.ids[places].tolist()).strip() == "the lazy dog"
    assert not tokens.allowed(len(encoder.tokenizer))[encoder.tokenizer.all_special_ids].any()
    assert not tokens.allowed(len(encoder.tokenizer) + 5)[-5:].any()


def test_the_smallest_budget_is_kept_to() -> None:
    """One suffix more than judging takes, and a single token."""
    score = Scoring("llama")
    search = GradientSearch(*model_of("llama"), tokens=1, candidates=2, top=3, responses=1)
    found = attack(asked(), score, search, **EFFORT | {"budget": 2 * 28 + 24 + 4})

    assert found.spent == score.scored == 84
    assert found.tried == 1


def test_what_cannot_be_attacked_is_refused() -> None:
    """A model without one table of embeddings, and numbers below 1."""
    with pytest.raises(NoInputGradients, match="architecture twotower"):
        GradientSearch(*tiny_of(TwoTower, "bert"))
    for wrong in ("tokens", "candidates", "top", "responses"):
        with pytest.raises(ValueError, match=f"{wrong} must be at least 1, not 0"):
            GradientSearch(*model_of("llama"), **{wrong: 0})
