"""Orders: the list that the comparisons of each record make of its responses, worked out on tensors.

The level of a response is the length of the longest chain of wins above it, 0 for one that nobody beat; responses that
are tied, directly or through others, share a level. A record is *ordered* if its comparisons, followed through, leave
no two of the responses that take part in them open; *unordered* if they do; *cyclic* if they contradict each other: A
over B over A, or a win between two that are tied. Responses that take part in no comparison are in no list, and
comparisons of weight 0 are none.

All records are worked out side by side by removing, again and again, whatever nobody left beats, so the work grows with
the comparisons and with the levels of the longest list.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from plaudit.encoding.batch import Labels


@dataclass(frozen=True, slots=True)
class Orders:
    """The lists of E responses, one of each of L records that hold comparisons.

    A response that is in several records is in the list of each.

    Attributes:
        response: int64 [E], sorted by list, then by response.
        list: int64 [E], from 0 to L - 1, in the order of the records.
        level: int64 [E]; it means something only where the record is not cyclic.
        record: int64 [L], the record of each list.
        cyclic: bool [L].
        unordered: bool [L]; a record that is cyclic is not called unordered too.
        weight: float32 [L], mean weight of the record's comparisons.
    """

    response: Tensor
    list: Tensor
    level: Tensor
    record: Tensor
    cyclic: Tensor
    unordered: Tensor
    weight: Tensor

    @property
    def ordered(self) -> Tensor:
        """Which records have a list, bool [L]."""
        return ~(self.cyclic | self.unordered)

    @property
    def levels(self) -> Tensor:
        """Number of levels of each list, int64 [L]."""
        return _most(self.list, self.level, len(self.record)) + 1

    @property
    def sizes(self) -> Tensor:
        """Number of responses of each list, int64 [L]."""
        return torch.bincount(self.list, minlength=len(self.record))

    def kept(self, which: Tensor) -> "Orders":
        """Return the lists for which ``which``, bool [L], is true, numbered anew from 0."""
        number, inside = torch.cumsum(which, 0) - 1, which[self.list]
        entries = (self.response[inside], number[self.list[inside]], self.level[inside])
        lists = (self.record, self.cyclic, self.unordered, self.weight)
        return Orders(*entries, *(column[which] for column in lists))


def orders_of(labels: Labels) -> Orders:
    """Return the lists of the records of a batch."""
    columns = (labels.chosen, labels.rejected, labels.tie, labels.weight)
    return orders(labels.record_of_comparisons(), *columns)


def orders(record: Tensor, chosen: Tensor, rejected: Tensor, tie: Tensor, weight: Tensor) -> Orders:
    """Return the lists that M comparisons make.

    Args:
        record: int64 [M], the record of each comparison, at least 0.
        chosen: int64 [M], a response, at least 0.
        rejected: int64 [M], another.
        tie: bool [M].
        weight: float32 [M].
    """
    counted = weight > 0
    record, chosen, rejected, tie, weight = (c[counted] for c in (record, chosen, rejected, tie, weight))
    records, place = torch.unique(record, return_inverse=True)
    span = int(torch.cat([chosen, rejected]).max()) + 1 if len(chosen) else 1
    keys, nodes = torch.unique(torch.cat([place, place]) * span + torch.cat([chosen, rejected]), return_inverse=True)
    winner, loser = nodes[: len(chosen)], nodes[len(chosen) :]
    group = _tied(len(keys), winner[tie], loser[tie])
    level = _levels(len(keys), group[winner[~tie]], group[loser[~tie]])[group]
    lists = keys // span
    cyclic = _most(lists, (level < 0).long(), len(records)) > 0
    groups = torch.bincount(lists[group == torch.arange(len(keys), device=group.device)], minlength=len(records))
    unordered = (_most(lists, level, len(records)) + 1 < groups) & ~cyclic
    votes = torch.bincount(place, minlength=len(records))
    mean = weight.new_zeros(len(records)).index_add(0, place, weight) / votes
    return Orders(keys % span, lists, level, records, cyclic, unordered, mean)


def _tied(count: int, first: Tensor, second: Tensor) -> Tensor:
    """Return for each of ``count`` nodes the least node that it is tied with, directly or through others."""
    group = torch.arange(count, device=first.device)
    while True:
        least = torch.minimum(group[first], group[second])
        lower = group.scatter_reduce(0, torch.cat([first, second]), torch.cat([least, least]), "amin")
        lower = lower.scatter_reduce(0, group, lower, "amin")[group]
        if torch.equal(lower, group):
            return group
        group = lower


def _levels(count: int, winner: Tensor, loser: Tensor) -> Tensor:
    """Return the level of each of ``count`` nodes, -1 for those in or below a cycle."""
    loser = loser[torch.argsort(winner, stable=True)]
    wins = torch.bincount(winner, minlength=count)
    begin = torch.cumsum(wins, 0) - wins
    above = torch.bincount(loser, minlength=count)
    level = torch.full_like(above, -1)
    free, depth = torch.nonzero(above == 0)[:, 0], 0
    while len(free):
        level[free] = depth
        beaten = loser[spans(begin[free], wins[free])]
        above.index_add_(0, beaten, torch.full_like(beaten, -1))
        free, depth = torch.unique(beaten[above[beaten] == 0]), depth + 1
    return level


def spans(begin: Tensor, count: Tensor) -> Tensor:
    """Return ``begin[0], begin[0] + 1, …`` for ``count[0]`` numbers, then those from ``begin[1]`` on, and so forth."""
    offset = begin - (torch.cumsum(count, 0) - count)
    total = int(count.sum())
    return torch.arange(total, device=begin.device) + torch.repeat_interleave(offset, count, output_size=total)


def _most(segment: Tensor, value: Tensor, segments: int) -> Tensor:
    """Return the largest ``value`` of each segment, int64 [segments], at least -1."""
    return torch.full((segments,), -1, device=value.device).scatter_reduce(0, segment, value, "amax")
