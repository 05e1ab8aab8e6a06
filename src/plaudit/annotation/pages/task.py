"""The page on which a comparison is judged, in practice and in earnest."""

from plaudit.annotation.pages import asking
from plaudit.annotation.pages.frame import document
from plaudit.annotation.pages.texts import head, prompt, response
from plaudit.annotation.pages.views import Visitor, Written
from plaudit.annotation.records import Shown
from plaudit.pages.html import escaped


def task_page(shown: Shown, guidelines: Written, visitor: Visitor, title: str, longest: int) -> str:
    """Return the page of one comparison.

    Args:
        shown: prompt and responses, in the order of the screen, and what is asked.
        guidelines: shown beside it; their version goes with the answer.
        visitor: who judges.
        title: of the campaign.
        longest: how many characters a reason may have.
    """
    return _page(_form(shown, visitor, longest), _standing(shown), guidelines, visitor, title)


def in_words(choice: str) -> str:
    """Return a choice as people say it: a letter, or one of `asking.VERDICTS`."""
    return asking.VERDICTS[choice][0] if choice in asking.VERDICTS else f"{choice} is best"


def _page(inside: str, standing: str, guidelines: Written, visitor: Visitor, title: str) -> str:
    data = {"visitor": visitor.key, "csrf": visitor.csrf, "guidelines": str(guidelines.version)}
    body = (
        '<a class="skip" href="#answering">Skip to the answer</a>'
        f'<header class="bar"><h1>{escaped(title)}</h1><p class="standing">{standing}</p>'
        '<p class="saving" id="saving" role="status" aria-live="polite"></p></header>'
        '<noscript><p class="notice">Without JavaScript choices work; what is not sent is not kept.</p></noscript>'
        f'<div class="workplace"><main id="content" tabindex="-1">{inside}</main>{_beside(guidelines)}</div>'
    )
    return document(title, body, kind="task", scripts=("task.js",), data=data)


def _standing(shown: Shown) -> str:
    if shown.practice:
        return f"Practice, {shown.number} of {shown.of}" if shown.of else "Practice"
    return f"Comparison {shown.number}"


def _responses(shown: Shown) -> str:
    kind = "pair" if len(shown.responses) == 2 else "several"
    return f'<div class="responses {kind}">{"".join(map(response, shown.responses))}</div>'


def _beside(guidelines: Written) -> str:
    if not guidelines.html:
        return ""
    return (
        '<aside class="guidelines" aria-label="Guidelines"><details open data-guidelines><summary>Guidelines'
        '<span class="changed" hidden> have changed</span></summary>'
        f'<div class="written">{guidelines.html}</div><p class="quiet">Version {guidelines.version}</p>'
        "</details></aside>"
    )


def _form(shown: Shown, visitor: Visitor, longest: int) -> str:
    """Return texts and questions as one form, so that the answer stays in sight however long the texts are."""
    letters = [one.letter for one in shown.responses]
    pair = len(letters) == 2
    ranking = "" if pair else asking.ranking(letters, (head(one.content) for one in shown.responses))
    judged = f"{asking.verdicts(shown) if pair else ''}{_buttons(shown)}"
    hidden = {"assignment": str(shown.assignment), "csrf": visitor.csrf, "seconds": "0"}
    inside = (
        prompt(shown.prompt),
        _responses(shown),
        "".join(map(_hidden, hidden.items())),
        asking.marking() if shown.mark_spans else "",
        ranking,
        asking.objectives(shown.objectives, letters),
        asking.reason(longest) if shown.ask_reason else "",
        '<p class="notice bad" id="problem" role="alert" hidden></p>',
        f'<div class="answering" id="answering" tabindex="-1" data-control>{judged}</div>',
    )
    return f'<form id="answer" method="post" action="/answer" aria-label="Comparison">{"".join(inside)}</form>'


def _buttons(shown: Shown) -> str:
    skip = (
        '<button type="submit" name="skip" value="1" formnovalidate data-key="s" aria-keyshortcuts="S">Skip'
        '<kbd aria-hidden="true">S</kbd></button>'
    )
    submit = '<button type="submit" class="main" data-submit>Submit<kbd aria-hidden="true">Enter</kbd></button>'
    return f'<div class="buttons">{submit}{"" if shown.practice else skip}</div>'


def _hidden(field: tuple[str, str]) -> str:
    name, value = field
    return f'<input type="hidden" name="{name}" value="{escaped(value)}">'
