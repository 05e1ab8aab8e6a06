"""Which position schemes can be packed, and the checks each batch needs."""

from transformers import PreTrainedConfig

from plaudit.encoding.batch import Layout

SWITCHING = ("dynamic", "longrope")


class BadPositions(ValueError):
    """A batch whose positions the backbone cannot represent exactly."""


def longest(layout: Layout) -> int:
    """Return the number of positions of the longest sequence."""
    return max(tree.prompt + max(tree.responses) for tree in layout.trees)


def check_positions(config: PreTrainedConfig, layout: Layout) -> None:
    """Raise `BadPositions` if a position lies beyond a learned table, or lengths straddle a rotary switch.

    ``dynamic`` and ``longrope`` rotary embeddings choose their frequencies by the longest sequence of a call, so
    packing sequences from both sides of the switch would change rewards.
    """
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    if limit and learned_positions(text) and longest(layout) > limit:
        raise BadPositions(
            f"a sequence of {longest(layout)} tokens is beyond the backbone's {limit} learned positions; "
            f"set max_length to {limit} or less"
        )
    for rope in _rotary_settings(text):
        _check_switch(rope, layout, limit or 0)


def learned_positions(text: PreTrainedConfig) -> bool:
    """Return whether positions are rows of a learned table."""
    return not _rotary_settings(text)


def _rotary_settings(text: PreTrainedConfig) -> list[dict[str, object]]:
    rope = getattr(text, "rope_parameters", None) or {}
    nested = [value for value in rope.values() if isinstance(value, dict)]
    return nested or ([rope] if rope else [])


def _check_switch(rope: dict[str, object], layout: Layout, limit: int) -> None:
    kind = rope.get("rope_type", "default")
    if kind not in SWITCHING:
        return
    switch = int(str(rope.get("original_max_position_embeddings") or limit))
    lengths = [tree.prompt + response for tree in layout.trees for response in tree.responses]
    above = sum(length > switch for length in lengths)
    if above and (kind == "dynamic" or above < len(lengths)):
        raise BadPositions(
            f"rotary type {kind!r} changes at {switch} tokens and {above} of {len(lengths)} sequences are longer; "
            f"set max_length to {switch}, or use layout='padded'"
        )
