"""Which arms run, in which order, and what is made of their answers."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import parts
from benchmarks.__main__ import run_all
from benchmarks.processes import ArmFailed, Bench, NoPeers, peers
from benchmarks.settings import Settings


class Recorded(Bench):
    """A run whose arms answer at once with made-up figures: plaudit six times as fast in a third of the memory."""

    def __init__(self, ids: str = "same", **settings: Any) -> None:
        super().__init__(Path(), Settings(**settings), "bfloat16")
        self.ids, self.asked = ids, []  # type: ignore[var-annotated]

    def run(self, arm: str, *, peer: bool = False, **asked: Any) -> dict[str, Any]:
        """Note what was asked for."""
        self.asked.append(asked.get("output", arm))
        ours = arm == "train_plaudit"
        if arm.startswith("score"):
            raise ArmFailed("no such model")
        return {
            "pairs_per_second": 6.0 if ours else 2.0 if asked.get("rows") == "sorted_pairs" else 1.0,
            "peak": (1 if ours else 3) * 2**30,
            "ids": self.ids if ours else "same",
            "settings": {},
            "attention": "sdpa",
        }


def test_training_arms_alternate_and_turn_round() -> None:
    """Either peer runs once a repeat and plaudit beside both; every second is backwards, so drift favours nobody."""
    bench = Recorded(repeats=2)

    parts.train(bench)

    assert bench.asked[:4] == ["plaudit-0-0", "trl-0-1", "plaudit-0-2", "trl_sorted-0-3"]
    assert bench.asked[4:] == ["trl_sorted-1-0", "plaudit-1-1", "trl-1-2", "plaudit-1-3"]


def test_two_turns_of_a_repeat_are_one_value() -> None:
    """Their geometric mean for the speed, and the higher of their peaks."""
    answers = [(4.0, 1.0), (9.0, 2.0), (5.0, 4.0), (5.0, 3.0)]
    ours = [{"pairs_per_second": speed, "peak": peak * 2**30} for speed, peak in answers]
    peer = [{"pairs_per_second": 2.0, "peak": 8.0 * 2**30}] * 2

    found = parts.training_comparisons({"plaudit": ours, "trl": peer, "trl_sorted": peer}, "float32")

    assert [one.ratio.each for one in found] == [pytest.approx(each) for each in ([3, 2.5], [3, 2.5], [0.25, 0.5])]


def test_training_is_compared_three_ways() -> None:
    """Against random order, against sorted pairs, and in memory, each with the target that was set."""
    found = [one.plain() for one in parts.train(Recorded(repeats=2)).comparisons]

    assert [one["ratio"] for one in found] == pytest.approx([6.0, 3.0, 1 / 3])
    assert [one["target"] for one in found] == ["at least 4.5", "at least 2.3", "at most 0.4"]
    assert all(one["met"] for one in found)


def test_other_ids_are_no_comparison() -> None:
    """It stops after the first round, not after the last."""
    bench = Recorded(ids="other", repeats=5)

    with pytest.raises(parts.Unequal, match="different token ids"):
        parts.train(bench)

    assert len(bench.asked) == 4


@pytest.mark.parametrize("name", list(parts.ROUNDING))
@pytest.mark.parametrize("value", [0.1, float("nan")])
def test_what_is_not_equal_fails(name: str, value: float) -> None:
    """A difference beyond rounding, or no number at all, in any of the three."""
    equal = {"loss_difference": 1e-8, "reward_difference": 1e-7, "gradient_difference": 1e-6}

    parts.require_equal(equal)
    with pytest.raises(parts.Unequal, match=name):
        parts.require_equal({**equal, name: value})


def test_a_part_that_fails_leaves_the_others() -> None:
    """Its reason is kept beside what the others found."""
    outcomes, failed = run_all(Recorded(repeats=2), ["score", "train"], amx=False)

    assert list(outcomes) == ["train"]
    assert failed == {"score": "no such model"}


def test_bf16_on_an_encoder_has_a_target_only_with_amx() -> None:
    """The target is for processors that have it."""
    answer = {"agreement": {"responses": 9}, "ours": [2.0, 2.0], "peer": [1.0, 1.0]}

    made = {amx: parts._snippets(answer, "bfloat16", amx).plain() for amx in (True, False)}

    assert made[True]["target"] == "at least 2"
    assert made[False]["target"] is None
    assert "AMX" in made[False]["note"]


def test_a_failing_arm_says_why(tmp_path: Path) -> None:
    """The end of what the process wrote is in the message."""
    with pytest.raises(ArmFailed, match=r"No module named benchmarks\.arms\.nothing"):
        Bench(tmp_path, Settings()).run("nothing")


def test_missing_peers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to get them."""
    monkeypatch.setenv("PLAUDIT_PEERS", "nowhere/python")

    with pytest.raises(NoPeers, match="make peers"):
        peers()
