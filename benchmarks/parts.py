"""The parts of a run: which arms run, in which order, and what is compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import geometric_mean
from typing import Any

from benchmarks.processes import Bench, say
from benchmarks.ratios import Comparison, Target

QUICK = 3
"""How many times as many repeats the quick parts take."""
TRAINING_ARMS: dict[str, tuple[str, bool, str]] = {
    "trl": ("train_trl", True, "pairs"),
    "plaudit": ("train_plaudit", False, "pairs"),
    "trl_sorted": ("train_trl", True, "sorted_pairs"),
}
"""Arm, whether it runs in the peers' environment, and the pairs it takes."""
ORDER = ("plaudit", "trl", "plaudit", "trl_sorted")
"""Turns of a repeat. The quicker side is timed for less long, so a busy minute hits it harder: it has two turns."""
ROUNDING = {"loss_difference": 1e-5, "reward_difference": 1e-4, "gradient_difference": 1e-3}
"""How far apart the two may be in fp32, relative to the largest value."""
Raw = dict[str, list[dict[str, Any]]]


class Unequal(RuntimeError):
    """The two sides did not do the same thing, so there is nothing to compare."""


@dataclass(slots=True)
class Outcome:
    """What a part found.

    Attributes:
        comparisons: the ratios.
        found: everything else worth reading.
        raw: what every arm answered, whole.
    """

    comparisons: list[Comparison] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    raw: Any = None


def equality(bench: Bench) -> Outcome:
    """Compare loss, rewards and gradients with TRL's on one batch."""
    found = bench.run("equality", peer=True)
    say(
        f"equality in fp32: loss {found['loss_difference']:.1e}, rewards {found['reward_difference']:.1e}, "
        f"gradients {found['gradient_difference']:.1e} ({found['gradient_parameter']})"
    )
    require_equal(found)
    return Outcome(found=found, raw=found)


def require_equal(found: Mapping[str, Any]) -> None:
    """Raise `Unequal` if loss, rewards or gradients are further apart than rounding puts them."""
    beyond = {name: found[name] for name, limit in ROUNDING.items() if not found[name] <= limit}
    if beyond:
        raise Unequal(f"plaudit and TRL differ in fp32 by more than rounding ({ROUNDING}): {beyond}")


def train(bench: Bench) -> Outcome:
    """Train with TRL, with TRL on sorted pairs, and with plaudit between them; every second time backwards."""
    raw: Raw = {name: [] for name in TRAINING_ARMS}
    for repeat in range(bench.settings.repeats):
        for turn, name in enumerate(ORDER[:: 1 if repeat % 2 == 0 else -1]):
            arm, peer, rows = TRAINING_ARMS[name]
            raw[name].append(bench.run(arm, peer=peer, rows=rows, output=f"{name}-{repeat}-{turn}"))
        require_same_ids(raw)
    found = {"trl_settings": raw["trl"][0]["settings"], "trl_attention": raw["trl"][0]["attention"]}
    return Outcome(training_comparisons(raw, bench.dtype), found, raw)


def require_same_ids(raw: Raw) -> None:
    """Raise `Unequal` unless both sides trained on the same ids in the same order in every repeat."""
    unsorted = {answer["ids"] for name in ("trl", "plaudit") for answer in raw[name]}
    if len(unsorted) != 1:
        raise Unequal("TRL and plaudit trained on different token ids, or in another order")


def training_comparisons(raw: Raw, dtype: str) -> list[Comparison]:
    """Return speed and memory of plaudit beside TRL's: of several turns in a repeat the mean speed, the higher peak."""
    speed = {name: _repeats(raw, name, "pairs_per_second", geometric_mean) for name in raw}
    peak = {name: tuple(top / 2**30 for top in _repeats(raw, name, "peak", max)) for name in raw}
    return [
        Comparison(
            what=f"training, {dtype}",
            unit="pairs/s",
            ours=speed["plaudit"],
            peer=speed["trl"],
            target=Target(4.5),
        ),
        Comparison(
            what=f"training, TRL's pairs sorted by length, {dtype}",
            unit="pairs/s",
            ours=speed["plaudit"],
            peer=speed["trl_sorted"],
            target=Target(2.3),
            note="plaudit takes the pairs in random order here too",
        ),
        Comparison(
            what=f"peak memory of training, {dtype}",
            unit="GiB",
            ours=peak["plaudit"],
            peer=peak["trl"],
            target=Target(0.4, "at most"),
        ),
    ]


def _repeats(raw: Raw, name: str, what: str, joined: Callable[[list[float]], float]) -> tuple[float, ...]:
    """Return one number a repeat of what the turns of an arm answered."""
    turns, values = ORDER.count(name), [float(answer[what]) for answer in raw[name]]
    return tuple(joined(values[first : first + turns]) for first in range(0, len(values), turns))


def score(bench: Bench) -> Outcome:
    """Score many responses to an ordinary prompt, and to a long one."""
    outcome = Outcome(raw={})
    for case, repeats in (("short", QUICK * bench.settings.repeats), ("long", bench.settings.repeats)):
        answer = bench.run("score_responses", peer=False, case=case, turns=repeats)
        outcome.raw[case] = answer
        outcome.found[case] = {name: answer[name] for name in ("responses", "prompt_tokens", "tokens", "agreement")}
        outcome.comparisons.append(_scoring(answer, bench.dtype))
    return outcome


def _scoring(answer: dict[str, Any], dtype: str) -> Comparison:
    share = answer["peer_share"]
    parts = f"each repeat times the peer on {share:.0%} of the responses, another part every time, scaled to all"
    return Comparison(
        what=f"{answer['responses']} responses to a prompt of {answer['prompt_tokens']} tokens, {dtype}",
        unit="responses/s",
        ours=tuple(answer["ours"]),
        peer=tuple(answer["peer"]),
        target=Target(5.0),
        note="" if share == 1 else parts,
    )


def minilm(bench: Bench, amx: bool) -> Outcome:
    """Score snippets with the small encoder, in fp32, and in bf16 where that is what the machine computes faster."""
    outcome = Outcome(raw={})
    for dtype in dict.fromkeys(("float32", bench.dtype)):
        answer = bench.run("score_snippets", peer=True, dtype=dtype, turns=QUICK * bench.settings.repeats)
        outcome.raw[dtype] = answer
        outcome.found[dtype] = answer["agreement"]
        outcome.comparisons.append(_snippets(answer, dtype, amx))
    return outcome


def _snippets(answer: dict[str, Any], dtype: str, amx: bool) -> Comparison:
    targets = {"float32": Target(1.15), "bfloat16": Target(2.0) if amx else None}
    return Comparison(
        what=f"{answer['agreement']['responses']} movie snippets through MiniLM, {dtype}",
        unit="snippets/s",
        ours=tuple(answer["ours"]),
        peer=tuple(answer["peer"]),
        target=targets[dtype],
        note="" if dtype == "float32" or amx else "the target is for processors with AMX, and this one has none",
    )


def runner(part: str, amx: bool) -> Callable[[Bench], Outcome]:
    """Return what measures ``part``."""
    runners: dict[str, Callable[[Bench], Outcome]] = {
        "equality": equality,
        "train": train,
        "score": score,
        "minilm": lambda bench: minilm(bench, amx),
    }
    return runners[part]
