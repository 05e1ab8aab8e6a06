"""Attention from response to prompt: the prompt's work is done once, and the arithmetic is torch's own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.architectures.cross_attention import CrossAttention, CrossAttentionModel, Crossing
from plaudit.models.selftest import check_layout
from plaudit.training.preparation import NotTrainable, prepare
from plaudit.training.recipe import Recipe
from tests.models.architectures.counting import tokens_through
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import PROMPTS, encoded_set


def crossed(**settings: Any) -> CrossAttention:
    return CrossAttention(build(encoders()["bert"]), "mean", sizes=(16,), **settings).eval()


def test_the_prompt_is_encoded_once() -> None:
    """For three responses to one prompt, the encoder reads the prompt's tokens once, and projects them once."""
    model, encoded = crossed(), encoded_set(causal=False)
    batch = collate(encoded, [0], share=False)
    own = int(batch.labels.lengths.sum()) + 3
    keys: list[int] = []
    model.classifier.crossing.key.register_forward_hook(lambda _m, given, _o: keys.append(given[0].shape[:2].numel()))
    with tokens_through(model.classifier.backbone) as calls:
        model(batch)

    assert sorted(calls) == sorted([PROMPTS[11], own])
    assert keys == [2 * PROMPTS[11]], "the prompt and the row that stands for no prompt"


def test_the_attention_is_torchs() -> None:
    """`Crossing` computes what nn.MultiheadAttention with a zero key and the same weights does."""
    torch.manual_seed(0)
    mine = Crossing(8, 2)
    theirs = torch.nn.MultiheadAttention(8, 2, add_zero_attn=True, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([mine.query.weight, mine.key.weight, mine.value.weight]))
        theirs.in_proj_bias.zero_()
        theirs.out_proj.load_state_dict(mine.out.state_dict())
    responses, prompts = torch.randn(3, 4, 8), torch.randn(2, 5, 8)
    seen, owner = torch.tensor([[True] * 5, [True] * 2 + [False] * 3]), torch.tensor([1, 0, 1])
    found, _ = theirs(responses, prompts[owner], prompts[owner], key_padding_mask=~seen[owner])

    assert torch.allclose(mine(responses, prompts, seen, owner), mine.norm(responses + found), atol=1e-6)


def test_the_prompt_matters() -> None:
    """The same response to two prompts has two rewards."""
    model, encoded = crossed(), encoded_set(causal=False)
    encoded.tokens[int(encoded.offsets[0]) + 3] += 1
    changed = model(collate_sequences(encoded, [0], share=False)).scalar
    kept = model(collate_sequences(encoded_set(causal=False), [0], share=False)).scalar

    assert (changed - kept).abs().item() > 1e-6


def test_automodel_loads_it(tmp_path: Path) -> None:
    """AutoModel gives the same class, and the rewards of plaudit for a pair with segments and for a single text."""
    model, encoded = crossed(), encoded_set(causal=False)
    model.classifier.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path).eval()
    assert type(loaded) is CrossAttentionModel
    for sequence in (0, encoded.sequences - 1):
        ids = torch.from_numpy(encoded.ids(sequence)).long()[None]
        begin = int(encoded.response_starts[sequence])
        types = (torch.arange(ids.shape[1]) >= begin).long()[None] * int(begin > 0)
        reward = loaded(input_ids=ids, token_type_ids=types).logits[0, 0]
        mine = model(collate_sequences(encoded, [sequence], share=False)).scalar
        assert mine.item() == pytest.approx(reward.item(), abs=1e-5)


def test_the_self_test_passes() -> None:
    """Packed rewards are those of single sequences."""
    encoded = encoded_set(causal=False)
    assert check_layout(crossed(), collate(encoded, range(len(encoded)), share=False)) < 1e-5


def test_what_cannot_be() -> None:
    """A decoder, heads that do not divide the width, and a head trained alone are refused, with what would be right."""
    with pytest.raises(ValueError, match="cross_attention needs an encoder"):
        CrossAttention(build(decoders()["llama"]), "first")
    with pytest.raises(ValueError, match="heads must divide the 32 numbers of a hidden state, not 5"):
        crossed(heads=5)
    with pytest.raises(NotTrainable, match="use tune='full' or 'lora'"):
        prepare(crossed(), Recipe(tune="head"))
