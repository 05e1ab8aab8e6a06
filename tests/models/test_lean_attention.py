"""Lean attention turns as transformers does, and without trees the layers are what they were."""

import copy

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from plaudit.encoding.packing import collate
from plaudit.models import blocks
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.blocks import Trees
from plaudit.models.heads import backbone_of
from plaudit.models.lean_attention import Rotated
from tests.models.families import build, decoders
from tests.models.test_prompt_trees import encoded_set


def angles(tokens: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of random angles, each half of a head with its own: [T, size]."""
    drawn = torch.rand(tokens, size, dtype=torch.float64) * 6
    return drawn.cos(), drawn.sin()


def test_queries_are_turned_as_transformers_turns_them() -> None:
    """The function of transformers itself is the oracle, for values and for gradients."""
    x = torch.randn(7, 3, 8, dtype=torch.float64, requires_grad=True)
    cos, sin = angles(7, 8)
    heads_first = x.transpose(0, 1)[None]
    expected = apply_rotary_pos_emb(heads_first, heads_first, cos[None], sin[None])[0][0].transpose(0, 1)
    found = Rotated.apply(x, cos[:, None], sin[:, None], torch.float64)
    pull = torch.randn_like(found)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, x, pull), torch.autograd.grad(expected, x, pull))


def test_the_turn_is_computed_in_the_angles_precision_and_rounded_once() -> None:
    """Half-precision queries are turned in fp32; the result has the precision asked for."""
    x, (cos, sin) = torch.randn(5, 2, 8).bfloat16(), [part.float() for part in angles(5, 8)]
    found = Rotated.apply(x, cos[:, None], sin[:, None], torch.bfloat16)
    expected = Rotated.apply(x.double(), cos[:, None].double(), sin[:, None].double(), torch.float64).float()

    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=2**-8, atol=1e-6)


def test_classes_keep_their_names_and_copies_their_weights() -> None:
    """Tools that wrap layers by name find them; a copy computes with its own weights; saved names stay."""
    plain = build(decoders()["llama"])
    names, kinds = list(plain.state_dict()), {type(module).__name__ for module in plain.modules()}
    model = Scalar(plain, "last").eval()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        backbone_of(twin.classifier).layers[-1].self_attn.v_proj.weight.mul_(2)
    batch = collate(encoded_set(), range(4))

    assert list(plain.state_dict()) == names
    assert {type(module).__name__ for module in plain.modules()} - {"LeanNorm", "LeanGated"} <= kinds
    assert not torch.allclose(model(batch).values, twin(batch).values)


def test_without_trees_the_family_computes_as_before() -> None:
    """A plain call of the classifier, eager and SDPA, gives what the untouched class gives, to rounding."""
    plain = build(decoders()["llama"]).eval()
    lean = Scalar(copy.deepcopy(plain), "last").eval().classifier
    ids = torch.arange(3, 15)[None]
    for kind in ("eager", "sdpa"):
        plain.set_attn_implementation(kind)
        lean.set_attn_implementation(kind)
        with torch.no_grad():
            # norms round in another order: see tests/models/test_lean.py
            torch.testing.assert_close(lean(input_ids=ids).logits, plain(input_ids=ids).logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cut", [False, True])
def test_arranged_rows_are_the_blocks_operands(cut: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query row is there once; a key row once for each block that sees it, and its gradients are summed."""
    if cut:
        monkeypatch.setattr(blocks, "WHOLE", 8)
        monkeypatch.setattr(blocks, "CHUNK", 8)
    encoded = encoded_set()
    trees = Trees(collate(encoded, range(len(encoded))).layout, causal=True)
    arranged, tokens = trees.operands(4, 2), trees.layout.length
    gradient = torch.randn(len(arranged.keys), 3)

    assert (len(arranged.keys) > 2 * tokens) == cut
    assert sorted(arranged.queries.tolist()) == list(range(4 * tokens))
    torch.testing.assert_close(arranged.queries[arranged.back], torch.arange(4 * tokens))
    expected = torch.zeros(2 * tokens, 3).index_add_(0, arranged.keys, gradient)
    torch.testing.assert_close(arranged.gathered(gradient), expected)
    queries = arranged.query_blocks(arranged.queries[:, None])
    keys = arranged.key_blocks(arranged.keys[:, None])
    for block, own, seen in zip(trees.blocks, queries, keys, strict=True):
        assert set((own // 4).flatten().tolist()) == set(range(*block.queries))
        assert set((seen // 2).flatten().tolist()) == {token for part in block.keys for token in range(*part)}
        assert len(own) == len(seen) == 2 * block.fold
