r"""Gradient-guided suffixes on open weights: tokens are replaced where the reward would rise most, and tried as text.

A suffix is a few tokens. At every step the reward's gradient at them says, for each place, which tokens would raise the
mean reward of some of the responses most (`plaudit.models.input_gradients`). Of the ``top`` of each place some are put
in at random, a few places at a time; what comes of it is decoded, and kept only if the tokeniser makes the same tokens
of the text again, right after a response. Those texts are then scored like any other suffix, so that what is reported
is the reward of a text and not of tokens that no text has. The best of them is where the next step begins.

A gradient of one conversation is paid for as `COST` scored ones: a forward and a backward pass.

Source: Zou et al., Universal and Transferable Adversarial Attacks on Aligned Language Models (2023), section 2.2
(Greedy Coordinate Gradient).
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.encoding.encode import encode_sequences
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.packing import collate_sequences
from plaudit.encoding.turns import Unencodable
from plaudit.evaluation.attacks.suffixes import append
from plaudit.evaluation.attacks.targets import Target
from plaudit.evaluation.attacks.trials import Trials
from plaudit.models.headed import Headed
from plaudit.models.input_gradients import NoInputGradients, input_embedding, replacements

COST = 3
"""Scored conversations that a gradient is paid for as: a backward pass takes about two forward passes."""
PATIENCE = 8
"""Steps without a better suffix after which the search begins anew."""
Ids = tuple[int, ...]


class GradientSearch:
    """Suffixes of ``tokens`` tokens, changed where the gradient points.

    Args:
        model: in evaluation mode; rewards come from the trials, which must be of the same model.
        encoder: the model's own.
        tokens: of a suffix.
        candidates: suffixes that are tried a step.
        top: tokens of each place that a step draws from.
        responses: conversations that a step takes the gradient of.

    Raises:
        NoInputGradients: the model has no single table of input embeddings.
        ValueError: a number is below 1.
    """

    name: ClassVar[str] = "gradient"

    def __init__(
        self,
        model: Headed,
        encoder: Encoder,
        *,
        tokens: int = 8,
        candidates: int = 16,
        top: int = 64,
        responses: int = 4,
    ) -> None:
        for name, value in (("tokens", tokens), ("candidates", candidates), ("top", top), ("responses", responses)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        input_embedding(model)
        self.model = model
        self.tokens, self.candidates, self.top, self.responses = tokens, candidates, top, responses
        self.suffixes = SuffixTokens(encoder)

    def __call__(self, trials: Trials, rng: np.random.Generator) -> None:
        """Try suffixes until the budget is used up, or nothing new is found.

        Raises:
            NoInputGradients: the template rewrites every response, so no suffix can be found among its tokens.
        """
        targets = [target for target in trials.targets if self.suffixes.places(target, " a")]
        if not targets:
            raise NoInputGradients(
                "the tokens of a suffix cannot be told from the response's in any of these responses"
            )
        while trials.affordable:
            before = len(trials.tried)
            best, gain = self._start(trials, targets[0], rng)
            since = 0
            while best and since < PATIENCE and trials.affordable:
                found, reached = self._step(trials, targets, best, rng)
                since = 0 if reached > gain else since + 1
                best, gain = (found, reached) if reached > gain else (best, gain)
            if len(trials.tried) == before:
                break

    def _start(self, trials: Trials, target: Target, rng: np.random.Generator) -> tuple[str, float]:
        """Return the best of some suffixes of random tokens, and its gain."""
        texts = self.suffixes.random(target, self.tokens, 2 * self.candidates, rng)
        return _best(trials, texts[: min(self.candidates, trials.affordable)])

    def _step(
        self, trials: Trials, targets: Sequence[Target], suffix: str, rng: np.random.Generator
    ) -> tuple[str, float]:
        """Return the best of the changed suffixes and its gain, -inf where none could be tried."""
        some = [targets[place] for place in rng.permutation(len(targets))[: self.responses]]
        paid = min(len(some), max(trials.left - len(trials.targets), 0) // COST)
        trials.spend(COST * paid)
        ids, rises = self._rises(some[:paid], suffix, self.suffixes.ids(targets[0], suffix))
        proposed = self._changed(ids, rises, 4 * self.candidates, rng)
        texts = [text for text in self.suffixes.surviving(targets[0], proposed) if text not in trials.tried]
        return _best(trials, texts[: min(self.candidates, trials.affordable)])

    def _rises(self, targets: Sequence[Target], suffix: str, ids: Ids) -> tuple[Ids, NDArray[np.float64]]:
        """Return the ids of the suffix, and what replacing each by each token promises, float64 [L, V]."""
        total = np.zeros((len(ids), int(input_embedding(self.model).num_embeddings)))  # type: ignore[arg-type]
        device = next(self.model.parameters()).device
        for target in targets:
            found = self.suffixes.places(target, suffix)
            if found and tuple(found[0].ids[found[1]].tolist()) == ids:
                encoded, _ = encode_sequences([found[0]])
                batch = collate_sequences(encoded, [0], share=False).to(device)
                places = torch.as_tensor(found[1], device=device)
                total += replacements(self.model, batch, places).double().cpu().numpy()
        total[:, ~self.suffixes.allowed(total.shape[1])] = -np.inf
        return ids, total

    def _changed(self, ids: Ids, rises: NDArray[np.float64], count: int, rng: np.random.Generator) -> list[Ids]:
        """Return up to ``count`` suffixes with one to three tokens replaced by ones that promise most."""
        if not ids:
            return []
        top = min(self.top, rises.shape[1])
        best = np.argpartition(-rises, top - 1, axis=1)[:, :top]
        found: dict[Ids, None] = {}
        for _ in range(count):
            changed = list(ids)
            for place in rng.permutation(len(ids))[: rng.integers(1, 4)]:
                token = int(best[place, rng.integers(top)])
                changed[place] = token if np.isfinite(rises[place, token]) else changed[place]
            found[tuple(changed)] = None
        return list(found)


def _best(trials: Trials, texts: Sequence[str]) -> tuple[str, float]:
    """Try the texts and return the best and its gain; -inf where there is none."""
    if not texts:
        return "", -np.inf
    gains = trials.run(texts)
    place = int(np.argmax(gains))
    return texts[place], float(gains[place])


class SuffixTokens:
    """Suffixes as tokens: where they lie after a response, and which tokens a text can have."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        tokenizer = encoder.tokenizer
        self._taken = sorted({*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder})
        self._size = len(tokenizer)

    def allowed(self, rows: int) -> NDArray[np.bool_]:
        """Return which of ``rows`` ids are words of the tokeniser and not special, bool [rows]."""
        found = np.arange(rows) < self._size
        found[[place for place in self._taken if place < rows]] = False
        return found

    def places(self, target: Target, suffix: str) -> tuple[Tokens, NDArray[np.int64]] | None:
        """Return the sequence of a rejected response with the suffix, and where the suffix's own tokens are in it.

        None where it cannot be encoded, or no token is the suffix's alone.
        """
        return self._placed([target], [suffix])[0]

    def ids(self, target: Target, suffix: str) -> Ids:
        """Return the suffix's own tokens after a rejected response; none where there are none."""
        found = self.places(target, suffix)
        return tuple(found[0].ids[found[1]].tolist()) if found else ()

    def text(self, ids: Ids) -> str:
        """Return the text of the tokens, after a blank; "" for one that cannot be printed."""
        text = self.encoder.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        text = (text if text[:1].isspace() else f" {text}").rstrip()
        return text if text and text.replace("\n", "").isprintable() and "\N{REPLACEMENT CHARACTER}" not in text else ""

    def random(self, target: Target, tokens: int, count: int, rng: np.random.Generator) -> list[str]:
        """Return up to ``count`` texts of random tokens."""
        words = np.flatnonzero(self.allowed(self._size))
        drawn = [self.text(tuple(rng.choice(words, size=tokens).tolist())) for _ in range(4 * count)]
        texts = list(dict.fromkeys(text for text in drawn if text.strip()))[:count]
        placed = self._placed([target] * len(texts), texts)
        return [text for text, found in zip(texts, placed, strict=True) if found]

    def surviving(self, target: Target, proposed: Sequence[Ids]) -> list[str]:
        """Return the texts of those suffixes that are read as the same tokens again after a rejected response."""
        texts = {ids: self.text(ids) for ids in proposed}
        written = {ids: text for ids, text in texts.items() if text.strip()}
        placed = self._placed([target] * len(written), list(written.values()))
        return [
            text
            for (ids, text), found in zip(written.items(), placed, strict=True)
            if found and tuple(found[0].ids[found[1]].tolist()) == ids
        ]

    def _placed(
        self, targets: Sequence[Target], suffixes: Sequence[str]
    ) -> list[tuple[Tokens, NDArray[np.int64]] | None]:
        pairs = [(one.prompt, append(one.rejected, suffix)) for one, suffix in zip(targets, suffixes, strict=True)]
        lengths = [_length(one) for one in targets]
        results = self.encoder.encode_many(pairs, characters=True)
        return [
            None if isinstance(result, Unencodable) else _own(result, length)
            for result, length in zip(results, lengths, strict=True)
        ]


def _length(target: Target) -> int:
    content = target.rejected
    return len(content if isinstance(content, str) else content[-1].content)


def _own(sequence: Tokens, length: int) -> tuple[Tokens, NDArray[np.int64]] | None:
    """Return the sequence and the places of its tokens that begin after ``length`` characters; None if none does."""
    assert sequence.characters is not None
    begins, ends = sequence.characters.T
    places = np.flatnonzero((begins >= length) & (ends > begins)) + sequence.prompt_length
    return (sequence, places.astype(np.int64)) if places.size else None
