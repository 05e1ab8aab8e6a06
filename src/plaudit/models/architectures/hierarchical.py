r"""Rewards at three levels, spans, turns and the whole response, and a reward that is composed of them.

The head has an output for each level :math:`k`, linear in the hidden state; :math:`h_i` are those at the ends of spans,
of turns, or of the response, :math:`n_k` their number:

.. math:: r = \sum_k \frac{w_k}{\sum_j |w_j|} r_k, \qquad r_k = \frac{1}{n_k} \sum_{i \in \text{ends}_k} f_k(h_i).

Means, not sums: a sum would pay for length. A head with a layer before its last (encoders) reads the mean state. With
pooling ``mean`` (encoders), :math:`h_i` is the mean over the tokens of a span, or of a turn, instead of the state at
its end: where every state has seen all of the text, the last one says no more of its span than of any other.

*Spans* are ``span`` tokens long, counted from the response's beginning; the last may be shorter. *Turns* of the
response end on the id that the response itself ends on (the template's end of a turn); a response of one message is one
turn. Both are found in the sequence alone, so nothing about packing or company changes them. In a causal model a state
has seen only what came before.

The levels learn together from comparisons through their sum. Where people marked what is wrong in a response, the
regulariser ``span_supervision`` trains the span head itself, on :math:`f_k(h_i)` of each span:

    [model]
    architecture = "hierarchical"
    settings = {span = 16, weights = [1.0, 1.0, 1.0]}

    [objective]
    name = "bradley_terry"
    regularisers = [{name = "span_supervision", weight = 1.0}]

Source: Wu et al., Fine-Grained Human Feedback Gives Better Rewards for Language Model Training (2023).
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import torch
from torch import Tensor
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.headed import Headed, How
from plaudit.models.pooling import means, response_offsets
from plaudit.models.reward_model import Rewards, SpanLogits

LEVELS = ("span", "turn", "response")


class Hierarchical(Headed):
    """A reward model with a head for spans, one for turns and one for the response.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with three outputs.
        pooling: where the response's own reward is read: ``last`` for causal backbones; ``first`` or ``mean`` for
            encoders, where ``mean`` also reads spans and turns as means.
        weights: how much span, turn and response count, in this order. Only their ratios matter.
        span: tokens of a span, 1 or more.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range; the message names it.
    """

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
        span: int = 16,
        **how: Unpack[How],
    ) -> None:
        self.weights, self.span = tuple(weights), span
        super().__init__(classifier, pooling, **how)

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the levels."""
        weights, span = tuple(settings["weights"]), settings["span"]
        if len(weights) != len(LEVELS) or not all(map(math.isfinite, weights)) or not any(weights):
            raise ValueError(
                f"weights must be three finite numbers ({', '.join(LEVELS)}), not all 0; they are {list(weights)}"
            )
        if span < 1:
            raise ValueError(f"span must be 1 token or more, not {span}")
        return LEVELS

    @property
    def outputs(self) -> tuple[str, ...]:
        """The reward and its levels."""
        return ("reward", *LEVELS)

    @property
    def portions(self) -> tuple[float, ...]:
        """What each level is multiplied with; their sizes sum to 1."""
        total = sum(map(abs, self.weights))
        return tuple(weight / total for weight in self.weights)

    @property
    def composition(self) -> str:
        """The weighted sum of the levels."""
        terms = " + ".join(f"{part:.6g} * {level}" for part, level in zip(self.portions, LEVELS, strict=True))
        read = "" if self.pooling == "mean" else "the ends of "
        return f"reward = {terms}, span and turn as means over {read}spans of {self.span} tokens and of turns"

    def forward(self, batch: Batch) -> Rewards:
        """Score every response of ``batch``, and its spans where the labels have marks."""
        if batch.labels.marks is None:
            return super().forward(batch)
        packed, hidden = self.hidden_states(batch)
        return replace(self.read(packed, hidden), spans=self.spans(packed, hidden))

    def spans(self, batch: Batch, hidden: Tensor) -> SpanLogits:
        """Return what the span head makes of each span, from the hidden states [T, H] of ``batch``."""
        rows = response_offsets(batch)
        lasts = self._span_ends(rows)
        owner = torch.repeat_interleave(torch.arange(len(rows)), _counts(lasts))
        begin = torch.cat([torch.cat([last.new_zeros(1), last[:-1] + 1]) for last in lasts])
        logits = super().logits(self._states(hidden, rows, lasts))[:, LEVELS.index("span")]
        return SpanLogits(logits, *(part.to(hidden.device) for part in (owner, begin, torch.cat(lasts) + 1)))

    def gather(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Return the mean states of spans and of turns and the pooled one, [N, 3 H]."""
        ids, rows = batch.input_ids.cpu(), response_offsets(batch)
        turns = [turn_ends(torch.arange(len(row)), ids[row]) for row in rows]
        levels = [means(self._states(hidden, rows, ends), _counts(ends)) for ends in (self._span_ends(rows), turns)]
        return torch.cat([*levels, super().gather(batch, hidden)], dim=1)

    def _span_ends(self, rows: list[Tensor]) -> list[Tensor]:
        return [span_ends(torch.arange(len(row)), self.span) for row in rows]

    def _states(self, hidden: Tensor, rows: list[Tensor], ends: list[Tensor]) -> Tensor:
        """Return one state [S, H] for each stretch of responses.

        Args:
            hidden: [T, H] hidden states.
            rows: the packed offsets of each response's tokens.
            ends: the places in a row at which its stretches end, the last its last.
        """
        if self.pooling != "mean":
            return hidden[torch.cat([row[last] for row, last in zip(rows, ends, strict=True)]).to(hidden.device)]
        lengths = torch.cat([last.diff(prepend=last.new_tensor([-1])) for last in ends])
        return means(hidden[torch.cat(rows).to(hidden.device)], lengths)

    def logits(self, features: Tensor) -> Tensor:
        """Return all outputs of the head at the response's own state, as the classifier itself gives them, [N, 3]."""
        return super().logits(features.chunk(len(LEVELS), dim=1)[-1])

    def head(self, features: Tensor) -> Rewards:
        """Return the reward and its levels, [N, 4]."""
        states = features.chunk(len(LEVELS), dim=1)
        found = [super(Hierarchical, self).logits(state)[:, place] for place, state in enumerate(states)]
        levels = torch.stack(found, dim=1)
        reward = (levels * levels.new_tensor(self.portions)).sum(1, keepdim=True)
        return Rewards(torch.cat([reward, levels], dim=1))


def span_ends(offsets: Tensor, span: int) -> Tensor:
    """Return where spans of ``span`` tokens end among a response's ``offsets`` [L]; its last token ends the last."""
    return torch.cat([offsets[span - 1 : -1 : span], offsets[-1:]])


def turn_ends(offsets: Tensor, ids: Tensor) -> Tensor:
    """Return those of a response's ``offsets`` [L] at which a token like its last one stands, by ``ids`` [T]."""
    own = ids[offsets]
    return offsets[own == own[-1]]


def _counts(rows: list[Tensor]) -> Tensor:
    return torch.tensor([len(row) for row in rows])
