r"""Span supervision: what people marked as wrong in a response trains the model's span head.

A span :math:`j` of a response has the logit :math:`f_j` and, of its tokens that somebody judged, the share
:math:`s_j` that was marked as wrong. With :math:`\sigma(f_j)` the share without fault, the cross-entropy is

.. math:: \ell_j = s_j \log(1 + e^{f_j}) + (1 - s_j) \log(1 + e^{-f_j}),

least at :math:`\sigma(f_j) = 1 - s_j`: the more of a span is in order, the higher its logit, which is a reward. Spans
that nobody judged have no part in it. A response's loss is the mean over its judged spans, so that a long response
counts no more than a short one; a comparison's penalty is the mean over those of its two responses that have judged
spans, and 0 where neither has.

The model must read spans (``hierarchical``) and be trained as a whole or with LoRA: what is kept of a frozen backbone
(``tune = "head"``) is one state a response.

Source: Wu et al., Fine-Grained Human Feedback Gives Better Rewards for Language Model Training (2023), whose reward
models classify the end of each span; the share as a soft label instead of any error at all is ours, because spans here
are counted in tokens and cut across sentences.

Two responses of one span of two tokens each; one token of the first was marked, and of the second none was judged:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.models.reward_model import Rewards, SpanLogits
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.span_supervision import SpanSupervision
>>> from plaudit.testing import pair_labels
>>> marks = torch.tensor([1, 2, 0, 0], dtype=torch.uint8)
>>> labels = replace(pair_labels(1), lengths=torch.tensor([2, 2]), marks=marks)
>>> both, first = torch.tensor([0, 1]), torch.tensor([0, 0])
>>> spans = SpanLogits(torch.tensor([0.0, 9.0]), response=both, begin=first, end=first + 2)
>>> rewards = Rewards(torch.zeros(2, 1), spans=spans)
>>> [round(penalty, 4) for penalty in SpanSupervision()(rewards, labels, BradleyTerry()).tolist()]
[0.6931]
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.encoding.marks import NOT_JUDGED, WRONG
from plaudit.models.reward_model import Rewards, SpanLogits
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import Unsuited, check_weight


@dataclass(frozen=True, slots=True)
class SpanSupervision:
    """The cross-entropy of a comparison's judged spans.

    Attributes:
        weight: by what it is multiplied, 0 or more.
    """

    reads_spans: ClassVar[bool] = True

    weight: float = 1.0

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def requires(self, facts: DataFacts) -> str:
        """Return what the data lack, or an empty string."""
        if facts.marked:
            return ""
        return (
            "learns from span feedback, and no compared response has any: it stands in a response's extra as feedback "
            "= {errors = [{start = …, end = …}, …]}, in characters, an empty list where nothing is wrong (in code: "
            "encode_all(…, spans=True) reads it)"
        )

    def __call__(self, rewards: Rewards, labels: Labels, _objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M], in nats.

        Raises:
            Unsuited: the labels have marks and the model reads no spans.
        """
        if labels.marks is None:
            return torch.zeros_like(labels.weight)
        if rewards.spans is None:
            raise Unsuited(
                "span_supervision needs a model that reads spans, and this one gives none: set model.architecture to "
                "'hierarchical', and training.tune to 'full' or 'lora'"
            )
        loss, judged = _by_response(rewards.spans, labels)
        sides = torch.stack([labels.chosen, labels.rejected])
        return (loss * judged)[sides].sum(0) / judged[sides].sum(0).clamp(min=1)


def marked_shares(spans: SpanLogits, labels: Labels) -> tuple[Tensor, Tensor]:
    """Return what share of each span's judged tokens was marked as wrong, float32 [P], and which spans were judged.

    The share of a span that nobody judged is 0.
    """
    assert labels.marks is not None
    start = (labels.lengths.cumsum(0) - labels.lengths)[spans.response]
    judged, wrong = (_counted(which, start, spans) for which in (labels.marks != NOT_JUDGED, labels.marks == WRONG))
    return wrong / judged.clamp(min=1), judged > 0


def _counted(which: Tensor, start: Tensor, spans: SpanLogits) -> Tensor:
    """Return of how many tokens in each span ``which`` is true, int64 [P]."""
    before = torch.cat([which.new_zeros(1, dtype=torch.int64), which.long().cumsum(0)])
    return before[start + spans.end] - before[start + spans.begin]


def _by_response(spans: SpanLogits, labels: Labels) -> tuple[Tensor, Tensor]:
    """Return the mean loss of each response's judged spans, [N], 0 where it has none, and whether it has any, [N]."""
    share, judged = marked_shares(spans, labels)
    share = share.to(spans.logits.dtype)
    loss = share * softplus(spans.logits) + (1 - share) * softplus(-spans.logits)
    count = len(labels.lengths)
    sums = loss.new_zeros(count).index_add(0, spans.response, loss * judged)
    spans_of = loss.new_zeros(count).index_add(0, spans.response, judged.to(loss.dtype))
    return sums / spans_of.clamp(min=1), (spans_of > 0).to(loss.dtype)
