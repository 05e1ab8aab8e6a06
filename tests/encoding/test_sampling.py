"""The plan of an epoch: nothing lost, nothing repeated, and a step that does not depend on who computes it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.encoding.sampling import Plan, TreeTooLarge, plan

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=40)
SETTINGS = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 12),
        "world_size": st.integers(1, 5),
        "accumulation": st.integers(1, 3),
        "token_budget": st.integers(10, 100),
        "seed": st.integers(0, 9),
        "epoch": st.integers(0, 3),
    }
)


def records_of(made: Plan) -> list[list[int]]:
    """Return the records of each step."""
    return [list(step.records) for step in made]


@given(SIZES, SETTINGS, st.booleans())
def test_every_record_is_in_exactly_one_step_of_an_epoch(
    sizes: list[int], settings: dict[str, Any], grouped: bool
) -> None:
    """Whatever the settings, an epoch's steps hold every record once, and only the last step is short."""
    groups = np.arange(len(sizes)) % 4 if grouped else None
    steps = records_of(plan(sizes, groups=groups, **settings))
    assert sorted(record for step in steps for record in step) == list(range(len(sizes)))
    assert all(len(step) == settings["batch_size"] for step in steps[:-1]) and len(steps[-1]) >= 1


@given(SIZES, SETTINGS)
def test_a_step_holds_the_same_records_for_any_number_of_processes(sizes: list[int], settings: dict[str, Any]) -> None:
    """World size, accumulation and budget change who computes a record, never in which step it is."""
    alone = plan(sizes, batch_size=settings["batch_size"], seed=settings["seed"], epoch=settings["epoch"])
    assert records_of(plan(sizes, **settings)) == records_of(alone)


@given(SIZES, SETTINGS)
def test_ranks_have_equally_many_micro_batches_within_the_budget(sizes: list[int], settings: dict[str, Any]) -> None:
    """All ranks run the same number of micro-batches, at least one; none with several records is above the budget."""
    for step in plan(sizes, **settings):
        assert len(step.ranks) == settings["world_size"]
        assert len({len(rank) for rank in step.ranks}) == 1 and len(step.ranks[0]) >= 1
        for micro in (micro for rank in step.ranks for micro in rank):
            assert len(micro) <= 1 or sum(sizes[record] for record in micro) <= settings["token_budget"]


@given(SIZES, st.integers(2, 5))
def test_token_counts_are_balanced(sizes: list[int], world: int) -> None:
    """The heaviest rank exceeds the lightest by at most the largest record (the bound of the greedy rule)."""
    for step in plan(sizes, batch_size=len(sizes), world_size=world, token_budget=10_000):
        loads = [sum(sizes[record] for micro in rank for record in micro) for rank in step.ranks]
        assert max(loads) - min(loads) <= max(sizes)


def test_two_processes_do_what_one_does_in_two_parts() -> None:
    """Two ranks have the very micro-batches of one rank with two accumulation steps."""
    sizes = np.random.default_rng(1).integers(5, 50, size=37)
    two = plan(sizes, batch_size=8, world_size=2, token_budget=10_000)
    one = plan(sizes, batch_size=8, accumulation=2, token_budget=10_000)
    for ours, theirs in zip(two, one, strict=True):
        assert [micro for rank in ours.ranks for micro in rank if micro] == [m for m in theirs.ranks[0] if m]


def test_records_with_one_prompt_share_a_micro_batch() -> None:
    """Records of one prompt are in one micro-batch but for the group cut by each border of two steps."""
    groups = np.repeat(np.arange(1, 13), 3)
    made = plan(np.full(36, 10), batch_size=7, groups=groups, shared=np.full(36, 8), token_budget=40)
    torn = 0
    for key in range(1, 13):
        places = {
            (number, place)
            for number, step in enumerate(made)
            for place, micro in enumerate(step.ranks[0])
            if any(groups[record] == key for record in micro)
        }
        assert len({number for number, _ in places}) == len(places)
        torn += len(places) - 1
    assert torn <= len(made) - 1


def test_a_group_above_the_budget_is_taken_apart() -> None:
    """A prompt whose records do not fit a micro-batch together is spread over several."""
    step = plan([10] * 6, batch_size=6, groups=[5] * 6, token_budget=20)[0]
    assert sorted(len(micro) for micro in step.ranks[0]) == [2, 2, 2]


def test_epochs_and_seeds_differ_and_a_plan_repeats() -> None:
    """The same arguments give the same plan; another seed or epoch gives another order."""
    orders = [records_of(plan([1] * 50, batch_size=5, seed=s, epoch=e)) for s, e in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2] and orders[0] != orders[3] and orders[2] != orders[3]


def test_a_rank_without_records_still_takes_part() -> None:
    """One record over three ranks: two of them get an empty micro-batch."""
    step = plan([7], batch_size=4, world_size=3)[0]
    assert sorted(step.ranks) == [((),), ((),), ((0,),)]


def test_a_record_above_the_budget_runs_alone_or_is_refused_by_name() -> None:
    """The oversized record is alone in its micro-batch, or the error names it, its size and the budget."""
    micros = plan([5, 90, 5], batch_size=3, token_budget=20)[0].ranks[0]
    assert (1,) in micros and len(micros) == 2
    with pytest.raises(TreeTooLarge, match=r"record 1 takes 90 tokens .* holds 20"):
        plan([5, 90, 5], batch_size=3, token_budget=20, oversized="error")


@pytest.mark.parametrize("name", ["batch_size", "world_size", "accumulation", "token_budget"])
def test_a_setting_below_one_is_refused(name: str) -> None:
    """Each count must be at least 1, and the error says which was not."""
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        plan([1, 2], **{"batch_size": 1, name: 0})  # type: ignore[arg-type]


def test_bad_plans_are_refused() -> None:
    """No records, an unknown rule for oversized records, and a step that does not exist."""
    with pytest.raises(ValueError, match="no records"):
        plan([], batch_size=2)
    with pytest.raises(ValueError, match="'alone' or 'error'"):
        plan([1], batch_size=2, oversized="skip")
    with pytest.raises(IndexError, match="step 1 of a plan of 1"):
        plan([1], batch_size=2)[1]
