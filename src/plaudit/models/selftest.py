"""Before training: do packed rewards equal those of one sequence at a time?

A backbone that passes ``position_ids`` or keyword arguments to only some of its layers would be silently wrong when
packed. This runs the backbone as transformers does, with eager attention and no padding, and refuses on disagreement.
Pooling, head and the layers that `plaudit.models.lean` rewrites are the same on both sides; whether the class's own
forward agrees with them is measured when an artefact is saved. A head that begins at zero gives every response the same
reward, which shows nothing; what it reads is compared then.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from plaudit.encoding.batch import Batch
from plaudit.models import attention
from plaudit.models.headed import Headed

TOLERANCE = 1e-4
"""Largest accepted difference, relative to the larger of 1 and the largest reward, in fp32."""


class LayoutMismatch(ValueError):
    """Packed rewards differ from those of single sequences."""


def check_layout(model: Headed, batch: Batch) -> float:
    """Compare ``model`` on a packed batch with single sequences; return the largest difference in reward units.

    Where all rewards are equal, it is of the features, in theirs.

    Raises:
        LayoutMismatch: if it is larger than `TOLERANCE` allows.
    """
    if model.layout != "trees":
        return 0.0
    training, dtype = model.training, model.compute_dtype
    model.eval()
    model.compute_dtype = torch.float32
    try:
        with torch.no_grad():
            read, packed = _rewards, _rewards(model, batch)
            if bool((packed == packed[:1]).all()):
                read, packed = _features, _features(model, batch)
            single = _one_by_one(model, batch, read)
    finally:
        model.train(training)
        model.compute_dtype = dtype
        model.classifier.set_attn_implementation(attention.NAME)
    difference = float((packed - single).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(single.abs().max())):
        raise LayoutMismatch(
            f"{type(model.classifier).__name__}: packed rewards differ from single sequences by {difference:.3g}; "
            "this backbone does not support packing, use layout='padded'"
        )
    return difference


def _rewards(model: Headed, batch: Batch) -> Tensor:
    values: Tensor = model(batch).values
    return values


def _features(model: Headed, batch: Batch) -> Tensor:
    return model.features(batch)


def _one_by_one(model: Headed, batch: Batch, read: Callable[[Headed, Batch], Tensor]) -> Tensor:
    """Read from each sequence alone, unpadded, under eager attention: float32 [N, outputs]."""
    model.classifier.set_attn_implementation("eager")
    model.layout, model.padded_budget, budget = "padded", 1, model.padded_budget
    try:
        return read(model, batch)
    finally:
        model.layout, model.padded_budget = "trees", budget
