"""Checks: one kind of fault of preference data each. A new file here is a new check, run and tested by being there.

A check is a class with ``title``, ``codes`` (of the findings it may return) and a call that takes what is examined
(`plaudit.doctor.examined.Examined`) and returns an `plaudit.doctor.finding.Outcome`: findings, nothing, or why it does
not apply. It finds nothing in clean data: a rate is worth a finding only where its whole interval lies beyond what is
nobody's worry.
"""

from collections.abc import Iterable
from typing import ClassVar, Protocol, cast

from plaudit import members
from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Outcome


class Check(Protocol):
    """What looks for one kind of fault.

    Attributes:
        title: what it looks at, in plain words.
        codes: of the findings that it may return.
    """

    title: ClassVar[str]
    codes: ClassVar[tuple[str, ...]]

    def __call__(self, examined: Examined) -> Outcome:
        """Return what was found."""
        ...


def choose(names: Iterable[str] | None = None) -> dict[str, Check]:
    """Return the checks of the given names (all of this folder by default), ready to call.

    Raises:
        plaudit.members.UnknownKind: there is no such check; the message lists those there are.
    """
    chosen = members.names("checks") if names is None else names
    return {name: cast(Check, members.load("checks", name)()) for name in chosen}
