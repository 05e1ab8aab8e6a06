"""What does the base's chat template do to these conversations?"""

import difflib
from collections import defaultdict
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.tokenized import TODAY, CannotRender, Tokenize
from plaudit.preferences.preference import Message, Preference

LOOKED_AT = 200
"""Records of each shape (roles in order) whose words are looked for in what the template makes of them."""

PROBE = (Message("user", "Ask me."), Message("assistant", "I did."))
"""A conversation that every template can write."""


class Templates:
    """Dates and system prompts that the template inserts, words that it changes, conversations that it refuses.

    Plaudit writes conversations with a table of turns of its own, made of the base's template without such insertions;
    the diff shows what another program that applies the base's template would have the model read.
    """

    title: ClassVar[str] = "the base's chat template"
    codes: ClassVar[tuple[str, ...]] = (
        "template_date",
        "template_system_prompt",
        "template_rewrites",
        "template_refuses",
        "unencodable",
    )

    def __call__(self, examined: Examined) -> Outcome:
        """Return what the template adds, changes and refuses."""
        tokenize = examined.tokenize
        if tokenize is None:
            return Outcome(reason="it needs a tokenizer (--tokenizer, or --model)")
        findings = [*_unencodable(examined, tokenize), *_own(examined, tokenize)]
        return Outcome(findings=tuple(findings), measured=_looked_at(examined, tokenize))


def _looked_at(examined: Examined, tokenize: Tokenize) -> str:
    """Return what was tried, in a few words."""
    encoded = sum(not one.problem for one in examined.measured)
    said = f"{encoded:,} of {len(examined.measured):,} responses can be encoded for {tokenize.name}"
    try:
        own = tokenize.own((PROBE[:1], PROBE[1:]))
    except CannotRender:
        own = ""
    return f"{said}, which has no chat template of its own" if own is None else said


def _unencodable(examined: Examined, tokenize: Tokenize) -> Iterator[Finding]:
    """Yield the pairs that plaudit itself cannot write; those that are empty or too long have checks of their own."""
    problems: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(examined.measured):
        if one.problem not in ("", "response_too_long", "empty_response"):
            problems[one.problem].append(int(examined.owner[at]))
    if problems:
        count = sum(map(len, problems.values()))
        told = ", ".join(f"{len(own):,} × {name.replace('_', ' ')}" for name, own in problems.items())
        records = sorted({at for own in problems.values() for at in own})
        yield Finding(
            code="unencodable",
            severity="error",
            sentence=f"{count:,} responses cannot be encoded for {tokenize.name}: {told}.",
            advice="Mend their roles and the order of their turns, or drop them with --set data.on_unfit=drop.",
            count=count,
            places=examined.places(records),
            numbers={name: len(own) for name, own in problems.items()},
        )


def _own(examined: Examined, tokenize: Tokenize) -> Iterator[Finding]:
    """Yield what the base's own template does, where it has one."""
    try:
        theirs = tokenize.own((PROBE[:1], PROBE[1:]))
    except CannotRender as error:
        yield _refusal(examined, tokenize, {str(error): list(range(len(examined.records)))})
        return
    if theirs is None:
        return
    yield from _inserted(tokenize, tokenize.written((PROBE[:1], PROBE[1:])), theirs)
    refused, changed = _followed(examined, tokenize)
    if refused:
        yield _refusal(examined, tokenize, refused)
    if changed:
        yield _rewriting(examined, tokenize, changed)


def _inserted(tokenize: Tokenize, ours: str, theirs: str) -> Iterator[Finding]:
    """Yield what the template adds to a plain question and answer: a date, a system prompt."""
    added = [piece for piece in _additions(ours, theirs) if any(map(str.isalpha, piece))]
    diff = compared(ours, theirs)
    if any(TODAY in piece for piece in added):
        yield Finding(
            code="template_date",
            severity="warning",
            sentence=f"The chat template of {tokenize.name} writes today's date into every conversation.",
            advice="Plaudit leaves it out, so rewards do not change by the day; pin the date wherever else it is used.",
            diff=diff,
        )
    elif sum(len(piece.split()) for piece in added) >= 3:
        said = " … ".join(" ".join(piece.split()) for piece in added)
        yield Finding(
            code="template_system_prompt",
            severity="warning",
            sentence=f"The chat template of {tokenize.name} adds words where there is no system turn: “{said[:200]}”.",
            advice="Plaudit leaves them out; score with plaudit's template (it is saved with a model), or state a "
            "system turn in the data.",
            diff=diff,
        )


def _additions(ours: str, theirs: str) -> list[str]:
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    return [theirs[start:end] for tag, _, _, start, end in matcher.get_opcodes() if tag in ("insert", "replace")]


def compared(ours: str, theirs: str) -> str:
    """Return two renderings line by line as a unified diff, white space made visible at the ends of lines."""
    one, other = ([line.replace("\n", "⏎") for line in text.splitlines(keepends=True)] for text in (ours, theirs))
    return "\n".join(difflib.unified_diff(one, other, "plaudit", "the base's template", lineterm="", n=2))


def _followed(examined: Examined, tokenize: Tokenize) -> tuple[dict[str, list[int]], list[tuple[int, str]]]:
    """Return records that the template refuses, by its words, and those whose words it changes, with a diff."""
    seen: dict[tuple[str, ...], int] = defaultdict(int)
    refused: dict[str, list[int]] = defaultdict(list)
    changed: list[tuple[int, str]] = []
    for at, record in enumerate(examined.records):
        shape = _shape(record)
        seen[shape] += 1
        if not shape or seen[shape] > LOOKED_AT:
            continue
        pair = record.prompt, record.responses[0].content
        try:
            text = tokenize.own(pair) or ""
            words = [turn.content for part in pair for turn in part if isinstance(turn, Message)]
            if not all(said in text for said in words):
                changed.append((at, compared(tokenize.written(pair), text)))
        except CannotRender as error:
            refused[str(error)].append(at)
    return refused, changed


def _shape(record: Preference) -> tuple[str, ...]:
    """Return the roles of a record's prompt and first response in order; () where they are no turns."""
    prompt, response = record.prompt, record.responses[0].content
    if isinstance(prompt, str) or isinstance(response, str):
        return ()
    return tuple(turn.role for turn in (*prompt, *response))


def _refusal(examined: Examined, tokenize: Tokenize, refused: dict[str, list[int]]) -> Finding:
    records = np.unique([at for own in refused.values() for at in own])
    reasons = "; ".join(list(refused)[:3])
    return Finding(
        code="template_refuses",
        severity="warning",
        sentence=f"The chat template of {tokenize.name} refuses at least {records.size:,} records: {reasons}.",
        advice="Plaudit may still write them; programs that apply the base's template will not.",
        count=records.size,
        places=examined.places(records),
    )


def _rewriting(examined: Examined, tokenize: Tokenize, changed: list[tuple[int, str]]) -> Finding:
    records = [at for at, _ in changed]
    return Finding(
        code="template_rewrites",
        severity="warning",
        sentence=(
            f"The chat template of {tokenize.name} changes the words of at least {len(changed):,} records "
            "(white space stripped, thoughts removed): they are not scored as they stand."
        ),
        advice="Plaudit writes words as they are; the diff shows the first of these records.",
        count=len(changed),
        places=examined.places(records),
        diff=changed[0][1],
    )
