"""Hidden states of lower layers are those of a whole pass, and the blocks above are not computed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from plaudit.encoding.packing import collate
from plaudit.models import layers as subject
from plaudit.models.architectures.embedding_mlp import EmbeddingMlp
from plaudit.models.heads import backbone_of
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set

FAMILIES = decoders() | encoders()


def model_of(name: str, layers: tuple[int, ...], layout: str = "trees") -> EmbeddingMlp:
    """Return a linear reward on ``layers`` of a tiny backbone."""
    pooling = "last" if name in decoders() else "first"
    model = EmbeddingMlp(build(FAMILIES[name]), pooling, sizes=(), layers=layers, initial="small", layout=layout)
    return model.eval()


def blocks_run(model: EmbeddingMlp) -> list[int]:
    """Return a list that grows by the number of each block whose computation comes to its end."""
    run: list[int] = []
    found = subject._blocks(backbone_of(model.classifier))
    assert found is not None
    for place, block in enumerate(found):
        block.register_forward_hook(lambda *_, place=place: run.append(place))
    return run


def gradients(model: nn.Module, rewards: Tensor) -> dict[str, Tensor]:
    """Return the gradients of the rewards' squares by the names of the weights they reach, and clear them."""
    rewards.square().sum().backward()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return {name: gradient for name, gradient in found.items() if gradient.any()}


@pytest.mark.parametrize("layout", ["trees", "padded"])
@pytest.mark.parametrize("name", FAMILIES)
def test_lower_layers_are_those_of_a_whole_pass(name: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewards and gradients are equal to the last bit; the block above is run in the whole pass alone."""
    model = model_of(name, (1, 0), layout)
    batch = collate(encoded_set(causal=model.causal), [0, 1], share=model.shares)
    run = blocks_run(model)
    rewards = model(batch).scalar
    found, early = gradients(model, rewards), set(run)
    monkeypatch.setattr(subject, "_blocks", lambda _backbone: None)
    expected = model(batch).scalar

    assert torch.equal(rewards, expected)
    whole = gradients(model, expected)
    assert found.keys() == whole.keys()
    assert all(torch.equal(found[one], whole[one]) for one in whole)
    assert early == {0}
    assert set(run) == {0, 1}


def test_the_last_layer_is_a_whole_pass() -> None:
    """What goes through the final norm needs every block; so does a model whose blocks are checkpointed in training."""
    model = model_of("llama", (2, 1))
    batch = collate(encoded_set(), [0], share=True)
    run = blocks_run(model)
    model(batch)
    assert set(run) == {0, 1}

    lower = model_of("llama", (1,))
    lower.classifier.activation_checkpointing_enable({"use_reentrant": False})
    run = blocks_run(lower)
    assert subject._blocks(backbone_of(lower.train().classifier)) is None
    lower(batch).scalar.sum().backward()
    assert set(run) == {0, 1}
    assert backbone_of(lower.classifier).embed_tokens.weight.grad.any()


def test_threads_do_not_end_each_others_passes() -> None:
    """Models of other layers on one backbone, called at once, give what they give alone; so does a whole pass."""
    model = model_of("bert", (1,))
    backbone: Any = backbone_of(model.classifier)
    ids = torch.randint(3, 99, (1, 40))

    def read(wanted: tuple[int, ...]) -> Tensor:
        """Return the states of these layers."""
        with torch.no_grad():
            return subject.read_states(backbone, wanted, input_ids=ids, attention_mask=torch.ones_like(ids))

    model.classifier.set_attn_implementation("eager")
    kinds = [(), (0,), (1,), (0, 1), (2, 0)]
    alone = {kind: read(kind) for kind in kinds}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(read, kinds * 8))

    assert all(torch.equal(one, alone[kind]) for one, kind in zip(together, kinds * 8, strict=True))
