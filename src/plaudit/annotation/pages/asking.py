"""What is asked of a comparison, as parts of a form that works with and without JavaScript."""

from collections.abc import Iterable

from plaudit.annotation.records import Shown
from plaudit.pages.html import escaped

VERDICTS = {
    "A": ("A is better", "A"),
    "B": ("B is better", "B"),
    "tie": ("As good", "T"),
    "both_bad": ("Both bad", "X"),
}
"""Choice between two responses: in words, and its key."""


def verdicts(shown: Shown) -> str:
    """Return the choice between two responses, and how much better the chosen one is."""
    options = "".join(_choice("choice", value, *VERDICTS[value]) for value in shown.choices if value in VERDICTS)
    choice = f'<fieldset class="choice verdict"><legend>Which response is better?</legend>{options}</fieldset>'
    return choice + strengths(shown.strengths)


def strengths(names: Iterable[str]) -> str:
    """Return the steps of how much better; nothing where none is asked for."""
    steps = "".join(_choice("strength", str(at), name, str(at)) for at, name in enumerate(names, start=1))
    if not steps:
        return ""
    return f'<fieldset class="choice strength" data-strength><legend>How much better?</legend>{steps}</fieldset>'


def _choice(name: str, value: str, words: str, key: str = "") -> str:
    shortcut = f' aria-keyshortcuts="{key}" data-key="{key.lower()}"' if key else ""
    printed = f'<kbd aria-hidden="true">{key}</kbd>' if key else ""
    return (
        f'<label class="option"><input type="radio" name="{escaped(name)}" value="{escaped(value)}"{shortcut}>'
        f"<span>{escaped(words)}{printed}</span></label>"
    )


def ranking(letters: Iterable[str], heads: Iterable[str]) -> str:
    """Return the ranking of responses; ``heads`` is how each begins.

    Without JavaScript every response has a rank to select; with it the list is put in order by dragging, by its
    buttons, or by typing letters from the best on.
    """
    named = list(letters)
    chips = "".join(_chip(letter, len(named), head) for letter, head in zip(named, heads, strict=True))
    return (
        '<fieldset class="choice ranking" data-control><legend>Put the responses in order, the best first</legend>'
        '<p class="quiet scripted" id="ranking-help">Press the letters from the best to the worst, or drag them. '
        '<span class="keys">By keyboard: type the letters; <kbd>=</kbd> before one says that it is as good as the one '
        "above, <kbd>⌫</kbd> takes the last one back, arrow keys move the one in focus.</span></p>"
        '<input type="radio" name="choice" value="ranked" checked hidden>'
        f'<ol class="ranked" data-ranking aria-describedby="ranking-help">{chips}</ol></fieldset>'
    )


def _chip(letter: str, number: int, head: str) -> str:
    ranks = "".join(f'<option value="{rank}">{rank + 1}</option>' for rank in range(number))
    return (
        f'<li class="chip" data-chip="{letter}"><label class="unscripted">{letter} '
        f'<select name="rank.{letter}"><option value="">rank</option>{ranks}</select></label>'
        f'<span class="head" dir="auto">{escaped(head)}</span></li>'
    )


def objectives(names: Iterable[str], letters: Iterable[str]) -> str:
    """Return one choice an objective: which response is best, or none."""
    options = [(letter, letter) for letter in letters]
    pair = len(options) == 2
    options.insert(1 if pair else len(options), ("tie", "equal" if pair else "no best one"))
    rows = "".join(_objective(name, options) for name in names)
    return f'<div class="objectives" data-control>{rows}</div>' if rows else ""


def _objective(name: str, options: Iterable[tuple[str, str]]) -> str:
    inside = "".join(_choice(f"objective.{name}", value, words) for value, words in options)
    return f'<fieldset class="choice objective"><legend>{escaped(name)}</legend>{inside}</fieldset>'


def marking() -> str:
    """Return the button that marks a selected stretch of a response as wrong, and the list of what was marked."""
    return (
        '<div class="marking scripted" data-marking data-control><p class="buttons"><button type="button" data-mark>'
        'Mark as wrong<kbd aria-hidden="true">M</kbd></button><span class="quiet">Select a stretch of a response '
        "first: with the pointer, or with Shift and the arrow keys while the response is in focus.</span></p>"
        '<ul class="marks" aria-label="Marked as wrong"></ul></div>'
    )


def reason(longest: int) -> str:
    """Return the field for a sentence of why, of at most ``longest`` characters."""
    return (
        '<p class="reason" data-control><label for="reason">Why? (optional)<kbd aria-hidden="true">R</kbd></label>'
        f'<textarea id="reason" name="reason" rows="2" maxlength="{longest}" dir="auto" aria-keyshortcuts="R">'
        "</textarea></p>"
    )
