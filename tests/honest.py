"""A small world in which it is known what every response is worth, for tests of probes and worries.

Users ask about made-up topics. A response is worth something for naming the topic and for good words, and less for bad
ones; slips of the keyboard, layout, politeness, length and repetition are worth nothing. An honest scorer knows that,
and what is so of the simple facts that probes ask about, but not exactly.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import product
from statistics import NormalDist

import numpy as np

from plaudit.evaluation.checks import checks
from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.facts import FACTS
from plaudit.evaluation.finding import Score
from plaudit.evaluation.paired import best_scale
from plaudit.evaluation.probing import Probed, probe_all
from plaudit.evaluation.worries import Worry, worries
from plaudit.predictions import Floats, Predictions
from plaudit.preferences.preference import Comparison, Content, Message, Preference, Response

GOOD = [
    "lucid",
    "precise",
    "thorough",
    "vivid",
    "candid",
    "sound",
    "helpful",
    "exact",
    "cogent",
    "apt",
    "fresh",
    "mature",
]
BAD = ["muddled", "vague", "sloppy", "garbled", "hollow", "stale", "crude", "flimsy"]
FILLER = (
    "It stands by the road.",
    "It was found long ago in the north.",
    "It can be seen from the bridge on most days of the year.",
    "It has a roof.",
)
SYLLABLES = ("zu", "kra", "vlo", "quin", "dru", "fex", "jop")
TOPICS = ["".join(parts) for parts in product(SYLLABLES, SYLLABLES, SYLLABLES)]
FOREIGN = re.compile(r"^(Die Hauptstadt von|La capital de) ")
NAMED = re.compile(r"is called (\w+)\.")

SUBJECTS = {fact.subject.lower(): fact for fact in FACTS}

Reward = Callable[[Content, Content], float]


def said(content: Content) -> str:
    return content if isinstance(content, str) else "\n".join(turn.content for turn in content)


def sketch(word: str) -> tuple[str, frozenset[str]]:
    """What is left of a word when letters are swapped or doubled."""
    return word[0], frozenset(word)


WORTH = {sketch(word): 0.6 for word in GOOD} | {sketch(word): -0.6 for word in BAD}
PLACES = {sketch(topic): topic for topic in TOPICS}


@lru_cache(maxsize=200_000)
def quality(prompt: Content, response: Content) -> float:
    """What a response is worth."""
    asked, answer = said(prompt), said(response)
    sketches = {sketch(word) for word in re.findall(r"[a-z]+", answer.lower())}
    worth = sum(WORTH.get(own, 0.0) for own in sketches)
    worth += 2.0 * bool({sketch(word) for word in re.findall(r"[a-z]+", asked.lower())} & sketches & set(PLACES))
    worth -= 2.0 * bool(FOREIGN.match(answer) and not FOREIGN.match(asked))
    names = NAMED.findall(asked)
    if names and (given := re.search(r"now called (\w+)", answer)):
        worth += 1.5 if given[1] == names[-1] else -1.5
    return worth + truth(asked, answer)


def truth(asked: str, answer: str) -> float:
    """1.5 for a true answer to a question about a fact, -1.5 for the false one, 0 for none."""
    asked, answer = asked.lower(), answer.lower()
    for subject, fact in SUBJECTS.items():
        if subject in asked:
            rest = f" {answer.replace(subject, '')} "
            right, wrong = (re.search(rf"\W{re.escape(text.lower())}\W", rest) for text in (fact.right, fact.wrong))
            return 1.5 * (bool(right) - bool(wrong))
    return 0.0


def noise(seed: int, prompt: Content, response: Content) -> float:
    """A standard normal number that is the same for the same texts."""
    digest = blake2b(f"{seed}|{said(prompt)}|{said(response)}".encode(), digest_size=8).digest()
    return NormalDist().inv_cdf((int.from_bytes(digest, "big") + 0.5) / 2**64)


def scorer(reward: Reward) -> Score:
    """A scorer that gives each conversation its reward."""

    def score(conversations: Sequence[tuple[Content, Content]]) -> Floats:
        return np.array([reward(prompt, response) for prompt, response in conversations], dtype=np.float64)

    return score


def honest(size: float = 0.5, seed: int = 0, factor: float = 1.0) -> Reward:
    """Quality and noise of a size, at the scale at which margins are log-odds, times a factor."""
    scale = factor * calibrated_scale(size)
    return lambda prompt, response: scale * (quality(prompt, response) + size * noise(seed, prompt, response))


def world(seed: int, pairs: int = 150, prompts: bool = True, turns: bool = True) -> list[Preference]:
    """Preferences by people who mostly prefer what is better, each about a topic of its own."""
    rng = np.random.default_rng(seed)
    topics = rng.permutation(len(TOPICS))[:pairs]
    return [_preference(rng, TOPICS[topic], prompts, turns) for topic in topics]


def _preference(rng: np.random.Generator, topic: str, prompts: bool, turns: bool) -> Preference:
    prompt = f"Please tell me about the {topic}."
    texts = [_text(rng, topic) for _ in range(2)]
    apart = quality(prompt, texts[0]) - quality(prompt, texts[1])
    first = int(rng.random() >= 1 / (1 + np.exp(-1.5 * apart)))
    asked: Content = (Message("user", prompt),) if turns else prompt
    answers = [Response(content=(Message("assistant", text),) if turns else text) for text in texts]
    return Preference(
        prompt=asked if prompts else "",
        responses=tuple(answers),
        comparisons=(Comparison(chosen=first, rejected=1 - first),),
    )


def _text(rng: np.random.Generator, topic: str) -> str:
    words = [*rng.permutation(GOOD)[: rng.integers(0, 6)], *rng.permutation(BAD)[: rng.integers(0, 3)]]
    parts = [f"The {topic} is here.", *(f"It is {word} in its own way." for word in rng.permutation(words))]
    parts += [FILLER[place] for place in rng.permutation(len(FILLER))[: rng.integers(0, 5)]]
    return " ".join(parts)


def predictions(preferences: Sequence[Preference], reward: Reward) -> Predictions:
    """The rewards of preferences of one comparison each."""
    sides = [
        [preference.responses[place].content for place in (edge.chosen, edge.rejected)]
        for preference in preferences
        for edge in preference.comparisons
    ]
    prompts = [preference.prompt for preference in preferences]
    rewards = np.array([[reward(prompt, side) for side in own] for prompt, own in zip(prompts, sides, strict=True)])
    lengths = np.array([[len(said(side)) for side in own] for own in sides])
    return Predictions.from_pairs(rewards[:, 0], rewards[:, 1], lengths=(lengths[:, 0], lengths[:, 1]))


@cache
def calibrated_scale(size: float) -> float:
    """The factor that makes the margins of quality and noise log-odds, from pairs that no test sees."""
    known = [preference for seed in range(3) for preference in world(10_000 + seed, 300)]
    raw = predictions(known, lambda prompt, response: quality(prompt, response) + size * noise(-1, prompt, response))
    return best_scale(raw)[0]


def audit(
    preferences: Sequence[Preference], reward: Reward, limit: int = 100, resamples: int = 400
) -> tuple[tuple[Worry, ...], Probed]:
    """Everything that is tested of a scorer: probes, checks and flags."""
    probed = probe_all(preferences, scorer(reward), limit=limit, resamples=resamples)
    scored = predictions(preferences, reward)
    flags = evaluate(scored, ["accuracy", "log_likelihood"], [], resamples).flags
    return worries(probed.findings, checks(scored, resamples), flags), probed
