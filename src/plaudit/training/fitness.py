"""Whether an objective can learn from a set, and which objectives could: asked before training begins."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from plaudit import members
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.facts import DataFacts, data_facts
from plaudit.encoding.packing import collate_labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, innermost, lacking
from plaudit.objectives.regularisers import regularisers_of
from plaudit.training.step import label_weight

_AT_ONCE = 256


class NothingToLearn(ValueError):
    """The set holds nothing that the objective learns from."""


def require_learnable(
    encoded: EncodedSet,
    objective: Objective,
    like: Rewards,
    *,
    names: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> None:
    """See that ``objective`` finds all that it needs in ``encoded``.

    Args:
        encoded: the tokenised set.
        objective: the loss.
        like: rewards of the model, for the number of their columns, whether there is a variance, and the device.
        names: identities of the records, for messages; empty for their numbers.
        outputs: names of the columns of the rewards; empty where the model does not say.

    Raises:
        NothingToLearn: it, or a regulariser, does not; the message says what is missing and, for an objective, which
            others would fit.
    """
    facts = replace(
        data_facts(encoded, names),
        columns=like.values.shape[1],
        outputs=tuple(outputs),
        variance=like.variance is not None,
        log_likelihood=getattr(like, "log_likelihood", None) is not None,
    )
    for one in regularisers_of(objective):
        if missing := lacking(one, facts):
            told = f"{type(one).__name__} {missing}; {len(encoded)} records were read"
            raise NothingToLearn(f"{told}. Or leave this regulariser out")
    if missing := _missing(objective, encoded, facts, like):
        fitting, name = ", ".join(_fitting(encoded, facts, like)) or "none", type(innermost(objective)).__name__
        raise NothingToLearn(
            f"{name} finds nothing to learn from in {len(encoded)} records: {missing}. They "
            f"hold {len(encoded.chosen)} comparisons and the ratings {', '.join(facts.rated) or 'none'}; objectives "
            f"that would fit: {fitting}"
        )


def reads_variance(encoded: EncodedSet, objective: Objective, like: Rewards) -> bool:
    """Return whether the terms of ``objective`` change with the variance of the rewards; ``like`` has one."""
    assert like.variance is not None, "the model predicts a variance"
    labels = collate_labels(encoded, range(min(_AT_ONCE, len(encoded)))).labels.to(like.values.device)
    count = len(labels.lengths)
    rows = torch.arange(count, device=like.values.device, dtype=torch.float32)[:, None]
    ones = torch.ones(count, device=like.values.device)
    rewards = replace(like, values=rows.expand(-1, like.values.shape[1]), variance=ones, spans=None)
    before, after = (objective(replace(rewards, variance=scale * ones), labels).loss for scale in (1, 4))
    return not torch.equal(before, after)


def _missing(objective: Objective, encoded: EncodedSet, facts: DataFacts, like: Rewards) -> str:
    """Return what keeps ``objective`` from learning, or an empty string."""
    if missing := lacking(objective, facts):
        return missing
    for first in range(0, len(encoded), _AT_ONCE):
        labels = collate_labels(encoded, range(first, min(first + _AT_ONCE, len(encoded)))).labels.to(
            like.values.device
        )
        if float(label_weight(objective, labels, like)) > 0:
            return ""
    return "no term that it makes of them has a weight above 0"


def _fitting(encoded: EncodedSet, facts: DataFacts, like: Rewards) -> Iterator[str]:
    """Yield the names of the objectives that could learn, each with its default settings, or with all the ratings."""
    for name in members.names("objectives"):
        kind = members.load("objectives", name)
        for settings in ({}, {"attributes": facts.rated}):
            try:
                objective = kind(**settings)
            except TypeError:  # it has no such setting, or one without a default
                continue
            if not _missing(objective, encoded, facts, like):
                yield f"{name} (attributes = {list(facts.rated)})" if settings else name
                break
