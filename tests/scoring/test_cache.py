"""The reward cache keeps doubles exactly, and bears two processes at once."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from plaudit.scoring.cache import RewardCache

WRITER = """
import sys
from plaudit.scoring.cache import RewardCache
cache = RewardCache(sys.argv[1])
for number in range(150):
    cache.add({f"{number % 100}": (number % 100 / 7,), f"{sys.argv[2]}-{number}": (float(number), 0.5)})
    cache.find([f"{number}"])
"""


DOUBLES = st.lists(st.floats(allow_nan=False), min_size=1, max_size=4).map(tuple)


@given(st.dictionaries(st.text(alphabet="0123456789abcdef", min_size=4), DOUBLES, min_size=1))
def test_rewards_come_back_bit_by_bit(rewards: dict[str, tuple[float, ...]]) -> None:
    """Whatever doubles go in, parts and variance too, come out; unknown keys are misses."""
    cache = RewardCache(":memory:")

    cache.add(rewards)

    assert cache.find([*rewards, "unknown"]) == rewards
    assert (cache.hits, cache.misses) == (len(rewards), 1)
    cache.close()


def test_first_reward_stays(tmp_path: Path) -> None:
    """A key that is there already keeps its reward, also for a process that opens the file later."""
    cache = RewardCache(tmp_path / "rewards.sqlite")
    cache.add({"a": (0.1,)})
    cache.add({"a": (0.2, 0.5), "b": (0.3, 0.25)})
    cache.close()

    assert RewardCache(tmp_path / "rewards.sqlite").find(["a", "b"]) == {"a": (0.1,), "b": (0.3, 0.25)}


def test_many_keys_at_once(tmp_path: Path) -> None:
    """A look-up is not bounded by the number of values a statement may have."""
    cache = RewardCache(tmp_path / "rewards.sqlite")
    cache.add({str(number): (float(number),) for number in range(50_000)})

    assert len(cache.find([str(number) for number in range(60_000)])) == 50_000


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    """Two processes that add and look up at the same time lose nothing."""
    path = tmp_path / "rewards.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("one", "two")]

    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    names = [f"{name}-{number}" for name in ("one", "two") for number in range(150)]
    assert len(RewardCache(path).find(names)) == 300
    assert RewardCache(path).find(["99"]) == {"99": (99 / 7,)}
