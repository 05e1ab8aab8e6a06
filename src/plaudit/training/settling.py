"""What is fitted once, after training: an architecture's own `settle`, given the training set in batches."""

from collections.abc import Iterator

import torch

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.encoding.sampling import plan
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.headed import Headed
from plaudit.models.laplace import Posterior

RECORDS = 256
"""Records a step of the plan; how many are computed at once is a matter of the token budget."""


def settle(model: Headed, train: EncodedSet, *, token_budget: int) -> None:
    """Let ``model`` fit what it fits once, after training, on the training set."""
    with torch.no_grad():
        model.eval().settle(batches(model, train, token_budget=token_budget))


def fit_laplace(model: Laplace, encoded: EncodedSet, *, token_budget: int) -> Posterior:
    """Fit the covariance of a trained model's last layer to the comparisons of ``encoded``, without training.

    Args:
        model: trained; its head and backbone stay as they are. Its ``prior_precision`` says which prior.
        encoded: the training set.
        token_budget: most tokens at once.

    Returns:
        The posterior, with the prior precision that was taken and its evidence.

    Raises:
        NoCurvature: the set holds no comparison to fit to.
    """
    return model.eval().fit(batches(model, encoded, token_budget=token_budget))


def batches(model: Headed, encoded: EncodedSet, *, token_budget: int) -> Iterator[Batch]:
    """Yield every record of ``encoded`` once, with its labels, on the model's device."""
    device = next(model.parameters()).device
    steps = plan(encoded.record_sizes(), batch_size=RECORDS, token_budget=token_budget)
    for records in (records for step in steps for records in step.ranks[0]):
        yield collate(encoded, records, share=model.shares).to(device)
