"""Heads are found in every family, called as the family calls them, and refused where their shape is unknown."""

import pytest
import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from plaudit.models.heads import UnsupportedHead, apply_head, head_modules, head_parameters
from tests.models.families import build, decoders, encoders

NAMES = {
    "bert": ["bert.pooler", "classifier"],
    "roberta": ["classifier"],
    "modernbert": ["head", "classifier"],
    "deberta_v2": ["pooler", "classifier"],
} | {family: ["score"] for family in decoders()}


@pytest.mark.parametrize("family", NAMES)
def test_heads_have_their_names_and_all_their_parameters(family):
    """The head's modules are those after the last hidden state, and its parameters are all of theirs."""
    model = build((decoders() | encoders())[family])
    of_head = {id(parameter) for parameter in head_parameters(model)}
    named = [name for name, parameter in model.named_parameters() if id(parameter) in of_head]

    assert list(head_modules(model)) == NAMES[family]
    assert named == [name for name, _ in model.named_parameters() if name.startswith(tuple(NAMES[family]))]


def test_the_reward_is_fp32_under_autocast():
    """The head computes in fp32 even inside autocast and from bf16 hidden states."""
    model = build(decoders()["llama"])
    hidden = torch.randn(5, 32).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        rewards = apply_head(model, hidden)

    assert rewards.dtype == torch.float32
    assert torch.equal(rewards, hidden.float() @ model.score.weight.T)


def test_unknown_heads_are_refused():
    """A class whose head is several modules of other names is refused by name, with the shapes that are known."""
    config = DistilBertConfig(vocab_size=99, dim=32, hidden_dim=48, n_layers=1, n_heads=4)

    with pytest.raises(UnsupportedHead, match="DistilBertForSequenceClassification.*known shapes: score"):
        head_modules(DistilBertForSequenceClassification(config))
