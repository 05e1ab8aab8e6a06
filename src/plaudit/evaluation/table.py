"""Table: an evaluation as people read it in a terminal."""

import math
from collections.abc import Mapping, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from plaudit import members
from plaudit.evaluation.correlations import Correlation
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.sections import Flag, Section
from plaudit.evaluation.selective import Selective

_SLICE_METRICS = ("accuracy", "log_likelihood", "expected_calibration_error")


_ORDERS = {"variance": "variance", "ratio": "|margin| / sd", "margin": "|margin|"}


def render(
    overall: Section,
    slices: Mapping[str, Mapping[str, Section]],
    flags: Sequence[Flag],
    caption: str,
    rated: Sequence[Correlation] = (),
    selective: Selective | None = None,
) -> Group:
    """Return the flags, the tables of all comparisons, by certainty and of ratings, one a slice; for a console."""
    lines = [Text(f"! {flag.code}: {flag.sentence}", style="bold yellow") for flag in flags]
    tables = [_overall(overall, caption)]
    tables += [] if selective is None else [_selective(selective)]
    tables += [correlation_table(rated)] if rated else []
    return Group(*lines, *tables, *(_slice(name, parts) for name, parts in slices.items()))


def correlation_table(rated: Sequence[Correlation]) -> Table:
    """Return a line for each rating and what it is set beside."""
    table = Table(title="correlation with ratings", title_justify="left")
    for heading in ("rating", "with", "responses", "Spearman", "Pearson"):
        table.add_column(heading, justify="right" if heading == "responses" else "left")
    for before, one in zip((None, *rated), rated, strict=False):
        if before is not None and before.rating != one.rating:
            table.add_section()
        both = (_correlated(one.spearman), _correlated(one.pearson))
        table.add_row(one.rating, one.output, f"{one.responses:,}", *both)
    return table


def _correlated(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return f"none: {estimate.reason}"
    return str(estimate) if estimate.low is not None else f"{estimate.value:.3f}"


def text(rendered: Group, width: int = 110) -> str:
    """Return what `render` made as plain text, ``width`` characters wide."""
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        console.print(rendered)
    return captured.get()


def label(metric: str) -> str:
    """Return how tables call a metric: its own label, or its name where it comes from elsewhere."""
    known = metric in members.names("metrics")
    return str(getattr(members.load("metrics", metric), "label", metric)) if known else metric


def _overall(section: Section, caption: str) -> Table:
    table = Table(title=_title(section), caption=caption, title_justify="left", caption_justify="left")
    for heading in ("", "value", "95 % interval"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, estimate in section.metrics.items():
        table.add_row(label(name), f"{estimate.value:.4f}", _ends(estimate))
    table.add_section()
    for name, estimate in section.baselines.items():
        table.add_row(f"accuracy of {name.replace('_', ' ')}", f"{estimate.value:.4f}", _ends(estimate))
    return table


def _slice(name: str, parts: Mapping[str, Section]) -> Table:
    table = Table(title=f"by {name}", title_justify="left")
    table.add_column(name)
    table.add_column("comparisons", justify="right")
    shown = [metric for metric in _SLICE_METRICS if any(metric in section.metrics for section in parts.values())]
    for metric in shown:
        table.add_column(label(metric), justify="right")
    for value, section in parts.items():
        table.add_row(value, f"{section.comparisons:,}", *(_brief(section.metrics[metric]) for metric in shown))
    return table


def _selective(selective: Selective) -> Table:
    left_out = f"; {selective.without:,} without a variance left out" if selective.without else ""
    title = f"accuracy of the most certain, {selective.comparisons:,} comparisons{left_out}"
    table = Table(title=title, title_justify="left")
    table.add_column("kept")
    curves = selective.curves
    for name in curves:
        table.add_column(f"by {_ORDERS[name]}", justify="right")
    for place, coverage in enumerate(selective.coverages):
        table.add_row(f"{coverage:.0%}", *(_brief(curve.accuracies[place]) for curve in curves.values()))
    table.add_section()
    table.add_row("it", *(curve.verdict for curve in curves.values()))
    table.add_row("risk-coverage area", *(_brief(curve.area) for curve in curves.values()))
    table.add_row("less than by chance", *(_brief(curve.gain) for curve in curves.values()))
    return table


def _brief(estimate: Estimate) -> str:
    """Return value and interval, or the bare value where there is none."""
    return f"{estimate.value:.3f}" if estimate.low is None else str(estimate)


def _title(section: Section) -> str:
    return f"{section.comparisons:,} comparisons in {section.groups:,} groups, {section.ties:.1%} ties"


def _ends(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "none"
    return f"{estimate.low:.4f} to {estimate.high:.4f}"
