"""What the owner sees of a campaign: progress, agreement, annotators, known answers, disagreements, as sections."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from plaudit.annotation.quality import AnnotatorQuality, Share, live_agreement, quality
from plaudit.annotation.records import TIE, Given, Progress, Task
from plaudit.annotation.store import Store
from plaudit.evaluation.intervals import Estimate
from plaudit.labels.agreement import Agreement
from plaudit.labels.agreement_table import NAMES
from plaudit.pages.blocks import (
    Block,
    Cell,
    Figure,
    Figures,
    Notice,
    Notices,
    Paragraph,
    Passage,
    Passages,
    Section,
    Table,
)
from plaudit.preferences.preference import Content

MOST_DISPUTES = 20
LONGEST_TEXT = 4_000
"""Characters of a text in the list of disagreements; the export has all of them."""

Answers = Sequence[Given]


def overview(store: Store) -> tuple[Section, ...]:
    """Return the sections of the owner's page, of everything answered by now."""
    tasks, answers = store.tasks(), store.answers()
    by_task = _by_task(answers)
    return (
        _progress(store.progress()),
        _overlap(tasks, by_task),
        _agreement(live_agreement(tasks, answers)),
        _annotators(quality(answers)),
        _known(tasks, by_task),
        _disagreements(tasks, by_task),
    )


def _by_task(answers: Iterable[Given]) -> dict[str, list[Given]]:
    found: dict[str, list[Given]] = {}
    for one in answers:
        if one.chosen is not None and one.role != "practice":
            found.setdefault(one.task, []).append(one)
    return found


def _progress(progress: Progress) -> Section:
    figures = [
        Figure("Answers", f"{progress.given:,}", f"of {progress.wanted:,} wanted"),
        Figure("Comparisons finished", f"{progress.finished:,}", f"of {progress.tasks:,}"),
        Figure("Being answered now", f"{progress.live:,}"),
        Figure("Disputed", f"{progress.disputed:,}", "more answers asked for"),
        Figure("Skipped", f"{progress.skipped:,}", "times"),
        Figure("Annotators", f"{progress.annotators:,}", "have answered"),
    ]
    late = [Paragraph(f"{progress.late} answers came after closing; they are marked as late.", "quiet")]
    return Section("progress", "Progress", [Figures(figures), *(late if progress.late else ())])


def _overlap(tasks: Iterable[Task], by_task: Mapping[str, Answers]) -> Section:
    counted = Counter(len(by_task.get(task.key, ())) for task in tasks if task.role == "real")
    rows = [[_whole(number), _whole(count)] for number, count in sorted(counted.items())]
    table = Table("Comparisons by how many have answered them", ("Answers each", "Comparisons"), rows)
    return Section("overlap", "Overlap", [table])


def _agreement(found: Agreement | None) -> Section:
    if found is None:
        words = "No two annotators have answered the same comparison yet."
        return Section("agreement", "Agreement", [Paragraph(words, "quiet")])
    known = {name: figure for name, figure in found.figures.items() if math.isfinite(figure.value)}
    rows: list[list[Cell | str]] = [[NAMES[name], _estimate(figure)] for name, figure in known.items()]
    note = f"Of the {found.shared:,} comparisons that two or more have answered; 95 % intervals by resampling prompts."
    return Section("agreement", "Agreement", [Table("How far annotators agree", ("Measure", "Estimate"), rows, note)])


def _estimate(figure: Estimate) -> Cell:
    return Cell(str(figure), figure.value)


def _annotators(found: Sequence[AnnotatorQuality]) -> Section:
    if not found:
        return Section("annotators", "Annotators", [Paragraph("Nobody has answered yet.", "quiet")])
    flags = [Notice(one.name, "; ".join(one.flags) + ".", "bad") for one in found if one.flags]
    heads = ("Annotator", "Answers", "Skipped", "Known right", "Checks passed", "Agree", "First chosen", "Seconds")
    note = (
        "Agree: answers like another annotator's to the same comparison. First chosen: what stood first on the screen, "
        "of answers that prefer one; sides are balanced. Seconds: the median."
    )
    table = Table("What each has said", heads, [_annotator(one) for one in found], note)
    blocks: list[Block] = [Notices(flags)] if flags else []
    return Section("annotators", "Annotators", [*blocks, table])


def _annotator(one: AnnotatorQuality) -> list[Cell | str]:
    shares = [_share(share) for share in (one.gold, one.checks, one.others, one.first)]
    seconds = Cell("–") if one.seconds is None else Cell(f"{one.seconds:.1f}", one.seconds)
    return [one.name, _whole(one.answered), _whole(one.skipped), *shares, seconds]


def _whole(number: int) -> Cell:
    return Cell(f"{number:,}", float(number))


def _share(share: Share) -> Cell:
    if share.value is None or share.interval is None:
        return Cell("–")
    low, high = share.interval
    return Cell(f"{share.value:.0%} of {share.of:,} [{low:.0%}, {high:.0%}]", share.value)


def _known(tasks: Iterable[Task], by_task: Mapping[str, Answers]) -> Section:
    """Return how often each known answer was given: one that few give may be wrong itself."""
    asked = [task for task in tasks if task.role in ("gold", "check")]
    if not asked:
        words = "There are no gold questions and no attention checks; they are added with --gold and --check."
        return Section("known", "Known answers", [Paragraph(words, "quiet")])
    rows = [_known_row(task, by_task.get(task.key, ())) for task in asked if task.key in by_task]
    heads = ("Question", "Kind", "Answered rightly")
    note = f"{len(asked)} are in the campaign. One that most answer otherwise may itself be wrong."
    return Section("known", "Known answers", [Table("Gold questions and attention checks", heads, rows, note)])


def _known_row(task: Task, answers: Answers) -> list[Cell | str]:
    right = Share(sum(one.chosen == task.expected for one in answers), len(answers))
    return [task.key, "gold" if task.role == "gold" else "attention", _share(right)]


def _disagreements(tasks: Iterable[Task], by_task: Mapping[str, Answers]) -> Section:
    real = [task for task in tasks if task.role == "real" and len(by_task.get(task.key, ())) > 1]
    split = sorted((-_spread(by_task[task.key]), at) for at, task in enumerate(real) if _spread(by_task[task.key]))
    if not split:
        words = "No comparison has been answered in two ways."
        return Section("disagreements", "Disagreements", [Paragraph(words, "quiet")])
    shown = [_dispute(real[at], by_task[real[at].key]) for _, at in split[:MOST_DISPUTES]]
    lead = f"{len(split):,} comparisons were answered in more than one way; the most divided ones first."
    return Section("disagreements", "Disagreements", [Passages("To look at", shown)], lead)


def _spread(answers: Answers) -> float:
    """Return the chance that two of the answers differ."""
    counts = Counter(one.chosen for one in answers).values()
    return 1 - sum(count * (count - 1) for count in counts) / (len(answers) * (len(answers) - 1))


def _dispute(task: Task, answers: Answers) -> Passage:
    texts = [(_name(at), _text(response.content)) for at, response in enumerate(task.responses)]
    facts = [(one.annotator, _said(one)) for one in answers]
    return Passage({"comparison": task.key}, texts, facts, ("Prompt", _text(task.prompt)))


def _said(one: Given) -> str:
    words = "as good" if one.chosen in (TIE, None) else f"{_name(int(one.chosen or 0))} is better"
    return f"{words} ({one.reason})" if one.reason else words


def _name(place: int) -> str:
    return f"Response {place + 1}"


def _text(content: Content) -> str:
    turns = content if isinstance(content, str) else "\n\n".join(f"{turn.role}: {turn.content}" for turn in content)
    return turns if len(turns) <= LONGEST_TEXT else turns[:LONGEST_TEXT] + " …"
