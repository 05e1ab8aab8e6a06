"""How a campaign is run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a campaign is run.

    Attributes:
        title: what the page is headed with.
        overlap: how many annotators answer the shared comparisons.
        overlap_share: the share of comparisons that is shared, 0 to 1; the rest is answered once.
        extra_votes: how many more annotators are asked, one at a time, while the answers to a shared task differ.
        gold_rate: the share of tasks whose answer is known, 0 to 1.
        check_rate: the share of tasks that only check attention, 0 to 1.
        lease_seconds: how long a task stays with an annotator who does not answer.
        pass_mark: the share of practice tasks to answer rightly before the first real one.
        practice_rounds: how many tries there are at practice.
        objectives: what is asked besides the overall preference (``("helpfulness", "honesty")``).
        strengths: words for how much better, weakest first; the answer is their number from 1; empty to not ask.
        ask_reason: whether there is a field for a reason.
        mark_spans: whether stretches of a response can be marked as wrong.
        longest_reason: how many characters a reason may have.
        seed: of everything drawn.
    """

    title: str = "Which response is better?"
    overlap: int = 3
    overlap_share: float = 0.2
    extra_votes: int = 1
    gold_rate: float = 0.05
    check_rate: float = 0.02
    lease_seconds: float = 1800.0
    pass_mark: float = 0.75
    practice_rounds: int = 2
    objectives: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ("slightly", "clearly", "much")
    ask_reason: bool = True
    mark_spans: bool = False
    longest_reason: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("overlap_share", "gold_rate", "check_rate", "pass_mark"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"settings: {name} is {getattr(self, name)}; it should be a share between 0 and 1")
        if self.gold_rate + self.check_rate >= 1:
            raise ValueError("settings: gold_rate and check_rate together leave no room for real tasks")
        for name, least in (("overlap", 1), ("extra_votes", 0), ("practice_rounds", 1), ("longest_reason", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"settings: {name} is {getattr(self, name)}; it should be {least} or more")
        if not 0 < self.lease_seconds < float("inf"):
            raise ValueError(f"settings: lease_seconds is {self.lease_seconds}; it should be more than 0")
        if "" in self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"settings: objectives are {self.objectives}; each should have a name of its own")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Settings":
        """Return settings from JSON; names that this version does not know are left out."""
        known = {one.name for one in fields(cls)}
        lists = ("objectives", "strengths")
        made: dict[str, Any] = {name: value for name, value in stored.items() if name in known}
        return cls(**made | {name: tuple(made[name]) for name in lists if name in made})
