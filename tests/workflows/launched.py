"""The command line, as a launcher starts it once for each process; one process may be made to fail on the way.

``python -m tests.workflows.launched POINT RANK VERB …`` runs the verb; process ``RANK`` fails at ``POINT``: ``reading``
the data, in its third ``step`` or while ``saving``.
"""

import os
import sys
from typing import Any

from plaudit import cli

POINTS = {
    "reading": ("plaudit.workflows.data", "read_many", 1),
    "step": ("plaudit.training.trainer", "accumulate", 3),
    "saving": ("plaudit.scoring.artifact", "card", 1),
}


def break_at(point: str) -> None:
    """Make the function of a point raise at its n-th call."""
    import importlib

    module, name, at = POINTS[point]
    place = importlib.import_module(module)
    function, calls = getattr(place, name), 0

    def breaking(*args: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise ValueError(f"broken on purpose while {point}")
        return function(*args, **settings)

    setattr(place, name, breaking)


if __name__ == "__main__":
    if os.environ["RANK"] == sys.argv[2]:
        break_at(sys.argv[1])
    sys.exit(cli.main(sys.argv[3:]))
