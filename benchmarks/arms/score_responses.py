"""Many responses to one prompt: plaudit's prompt tree against transformers' own forward on padded batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from benchmarks.arms import protocol
from benchmarks.arms.turns import Rewards, agreement, take_turns
from benchmarks.loading import encoder_of, messages, scalar_of
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.models.frozen import freeze
from plaudit.models.precision import DTYPES
from plaudit.preferences.preference import Message
from plaudit.scoring.passes import rewards_of

ROOM = 4096
"""Tokens that a prompt with a response may have here."""
FEW = 8
"""Responses to the long prompt whose rewards are compared: each takes the peer seconds in fp32."""
Padded = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Both:
    """The two sides on the same ids, in one dtype.

    Attributes:
        ours: scores sequences, given as plaudit's encoder makes them.
        peer: scores one padded batch.
    """

    ours: Callable[[Sequence[Tokens]], Rewards]
    peer: Callable[[Padded], Rewards]


def measure(request: protocol.Request) -> protocol.Answer:
    """Time one case, ``short`` or ``long``, and compare the rewards in the timed dtype and in fp32."""
    torch.set_num_threads(request["threads"])
    sequences = encoded(request)
    batches = padded(sequences, request["score_batch"], _pad(request))
    both = sides(request, request["dtype"])
    # The peer does `at_once` batches a repeat, each in its turn.
    at_once = len(batches) if request["whole"] or request["case"] == "short" else 1
    turns = take_turns(
        lambda _: both.ours(sequences),
        lambda repeat: [both.peer(batches[(repeat * at_once + n) % len(batches)]) for n in range(at_once)],
        request["turns"],
    )
    scaled = [seconds * len(batches) / at_once for seconds in turns.peer]
    few = [{name: rows[:FEW] for name, rows in batches[0].items()}] if request["case"] == "long" else batches
    return {
        "ours": [len(sequences) / seconds for seconds in turns.ours],
        "peer": [len(sequences) / seconds for seconds in scaled],
        "seconds": {"ours": turns.ours, "peer": turns.peer},
        "responses": len(sequences),
        "prompt_tokens": sequences[0].prompt_length,
        "tokens": sum(len(sequence.ids) for sequence in sequences),
        "peer_share": at_once / len(batches),
        "agreement": {
            request["dtype"]: agree(both, sequences, few),
            "float32": agree(sides(request, "float32"), sequences, few),
        },
        "versions": protocol.versions("transformers", "torch"),
    }


def encoded(request: protocol.Request) -> list[Tokens]:
    """Return the case's sequences, the shortest first: that order suits padding best."""
    folder = Path(request["folder"])
    case = next(row for row in protocol.rows_of(request, "prompts") if row["case"] == request["case"])
    encoder, prompt = encoder_of(folder / "decoder", ROOM), messages(case["prompt"])
    found = [encoder.encode(prompt, (Message("assistant", text),)) for text in case["responses"]]
    return sorted(found, key=lambda sequence: len(sequence.ids))


def padded(sequences: Sequence[Tokens], size: int, pad: int) -> list[Padded]:
    """Return the sequences as right-padded batches of ``size``."""
    batches = []
    for first in range(0, len(sequences), size):
        rows = [torch.from_numpy(sequence.ids.astype(np.int64)) for sequence in sequences[first : first + size]]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
        lengths = torch.tensor([len(row) for row in rows])
        batches.append({"input_ids": ids, "attention_mask": (torch.arange(ids.shape[1]) < lengths[:, None]).long()})
    return batches


def sides(request: protocol.Request, dtype: str) -> Both:
    """Return both sides. The peer holds its weights in ``dtype``, plaudit holds them in fp32 and computes in it."""
    folder = Path(request["folder"], "decoder")
    model = scalar_of(folder, dtype)
    freeze(model)
    plain: Any = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=DTYPES[dtype], attn_implementation="sdpa"
    ).eval()
    return Both(lambda rows: rewards_of(model, rows), lambda batch: _plain(plain, batch))


def agree(both: Both, sequences: Sequence[Tokens], batches: Sequence[Padded]) -> dict[str, float]:
    """Return how far the rewards of the first ``batches`` agree."""
    peer = np.concatenate([both.peer(batch) for batch in batches])
    return agreement(both.ours(sequences)[: len(peer)], peer)


@torch.inference_mode()
def _plain(model: Any, batch: Padded) -> Rewards:
    found: Rewards = model(**batch, use_cache=False).logits[:, 0].double().numpy()
    return found


def _pad(request: protocol.Request) -> int:
    return int(encoder_of(Path(request["folder"], "decoder"), ROOM).tokenizer.pad_token_id)


if __name__ == "__main__":
    protocol.answer(measure)
