"""Canaries: a few conversations with the ids and rewards they had when the model was saved."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.encoding.encoder import Encoder, Sequence
from plaudit.encoding.truncation import ResponseTooLong
from plaudit.encoding.turns import Unencodable
from plaudit.models.headed import Headed
from plaudit.scoring.canary_texts import TEXTS, overlong
from plaudit.scoring.contract import CANARIES, BadArtefact, Contract, read_json, write_json
from plaudit.scoring.conversations import Pair, as_pair
from plaudit.scoring.passes import columns_of
from plaudit.scoring.weights import DTYPES

RECORDED = ("float32", "bfloat16")
"""The computing dtypes whose rewards are recorded when a model is saved."""

LEAST = 8
"""How many different canaries an artefact has at least."""

FLOOR, SAFETY = 1e-3, 4.0
"""A tolerance is this many times the largest difference measured, and never less than the floor."""


class TooFewCanaries(Unencodable):
    """Sequences must be so short that too few canaries can be written."""

    reason = "too_few_canaries"


@dataclass(frozen=True, slots=True)
class Written:
    """A conversation, its response shortened where it must be, and how an encoder writes it."""

    pair: Pair
    sequence: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One conversation: its text, ids, segments, and reward by computing dtype (none where only ids are checked).

    ``parts`` holds by dtype what the model gives after the reward, as the contract's ``outputs`` name it.
    """

    name: str
    prompt: Any
    response: Any
    ids: tuple[int, ...]
    second: int = 0
    rewards: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def written_as(self, sequence: Sequence) -> bool:
        """Whether ``sequence`` has the recorded ids, and as many of them in the second segment."""
        return tuple(sequence.ids.tolist()) == self.ids and _second(sequence) == self.second

    @property
    def pair(self) -> Pair:
        """The conversation as (prompt, response)."""
        return as_pair((self.prompt, self.response), f"canary {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """All canaries of an artefact.

    Attributes:
        canaries: with `LEAST` different sequences or more.
        refused: the conversations that this encoder cannot write, with the reason.
        contract: the scoring part of the contract, as it was when they were recorded.
    """

    canaries: tuple[Canary, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scored(self) -> tuple[Canary, ...]:
        """Those with rewards."""
        return tuple(canary for canary in self.canaries if canary.rewards)

    def rewards(self, dtype: str) -> NDArray[np.float64]:
        """Return the recorded rewards at ``dtype``, float64 [number of `scored`]."""
        return np.array([canary.rewards[dtype] for canary in self.scored])

    def parts(self, dtype: str) -> NDArray[np.float64]:
        """Return what was recorded after the rewards at ``dtype``, float64 [number of `scored`, outputs - 1]."""
        return np.array([tuple(canary.parts.get(dtype, ())) for canary in self.scored])


def encode(encoder: Encoder) -> tuple[dict[str, Written], dict[str, str]]:
    """Return the conversations as ``encoder`` writes them, and why it refuses others.

    Prompts are cut as any prompt is. A response that does not fit loses words from its beginning until it does.
    """
    written, refused = {}, {}
    for name, pair in TEXTS.items():
        try:
            written[name] = _written(encoder, pair)
        except Unencodable as error:
            refused[name] = error.reason
    return written, refused


def require(encoder: Encoder) -> None:
    """Raise `TooFewCanaries` if ``encoder`` cannot write `LEAST` different ones."""
    written, refused = encode(encoder)
    different = len({tuple(one.sequence.ids.tolist()) for one in written.values()})
    if different < LEAST:
        reasons = f" ({', '.join(f'{name}: {reason}' for name, reason in refused.items())})" if refused else ""
        raise TooFewCanaries(
            f"with at most {encoder.max_length} tokens only {different} different canaries can be written, and {LEAST} "
            f"are needed to recognise a changed model{reasons}; raise max_length"
        )


def record(model: Headed, encoder: Encoder, dtypes: tuple[str, ...] = RECORDED) -> Canaries:
    """Score the conversations at each dtype.

    Raises:
        TooFewCanaries: the encoder can write fewer than `LEAST`.
    """
    require(encoder)
    written, refused = encode(encoder)
    sequences = [one.sequence for one in written.values()]
    tables = {dtype: at_dtype(model, sequences, dtype) for dtype in dtypes}
    canaries = [
        _canary(name, one, {dtype: table[place].tolist() for dtype, table in tables.items()})
        for place, (name, one) in enumerate(written.items())
    ]
    return Canaries(canaries=(*canaries, *_overlong(encoder)), refused=refused)


def _written(encoder: Encoder, pair: Pair) -> Written:
    try:
        return Written(pair, encoder.encode(*pair))
    except ResponseTooLong as error:
        try:
            return _shortened(encoder, pair)
        except Unencodable:
            raise error from None


def _shortened(encoder: Encoder, pair: Pair) -> Written:
    """Return the conversation with the longest end of its response that fits."""
    prompt, response = pair
    text = response if isinstance(response, str) else response[-1].content

    def ending(start: int) -> Pair:
        """Return the conversation with its response from ``start`` on."""
        return prompt, text[start:] if isinstance(response, str) else (replace(response[-1], content=text[start:]),)

    def fits(start: int) -> bool:
        """Whether the response from ``start`` on is short enough, whatever else is wrong with it."""
        try:
            encoder.encode(*ending(start))
        except ResponseTooLong:
            return False
        except Unencodable:
            return True
        return True

    start = bisect_left(range(len(text)), True, key=fits)
    return Written(ending(start), encoder.encode(*ending(start)))


def few(sequences: list[Sequence]) -> list[int]:
    """Return the places of the six shortest sequences: enough, at little cost, to compare two ways of computing."""
    return sorted(range(len(sequences)), key=lambda place: len(sequences[place].ids))[:6]


def at_dtype(model: Headed, sequences: list[Sequence], dtype: str) -> NDArray[np.float64]:
    """Return rewards, parts and variance computed at ``dtype``, float64 [N, `Headed.columns`].

    The model's own dtype is put back.
    """
    before = model.compute_dtype
    model.compute_dtype = DTYPES[dtype]
    try:
        return columns_of(model, sequences)
    finally:
        model.compute_dtype = before


def tolerances(canaries: Canaries) -> dict[str, float]:
    """Return for each recorded dtype the largest accepted difference from the fp32 rewards."""
    exact = canaries.rewards("float32")
    return _allowed({dtype: abs(canaries.rewards(dtype) - exact) for dtype in canaries.scored[0].rewards})


def parts_tolerances(canaries: Canaries) -> dict[str, float]:
    """Return `tolerances` of what comes after the reward, as `parts_apart` measures it; {} where nothing does."""
    exact, dtypes = canaries.parts("float32"), canaries.scored[0].rewards
    return _allowed({dtype: parts_apart(canaries.parts(dtype), exact) for dtype in dtypes}) if exact.size else {}


def parts_apart(found: NDArray[np.float64], recorded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each number is from the recorded one; where that is beyond 1, as a share of it.

    Unlike rewards, variances have no bound: one of 20,000 in fp32 is known to 0.001 at best.
    """
    return np.asarray(abs(found - recorded) / np.maximum(1.0, abs(recorded)))


def _allowed(differences: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    return {dtype: max(FLOOR, SAFETY * float(apart.max())) for dtype, apart in differences.items()}


def measured(canaries: Canaries) -> dict[str, dict[str, float]]:
    """Return for each dtype but fp32 what it does to the rewards: largest difference, ties, and of how many pairs."""
    exact, count = canaries.rewards("float32"), len(canaries.scored)
    upper = np.triu_indices(count, 1)
    found = {}
    for dtype in canaries.scored[0].rewards:
        rewards = canaries.rewards(dtype)
        ties = int((rewards[upper[0]] == rewards[upper[1]]).sum())
        if dtype != "float32":
            found[dtype] = {"difference": float(abs(rewards - exact).max()), "ties": ties, "pairs": len(upper[0])}
    return found


def _canary(name: str, written: Written, rows: Mapping[str, list[float]]) -> Canary:
    prompt, response = (part if isinstance(part, str) else [_turn(turn) for turn in part] for part in written.pair)
    return Canary(
        name=name,
        prompt=prompt,
        response=response,
        ids=tuple(written.sequence.ids.tolist()),
        second=_second(written.sequence),
        rewards={dtype: row[0] for dtype, row in rows.items()},
        parts={dtype: tuple(row[1:]) for dtype, row in rows.items() if len(row) > 1},
    )


def _second(sequence: Sequence) -> int:
    return 0 if sequence.token_type_ids is None else int(sequence.token_type_ids.sum())


def _turn(turn: Any) -> dict[str, str]:
    return {"role": turn.role, "content": turn.content}


def _overlong(encoder: Encoder) -> list[Canary]:
    pair = overlong(encoder.max_length)
    try:
        return [_canary("overlong", Written(pair, encoder.encode(*pair)), {})]
    except Unencodable:
        return []


def write(folder: Path, canaries: Canaries, contract: Contract) -> None:
    """Write ``canaries.json``, with the scoring part of the contract it belongs to."""
    entries = [asdict(canary) for canary in canaries.canaries]
    write_json(
        folder / CANARIES, {"contract": contract.scoring(), "refused": dict(canaries.refused), "canaries": entries}
    )


def read(folder: Path) -> Canaries:
    """Return the canaries in ``folder``.

    Raises:
        BadArtefact: the file is missing or has another shape.
    """
    content = read_json(folder, CANARIES)
    try:
        entries = tuple(Canary(**{**entry, "ids": tuple(entry["ids"])}) for entry in content["canaries"])
        found = Canaries(canaries=entries, refused=content["refused"], contract=content["contract"])
    except (KeyError, TypeError) as error:
        raise BadArtefact(folder, "files", f"{CANARIES} has another shape than expected ({error!r})") from error
    if not found.scored:
        raise BadArtefact(folder, "files", f"{CANARIES} holds no rewards to compare with")
    return found
