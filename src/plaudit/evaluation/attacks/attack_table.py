"""An attack as people read it in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table

from plaudit.evaluation.attacks.attacked import Attacked, quoted
from plaudit.evaluation.intervals import Estimate


def render_attacks(attacks: Sequence[Attacked]) -> Group:
    """Return a table of what the searches found, one or more, a row a suffix."""
    first = attacks[0]
    title = f"judged on {first.judged_on} comparisons that were not searched on"
    caption = (
        f"searched on {first.searched_on}; a spread is {first.spread:.4g}, the standard deviation of margins; "
        f"{first.resamples} resamples, seed {first.seed}"
    )
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for heading in ("search", "gain in reward", "in spreads", "overtaken", "in the search", "scored"):
        table.add_column(heading, justify="left" if heading == "search" else "right")
    for one in attacks:
        for place, found in enumerate(one.found):
            name, spent = (one.search, f"{one.spent:,} of {one.budget:,}") if not place else ("", "")
            row = (_brief(found.gain), _brief(found.standardised), _share(found.overtaken), f"{found.searched:.2f}")
            table.add_row(name, *row, spent)
    return Group(table)


def notes(attacks: Sequence[Attacked], refused: Mapping[str, str] | None = None) -> list[str]:
    """Return what stands below the table, a line each: verdicts, suffixes as JSON, and what was not possible.

    Args:
        attacks: what was found, one or more.
        refused: searches that were not possible, and why.
    """
    lines = [f"{one.search}: {one.verdict}" for one in attacks]
    for one in attacks:
        lines += [f"{one.search}: put right after a response: {quoted(found.suffix)}" for found in one.found]
        unfit = max(found.unfit for found in one.found)
        lines += [f"! {one.search}: too long with a suffix: {unfit} responses"] if unfit else []
    if attacks[0].unscored:
        lines.append(f"! {attacks[0].unscored} comparisons left out: a response has no reward")
    return lines + [f"! {name}: not possible: {why}" for name, why in (refused or {}).items()]


def _brief(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _share(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.0%}"
    return f"{estimate.value:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"
