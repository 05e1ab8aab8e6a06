"""What a user of ``plaudit audit`` hands in beside the model, read before anything is scored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from plaudit.evaluation.gates import Gate, read_gates
from plaudit.evaluation.human import Judgement, read_judgements
from plaudit.predictions import Predictions
from plaudit.workflows.audit import Beside
from plaudit.workflows.comparing import saved_predictions
from plaudit.workflows.subjects import BadSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Files that were named, read.

    Attributes:
        others: predictions of other models, by path.
        judgements: what people said, by the name of their file.
        gates: bounds.
    """

    others: dict[str, Predictions] = field(default_factory=dict)
    judgements: dict[str, Sequence[Judgement]] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()

    @classmethod
    def of(cls, compare: Sequence[Path] = (), human: Sequence[Path] = (), gate: Path | None = None) -> Self:
        """Read the files.

        Raises:
            BadSubject: a file is given twice.
            ValueError: a file is not what it should be; the message names it.
            OSError: a file is not there.
        """
        for paths in (compare, human):
            if twice := [path for path in paths if list(paths).count(path) > 1]:
                raise BadSubject(f"{twice[0]} is given more than once")
        people = {path.stem if [one.stem for one in human].count(path.stem) == 1 else str(path): path for path in human}
        return cls(
            others={str(path): saved_predictions(path) for path in compare},
            judgements={name: read_judgements(path) for name, path in people.items()},
            gates=read_gates(gate) if gate is not None else (),
        )

    def beside(self) -> Beside:
        """Return what goes into the audit."""
        return Beside(others=self.others, judgements=self.judgements)
