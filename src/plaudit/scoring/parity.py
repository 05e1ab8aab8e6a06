"""Whether other programs get the same rewards: measured on the canaries, and put in words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.models.splitting import NoBoundary
from plaudit.preferences.preference import Message
from plaudit.scoring.conversations import Pair


def class_logits(classifier: PreTrainedModel, sequences: Sequence[Tokens]) -> NDArray[np.float64]:
    """Return what the class's own forward gives for each sequence, one at a time, float64 [N, labels].

    All are NaN where the class cannot read the sequences without what their text form lacks.
    """
    device = next(classifier.parameters()).device
    logits = []
    try:
        with torch.inference_mode():
            for sequence in sequences:
                ids = torch.tensor(sequence.ids.tolist(), device=device)[None]
                inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
                if sequence.token_type_ids is not None:
                    inputs["token_type_ids"] = torch.tensor(sequence.token_type_ids.tolist(), device=device)[None]
                logits.append(classifier(**inputs).logits[0].double().cpu().numpy())
    except NoBoundary:
        config: Any = classifier.config
        return np.full((len(sequences), config.num_labels), np.nan)
    return np.stack(logits)


def made_note(labels: Sequence[str], composition: str) -> str:
    """Return how the reward is made of a head's outputs, or an empty string where it is the only one."""
    return f"the head gives {', '.join(labels)}; {composition}" if composition else ""


def class_note(difference: float, pooling: str, shift: float, *, biases: bool = False) -> str:
    """Return why the class's own forward gives other rewards."""
    if math.isnan(difference):
        return (
            "the class cannot tell where a response begins in this text form: give it token_type_ids, 1 on the response"
        )
    if shift:
        return f"the standard layout has no place for the head's bias: rewards are {shift:+.6g} above the class's"
    if biases:
        return f"the standard layout has no place for the head's biases: its outputs differ by up to {difference:.3g}"
    return f"the class does not pool as this model does (pooling {pooling!r}): rewards differ by up to {difference:.3g}"


def string_note(encoder: Encoder, pairs: Sequence[Pair], sequences: Sequence[Tokens]) -> str:
    """Return why applying the chat template and tokenising its text gives other ids, or an empty string."""
    kind = encoder.template.kind
    if kind == "encoder":
        return "an encoder reads two segments, and no chat template writes [CLS] and [SEP] around them"
    if kind in ("plain", "as_given"):
        return "plain texts get no end-of-sequence token (and no special tokens) on that path"
    for pair, sequence in zip(pairs, sequences, strict=True):
        if not sequence.cut and _through_string(encoder, pair) != sequence.ids.tolist():
            return "this chat template gives other ids for some conversations"
    return ""


def _through_string(encoder: Encoder, pair: Pair) -> list[int]:
    """Return the ids of the path through text: template applied, then tokenised without special tokens."""
    prompt, response = encoder.template.settle(*pair)
    turns = [_turn(message) for part in (prompt, response) for message in part if isinstance(message, Message)]
    text = encoder.tokenizer.apply_chat_template(turns, tokenize=False)
    ids: list[int] = encoder.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _turn(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}
