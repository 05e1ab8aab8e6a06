"""The results as a page for people."""

from collections.abc import Mapping, Sequence
from typing import Any

ORDERS = {"variance": "variance", "ratio": "|margin| / sd", "margin": "|margin| alone"}


def page(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    settings = results["settings"]
    size = settings["size"]
    lines = [
        "# Uncertainty",
        "",
        f"`{results['command']}`, {results['started']}, commit {results['versions']['commit']}.",
    ]
    if size != "full":
        lines += ["", f"A run of size {size}: it shows that everything runs; its figures mean little."]
    lines += [f"\nWARNING: {text}" for text in results["warnings"]]
    runs = results["runs"]
    if any("selective" in run for run in runs):
        lines += ["", "## Accuracy of the most certain", "", *_selective(runs, settings)]
    if any("outside" in run for run in runs):
        lines += ["", "## Text of another kind", "", *_outside(runs)]
    if results["cost"] is not None:
        lines += ["", "## Cost", "", _cost(results["cost"])]
    return "\n".join(lines) + "\n"


def _selective(runs: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """Return one table line a run and order."""
    coverages = next(run["selective"]["coverages"] for run in runs if "selective" in run)
    drawn = max(run["selective"]["comparisons"] for run in runs if "selective" in run)
    heading = [
        "model",
        "seed",
        "dropped by",
        *(f"{share:.0%}" for share in coverages),
        "it",
        "less risk than by chance",
    ]
    rows = [
        [run["model"], str(run["seed"]), ORDERS[name], *map(_estimate, curve["accuracies"]), curve["verdict"],
         _estimate(curve["gain"])]
        for run in runs
        for name, curve in run.get("selective", {}).get("curves", {}).items()
    ]  # fmt: skip
    said = (
        f"Held-out movie reviews, {drawn:,} comparisons a run, {settings['resamples']:,} resamples of responses. "
        "`rises`: no step to a smaller share loses accuracy beyond its interval, and the whole way gains beyond its."
    )
    return [said, "", *_table(heading, rows)]


def _outside(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for run in runs for name in run.get("outside", {})))
    rows = [
        [run["model"], str(run["seed"]), *(_apart(run["outside"][name]) for name in names)]
        for run in runs
        if "outside" in run
    ]
    said = "AUROC of the variance, of such text against held-out movie reviews; one half is chance."
    missing = {text["missing"] for run in runs for text in run.get("outside", {}).values() if "missing" in text}
    return [said, "", *_table(["model", "seed", *names], rows), *(f"\nMissing: {reason}" for reason in sorted(missing))]


def _apart(found: Mapping[str, Any]) -> str:
    if "missing" in found:
        return "missing"
    return f"{_estimate(found['auroc'])}, {found['responses']:,} responses"


def _cost(found: Mapping[str, Any]) -> str:
    return (
        f"{found['what']}: {found['ours']:.1f} s and {found['peer']:.1f} s, ratio {found['ratio']:.3f} "
        f"[{found['low']:.3f}, {found['high']:.3f}] over {len(found['ratios'])} alternating pairs; target "
        f"{found['target']}: {'met' if found['met'] else 'missed'}."
    )


def _estimate(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "none"
    ends = "" if found["low"] is None else f" [{found['low']:.3f}, {found['high']:.3f}]"
    return f"{found['value']:.3f}{ends}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [list(heading), ["---"] * len(heading), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
