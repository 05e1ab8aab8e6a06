"""What travels to a model: token ids packed into prompt trees, and the labels of the responses in them."""

from dataclasses import dataclass, field, fields
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Tree:
    """One prompt and its responses, packed end to end: ``[prompt][response 0][response 1]…``.

    Attributes:
        start: offset of the tree's first token in the packed sequence.
        prompt: number of prompt tokens, 0 where nothing is shared.
        responses: number of tokens of each response, all at least 1.
    """

    start: int
    prompt: int
    responses: tuple[int, ...]

    @property
    def length(self) -> int:
        """Number of packed tokens of this tree."""
        return self.prompt + sum(self.responses)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a packed sequence is divided into trees. Passed to every attention layer as a keyword argument.

    Attributes:
        trees: in packed order, end to end, covering all tokens.
    """

    trees: tuple[Tree, ...]

    @property
    def length(self) -> int:
        """Number of packed tokens."""
        return sum(tree.length for tree in self.trees)

    @property
    def responses(self) -> int:
        """Number of responses."""
        return sum(len(tree.responses) for tree in self.trees)


@dataclass(frozen=True, slots=True)
class Labels:
    """Comparisons and ratings of the N responses of a batch. All tensors are on the batch's device.

    Attributes:
        chosen: int64 [M], index of the preferred response.
        rejected: int64 [M], index of the other response.
        tie: bool [M].
        strength: float32 [M], stated margin in reward units, 0 where none was stated.
        weight: float32 [M], how much each comparison counts.
        record: int64 [N], which record of the batch each response belongs to (the last one, if it is in several).
        ratings: float32 [N, A], NaN where a response has no such rating; A may be 0.
        lengths: int64 [N], tokens of each response without its prompt.
        comparison_record: int64 [M], which record of the batch each comparison belongs to; None where every response
            is in one record only.
        occurrences: int64 [N], how often each response occurs in the batch's records; None where it is once.
        rating_names: names of the A ratings; empty where they have none.
        marks: uint8 [sum of ``lengths``], what span feedback says of the responses' tokens, one response after the
            other (see `plaudit.encoding.marks`); None where the set has none.
        annotator: int64 [M], who judged, see `plaudit.encoding.annotators`, 0 where nobody is named; None where nobody
            is named anywhere.
    """

    chosen: torch.Tensor
    rejected: torch.Tensor
    tie: torch.Tensor
    strength: torch.Tensor
    weight: torch.Tensor
    record: torch.Tensor
    ratings: torch.Tensor
    lengths: torch.Tensor
    comparison_record: torch.Tensor | None = None
    occurrences: torch.Tensor | None = None
    rating_names: tuple[str, ...] = ()
    marks: torch.Tensor | None = None
    annotator: torch.Tensor | None = None

    def record_of_comparisons(self) -> torch.Tensor:
        """Return the record of each comparison, int64 [M]."""
        return self.record[self.chosen] if self.comparison_record is None else self.comparison_record

    def to(self, device: torch.device | str) -> "Labels":
        """Return the labels with every tensor on ``device``."""
        held: dict[str, Any] = {column.name: getattr(self, column.name) for column in fields(self)}
        held |= {name: value.to(device) for name, value in held.items() if isinstance(value, torch.Tensor)}
        return Labels(**held)


@dataclass(frozen=True, slots=True)
class Batch:
    """A packed batch of T tokens and N responses.

    Attributes:
        input_ids: int64 [T].
        position_ids: int64 [T]; they restart after the prompt for each of its responses.
        token_type_ids: int64 [T], 1 on an encoder's response segment, else 0.
        layout: the trees.
        ends: int64 [N], packed offset of each response's last token, the scored one.
        starts: int64 [N], packed offset of each response's own first token.
        labels: what is known about the responses.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    token_type_ids: torch.Tensor
    layout: Layout
    ends: torch.Tensor
    starts: torch.Tensor
    labels: Labels
    sequences: tuple[int, ...] = field(default=())
    """Indices of the responses in the encoded set they came from, in batch order."""

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch with every tensor on ``device``."""
        moved = {name: getattr(self, name).to(device) for name in _TENSORS}
        return Batch(**moved, layout=self.layout, labels=self.labels.to(device), sequences=self.sequences)


_TENSORS = ("input_ids", "position_ids", "token_type_ids", "ends", "starts")
