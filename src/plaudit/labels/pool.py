"""A pool of comparisons that could be labelled, as arrays: what a model thinks of each, and in what it is unsure."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sides = tuple[Floats, Floats]


class BadPool(ValueError):
    """Arrays that are no pool, or a pool that does not hold what was asked of it; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Pool:
    """N comparisons without labels, each of a first response with a second one.

    Attributes:
        margins: float64 [N], reward of the first less that of the second, in log-odds: σ of it is a probability.
        members: float64 [K, N], the same by each of K members of an ensemble, or by K draws of the weights; or None.
        features: float64 [N, d] twice, what the last layer reads of the first and of the second; or None.
        groups: int64 [N], the prompt that each belongs to; each comparison its own if not given.
        precision: λ of the prior precision λI of the last layer's weights, in the units of ``features``, for example 1
            where features are scaled by the root of a covariance; None where nothing is known of it.

    Raises:
        BadPool: shapes do not belong together, or a number is not finite.
    """

    margins: Floats
    members: Floats | None = None
    features: Sides | None = None
    groups: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    precision: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "margins", _array("margins", self.margins, 1))
        size = len(self.margins)
        if self.members is not None:
            object.__setattr__(self, "members", _array("members", self.members, 2))
            if self.members.shape[1] != size or len(self.members) < 2:
                raise BadPool(f"members must be [K, {size}] of 2 or more members, not {list(self.members.shape)}")
        if self.features is not None:
            object.__setattr__(self, "features", _sides(self.features, size))
        groups = np.asarray(self.groups, np.int64)
        object.__setattr__(self, "groups", groups if len(groups) or not size else np.arange(size))
        if self.groups.shape != (size,):
            raise BadPool(f"groups must be [{size}], one a comparison, not {list(self.groups.shape)}")
        if self.precision is not None and not 0 < self.precision < np.inf:
            raise BadPool(f"precision must be a finite number above 0, not {self.precision}")

    def __len__(self) -> int:
        return len(self.margins)

    @property
    def holds(self) -> tuple[str, ...]:
        """What selectors can ask for, of ``members`` and ``features``, that is there."""
        return tuple(name for name in ("members", "features") if getattr(self, name) is not None)

    @property
    def differences(self) -> Floats | None:
        """Features of the first less those of the second, float64 [N, d]."""
        return None if self.features is None else self.features[0] - self.features[1]

    def select(self, places: ArrayLike) -> "Pool":
        """Return the comparisons at ``places``, in that order."""
        at = np.asarray(places, np.int64)
        sides = self.features
        return Pool(
            self.margins[at],
            None if self.members is None else self.members[:, at],
            None if sides is None else (sides[0][at], sides[1][at]),
            self.groups[at],
            self.precision,
        )

    def order(self) -> Ints:
        """Return an order of the comparisons, [N], that hangs on what they are, not on where or which way round.

        It says nothing of how much they are worth: they are sorted by a hash. Equal ones may change places.
        """
        digests = [self._digest(place) for place in range(len(self))]
        return np.array(sorted(range(len(self)), key=digests.__getitem__), np.int64)

    def _digest(self, place: int) -> bytes:
        """Return a hash of all that is known of one comparison, whichever way round it is."""
        turning, staying = [self.margins[place, None]], [self.groups[place, None].astype(np.float64)]
        if self.members is not None:
            turning.append(self.members[:, place])
        if self.features is not None:
            first, second = self.features[0][place], self.features[1][place]
            turning.append(first - second)
            staying.append(first + second + 0.0)
        signed = np.concatenate(turning)
        sign = -1.0 if signed[np.argmax(signed != 0)] < 0 else 1.0
        row = np.concatenate([sign * signed + 0.0, *staying])
        return hashlib.blake2b(row.tobytes(), digest_size=16).digest()


def _array(name: str, given: ArrayLike, dimensions: int) -> Floats:
    found = np.asarray(given, np.float64)
    if found.ndim != dimensions:
        shape = "[N]" if dimensions == 1 else "[K, N]" if name == "members" else "[N, d]"
        raise BadPool(f"{name} must be {shape}, not of shape {list(found.shape)}")
    if not np.isfinite(found).all():
        place = [int(at) for at in np.argwhere(~np.isfinite(found))[0]]
        raise BadPool(f"{name}{place} is not a finite number ({int((~np.isfinite(found)).sum())} are not)")
    return found


def _sides(given: Sides, size: int) -> Sides:
    if len(given) != 2:
        raise BadPool(f"features must be two arrays, of the first and of the second responses, not {len(given)}")
    first, second = (_array("features", side, 2) for side in given)
    if first.shape != second.shape or len(first) != size or not first.shape[1]:
        raise BadPool(f"features must be [{size}, d] twice, not {list(first.shape)} and {list(second.shape)}")
    return first, second
