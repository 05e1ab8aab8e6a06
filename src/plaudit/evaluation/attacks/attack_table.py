"""An attack as people read it in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from plaudit.evaluation.attacks.attacked import Attacked, quoted
from plaudit.evaluation.intervals import Estimate


def render_attacks(attacks: Sequence[Attacked], refused: Mapping[str, str] | None = None) -> Group:
    """Return a table of the searches, and below it the suffixes and what could not be tried.

    Args:
        attacks: what was found, one or more.
        refused: searches that were not possible, and why.
    """
    first = attacks[0]
    title = f"suffixes after rejected responses: {first.judged_on} comparisons that were not searched on"
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
            row = (_brief(found.gain), _brief(found.standardised), _brief(found.overtaken), f"{found.searched:.3f}")
            table.add_row(name, *row, spent)
    return Group(table, *_notes(attacks, refused or {}))


def _notes(attacks: Sequence[Attacked], refused: Mapping[str, str]) -> list[Text]:
    lines = [Text(f"{one.search}: {one.verdict}") for one in attacks]
    for one in attacks:
        lines += [Text(f"{one.search}: put after a response: {quoted(found.suffix)}") for found in one.found]
        unfit = max(found.unfit for found in one.found)
        lines += [Text(f"! {one.search}: too long with a suffix: {unfit} responses")] if unfit else []
    if attacks[0].unscored:
        lines.append(Text(f"! {attacks[0].unscored} comparisons left out: a response has no reward"))
    return lines + [Text(f"! {name}: not possible: {why}") for name, why in refused.items()]


def _brief(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}" if estimate.low is None else str(estimate)
