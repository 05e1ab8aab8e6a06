r"""Which token would raise a reward where: the gradient of the reward at the input embeddings, for every token.

With :math:`e_t` the embedding of the token at place :math:`t`, :math:`E_v` that of token :math:`v`, and :math:`r` the
reward, replacing the one by the other changes the reward to first order by

.. math:: \Delta_{t,v} = (E_v - e_t)^\top \nabla_{e_t} r.

Source: Ebrahimi et al., HotFlip: White-Box Adversarial Examples for Text Classification (2018).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from plaudit.encoding.batch import Batch
from plaudit.models.headed import Headed
from plaudit.models.heads import backbone_of


class NoInputGradients(ValueError):
    """A model whose input embeddings are not looked up once, in one table; the message says what it does."""


def input_embedding(model: Headed) -> nn.Module:
    """Return the module that looks up the embeddings of the tokens.

    Raises:
        NoInputGradients: there is none, or several.
    """
    backbone: Any = backbone_of(model.classifier)
    try:
        found = backbone.get_input_embeddings()
    except (AttributeError, NotImplementedError) as error:
        raise _refusal(model, "has no single table of input embeddings") from error
    if not isinstance(found, nn.Module) or not hasattr(found, "num_embeddings"):
        raise _refusal(model, "has no single table of input embeddings")
    return found


def replacements(model: Headed, batch: Batch, places: Tensor) -> Tensor:
    """Return by how much the reward would rise, to first order, if a token were replaced by each other one.

    Hooks the model while it runs: not for a model that another thread is scoring with.

    Args:
        model: in evaluation mode.
        batch: of one sequence, on the model's device.
        places: int64 [L], packed offsets of the tokens to replace.

    Returns:
        float32 [L, V], 0 for the token that stands there.

    Raises:
        NoInputGradients: the model does not look its tokens up once in one table, or its reward has no gradient there.
    """
    table = input_embedding(model)
    with torch.enable_grad(), _recorded(table) as lookups:
        reward = model(batch).scalar.sum()
    if len(lookups) != 1 or not torch.equal(lookups[0][0].reshape(-1), batch.input_ids):
        raise _refusal(model, f"reads its tokens in {len(lookups)} lookups, not all at once in one")
    slope = _slope(model, reward, lookups[0][1])[places].float()
    own = batch.input_ids[places]
    rises = slope @ _rows(table, batch.input_ids.device).T
    return rises - rises.gather(1, own[:, None])


def _slope(model: Headed, reward: Tensor, embedded: Tensor) -> Tensor:
    """Return the gradient of the reward at the embeddings, [T, H]."""
    [found] = torch.autograd.grad(reward, [embedded], allow_unused=True)
    if found is None:
        raise _refusal(model, "gives a reward that has no gradient at its input embeddings")
    return found.reshape(-1, found.shape[-1])


def _rows(table: nn.Module, device: torch.device) -> Tensor:
    """Return what the table gives for every token, float32 [V, H]; some families scale what they look up."""
    with torch.no_grad():
        rows: Tensor = table(torch.arange(int(table.num_embeddings), device=device))  # type: ignore[arg-type]
    return rows.float()


@contextmanager
def _recorded(table: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Record the ids and embeddings of each lookup; what follows computes with the recorded embeddings."""
    lookups: list[tuple[Tensor, Tensor]] = []

    def record(_module: nn.Module, given: tuple[Any, ...], embedded: Tensor) -> Tensor:
        leaf = embedded.detach().requires_grad_()
        lookups.append((given[0], leaf))
        return leaf

    handle = table.register_forward_hook(record)
    try:
        yield lookups
    finally:
        handle.remove()


def _refusal(model: Headed, what: str) -> NoInputGradients:
    kind = type(model).__name__.lower()
    return NoInputGradients(
        f"{type(model.classifier).__name__} (architecture {kind}) {what}, so gradients cannot guide an attack on it; "
        "use a search that only needs rewards: random or evolutionary"
    )
