"""Long trees without masks: the same outputs as the masked blocks, and only where they may be used."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from plaudit.encoding.batch import Layout, Tree
from plaudit.models import forks
from plaudit.models.attention import prompt_trees
from plaudit.models.blocks import WHOLE, Trees


def layout_of(shapes: list[tuple[int, tuple[int, ...]]]) -> Layout:
    trees, start = [], 0
    for prompt, responses in shapes:
        trees.append(Tree(start, prompt, responses))
        start += trees[-1].length
    return Layout(tuple(trees))


def operands(tokens: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((1, 6, tokens, 8), (1, 2, tokens, 8), (1, 2, tokens, 8))
    query, key, value = (torch.randn(shape, generator=draw) * 2 for shape in shapes)
    return query.to(dtype), key.to(dtype), value.to(dtype)


def both(layout: Layout, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """The output with forks, and without them."""
    query, key, value = operands(layout.length, dtype=dtype)
    outputs = []
    for allowed in (True, False):
        with monkeypatch.context() as patched, torch.no_grad():
            if not allowed:
                patched.setattr(forks, "suits", lambda *_: False)
            trees = Trees(layout, causal=True)
            outputs.append(prompt_trees(nn.Identity(), query, key, value, trees=trees)[0])
    return outputs[0], outputs[1]


shape = st.tuples(st.integers(0, WHOLE), st.lists(st.integers(1, 60), min_size=1, max_size=8).map(tuple))


@settings(max_examples=25, deadline=None)
@given(st.lists(shape, min_size=1, max_size=4))
def test_outputs_are_those_of_masked_blocks(shapes: list[tuple[int, tuple[int, ...]]]) -> None:
    """Long and short trees, with and without prompts, in any order: the same outputs to rounding."""
    with pytest.MonkeyPatch.context() as patcher:
        found, expected = both(layout_of(shapes), patcher)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_long_trees_are_forked_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree above the limit is one part; the blocks of the others come in packed order around it."""
    layout = layout_of([(5, (3, 4)), (300, (60, 90)), (0, (7,)), (400, (1,)), (4, (2, 2))])
    parts = list(Trees(layout, causal=True).parts())
    forked = [part for part in parts if isinstance(part, Tree)]
    assert forked == [layout.trees[1], layout.trees[3]]
    trees = Trees(layout, causal=True)
    ranges = [
        (part.start, part.start + part.length) if isinstance(part, Tree) else trees.blocks[part].queries
        for part in parts
    ]
    assert ranges[0][0] == 0 and ranges[-1][1] == layout.length
    assert all(one[1] == other[0] for one, other in pairwise(ranges))


def test_in_bf16_dense_blocks_are_taken_and_as_close_as_bf16_is() -> None:
    """Without gradients too; each output is within bf16's rounding of values of size 1 of the fp32 one."""
    layout = layout_of([(500, (40, 70, 3))])
    query, key, value = (torch.randn(1, heads, layout.length, 8) for heads in (4, 2, 2))
    trees = Trees(layout, causal=True)
    with torch.no_grad():
        exact, _ = prompt_trees(nn.Identity().eval(), query, key, value, trees=trees)
        half = (tensor.bfloat16() for tensor in (query, key, value))
        found, _ = prompt_trees(nn.Identity().eval(), *half, trees=Trees(layout, causal=True))

    assert not forks.suits(query.bfloat16(), 0.0, None, None)
    assert (found.float() - exact).abs().max() < 0.04


@pytest.mark.parametrize("settings_", [{"dropout": 0.1}, {"softcap": 30.0}, {"window": 7}])
def test_only_plain_attention_without_gradients_is_forked(settings_: dict[str, float]) -> None:
    """A window, a bound on the scores, dropout or a gradient keep the masked blocks."""
    query = torch.zeros(2, 3, 4)
    asked = {"dropout": 0.0, "softcap": None, "window": None, **settings_}
    assert forks.suits(query, 0.0, None, None)
    assert not forks.suits(query, asked["dropout"], asked["softcap"], asked["window"])  # type: ignore[arg-type]
    assert not forks.suits(query.requires_grad_(), 0.0, None, None)
