"""Balance of order: weights under which an item's responses stood either way round equally often."""

import numpy as np

from plaudit.labels.votes import Floats, Votes


def order_weights(votes: Votes) -> Floats:
    """Return a weight for each vote, float64 [V], so that both orders of each item's responses count the same.

    The weights of an item's votes add up to their number. An item that was shown in one order only, or in orders that
    are not known, keeps weights of 1: nothing in it can be balanced. A vote of unknown order, where others are known,
    keeps 1.

    >>> votes = Votes.from_arrays([0, 0, 0], ["a", "b", "c"], [1, 1, -1], swapped=[0, 0, 1])
    >>> order_weights(votes).tolist()
    [0.75, 0.75, 1.5]
    """
    known = votes.swapped >= 0
    counts = np.stack(
        [np.bincount(votes.item[votes.swapped == side], minlength=len(votes.items)) for side in (0, 1)], axis=1
    )
    both = known & (counts[votes.item] > 0).all(1)
    weights = np.ones(len(votes))
    own = counts[votes.item[both], votes.swapped[both].astype(np.int64)]
    weights[both] = counts[votes.item[both]].sum(1) / (2 * own)
    return weights
