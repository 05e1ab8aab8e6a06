"""Short texts through an encoder, text to reward: packed batches against sentence-transformers' CrossEncoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder

from benchmarks.arms import protocol
from benchmarks.arms.turns import Rewards, agreement, take_turns
from benchmarks.loading import encoder_of, scalar_of
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.turns import Unencodable
from plaudit.models.frozen import freeze
from plaudit.models.precision import DTYPES
from plaudit.scoring.passes import rewards_of

Texts = list[tuple[str, str]]


def measure(request: protocol.Request) -> protocol.Answer:
    """Time scoring all snippets in the request's dtype, tokenising included on both sides."""
    torch.set_num_threads(request["threads"])
    folder, dtype = Path(request["folder"], "encoder"), request["dtype"]
    texts: Texts = [(row["prompt"], row["response"]) for row in protocol.rows_of(request, "snippets")]
    encoder, peer = encoder_of(folder, request["max_length"], "encoder"), _cross_encoder(folder, dtype)
    _same_ids(encoder, peer, texts[:32])
    model = scalar_of(folder, dtype, "first")
    freeze(model)

    def ours() -> Rewards:
        return rewards_of(model, _fitting(encoder, texts))

    turns = take_turns(lambda _: ours(), lambda _: peer.predict(texts), request["turns"])
    return {
        "ours": [len(texts) / seconds for seconds in turns.ours],
        "peer": [len(texts) / seconds for seconds in turns.peer],
        "tokens": sum(len(sequence.ids) for sequence in _fitting(encoder, texts)),
        "agreement": agreement(ours(), np.asarray(peer.predict(texts), dtype=np.float64)),
        "versions": protocol.versions("sentence-transformers", "transformers", "torch"),
    }


def _cross_encoder(folder: Path, dtype: str) -> Any:
    build: Callable[..., Any] = CrossEncoder
    settings = {"dtype": DTYPES[dtype]}
    return build(str(folder), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu", model_kwargs=settings)


def _fitting(encoder: Encoder, texts: Texts) -> list[Any]:
    found = list(encoder.encode_many(texts))
    bad = [item for item in found if isinstance(item, Unencodable)]
    if bad:
        raise ValueError(f"a snippet has no sequence: {bad[0]}")
    return found


def _same_ids(encoder: Encoder, peer: Any, texts: Texts) -> None:
    """Refuse to compare two sides that read the texts differently."""
    made = peer.preprocess(texts)
    masks = made["attention_mask"].bool()
    theirs = [row[mask].tolist() for row, mask in zip(made["input_ids"], masks, strict=True)]
    ours = [sequence.ids.tolist() for sequence in _fitting(encoder, texts)]
    if theirs != ours:
        raise ValueError(
            "the cross-encoder tokenises the snippets differently; the comparison would not be of one thing"
        )


if __name__ == "__main__":
    protocol.answer(measure)
