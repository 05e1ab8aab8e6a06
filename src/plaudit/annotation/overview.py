"""What the owner sees of a campaign: progress, agreement, annotators, checks, disagreements, as sections of a page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from plaudit.annotation.records import TIE, Given, Progress
from plaudit.annotation.store import Store
from plaudit.pages.blocks import Cell, Figure, Figures, Paragraph, Section, Table


def overview(store: Store) -> tuple[Section, ...]:
    """Return the sections of the owner's page, of everything answered by now."""
    progress, answers = store.progress(), store.answers()
    return (_progress(progress), _annotators(answers))


def _progress(progress: Progress) -> Section:
    figures = [
        Figure("Answers", f"{progress.given:,}", f"of {progress.wanted:,} wanted"),
        Figure("Comparisons finished", f"{progress.finished:,}", f"of {progress.tasks:,}"),
        Figure("In somebody's hands", f"{progress.live:,}"),
        Figure("Disputed", f"{progress.disputed:,}", "one more answer asked for"),
        Figure("Skipped", f"{progress.skipped:,}"),
        Figure("Annotators", f"{progress.annotators:,}", "who have answered"),
    ]
    late = [Paragraph(f"{progress.late} answers came after closing; they are marked as late.", "quiet")]
    return Section("progress", "Progress", [Figures(figures), *(late if progress.late else ())])


def _annotators(answers: Iterable[Given]) -> Section:
    own: Mapping[str, list[Given]] = defaultdict(list)
    for one in answers:
        own[one.annotator].append(one)
    table = Table("What each has said", HEADS, [_annotator(name, given) for name, given in sorted(own.items())])
    return Section("annotators", "Annotators", [table] if own else [Paragraph("Nobody has answered yet.", "quiet")])


HEADS = ("Annotator", "Answers", "Skipped", "Median seconds", "First chosen", "Ties", "Gold right", "Checks right")


def _annotator(name: str, given: Sequence[Given]) -> list[Cell | str]:
    real = [one for one in given if one.role != "practice"]
    said = [one for one in real if one.chosen is not None]
    first = [one.shown[0] == one.chosen for one in said if one.chosen != TIE]
    seconds = [one.seconds for one in said if one.seconds > 0]
    return [
        name,
        _number(len(said)),
        _number(len(real) - len(said)),
        Cell(f"{median(seconds):.1f}", median(seconds)) if seconds else Cell("–"),
        _share(first),
        _share([one.chosen == TIE for one in said]),
        _share([one.chosen == one.expected for one in said if one.role == "gold"]),
        _share([one.chosen == one.expected for one in said if one.role == "check"]),
    ]


def _number(value: int) -> Cell:
    return Cell(f"{value:,}", float(value))


def _share(found: Sequence[bool]) -> Cell:
    if not found:
        return Cell("–")
    return Cell(f"{sum(found)} of {len(found)}", sum(found) / len(found))
