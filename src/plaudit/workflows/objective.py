"""The objective of a run: one kind, and the regularisers that are added to it.

In a configuration, regularisers are tables in a list, each with its name and its own settings::

    [objective]
    name = "bradley_terry"
    regularisers = [{name = "centred", weight = 0.01}, {name = "label_smoothing", weight = 0.1}]
"""

from collections.abc import Mapping
from typing import Any

from plaudit import members
from plaudit.config import BadConfiguration, build_kind
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import Regularised, Regulariser

SECTION, FIELD = "objective", "regularisers"


def build_objective(table: Mapping[str, Any]) -> Objective:
    """Return the objective that the section ``objective`` describes, with its regularisers.

    Raises:
        BadConfiguration: a name is missing or unknown, or a setting is wrong.
    """
    settings = {field: value for field, value in table.items() if field != FIELD}
    objective: Objective = build_kind("objectives", settings, SECTION)
    regularisers = _regularisers(table.get(FIELD, []))
    return Regularised(objective, regularisers) if regularisers else objective


def _regularisers(wanted: Any) -> list[Regulariser]:
    where = f"{SECTION}.{FIELD}"
    if not isinstance(wanted, list | tuple) or not all(isinstance(one, Mapping) for one in wanted):
        known = ", ".join(members.names("regularisers"))
        example = '[{name = "centred", weight = 0.01}]'
        raise BadConfiguration(f"[{SECTION}] {FIELD} = {wanted!r}: must be a list such as {example}; known: {known}")
    names = [one.get("name") for one in wanted]
    for name in names:
        if names.count(name) > 1 and name is not None:
            raise BadConfiguration(f"[{where}] {name!r} is there {names.count(name)} times; once, with one weight")
    return [build_kind("regularisers", one, f"{where}[{place}]") for place, one in enumerate(wanted)]
