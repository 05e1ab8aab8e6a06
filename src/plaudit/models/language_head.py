"""A causal backbone's language-model head, kept beside the reward head: how likely are the responses' own tokens?

Every token of a response is predicted from the hidden state before it. In a prompt tree that is the token before it in
its own sequence, so the prompt's last token predicts the first of every response. Only these positions get logits, and
only so many at once: what is remembered for the backward pass are hidden states, never logits.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM, PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.backbone import refuse_unsafe
from plaudit.models.heads import backbone_of
from plaudit.models.padded import unpack
from plaudit.models.quiet import quiet

AT_ONCE = 1 << 23
"""Logits that are held at once (32 MB in fp32), unless one position has more."""
EXACT = 1e-4
"""Largest accepted difference from the class's own log-probabilities, relative to the larger of 1 and the largest."""


class NoLanguageModel(ValueError):
    """The checkpoint has no language-model head that can be kept; the message says why."""


class LanguageHead(nn.Module):
    """Mean log-probabilities of responses from a backbone's hidden states.

    Args:
        output: gives logits [..., V] of hidden states [..., H]: a linear layer.
        embedding: the backbone's input embedding where ``output`` shares its weights, which are then read from there
            as they are while it is trained; else None.
        trained: whether the head's weights get gradients from here.
        bound: the family's soft bound on logits, or 0.
    """

    own_weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self, output: nn.Linear, embedding: nn.Embedding | None = None, *, trained: bool = False, bound: float = 0.0
    ) -> None:
        super().__init__()
        self.trained, self.bound = trained, bound
        self._tied = () if embedding is None else (embedding,)  # in a tuple: its weights are the backbone's, not ours
        weight, bias = (None if value is None else value.detach().clone() for value in (output.weight, output.bias))
        for name, value in (("own_weight", weight if embedding is None else None), ("bias", bias)):
            if trained and value is not None:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The weights of the logits, [V, H]."""
        weight = self._tied[0].weight if self._tied else self.own_weight
        assert weight is not None
        return weight

    def forward(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Return the mean log-probability of a token of each response, float32 [N], in nats.

        Args:
            hidden: [T, H], last hidden states.
            batch: whose packed offsets the rows of ``hidden`` have.

        A response without a prompt begins with a token that nothing predicts, and which does not count; one without
        any token to predict has 0.
        """
        before, after, owner = (part.to(hidden.device) for part in predictions(batch))
        found = self._log_probabilities(hidden[before], batch.input_ids[after])
        sums = found.new_zeros(len(batch.ends)).index_add(0, owner, found)
        return sums / torch.bincount(owner, minlength=len(batch.ends)).clamp(min=1)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return fp32 logits [..., V] of hidden states [..., H]."""
        weight = self.weight if self.trained else self.weight.detach()
        logits = linear(hidden, weight, self.bias).float()
        return torch.tanh(logits / self.bound) * self.bound if self.bound else logits

    def _log_probabilities(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """Return the log-probability of each of ``tokens`` [P] after ``hidden`` [P, H], float32 [P]."""
        rows = max(1, AT_ONCE // len(self.weight))
        parts = [hidden.new_zeros(0, dtype=torch.float32)]
        for states, wanted in zip(hidden.split(rows), tokens.split(rows), strict=True):
            if torch.is_grad_enabled():
                parts.append(checkpoint(self._chosen, states, wanted, use_reentrant=False))
            else:
                parts.append(self._chosen(states, wanted))
        return torch.cat(parts)

    def _chosen(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        logits = self.logits(hidden)
        return logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(1)


def predictions(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return (packed offset before, packed offset, response) of every token of a response that something predicts."""
    before, after, owner = [], [], []
    lengths = batch.labels.lengths.tolist()
    for number, (row, length) in enumerate(zip(unpack(batch), lengths, strict=True)):
        first = max(len(row) - length, 1)
        before.append(row[first - 1 : -1])
        after.append(row[first:])
        owner.append(torch.full((len(row) - first,), number))
    return torch.cat(before), torch.cat(after), torch.cat(owner)


def language_head(folder: Path, classifier: PreTrainedModel, *, trained: bool) -> LanguageHead:
    """Return the language-model head of the checkpoint in ``folder``, to be kept beside ``classifier``.

    Args:
        folder: a causal language model.
        classifier: loaded from the same checkpoint, in evaluation mode, not yet packed.
        trained: whether the head is trained too; where it shares the input embedding's weights, whether these get
            gradients from it.

    Raises:
        NoLanguageModel: the checkpoint has no such head, or it does more than a product, a bias and a bound.
        BadBase: it cannot be loaded safely.
    """
    refuse_unsafe(folder)
    with quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    causal, info = loaded
    if missing := sorted(map(str, info["missing_keys"])):
        raise NoLanguageModel(f"{folder}: no language-model head: the checkpoint lacks {', '.join(missing[:4])}")
    output = causal.get_output_embeddings()
    if not isinstance(output, nn.Linear):
        raise NoLanguageModel(f"{folder}: {type(causal).__name__} has no linear language-model head")
    tied = output.weight is causal.get_input_embeddings().weight
    embedding: Any = backbone_of(classifier).get_input_embeddings() if tied else None
    bound = float(getattr(causal.config.get_text_config(), "final_logit_softcapping", None) or 0)
    head = LanguageHead(output, embedding, trained=trained, bound=bound)
    _require_exact(head, causal.eval(), classifier, folder)
    return head


def _require_exact(head: LanguageHead, causal: PreTrainedModel, classifier: PreTrainedModel, folder: Path) -> None:
    """Refuse a head that gives other log-probabilities on the classifier's backbone than the class itself."""
    ids = torch.arange(8)[None] % len(head.weight)
    with torch.no_grad():
        expected = causal(input_ids=ids).logits.float().log_softmax(-1)
        found = head.logits(backbone_of(classifier)(input_ids=ids).last_hidden_state).log_softmax(-1)
    difference = float((found - expected).abs().max())
    if not difference <= EXACT * max(1.0, float(expected.abs().max())):
        raise NoLanguageModel(
            f"{folder}: log-probabilities differ from those of {type(causal).__name__} by {difference:.3g}; its head "
            "does more to the hidden states than a product, a bias and a bound, and cannot be kept"
        )
