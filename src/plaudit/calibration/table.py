"""Table: a calibration as people read it in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from plaudit.calibration.figures import BeforeAndAfter, Trial
from plaudit.evaluation.intervals import Estimate

_HEADINGS = {"nll": "NLL", "ece": "ECE", "brier": "Brier"}


def render(
    sentence: str,
    trials: Sequence[Trial],
    overall: BeforeAndAfter,
    slices: Mapping[str, Mapping[str, BeforeAndAfter]],
) -> Group:
    """Return the sentence, the trials, and figures before and after, one table a slice; for a console."""
    unseen = "probabilities on unseen groups"
    tables = [_trials(trials), figures(f"all comparisons: {unseen}", {"all": overall})]
    return Group(Text(sentence), *tables, *(figures(f"by {name}: {unseen}", found) for name, found in slices.items()))


def figures(title: str, parts: Mapping[str, BeforeAndAfter]) -> Table:
    """Return the figures of each part before and after, two lines each."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "comparisons", "", *_HEADINGS.values()):
        table.add_column(heading, justify="right" if heading == "comparisons" else "left")
    for label, part in parts.items():
        before, after = ([_brief(found[name]) for name in _HEADINGS] for found in (part.before, part.after))
        table.add_row(label, f"{part.comparisons:,}", "before", *before)
        table.add_row("", "", "after", *after, end_section=True)
    return table


def _brief(found: Estimate) -> str:
    """Return value and interval, or the bare value where there is none."""
    return f"{found.value:.3f}" if found.low is None else str(found)


def _trials(trials: Sequence[Trial]) -> Table:
    table = Table(title="calibrators, cross-fitted", title_justify="left")
    for heading in ("kind", "NLL", "change of NLL", ""):
        table.add_column(heading)
    for trial in trials:
        ends = f"[{trial.change.low:+.4f}, {trial.change.high:+.4f}]"
        verdict = "helps" if trial.helps else "stands aside"
        table.add_row(trial.kind, f"{trial.nll:.4f}", f"{trial.change.value:+.4f} {ends}", verdict)
    return table
