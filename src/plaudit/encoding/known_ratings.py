"""The ratings that are known, beside the rewards that should predict them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaudit.encoding.batch import Labels


@dataclass(frozen=True, slots=True)
class KnownRatings:
    """K ratings, one of one response in one attribute each.

    Attributes:
        reward: [K], the column of the rewards that should predict the rating.
        rating: float32 [K], as it was given; never NaN.
        attribute: int64 [K], place of its attribute in the list that was asked for.
        weight: float32 [K], how often the response occurs in the batch.
    """

    reward: Tensor
    rating: Tensor
    attribute: Tensor
    weight: Tensor


def known_ratings(values: Tensor, labels: Labels, attributes: Sequence[str]) -> KnownRatings:
    """Pair rewards with ratings.

    One attribute is predicted by column 0, the reward; of several, the first by column 1, the next by column 2, ….

    Args:
        values: [N, columns], rewards.
        labels: of the same responses.
        attributes: which ratings; empty for all, which must then be one at most.

    Raises:
        ValueError: no attribute is named and there are several, one is not among the labels, or there are fewer columns
            of rewards than attributes.
    """
    places = _places(labels, attributes)
    first = 1 if len(places) > 1 else 0
    if values.shape[1] < first + len(places):
        raise ValueError(
            f"{len(places)} attributes need {first + len(places)} columns of rewards, the reward itself first; "
            f"the model gives {values.shape[1]}"
        )
    ratings = labels.ratings[:, places]
    response, attribute = torch.nonzero(~torch.isnan(ratings), as_tuple=True)
    times = torch.ones_like(labels.record) if labels.occurrences is None else labels.occurrences
    known = ratings[response, attribute]
    return KnownRatings(values[response, first + attribute], known, attribute, times[response].to(known.dtype))


def _places(labels: Labels, attributes: Sequence[str]) -> list[int]:
    columns, names = labels.ratings.shape[1], labels.rating_names
    if not attributes and columns > 1:
        raise ValueError(f"there are {columns} ratings ({', '.join(names)}); attributes must name which to learn from")
    if lacking := [name for name in attributes if name not in names]:
        raise ValueError(f"no rating is called {', '.join(lacking)}; there are: {', '.join(names) or 'none'}")
    return [names.index(name) for name in attributes] or list(range(columns))
