"""The results as a page for people, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.crowd.arms import ARMS, BEST, MAJORITY, RAW, WRITTEN
from benchmarks.crowd.summary import verdict

SCALES = {"accuracy": (100, 2), "nll": (1, 4), "nll_scaled": (1, 4), "regret": (1, 4)}
HEADINGS = {
    "accuracy": "accuracy, points",
    "nll": "NLL, nats",
    "nll_scaled": "NLL at its best temperature",
    "regret": "regret of best-of-4",
}


def page(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    summary = results["summary"]
    parts = [
        "# What aggregation of votes is worth",
        f"`{results['command']}`, {results['started']}, commit {results['versions']['commit']}.",
        verdict(summary),
        setting(results),
        *[part for regime, own in summary.items() for part in _regime(regime, own, results["ridges"][regime])],
    ]
    return "\n\n".join(parts) + "\n"


def setting(results: Mapping[str, Any]) -> str:
    """Return what was done, in paragraphs."""
    of = results["settings"]
    crowds = (
        f"{results['crowds']} crowds a regime, seeds from 0 on, each with its own split of {of['source']} "
        f"({of['held_out']:.0%} held out), pairs, annotators and votes; arms share them, so differences are paired. "
        f"Intervals are 95 % over crowds, by Student's t. Of {of['people']} annotators {of['guessing']:.0%} answer at "
        "random; the others draw a rating of either snippet, as one of its raters gave it, and prefer the higher or "
        "say tie. p is of the paired t-test of accuracy, corrected by Holm's method for all arms and regimes but the "
        f"arm `{BEST}`, which nobody has outside a simulation."
    )
    model = (
        f"The model is a linear head on the frozen mean-pooled states of {of['base']}, minimising the product's own "
        "objective with a ridge, brought to its least by L-BFGS: without batches, order or a stopping step there is "
        "no noise of training in a difference. Each arm has the ridge that did best, by NLL at its best temperature, "
        f"on {of['tuning']} crowds of seeds from 100 on. Measures and regimes were fixed, and all settings tried, on "
        "such seeds; every regime that was tried is here."
    )
    measures = (
        f"Measured on {of['tested']:,} pairs of held-out snippets whose mean ratings are at least {of['gap']} apart: "
        "the share in the true order; the NLL of the true order; the same after the best temperature, fitted on pairs "
        "of other held-out snippets, so that no arm loses by its scale alone; and by how much the best of four by "
        f"reward has a lower mean rating than the best of the four, over {of['sets']:,} sets, in points of the rating."
    )
    arms = (
        f"Arms: `{RAW}`: every vote a comparison; `label`: the likeliest answer, of weight 1; `with weight`: of weight "
        f"|2p - 1|; `{WRITTEN}`: with log-odds as a margin as well, which `plaudit aggregate --labels hard` writes and "
        "bradley_terry trains on; `soft`: each answer weighed by its probability, `--labels soft`; crowd_bt: the "
        "votes, with reliabilities learned beside the rewards. MACE and GLAD take a minute a crowd and were left out."
    )
    return f"{crowds}\n\n{model}\n\n{measures}\n\n{arms}"


def _regime(regime: str, own: Mapping[str, Any], ridges: Mapping[str, float]) -> list[str]:
    labels = "; ".join(
        f"{name} {100 * one['right']['value']:.1f} %"
        + ("" if name == "majority" else f" ({_signed(one['gained'], 100, 2)} points)")
        for name, one in own["labels"].items()
    )
    told = "; ".join(f"who {who}: {one['value']:.2f}" for who, one in own["reliability"].items())
    return [
        f"## {regime}",
        f"Right labels: {labels}. Reliabilities by crowd_bt, on average: {told}.",
        _means(own["arms"], ridges),
        f"Beside `{RAW}`:",
        _beside(own["arms"], RAW),
        f"Beside `{MAJORITY}`, and beside `{WRITTEN}`, NLL at the best temperature:",
        _others(own["arms"]),
    ]


def _means(arms: Mapping[str, Any], ridges: Mapping[str, float]) -> str:
    rows = [
        [name]
        + [f"{own['means'][figure]['value']:.4f}" for figure in HEADINGS]
        + [f"{own['means']['temperature']['value']:.2f}", f"{ridges[name]:g}"]
        for name, own in arms.items()
    ]
    heads = [said.replace(", points", "").replace(", nats", "") for said in HEADINGS.values()]
    return _table(["arm", *heads, "temperature", "ridge"], rows)


def _beside(arms: Mapping[str, Any], other: str) -> str:
    rows = [
        [name]
        + [_signed(own["beside"][other][figure], *SCALES[figure]) for figure in HEADINGS]
        + [f"{own['holm']:.2g}" if "holm" in own else ""]
        for name, own in arms.items()
        if name != other
    ]
    return _table(["arm", *HEADINGS.values(), "p of accuracy, corrected"], rows)


def _others(arms: Mapping[str, Any]) -> str:
    rows = [
        [name]
        + [
            _signed(arms[name]["beside"][other][figure], *SCALES[figure]) if other != name else ""
            for other in (MAJORITY, WRITTEN)
            for figure in ("accuracy", "nll_scaled")
        ]
        for name in ARMS
    ]
    heads = [f"{said}, beside {other}" for other in ("majority", "written") for said in ("accuracy", "NLL")]
    return _table(["arm", *heads], rows)


def _signed(found: Mapping[str, float], scale: float, digits: int) -> str:
    return "{:+.{n}f} [{:+.{n}f}, {:+.{n}f}]".format(*(scale * found[k] for k in ("value", "low", "high")), n=digits)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(heading), ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
