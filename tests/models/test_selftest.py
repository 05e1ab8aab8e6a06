"""The self-test notices a backbone that ignores the layout, and passes one that keeps it."""

import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.models import attention
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.selftest import LayoutMismatch, check_layout
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set


@pytest.mark.parametrize(("family", "zero"), [("llama", False), ("llama", True), ("gpt2", False), ("gemma2", True)])
def test_honest_backbones_pass_and_are_left_as_they_were(family, zero):
    """The difference is returned, and mode, precision and attention are restored; under a head of zeros too."""
    model = Scalar(build(decoders()[family]), "last", compute_dtype=torch.bfloat16).train()
    if zero:
        torch.nn.init.zeros_(model.classifier.score.weight)
    batch = collate(encoded_set(), [0, 1, 2, 3])

    assert 0 < check_layout(model, batch) < 1e-4
    assert model.training
    assert model.compute_dtype == torch.bfloat16
    assert model.classifier.config._attn_implementation == attention.NAME


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_encoders_pass(family):
    """Packed encoders agree with single sequences."""
    model = Scalar(build(encoders()[family]), "first").eval()

    assert check_layout(model, collate(encoded_set(causal=False), [0, 3], share=False)) < 1e-4


@pytest.mark.parametrize("zero", [False, True])
def test_a_backbone_that_ignores_positions_is_refused(monkeypatch, zero):
    """Positions that do not restart after the prompt change rewards, and are noticed; under a head of zeros too."""
    model = Scalar(build(decoders()["llama"]), "last")
    if zero:
        torch.nn.init.zeros_(model.classifier.score.weight)
    forward = type(model.classifier.model).forward

    def counting_on(self, input_ids=None, position_ids=None, **kwargs):
        if input_ids.shape[1] > 60:
            position_ids = torch.arange(input_ids.shape[1])[None]
        return forward(self, input_ids=input_ids, position_ids=position_ids, **kwargs)

    monkeypatch.setattr(type(model.classifier.model), "forward", counting_on)
    with pytest.raises(LayoutMismatch, match="padded"):
        check_layout(model, collate(encoded_set(), [0, 1, 2, 3]))
