"""Which position schemes can be packed, and the checks each batch needs."""

from torch import nn
from transformers import PreTrainedConfig

from plaudit.encoding.batch import Layout

SWITCHING = ("dynamic", "longrope")
"""Rotary types that choose their frequencies by the longest sequence of a call."""

COUNTING_FROM_PAD = ("roberta", "xlm-roberta", "camembert")
"""Families whose position table begins after the row of the pad id."""


class BadPositions(ValueError):
    """A batch whose positions the backbone cannot represent exactly."""


def longest(layout: Layout) -> int:
    """Return the number of positions of the longest sequence."""
    return max(tree.prompt + max(tree.responses) for tree in layout.trees)


def check_positions(config: PreTrainedConfig, layout: Layout, *, packed: bool = True) -> None:
    """Raise `BadPositions` if the backbone cannot represent the positions of a batch exactly.

    Args:
        config: of the classifier.
        layout: of the batch.
        packed: whether all sequences go through the backbone in one call. ``dynamic`` and ``longrope`` rotary
            embeddings choose their frequencies by the longest sequence of a call, so those whose `regime` differs
            from their neighbours' are refused. The padded path runs each regime apart and has no such limit.
    """
    text = config.get_text_config()
    limit = learned_limit(text)
    if limit and longest(layout) > limit:
        raise BadPositions(
            f"a sequence of {longest(layout)} tokens is beyond the backbone's {limit} learned positions; "
            f"set max_length to {limit} or less"
        )
    if packed:
        for rope in _rotary_settings(text):
            _check_switch(text, rope, layout)


def learned_positions(text: PreTrainedConfig) -> bool:
    """Return whether positions are rows of a learned table."""
    return not _rotary_settings(text)


def learned_limit(text: PreTrainedConfig) -> int:
    """Return how many tokens the learned table of positions serves, 0 where there is none."""
    rows = int(getattr(text, "max_position_embeddings", 0) or 0) if learned_positions(text) else 0
    unusable = int(text.pad_token_id or 0) + 1 if text.model_type in COUNTING_FROM_PAD else 0
    return max(rows - unusable, 0)


def regime(config: PreTrainedConfig, length: int) -> tuple[int, ...]:
    """Return what must agree for sequences to share a call: each switching rotary's choice for ``length`` tokens.

    ``longrope`` has two sets of frequencies, ``dynamic`` one for every length above its switch. Empty where no
    embedding switches.
    """
    text = config.get_text_config()
    choices = []
    for rope in _rotary_settings(text):
        if rope.get("rope_type") in SWITCHING:
            above = length > _switch(text, rope)
            choices.append(length if above and rope["rope_type"] == "dynamic" else int(above))
    return tuple(choices)


def forget_lengths(backbone: nn.Module) -> None:
    """Put ``dynamic`` rotary embeddings back to their first frequencies: they keep those of the longest call so far."""
    for module in backbone.modules():
        if not hasattr(module, "original_max_seq_len"):
            continue
        for name, value in list(module.named_buffers(recurse=False)):
            if name.endswith("original_inv_freq"):
                module.register_buffer(name.replace("original_", ""), value.clone(), persistent=False)
        for name in [name for name in vars(module) if name.endswith("max_seq_len_cached")]:
            setattr(module, name, module.original_max_seq_len)


def _rotary_settings(text: PreTrainedConfig) -> list[dict[str, object]]:
    rope = getattr(text, "rope_parameters", None) or {}
    nested = [value for value in rope.values() if isinstance(value, dict)]
    return nested or ([rope] if rope else [])


def _switch(text: PreTrainedConfig, rope: dict[str, object]) -> int:
    """Return the longest sequence that keeps the first frequencies."""
    own = rope.get("original_max_position_embeddings") if rope.get("rope_type") == "longrope" else None
    return int(str(own or getattr(text, "max_position_embeddings", None) or 0))


def _check_switch(text: PreTrainedConfig, rope: dict[str, object], layout: Layout) -> None:
    kind = rope.get("rope_type", "default")
    if kind not in SWITCHING:
        return
    switch = _switch(text, rope)
    lengths = [tree.prompt + response for tree in layout.trees for response in tree.responses]
    above = sum(length > switch for length in lengths)
    if above and (kind == "dynamic" or above < len(lengths)):
        raise BadPositions(
            f"rotary type {kind!r} changes at {switch} tokens and {above} of {len(lengths)} sequences are longer; "
            f"set max_length to {switch}, or use layout='padded'"
        )
