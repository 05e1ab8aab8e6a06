"""The pad token: an existing id that no text produces and that is never scored; embeddings are never resized.

transformers finds the scored position as the right-most id that is not the pad, so a pad that is also the
end-of-sequence token moves it (and TRL, vLLM and others then disagree). Three sources are tried in turn:

1. the tokenizer's own pad token, where it is a proper one;
2. a token that the family reserved (``<|endoftext|>`` where turns end with another token, ``<|padding|>``, ``<unk>``
   where bytes leave nothing unknown, …); for tokenizers of a family's own class, which rebuild their vocabulary on
   loading and may forget how a new name is to be matched, any special token that the template does not write;
3. a byte that valid UTF-8 never holds. A byte-level vocabulary has an entry for it, and no text leads to it. The entry
   is renamed to the text of a special token with a suffix. Special tokens are split out of a text before such a name
   is looked for, so that no text, not even the name itself, ever matches: all texts keep their ids.
"""

import copy
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

RESERVED = ("<|padding|>", "<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>", "<|endoftext|>", "<|fim_pad|>")
_SPARE = re.compile(r"[<\[]\|?(reserved|unused|extra_id|placeholder|dummy|[a-z]+_pad)[\w-]*\|?[>\]]", re.IGNORECASE)
_NEVER_BYTES = (*range(0xFF, 0xF4, -1), 0xC1, 0xC0)
_SUFFIX = "<|pad|>"
_LOOKALIKES = set("K`;")
"""ASCII characters into which composition (NFC) turns another character."""


class NoPadToken(ValueError):
    """No existing id can serve as the pad token."""


def with_pad(
    tokenizer: PreTrainedTokenizerFast, used: Collection[int] = (), rows: int | None = None
) -> PreTrainedTokenizerFast:
    """Return a copy of ``tokenizer`` with a proper pad token; every text keeps its ids.

    Args:
        tokenizer: left as it is.
        used: ids that the template writes, the scored one among them.
        rows: number of embeddings the base has, where an id beyond them is no choice.

    Raises:
        NoPadToken: the vocabulary has no id to spare.
    """
    padded = copy.deepcopy(tokenizer)
    for name in (tokenizer.pad_token, *_reserved(tokenizer)):
        if name is not None and _proper(tokenizer, name, used, rows):
            padded.pad_token = name
            return _unchanged(tokenizer, padded)
    return _unchanged(tokenizer, _never_produced(padded))


def _proper(tokenizer: PreTrainedTokenizerFast, name: str, used: Collection[int], rows: int | None) -> bool:
    place = tokenizer.get_vocab().get(name)
    taken = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id}
    taken |= {tokenizer.mask_token_id, *used} | (set() if _reads_all(tokenizer) else {tokenizer.unk_token_id})
    return place is not None and place not in taken and (rows is None or place < rows)


def _reserved(tokenizer: PreTrainedTokenizerFast) -> Iterator[str]:
    names = [token.content for token in tokenizer.added_tokens_decoder.values() if not token.normalized]
    yield from (name for name in RESERVED if name in names)
    yield from (name for name in names if _SPARE.fullmatch(name))
    if tokenizer.unk_token is not None:
        yield tokenizer.unk_token
    if type(tokenizer) is not PreTrainedTokenizerFast:
        yield from names


def _reads_all(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether words are never unknown, because they fall back to bytes."""
    state = _state(tokenizer)
    return bool(state["model"].get("byte_fallback")) or _byte_level(state)


def _state(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    return state


def _byte_level(state: dict[str, Any]) -> bool:
    step = state["pre_tokenizer"] or {}
    steps = step.get("pretokenizers", [step])
    return state["model"]["type"] == "BPE" and any(step.get("type") == "ByteLevel" for step in steps)


def _never_produced(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    state = _state(tokenizer)
    byte, anchor = _spare_byte(state), _anchor(state)
    name = anchor["content"] + _SUFFIX
    place = state["model"]["vocab"].pop(byte)
    state["model"]["vocab"][name] = place
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": True}
    state["added_tokens"].append({"id": place, "content": name, **flags})
    anchor["normalized"] = False
    return _rebuilt(tokenizer, state, AddedToken(name, normalized=True, special=True))


def _spare_byte(state: dict[str, Any]) -> str:
    """Return the vocabulary entry of a byte that valid UTF-8 never holds and no merge makes or uses."""
    if not _byte_level(state):
        raise NoPadToken(
            f"this tokenizer ({state['model']['type']}) has no pad token apart from its end-of-sequence token, no "
            "reserved token, and no byte-level vocabulary to spare an entry of; set its pad_token to an id that no "
            "text produces"
        )
    vocabulary = state["model"]["vocab"]
    merged = "".join(merge if isinstance(merge, str) else "".join(merge) for merge in state["model"]["merges"])
    spare = (chr(byte) for byte in _NEVER_BYTES if chr(byte) in vocabulary and chr(byte) not in merged)
    found = next(spare, None)
    if found is None:
        raise NoPadToken(
            "this byte-level vocabulary has no entry for the bytes that UTF-8 never holds; set its pad_token"
        )
    return found


def _anchor(state: dict[str, Any]) -> dict[str, Any]:
    """Return the special token whose text the pad's name begins with: one found in a text before any other reading."""
    plain = _changes_nothing(state["normalizer"])
    for token in state["added_tokens"]:
        early = not token["normalized"] or state["normalizer"] is None
        if plain and early and token["special"] and not token["single_word"] and not _LOOKALIKES & {*token["content"]}:
            found: dict[str, Any] = token
            return found
    raise NoPadToken("this tokenizer has no special token that a pad token's name could begin with; set its pad_token")


def _changes_nothing(normalizer: dict[str, Any] | None) -> bool:
    """Whether the normaliser makes no new ASCII text (but for `_LOOKALIKES`) out of other text."""
    if normalizer is None or normalizer["type"] == "NFC":
        return True
    return normalizer["type"] == "Sequence" and all(map(_changes_nothing, normalizer["normalizers"]))


def _rebuilt(tokenizer: PreTrainedTokenizerFast, state: dict[str, Any], pad: AddedToken) -> PreTrainedTokenizerFast:
    """Return a generic fast tokenizer around ``state``; a family's class would rebuild its vocabulary from scratch."""
    kept = {"padding_side": "right", "model_max_length": tokenizer.model_max_length}
    names = {name: value for name, value in tokenizer.special_tokens_map.items() if name != "pad_token"}
    backend = Tokenizer.from_str(json.dumps(state))
    rebuilt = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=pad, **names, **kept)
    rebuilt.chat_template = tokenizer.chat_template
    rebuilt.model_input_names = tokenizer.model_input_names
    rebuilt.clean_up_tokenization_spaces = tokenizer.clean_up_tokenization_spaces
    return rebuilt


def _unchanged(before: PreTrainedTokenizerFast, after: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Return ``after`` once it is seen to have the same size and to read the pad's own name as before."""
    text = f"a {after.pad_token} b{after.pad_token}"
    same = before(text)["input_ids"] == after(text)["input_ids"]
    if len(before) != len(after) or not same or after.pad_token_id in (None, after.eos_token_id):
        raise NoPadToken(f"{after.pad_token!r} cannot be the pad token: it would change how texts are read")
    return after
