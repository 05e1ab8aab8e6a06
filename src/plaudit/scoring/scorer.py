"""The one Scorer: what was evaluated is what is served."""

import hashlib
import json
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.calibration.shipped import Adjust, Chance, NotShipped, described, raw_chance
from plaudit.encoding.encode import without_prompt
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import characters
from plaudit.scoring.best_of_n import Compared, Ranked, Score, in_order
from plaudit.scoring.cache import RewardCache
from plaudit.scoring.contract import CONTRACT
from plaudit.scoring.conversations import Pair, as_content, as_pair
from plaudit.scoring.foreign import open_foreign
from plaudit.scoring.passes import BUDGET, columns_of, features_of
from plaudit.scoring.verify import Artefact, load

OnUnfit = Literal["error", "nan"]
Row = tuple[float, ...]
"""What a model says of one sequence, a number for each of `Headed.columns`."""
Deviations = NDArray[np.float32]

_AT_ONCE = 4096
"""Conversations encoded and scored together, whatever the length of the list."""


class CannotScore(ValueError):
    """A conversation that has no reward; the message names which, and why, and its cause is the encoder's error.

    Attributes:
        number: its place among those that were to be scored.
        reason: a word to count by.
    """

    def __init__(self, message: str, number: int, reason: str) -> None:
        super().__init__(message)
        self.number, self.reason = number, reason


@dataclass(slots=True)
class Scorer:
    """Scores conversations with one checked model. Safe to use from several threads.

    A reward depends on its own prompt and response alone: order and company change it by less than 1e-4 in fp32.

    Attributes:
        artefact: the opened model with its contract and report.
        cache: rewards kept on disk, or None.
        token_budget: packed tokens a forward pass, which bounds the memory.
        adjust: which reward orders, and is given by `rewards`: the model's own (``none``), or the one without what it
            owes to length (``length``), where the artefact carries that adjustment. `Score` has both.
    """

    artefact: Artefact
    cache: RewardCache | None = None
    token_budget: int = BUDGET
    adjust: Adjust = "none"
    _identity: bytes = field(default=b"", init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.adjust not in ("none", "length"):
            raise ValueError(f"adjust must be 'none' or 'length', not {self.adjust!r}")
        if self.adjust == "length" and (self.artefact.shipped is None or self.artefact.shipped.adjustment is None):
            raise NotShipped(
                f"{self.artefact.folder} carries no adjustment for length; fit one to held-out predictions of it: "
                f"plaudit calibrate predictions.npz --into {self.artefact.folder}"
            )

    @classmethod
    def load(
        cls,
        path: Path | str,
        dtype: str = "float32",
        device: str | None = None,
        cache: Path | str | None = None,
        *,
        template: str | None = None,
        adjust: Adjust = "none",
    ) -> "Scorer":
        """Open the model at ``path``, after checking it against its canaries.

        Args:
            path: an artefact, or a sequence-classification checkpoint that plaudit did not write (with a warning).
            dtype: of computing: ``float32``, or ``bfloat16`` or ``float16`` on request.
            device: where to compute; CUDA where there is one, else the CPU.
            cache: an SQLite file for rewards, made if missing.
            template: text form of a checkpoint without a contract, see `foreign.open_foreign`.
            adjust: which reward orders, see the class.

        Raises:
            BadArtefact: what lies there is not what was saved, or cannot be scored with.
            BadCache: the cache file cannot be used.
            NotShipped: rewards are to be adjusted, and the artefact carries no adjustment.
            ValueError: ``template`` was given for a model that has a contract, or ``dtype`` is unknown.
        """
        folder = Path(path)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if (folder / CONTRACT).is_file() and template is not None:
            raise ValueError(f"{folder} has a contract that says how it reads text; template= is for other checkpoints")
        if (folder / CONTRACT).is_file():
            artefact = load(folder, dtype, device)
        else:
            artefact = open_foreign(folder, dtype, device, template=template)
        return cls(artefact, RewardCache(cache) if cache is not None else None, adjust=adjust)

    def score(
        self, conversations: Iterable[Any], *, on_unfit: OnUnfit = "error", deviations: bool = False
    ) -> list[Score]:
        """Score conversations, each in one of `conversations.SHAPES`, in the order given.

        Args:
            conversations: (prompt, response) pairs, lists of messages, records, texts.
            on_unfit: what to do about one that cannot be encoded: ``error``, or ``nan`` with the reason in ``refused``.
            deviations: give each score its `Score.deviations`, for the variances of margins. A model that has many
                (``laplace``) then computes everything anew, as the cache does not keep them.

        Raises:
            BadConversation: something has no known shape.
            CannotScore: a conversation does not fit, is empty, …; names its number.
            NonFiniteReward: the model gave no number.
        """
        scores: list[Score] = []
        remaining = iter(conversations)
        while chunk := list(islice(remaining, _AT_ONCE)):
            first = len(scores)
            pairs = [as_pair(given, f"conversation {first + number}") for number, given in enumerate(chunk)]
            scores += self._chunk(pairs, first, on_unfit, deviations=deviations)
        return scores

    def features(self, conversations: Iterable[Any]) -> NDArray[np.float32]:
        """Return what the model's last layer reads of each conversation, float32 [N, F], in the order given.

        Raises:
            What `score` raises.
        """
        pairs = [as_pair(given, f"conversation {number}") for number, given in enumerate(conversations)]
        encoded = self._encoded(pairs, 0, "error")
        return features_of(self.artefact.model, [one for one in encoded if not isinstance(one, Unencodable)])

    def rewards(self, conversations: Iterable[Any], *, on_unfit: OnUnfit = "error") -> list[float]:
        """Return only the numbers that order of what `score` gives: rewards, or adjusted ones if ``adjust`` says so."""
        return [float(score) for score in self.score(conversations, on_unfit=on_unfit)]

    def rank(self, prompt: Any, responses: Sequence[Any]) -> list[Ranked]:
        """Return ``responses`` to ``prompt`` with the best first.

        Raises:
            What `score` raises.
        """
        asked = as_content(prompt, "prompt")
        answers = [as_content(response, f"response {number}") for number, response in enumerate(responses)]
        return in_order(answers, self.score((asked, answer) for answer in answers), self.chance)

    def compare(self, prompt: Any, first: Any, second: Any) -> Compared:
        """Return both scores, how likely ``first`` is preferred to ``second``, and whether that is enough to decide.

        Raises:
            What `score` raises.
        """
        asked = as_content(prompt, "prompt")
        answers = [as_content(given, name) for given, name in ((first, "first"), (second, "second"))]
        scores = self.score((asked, answer) for answer in answers)
        return Compared(scores[0], scores[1], self.chance(*scores))

    def probability(self, prompt: Any, first: Any, second: Any) -> float:
        """Return how likely ``first`` is preferred to ``second``, calibrated where the artefact says how.

        Raises:
            What `score` raises.
        """
        return self.compare(prompt, first, second).probability

    def chance(self, first: Score, second: Score) -> Chance:
        """Return how likely a response of one score is preferred to one of another, from what orders."""
        margin, shipped = float(first) - float(second), self.artefact.shipped
        if shipped is None or not math.isfinite(margin):
            return raw_chance(margin)
        return shipped.of(self.adjust).chance(margin)

    @property
    def probabilities(self) -> str:
        """What the probabilities that this scorer gives are, in words: calibrated, or the sigmoid of the margin."""
        shipped = self.artefact.shipped
        return described("" if shipped is None else shipped.of(self.adjust).calibrator.kind)

    def best_of_n(self, prompt: Any, responses: Sequence[Any], n: int = 1) -> list[Ranked]:
        """Return the ``n`` best of ``responses``, the best first.

        Raises:
            ValueError: ``n`` is not between 1 and the number of responses.
            What `score` raises.
        """
        if not 1 <= n <= len(responses):
            raise ValueError(f"n must be from 1 to the number of responses, {len(responses)}; it is {n}")
        return self.rank(prompt, responses)[:n]

    def trl_reward(self, prompts: Sequence[Any], completions: Sequence[Any], **_columns: Any) -> list[float]:
        """Return the rewards of ``completions``: pass this method to TRL as a reward function.

        Args:
            prompts: texts or lists of messages, as TRL gives them.
            completions: likewise, one for each prompt.
            _columns: whatever else TRL passes; not looked at.
        """
        return self.rewards(zip(prompts, completions, strict=True))

    def _chunk(self, pairs: list[Pair], first: int, on_unfit: OnUnfit, *, deviations: bool) -> list[Score]:
        encoded = list(self._encoded(pairs, first, on_unfit))
        fitting = [item for item in encoded if not isinstance(item, Unencodable)]
        found = self._answers(fitting, deviations=deviations)
        scores = [
            Score(math.nan, refused=item.reason) if isinstance(item, Unencodable) else self._score(item, *next(found))
            for item in encoded
        ]
        return self._with_adjusted(scores, pairs)

    def _encoded(self, pairs: list[Pair], first: int, on_unfit: OnUnfit) -> Iterator[Tokens | Unencodable]:
        results = self.artefact.encoder.encode_many(pairs)
        for number, (pair, result) in enumerate(zip(pairs, results, strict=True)):
            if not isinstance(result, Unencodable):
                yield without_prompt(result, pair[0])
            elif on_unfit == "error":
                raise CannotScore(f"conversation {first + number}: {result}", first + number, result.reason) from result
            else:
                yield result

    def _score(self, sequence: Tokens, row: Row, cached: bool, deviations: Deviations | None) -> Score:
        named = dict(zip(self.artefact.model.columns, row, strict=True))
        reward, variance = named.pop("reward"), named.pop("variance", None)
        cut = sequence.cut.tokens
        return Score(
            reward, len(sequence.ids), cut=cut, cached=cached, parts=named, variance=variance, deviations=deviations
        )

    def _with_adjusted(self, scores: list[Score], pairs: list[Pair]) -> list[Score]:
        """Return the scores with their adjusted rewards, where the artefact carries an adjustment."""
        shipped = self.artefact.shipped
        adjustment = None if shipped is None else shipped.adjustment
        if adjustment is None:
            return scores
        lengths = [characters(response) for _, response in pairs]
        adjusted = adjustment.adjusted([score.reward for score in scores], lengths).tolist()
        by = self.adjust == "length"
        return [replace(score, adjusted=own, by_adjusted=by) for score, own in zip(scores, adjusted, strict=True)]

    def _answers(self, sequences: list[Tokens], *, deviations: bool) -> Iterator[tuple[Row, bool, Deviations | None]]:
        """Yield what `_found` returns, with the deviations asked for: of members from their mean, or the model's."""
        model = self.artefact.model
        if deviations and model.directions:
            yield from self._with_own_deviations(sequences)
            return
        members = list(model.member_columns) if deviations else []
        for row, cached in self._found(sequences):
            yield row, cached, _apart(np.array(row)[members]) if members else None

    def _with_own_deviations(self, sequences: list[Tokens]) -> Iterator[tuple[Row, bool, Deviations | None]]:
        if not sequences:
            return
        width = len(self.artefact.model.columns)
        for row in columns_of(self.artefact.model, sequences, self.token_budget, deviations=True):
            yield tuple(row[:width].tolist()), False, row[width:].astype(np.float32)

    def _found(self, sequences: list[Tokens]) -> list[tuple[Row, bool]]:
        """Return for each sequence its reward, parts and variance, and whether the cache had them."""
        if not sequences:
            return []
        if self.cache is None:
            return [(row, False) for row in self._computed(sequences)]
        keys = [self._key(sequence) for sequence in sequences]
        known = self.cache.find(keys)
        absent = {key: sequence for key, sequence in zip(keys, sequences, strict=True) if key not in known}
        new = dict(zip(absent, self._computed(list(absent.values())), strict=True))
        self.cache.add(new)
        return [(known[key], True) if key in known else (new[key], False) for key in keys]

    def _computed(self, sequences: list[Tokens]) -> list[Row]:
        if not sequences:
            return []
        return [tuple(row) for row in columns_of(self.artefact.model, sequences, self.token_budget).tolist()]

    def _key(self, sequence: Tokens) -> str:
        digest = hashlib.blake2b(self._name(), digest_size=20)
        types = b"" if sequence.token_type_ids is None else sequence.token_type_ids.tobytes()
        digest.update(sequence.ids.tobytes() + b"|" + types)
        return digest.hexdigest()

    def _name(self) -> bytes:
        """Return what every key of this model begins with: contract, weights and computing dtype."""
        with self._lock:
            if not self._identity:
                self._identity = _identity(self.artefact)
            return self._identity


def _apart(members: NDArray[np.float64]) -> Deviations:
    """Return how far each of K members is from their mean, over √K: squares then add up to their variance."""
    return np.asarray((members - members.mean()) / math.sqrt(members.size), np.float32)


def _identity(artefact: Artefact) -> bytes:
    """Hash the scoring contract, the computing dtype, and the bytes of the weights and configuration."""
    digest = hashlib.sha256(json.dumps(artefact.contract.scoring(), sort_keys=True).encode())
    digest.update(str(artefact.model.compute_dtype).encode())
    for path in (artefact.folder / "config.json", *sorted(artefact.folder.glob("*.safetensors"))):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.digest()[:32]
