"""The loader: one element is everything a rank computes in one step. Sharding is the plan's, not the launcher's."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset, Sampler

from plaudit.encoding.batch import Batch
from plaudit.encoding.sampling import Plan
from plaudit.training.step import MicroBatch

StepKey = tuple[int, int]
"""Epoch and number of a step in it."""


class Steps(Dataset[tuple[MicroBatch, ...]]):
    """The micro-batches of one rank, by epoch and step.

    Args:
        plan_epoch: gives the plan of an epoch.
        pack: packs records into a batch.
        rank: whose micro-batches.
        stand_in: the record that is packed where a rank has none.
    """

    def __init__(
        self, plan_epoch: Callable[[int], Plan], pack: Callable[[Sequence[int]], Batch], *, rank: int, stand_in: int
    ) -> None:
        self._plan_epoch, self._pack, self._rank, self._stand_in = plan_epoch, pack, rank, stand_in
        self._epoch, self._plan = 0, plan_epoch(0)

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return len(self._plan)

    def __getitem__(self, key: StepKey) -> tuple[MicroBatch, ...]:
        """Return the micro-batches of one step."""
        epoch, number = key
        if epoch != self._epoch:
            self._epoch, self._plan = epoch, self._plan_epoch(epoch)
        return tuple(self._micro(records) for records in self._plan[number].ranks[self._rank])

    def _micro(self, records: tuple[int, ...]) -> MicroBatch:
        packed = records or (self._stand_in,)
        return MicroBatch(self._pack(packed), packed, counted=bool(records))


class StepSampler(Sampler[list[StepKey]]):
    """The keys of one epoch's steps, one a batch."""

    def __init__(self, steps: int) -> None:
        self._steps, self._epoch = steps, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return self._steps

    def __iter__(self) -> Iterator[list[StepKey]]:
        """Yield the key of every step, alone in a list."""
        return ([(self._epoch, number)] for number in range(self._steps))


class StepLoader(DataLoader[tuple[MicroBatch, ...]]):
    """A loader of whole steps that passes the epoch on to its sampler."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps, batch_sampler=StepSampler(len(steps)), collate_fn=_only)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass."""
        sampler: Any = self.batch_sampler
        sampler.set_epoch(epoch)


def _only(steps: list[tuple[MicroBatch, ...]]) -> tuple[MicroBatch, ...]:
    (step,) = steps
    return step
