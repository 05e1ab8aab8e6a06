"""Agreement as people read it in a terminal."""

import math

from rich.console import Group
from rich.table import Table
from rich.text import Text

from plaudit.evaluation.intervals import Estimate
from plaudit.labels.agreement import Agreement, Part

NAMES = {
    "percent": "percent agreement",
    "fleiss": "Fleiss' kappa",
    "alpha_nominal": "Krippendorff's alpha, nominal",
    "alpha_ordinal": "Krippendorff's alpha, ordinal",
    "alpha_interval": "Krippendorff's alpha, interval",
    "alpha_nominal_either_way": "alpha, nominal, either way round",
    "alpha_graded": "alpha of stated strengths",
    "kappa": "kappa",
    "kappa_weighted": "kappa, quadratic",
}
HEADINGS = {"annotator": "against the others", "pair": "two annotators", "time": "votes of, against all others"}
MOST = 40
"""Parts that are listed; the JSON holds all."""


def render_agreement(found: Agreement) -> Group:
    """Return what was left out, the figures, and a line a part."""
    notes = [Text(f"! {count:,} left out: {reason}") for reason, count in found.left_out.items()]
    parts = [_parts(found)] if found.parts else []
    return Group(*notes, _figures(found), *parts)


def _figures(found: Agreement) -> Table:
    title = f"{found.votes:,} votes of {found.annotators} annotators on {found.items:,} comparisons"
    around = "as listed" if found.orientation == "listed" else "either way round"
    caption = f"of the {found.shared:,} comparisons that two or more judged; responses {around}"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("")
    table.add_column("95 % interval", justify="right")
    for name, figure in found.figures.items():
        table.add_row(NAMES[name], _brief(figure))
    return table


def _parts(found: Agreement) -> Table:
    more = len(found.parts) - MOST
    caption = f"and {more:,} more; --json has all" if more > 0 else None
    table = Table(title=f"by {found.by}", caption=caption, title_justify="left", caption_justify="left")
    names = list(found.parts[0].figures)
    for heading in (HEADINGS[found.by], "votes", "comparisons", *(NAMES[name] for name in names)):
        table.add_column(heading, justify="left" if heading == HEADINGS[found.by] else "right")
    for part in found.parts[:MOST]:
        table.add_row(*_row(part, names))
    return table


def _row(part: Part, names: list[str]) -> list[str]:
    figures = [_brief(part.figures[name]) for name in names]
    return [part.name, f"{part.votes:,}", f"{part.items:,}", *figures]


def _brief(figure: Estimate) -> str:
    if not math.isfinite(figure.value):
        return f"— ({figure.reason})"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f} [—]"
    return str(figure)
