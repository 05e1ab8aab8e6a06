"""Table: an evaluation as people read it in a terminal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from plaudit import members
from plaudit.evaluation.ceiling import Ceiling
from plaudit.evaluation.correlations import Correlation
from plaudit.evaluation.discoveries import Discovery
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.rankings import Ranking
from plaudit.evaluation.sections import Flag, Section
from plaudit.evaluation.selective import Selective

_SLICE_METRICS = ("accuracy", "log_likelihood", "expected_calibration_error")


_ORDERS = {"variance": "variance", "ratio": "|margin| / sd", "margin": "|margin|"}

_CALLS = {
    by: f"* unlike the rest; at most 5 % of such calls should be wrong ({who})"
    for by, who in (("bh", "Benjamini-Hochberg"), ("by", "Benjamini-Yekutieli"))
}
"""What a star in the table of a slice means, by the procedure behind it."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the sections of an evaluation.

    Attributes:
        discoveries: which labels of slices differ from the rest.
        ceiling: how right any model could be, if votes tell.
        rankings: how well responses of a prompt are put in order.
    """

    discoveries: Sequence[Discovery] = ()
    ceiling: Ceiling | None = None
    rankings: Sequence[Ranking] = ()


def render(
    overall: Section,
    slices: Mapping[str, Mapping[str, Section]],
    flags: Sequence[Flag],
    caption: str,
    rated: Sequence[Correlation] = (),
    selective: Selective | None = None,
    beside: Beside | None = None,
) -> Group:
    """Return the flags, the tables of all comparisons, by certainty and of ratings, and one table a slice."""
    lines = [Text(f"! {flag.code}: {flag.sentence}", style="bold yellow") for flag in flags]
    found = beside or Beside()
    tables = [_overall(overall, caption, found.ceiling)]
    tables += [] if selective is None else [_selective(selective)]
    tables += [correlation_table(rated)] if rated else []
    tables += [ranking_table(found.rankings)] if found.rankings else []
    tested = {(one.slice, one.label): one for one in found.discoveries}
    return Group(*lines, *tables, *(_slice(name, parts, tested) for name, parts in slices.items()))


def ranking_table(rankings: Sequence[Ranking]) -> Table:
    """Return a line for each thing that responses of a prompt are ordered by."""
    left_out = max(one.level for one in rankings)
    caption = f"up to {left_out:,} prompts left out: people put all responses on a par" if left_out else None
    table = Table(title="order within prompts, mean over prompts", caption=caption, title_justify="left")
    for heading in ("by", "prompts", "Spearman", "Kendall tau-b", "best-of-n", "chance"):
        table.add_column(heading, justify="left" if heading == "by" else "right")
    for one in rankings:
        numbers = (_brief(one.spearman), _brief(one.kendall), _brief(one.best_of_n))
        table.add_row(one.truth, f"{one.prompts:,}", *numbers, f"{one.chance:.3f}")
    return table


def correlation_table(rated: Sequence[Correlation]) -> Table:
    """Return a line for each rating and what it is set beside."""
    table = Table(title="correlation with ratings", title_justify="left")
    for heading in ("rating", "with", "responses", "Spearman", "Pearson"):
        table.add_column(heading, justify="right" if heading == "responses" else "left")
    for before, one in zip((None, *rated), rated, strict=False):
        if before is not None and before.rating != one.rating:
            table.add_section()
        table.add_row(one.rating, one.output, f"{one.responses:,}", *_correlated(one))
    return table


def _correlated(one: Correlation) -> tuple[str, str]:
    """Return both correlations, or why there is none."""
    if math.isnan(one.spearman.value):
        return f"none: {one.spearman.reason}", "none"
    return _brief(one.spearman), _brief(one.pearson)


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


def _overall(section: Section, caption: str, ceiling: Ceiling | None) -> Table:
    table = Table(title=_title(section), caption=caption, title_justify="left", caption_justify="left")
    for heading in ("", "value", "95 % interval"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, estimate in section.metrics.items():
        table.add_row(label(name), f"{estimate.value:.4f}", _ends(estimate))
        if name == "accuracy" and ceiling is not None:
            _add_ceiling(table, ceiling)
    table.add_section()
    for name, estimate in section.baselines.items():
        table.add_row(f"accuracy of {name.replace('_', ' ')}", f"{estimate.value:.4f}", _ends(estimate))
    return table


def _slice(name: str, parts: Mapping[str, Section], tested: Mapping[tuple[str, str], Discovery]) -> Table:
    table = Table(title=f"by {name}", title_justify="left")
    table.add_column(name)
    table.add_column("comparisons", justify="right")
    shown = [metric for metric in _SLICE_METRICS if any(metric in section.metrics for section in parts.values())]
    for metric in shown:
        table.add_column(label(metric), justify="right")
    found = {value: tested.get((name, value)) for value in parts}
    if any(found.values()):
        table.add_column("accuracy less rest", justify="right")
        table.caption, table.caption_justify = _CALLS[next(one.by for one in found.values() if one)], "left"
    for value, section in parts.items():
        beside = [_beside_rest(found[value])] if any(found.values()) else []
        numbers = (_brief(section.metrics[metric]) for metric in shown)
        table.add_row(value, f"{section.comparisons:,}", *numbers, *beside)
    return table


def _beside_rest(found: Discovery | None) -> str:
    """Return how far a part is from the rest, with a star if it is called different."""
    if found is None:
        return "too few"
    return f"{found.difference:+.3f} (q {found.q:.2g}){' *' if found.differs else ''}"


def _add_ceiling(table: Table, ceiling: Ceiling) -> None:
    agreement, highest = ceiling.agreement, ceiling.highest
    table.add_row("  people agree with each other", f"{agreement.value:.4f}", _ends(agreement))
    table.add_row("  so no model is above", f"{highest.value:.4f}", _ends(highest))


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
