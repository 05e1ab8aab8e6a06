"""The comparison of models as people read it in a terminal."""

import math

from rich.console import Group
from rich.table import Table
from rich.text import Text

from plaudit.evaluation.compare import Compared, Contest
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.table import label


def render_comparison(compared: Compared) -> Group:
    """Return what was left out, a table of the models, one of each two of them, and what they rest on."""
    notes = [Text(f"! {name}: {count:,} comparisons left out") for name, count in compared.left_out.items() if count]
    if compared.by == "position":
        notes.append(Text("! no ids: the same numbers in the same order are taken for the same comparisons"))
    return Group(*notes, _models(compared), *(part for one in compared.contests for part in _contest(one, compared)))


def _models(compared: Compared) -> Table:
    title = f"{compared.comparisons:,} comparisons in {compared.groups:,} groups"
    caption = f"intervals: {compared.resamples} resamples of {compared.unit}, seed {compared.seed}"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("")
    for name in compared.models:
        table.add_column(name, justify="right", overflow="fold")
    for metric in compared.contests[0].metrics:
        table.add_row(label(metric), *(_brief(found[metric]) for found in compared.models.values()))
    return table


def _contest(contest: Contest, compared: Compared) -> tuple[Table, Text]:
    table = Table(title=f"{contest.first} against {contest.second}: {contest.verdict}", title_justify="left")
    for heading in ("", "difference", "verdict", "p", "smallest found"):
        table.add_column(heading, justify="left" if heading in {"", "verdict"} else "right")
    for metric, judged in contest.metrics.items():
        smallest = f"{_number(judged.paired)} (unpaired {_number(judged.unpaired)})"
        difference = _signed(judged.difference.estimate)
        table.add_row(label(metric), difference, judged.verdict, _number(judged.p), smallest)
    return table, Text(_test(contest, several=len(compared.contests) > 1))


def _test(contest: Contest, *, several: bool) -> str:
    test = contest.mcnemar
    lines = [
        f"right where the other is not: {test.ours:,} and {test.theirs:,} comparisons; {_ps(test.p, test.mid_p)}",
        "smallest found: what would be told from 0 four times in five, on the same comparisons (or on others)",
    ]
    if test.prompts_p is not None and test.prompts_mid_p is not None:
        lines.insert(
            1, f"by whole prompts, {test.prompts:,} of them unequal: {_ps(test.prompts_p, test.prompts_mid_p)}"
        )
    else:
        lines.insert(1, test.respects)
    return "\n".join([*lines, *(["p is Holm's over all pairs of models"] if several else [])])


def _ps(exact: float, mid: float) -> str:
    return f"McNemar p {_number(exact)}, mid-p {_number(mid)}"


def _brief(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}" if estimate.low is None else str(estimate)


def _signed(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.4f}"
    return f"{estimate.value:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}]"


def _number(value: float) -> str:
    if math.isnan(value):
        return "none"
    return f"{value:.4f}" if value >= 1e-4 or value == 0 else f"{value:.0e}"
