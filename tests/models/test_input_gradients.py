"""What a token would add to the reward is its derivative, and models that cannot say so are refused."""

from typing import Any

import numpy as np
import pytest
import torch

from plaudit.encoding.encode import encode_sequences
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.packing import collate_sequences
from plaudit.models.architectures.cross_attention import CrossAttention
from plaudit.models.architectures.ensemble import Ensemble
from plaudit.models.architectures.two_tower import TwoTower
from plaudit.models.headed import Headed
from plaudit.models.input_gradients import NoInputGradients, input_embedding, replacements
from tests.scoring.tiny import tiny, tiny_of

PAIR = ("How do I boil an egg?", "Eight minutes in boiling water.")


def batch_of(encoder: Encoder) -> Any:
    """One conversation."""
    encoded, _ = encode_sequences([encoder.encode(*PAIR)])
    return collate_sequences(encoded, [0], share=False)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "bert", "modernbert"])
def test_it_is_the_derivative_towards_the_other_token(name: str) -> None:
    """Moving an embedding a little towards another token's changes the reward at that rate, for every family."""
    model, encoder = tiny(name)
    batch, places = batch_of(encoder), torch.tensor([4, 7])
    found = replacements(model, batch, places)
    table = input_embedding(model)
    rng = np.random.default_rng(0)

    assert found.shape == (2, table.num_embeddings)
    for row, place in enumerate(places.tolist()):
        assert found[row, batch.input_ids[place]] == 0
        for token in rng.choice(len(encoder.tokenizer), 3).tolist():
            rate = (_moved(model, batch, place, token, 0.02) - _moved(model, batch, place, token, -0.02)) / 0.04
            assert float(found[row, token]) == pytest.approx(rate, rel=0.05, abs=2e-4)
    assert not table._forward_hooks
    assert all(weight.grad is None for weight in model.parameters())


def _moved(model: Headed, batch: Any, place: int, token: int, share: float) -> float:
    """The reward with an embedding that is ``share`` of the way to that of another token."""
    table = input_embedding(model)

    def move(_module: Any, _given: Any, embedded: torch.Tensor) -> torch.Tensor:
        other = _looked_up[0, 0]
        moved = embedded.clone()
        moved[0, place] += share * (other - embedded[0, place])
        return moved

    with torch.no_grad():
        _looked_up = table(torch.tensor([[token]]))
        handle = table.register_forward_hook(move)
        try:
            return float(model(batch).scalar[0])
        finally:
            handle.remove()


def test_models_that_look_tokens_up_otherwise_are_refused() -> None:
    """Two towers and members with backbones of their own have no one table; a crossed encoder reads twice."""
    for architecture, name, settings in (
        (TwoTower, "bert", {}),
        (Ensemble, "llama", {"members": 2, "own": "weights"}),
        (Ensemble, "llama", {"members": 2, "own": "adapters", "rank": 2}),
        (CrossAttention, "bert", {}),
    ):
        model, encoder = tiny_of(architecture, name, **settings)
        with pytest.raises(NoInputGradients, match="use a search that only needs rewards: random or evolutionary"):
            replacements(model, batch_of(encoder), torch.tensor([2]))
        assert not any(module._forward_hooks for module in model.modules())


def test_members_on_one_backbone_are_not() -> None:
    """An ensemble of heads reads its tokens once."""
    model, encoder = tiny_of(Ensemble, "llama", members=2)

    assert replacements(model, batch_of(encoder), torch.tensor([2])).abs().max() > 0
