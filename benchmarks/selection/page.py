"""The results as a page for people: Markdown, and the curves as a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.selection.summary import verdict
from plaudit.pages import html
from plaudit.pages.blocks import Block, Page, Paragraph, Plot, Section

NAMES = {"accuracy": "accuracy", "nll": "NLL, nats"}
WHOLE = (
    "Mean over all rounds of the difference from random at the same number of labels; and the labels needed for the "
    "accuracy that random has with a quarter, a half and three quarters of its last budget, over those that random "
    "needs: below 1 saves labels. An end is open where too many resamples of the seeds did not get there. Intervals "
    "are of each strategy by itself; p is of a paired t-test of the accuracy over seeds, corrected for the number of "
    "strategies by Holm's method."
)
COLOURS = ("#888888", "#1f6fb2", "#8fbfe0", "#d9822b", "#2e8b57", "#93cfae", "#a0409a", "#c0392b")


def page(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    summary, settings = results["summary"], results["settings"]
    parts = [
        "# Which comparisons to label",
        f"`{results['command']}`, {results['started']}, commit {results['versions']['commit']}.",
        verdict(summary),
        setting(results),
        "## Over the whole curve",
        WHOLE,
        *_whole(summary),
        *[part for figure in NAMES for part in _curves(summary, settings, figure)],
        *_before(results),
    ]
    return "\n\n".join(parts) + "\n"


def _before(results: Mapping[str, Any]) -> list[str]:
    """Return what the seeds say that were looked at before the others were drawn."""
    if "exploratory" not in results:
        return []
    said = (
        f"Seeds 0 to {results['settings']['explored'] - 1} were run and looked at first; no figure above has them in "
        "it. They are no confirmation of what they suggested. Here they were run again: strategies that draw, random "
        "among them, may have drawn otherwise than when they were looked at."
    )
    return ["## The seeds that were explored", said, *_whole(results["exploratory"])]


def setting(results: Mapping[str, Any]) -> str:
    """Return what was done, in a paragraph."""
    of = results["settings"]
    last = of["start"] + of["batch"] * of["rounds"]
    first, count = of["explored"], of["seeds"] - of["explored"]
    fresh = f"{count} fresh seeds ({first} to {of['seeds'] - 1})" if first else f"{count} seeds"
    return (
        f"{fresh} of {of['source']}. Each has its own split of the snippets ({of['held_out']:.0%} held "
        f"out), pool of {of['pool']:,} random pairs, one vote a pair, and start of {of['start']} labels; all "
        f"strategies share them, so differences are paired. A vote is a rating of the one snippet, drawn from those "
        f"that people gave, against one of the other; equal ratings are a coin. {of['rounds']} rounds of {of['batch']} "
        f"labels, to {last:,}. The model is a linear Bradley-Terry head on {of['width'] or 'all'} principal components "
        f"of the mean-pooled last states of {of['base']}, frozen and in bf16, fitted anew after each round under the "
        f"prior of most evidence. Of {of['tested']:,} held-out pairs, accuracy "
        f"is that of those whose mean ratings are at least {of['gap']} apart, NLL that of one more vote on any of them "
        f"({results['best_nll']:.3f} for who knows all ratings). Disagreement asks {of['members']} members, BALD "
        f"{of['draws']} draws of the posterior. Each strategy chooses its whole batch: there is no random arm here but "
        "random itself. Intervals are 95 % over seeds, by Student's t; those of label ratios by resampled seeds."
    )


def _whole(summary: Mapping[str, Any]) -> list[str]:
    any_own = next(iter(summary.values()))
    heading = ["strategy", "accuracy, points", "p, corrected", "NLL, nats"]
    heading += [f"labels for {need['accuracy']:.3f}, over random's" for need in any_own["labels"]]
    rows = [
        [name, _signed(own["whole_curve"]["accuracy"], 100, 2), f"{own['holm']:.2g}"]
        + [_signed(own["whole_curve"]["nll"], 1, 4)]
        + [_saved(need["ratio"]) for need in own["labels"]]
        for name, own in summary.items()
        if name != "random"
    ]
    return [_table(heading, rows)]


def _signed(found: Mapping[str, float], scale: float, digits: int) -> str:
    return "{:+.{n}f} [{:+.{n}f}, {:+.{n}f}]".format(*(scale * found[k] for k in ("value", "low", "high")), n=digits)


def _saved(found: Mapping[str, float | None]) -> str:
    value, low, high = (found[name] for name in ("value", "low", "high"))
    ends = ", ".join("open" if end is None else f"{end:.2f}" for end in (low, high))
    return f"{'not reached' if value is None else f'{value:.2f}'} [{ends}]"


def _curves(summary: Mapping[str, Any], settings: Mapping[str, Any], figure: str) -> list[str]:
    budgets = [settings["start"] + settings["batch"] * number for number in range(settings["rounds"] + 1)]
    shown = [number for number in range(len(budgets)) if number in (0, 1, 2, 4) or not (number + 1) % 4]
    rows = [
        [str(budgets[number])]
        + [
            f"{own['curves'][figure][number]['value']:.3f}" + _marked(own["over_random"][figure][number])
            for own in summary.values()
        ]
        for number in shown
    ]
    said = f"## {NAMES[figure][0].upper()}{NAMES[figure][1:]} at each budget"
    note = "Means over seeds; `*` marks a paired difference from random whose interval leaves out 0."
    return [said, note, _table(["labels", *summary], rows)]


def _marked(over: Mapping[str, float]) -> str:
    return "*" if over["low"] > 0 or over["high"] < 0 else ""


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(heading), ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_plot(results: Mapping[str, Any], path: Path) -> None:
    """Write the learning curves as one HTML file that opens offline; without plotly it holds the words alone."""
    summary, of = results["summary"], results["settings"]
    budgets = [of["start"] + of["batch"] * number for number in range(of["rounds"] + 1)]
    plots = [
        Plot(title, _traces(summary, budgets, what, figure), _layout(label), caption)
        for title, what, figure, label, caption in (
            ("Accuracy", "curves", "accuracy", "accuracy", "Means over seeds."),
            ("Accuracy less random's", "over_random", "accuracy", "difference", "Bars are 95 % intervals over seeds."),
            ("NLL less random's", "over_random", "nll", "difference, nats", "Below 0 is better than random."),
        )
    ]
    blocks: list[Block] = [Paragraph(verdict(summary)), Paragraph(setting(results), "quiet"), *plots]
    html.write(Page("Which comparisons to label", "Learning curves", [Section("curves", "Curves", blocks)]), path)


def _layout(label: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": "labels"}}, "yaxis": {"title": {"text": label}}, "showlegend": True}


def _traces(summary: Mapping[str, Any], budgets: Sequence[int], what: str, figure: str) -> list[dict[str, Any]]:
    traces = []
    for place, (name, own) in enumerate(summary.items()):
        found = own[what][figure]
        width = (budgets[-1] - budgets[0]) / 400
        trace: dict[str, Any] = {
            "type": "scatter", "mode": "lines+markers", "name": name, "y": [each["value"] for each in found],
            "x": [budget + (place - len(summary) / 2) * width for budget in budgets],
            "line": {"color": COLOURS[place % len(COLOURS)], "width": 3 if name == "random" else 1.5},
            "marker": {"size": 4},
        }  # fmt: skip
        if what == "over_random":
            trace["error_y"] = {"array": [each["high"] - each["value"] for each in found], "thickness": 0.6, "width": 0}
        traces.append(trace)
    return traces
