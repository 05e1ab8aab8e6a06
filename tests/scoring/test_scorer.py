"""One reward a conversation, whatever it is scored with, in whatever shape and thread."""

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from plaudit.encoding.batch import Batch
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.reward_model import Rewards
from plaudit.preferences.preference import Message
from plaudit.scoring.artifact import save
from plaudit.scoring.cache import BadCache, RewardCache
from plaudit.scoring.conversations import BadConversation
from plaudit.scoring.passes import NonFiniteReward
from plaudit.scoring.scorer import CannotScore, Scorer
from tests.encoding.families import family
from tests.scoring.tiny import PAIRS, RECIPE, classifier, saved

Artefacts = Callable[[str], Path]
QUESTION, ANSWERS = "How do I boil an egg?", ["In water.", "Eggs.", "Put it into a pot.", "I do not know, sorry!"]


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert", "modernbert"])
def test_order_and_company_do_not_matter(artefact_of: Artefacts, name: str) -> None:
    """Scored alone, together, reversed, or in passes of 60 tokens: rewards agree to 1e-5 in fp32."""
    scorer = Scorer.load(artefact_of(name))
    together = scorer.rewards(PAIRS)
    alone = [scorer.rewards([pair])[0] for pair in PAIRS]
    backwards = scorer.rewards(PAIRS[::-1])[::-1]
    scorer.token_budget = 60
    in_passes = scorer.rewards(PAIRS)

    assert np.std(together) > 1e-4
    for other in (alone, backwards, in_passes):
        assert np.abs(np.array(other) - together).max() < 1e-5


def test_rewards_are_the_classs_own(artefact_of: Artefacts) -> None:
    """Each reward is what the family's class gives for the ids alone, in full precision."""
    folder = artefact_of("llama")
    scorer, plain = Scorer.load(folder), AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        expected = [
            plain(torch.tensor(scorer.artefact.encoder.encode(*pair).ids.tolist())[None]).logits.item()
            for pair in PAIRS
        ]

    assert np.abs(np.array(scorer.rewards(PAIRS)) - expected).max() < 1e-5


def test_every_shape_is_the_same_conversation(artefact_of: Artefacts) -> None:
    """Pairs, messages, mappings and records that mean the same get the same reward."""
    scorer = Scorer.load(artefact_of("llama"))
    question, answer = {"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}
    shapes: list[Any] = [
        ("Hi?", "Hello."),
        ["Hi?", "Hello."],
        [question, answer],
        (Message("user", "Hi?"), Message("assistant", "Hello.")),
        ([question], [answer]),
        {"prompt": "Hi?", "response": "Hello."},
        {"prompt": [question], "response": "Hello."},
        {"messages": [question, answer]},
    ]

    scores = scorer.score(shapes)

    assert np.ptp([float(score) for score in scores]) < 1e-6
    assert len({score.tokens for score in scores}) == 1
    assert scorer.score(["Hello."])[0].reward == pytest.approx(scorer.score([("", "Hello.")])[0].reward, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, "int 7"),
        (None, "NoneType"),
        ([], "list []"),
        (("a", "b", "c"), "this has 3"),
        ({"prompt": "a"}, "has the fields prompt"),
        ([{"role": "user", "content": "a"}], "must end with a message of role 'assistant'"),
        ([{"role": "user"}], "'role' and 'content'"),
        ([{"role": "assistant", "content": 5}], "'role' and 'content'"),
        (("a", 5), "conversation 1, response"),
        ({"messages": "a"}, "must end with"),
    ],
)
def test_wrong_shapes_are_named(artefact_of: Artefacts, given: object, words: str) -> None:
    """What has no known shape is refused with its number, and the shapes that are right."""
    with pytest.raises(BadConversation) as caught:
        Scorer.load(artefact_of("llama")).score([("a", "b"), given])

    assert "conversation 1" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("a", ""), "empty_response"),
        (("a", "\ud800"), "not_unicode"),
        (("a", "b " * 2000), "response_too_long"),
        (([{"role": "judge", "content": "a"}], "b"), "unknown_role"),
    ],
)
def test_what_has_no_reward_is_an_error_or_a_nan_with_its_reason(
    artefact_of: Artefacts, pair: Any, reason: str
) -> None:
    """A conversation without a sequence is named; on request it gets NaN and the reason, others their reward."""
    scorer = Scorer.load(artefact_of("llama"))

    with pytest.raises(CannotScore, match="conversation 1") as caught:
        scorer.score([PAIRS[0], pair])
    scores = scorer.score([PAIRS[0], pair, PAIRS[1]], on_unfit="nan")

    assert caught.value.reason == reason
    assert [score.refused for score in scores] == ["", reason, ""]
    assert math.isnan(scores[1].reward)
    assert [scores[0].reward, scores[2].reward] == pytest.approx(scorer.rewards(PAIRS[:2]), abs=1e-6)


def test_hundred_thousand_token_prompt_is_cut_and_said(artefact_of: Artefacts) -> None:
    """A prompt far beyond the length loses its oldest part; the response stays, and the score says what was cut."""
    scorer = Scorer.load(artefact_of("llama"))

    [score] = scorer.score([("word " * 100_000, "Fine.")])

    assert score.truncated
    assert score.cut > 90_000
    assert score.tokens <= 768


def test_rank_and_best_of_n(artefact_of: Artefacts) -> None:
    """Ranking is sorting by the rewards of single pairs, equal rewards in the order given."""
    scorer = Scorer.load(artefact_of("llama"))
    rewards = [scorer.rewards([(QUESTION, answer)])[0] for answer in ANSWERS]
    expected = sorted(range(4), key=lambda place: -rewards[place])

    ranked = scorer.rank(QUESTION, ANSWERS)
    doubled = scorer.rank(QUESTION, ANSWERS + ANSWERS)

    assert [one.index for one in ranked] == expected
    assert [one.response for one in scorer.best_of_n(QUESTION, ANSWERS, 2)] == [
        ANSWERS[place] for place in expected[:2]
    ]
    assert [one.index for one in doubled] == [place for one in expected for place in (one, one + 4)]
    for n in (0, 5):
        with pytest.raises(ValueError, match="from 1 to the number of responses, 4"):
            scorer.best_of_n(QUESTION, ANSWERS, n)


def test_trl_callable_gives_the_scorers_rewards(artefact_of: Artefacts) -> None:
    """The callable takes what GRPO passes, texts or messages, and gives one float each."""
    scorer = Scorer.load(artefact_of("gpt2"))
    chat = [[{"role": "user", "content": QUESTION}]], [[{"role": "assistant", "content": ANSWERS[0]}]]

    texts = scorer.trl_reward([QUESTION] * 4, ANSWERS, completion_ids=[[1]] * 4, trainer_state=None)

    assert texts == pytest.approx(scorer.rewards([(QUESTION, answer) for answer in ANSWERS]), abs=1e-6)
    assert scorer.trl_reward(*chat) == pytest.approx(scorer.rewards([(chat[0][0], chat[1][0])]), abs=1e-6)
    assert scorer.trl_reward.__name__ == "trl_reward"


def test_threads_get_their_own_rewards(artefact_of: Artefacts, tmp_path: Path) -> None:
    """Threads that score different conversations through one Scorer and cache get what they get alone."""
    scorer = Scorer.load(artefact_of("llama"), cache=tmp_path / "rewards.sqlite")
    expected = Scorer.load(artefact_of("llama")).rewards(PAIRS)
    found: dict[int, list[float]] = {}

    def work(place: int) -> None:
        found[place] = [scorer.rewards([PAIRS[place]])[0] for _ in range(8)]

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(PAIRS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for place, reward in enumerate(expected):
        assert found[place] == pytest.approx([reward] * 8, abs=1e-5)
    assert scorer.cache is not None
    assert scorer.cache.hits == 7 * len(PAIRS)


def _double_head(model: Scalar) -> None:
    with torch.no_grad():
        next(model.classifier.get_submodule("score").parameters()).mul_(2)


def test_cache_keeps_full_precision_and_knows_models_apart(artefact_of: Artefacts, tmp_path: Path) -> None:
    """A second Scorer reads the very rewards; another model, or another dtype, finds nothing."""
    path = tmp_path / "rewards.sqlite"
    first = Scorer.load(artefact_of("llama"), cache=path).score(PAIRS)
    again = Scorer.load(artefact_of("llama"), cache=path)
    second = again.score(PAIRS)

    assert [score.reward for score in first] == [score.reward for score in second]
    assert not any(score.cached for score in first)
    assert all(score.cached for score in second)
    assert (again.cache.hits, again.cache.misses) == (len(PAIRS), 0) if again.cache else False

    saved(tmp_path / "other", change=_double_head)
    for other in (
        Scorer.load(tmp_path / "other", cache=path),
        Scorer.load(artefact_of("llama"), "bfloat16", cache=path),
    ):
        assert not any(score.cached for score in other.score(PAIRS))


def test_cache_that_is_no_cache_is_named(artefact_of: Artefacts, tmp_path: Path) -> None:
    """A text file, or a place that is none, is refused by name."""
    (tmp_path / "notes.txt").write_text("nothing of this is a database " * 100)

    for path in (tmp_path / "notes.txt", tmp_path / "nowhere" / "rewards.sqlite"):
        with pytest.raises(BadCache, match=path.name):
            RewardCache(path)


def test_bfloat16_is_within_its_tolerance(artefact_of: Artefacts) -> None:
    """Computing in bfloat16 changes rewards, by no more than a few times the recorded tolerance; none are tied."""
    exact, rough = (
        np.array(Scorer.load(artefact_of("llama"), dtype).rewards(PAIRS)) for dtype in ("float32", "bfloat16")
    )
    tolerance = Scorer.load(artefact_of("llama")).artefact.contract.tolerances["bfloat16"]

    assert 0 < np.abs(exact - rough).max() < 2 * tolerance
    assert len(set(rough)) == len(PAIRS)


def test_not_a_number_is_never_a_reward(artefact_of: Artefacts) -> None:
    """Weights that became NaN after loading raise; NaN is not passed on."""
    scorer = Scorer.load(artefact_of("llama"))
    with torch.no_grad():
        next(scorer.artefact.model.parameters()).fill_(torch.nan)

    with pytest.raises(NonFiniteReward, match="not a finite number"):
        scorer.rewards(PAIRS)


def test_template_is_for_checkpoints_without_a_contract(artefact_of: Artefacts) -> None:
    """A contract is not overruled by an argument."""
    with pytest.raises(ValueError, match="has a contract"):
        Scorer.load(artefact_of("llama"), template="plain")


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Return a list to which every batch that goes through a model is added."""
    batches: list[Batch] = []
    forward = Scalar.forward

    def watched(model: Scalar, batch: Batch) -> Rewards:
        batches.append(batch)
        return forward(model, batch)

    monkeypatch.setattr(Scalar, "forward", watched)
    return batches


def test_long_prompt_with_many_responses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 2,000-token prompt with 64 responses goes through once, in one tree; rewards are those of single pairs."""
    tokenizer = family("smollm2")
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer), 4096)
    backbone = classifier("llama", len(tokenizer), encoder.tokenizer.pad_token_id, positions=4096)
    save(tmp_path / "model", Scalar(backbone).eval(), encoder, RECIPE)
    scorer = Scorer.load(tmp_path / "model")
    prompt = " ".join(str(number) for number in range(600))
    answers = [f"Answer number {number}." for number in range(64)]
    batches = _watched(monkeypatch)

    rewards = scorer.rewards([(prompt, answer) for answer in answers])
    [whole] = [len(batch.input_ids) for batch in batches]
    few = [scorer.rewards([(prompt, answers[place])])[0] for place in (0, 31, 63)]

    assert scorer.score([(prompt, answers[0])])[0].tokens > 2000
    assert whole < 2 * scorer.score([(prompt, answers[0])])[0].tokens
    assert np.abs(np.array(few) - np.array(rewards)[[0, 31, 63]]).max() < 1e-4


def test_equal_conversations_are_computed_once(artefact_of: Artefacts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation given five times is one sequence of one forward pass."""
    scorer = Scorer.load(artefact_of("llama"))
    batches = _watched(monkeypatch)

    rewards = scorer.rewards([PAIRS[0]] * 5)

    assert [len(batch.ends) for batch in batches] == [1]
    assert len(set(rewards)) == 1


def test_empty_list(artefact_of: Artefacts) -> None:
    """No conversations, no scores; nothing to rank is no error either."""
    scorer = Scorer.load(artefact_of("llama"))

    assert scorer.score([]) == []
    assert scorer.rank(QUESTION, []) == []
