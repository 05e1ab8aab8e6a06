"""What would truncation cut, and of whom?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Bools, Examined, Integers
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.rates import told

TOLERATED, WORRYING = 0.01, 0.1
"""Shares of sequences with a cut prompt for a note, and for a warning."""


class Truncation:
    """Sequences longer than the tokenizer's limit, by decile of length.

    Plaudit cuts the oldest turns of prompts and never a response; what cuts at the right, as many trainers do, takes
    the ends of the responses.
    """

    title: ClassVar[str] = "truncation"
    codes: ClassVar[tuple[str, ...]] = ("responses_too_long", "prompts_cut")

    def __call__(self, examined: Examined) -> Outcome:
        """Return responses that fit in no sequence, and how many prompts lose something."""
        if examined.tokenize is None:
            return Outcome(reason="it needs a tokenizer (--tokenizer, or --model)")
        found = examined.measured
        tokens = np.array([one.tokens for one in found], np.int64)
        cut = np.array([one.cut > 0 for one in found], np.bool_)
        unfit = np.array([one.problem == "response_too_long" for one in found], np.bool_)
        limit = examined.tokenize.max_length
        findings = [*_unfit(examined, unfit, limit), *_cut(examined, cut, tokens, limit)]
        middle, most = (f"{int(np.quantile(tokens, level)):,}" for level in (0.5, 0.99))
        measured = f"half of the sequences have at most {middle} tokens, 99% at most {most}; the limit is {limit:,}"
        listing = _deciles(tokens, cut, unfit, limit)
        return Outcome(findings=tuple(findings), measured=measured, listings=(listing,))


def _unfit(examined: Examined, unfit: Bools, limit: int) -> list[Finding]:
    if not unfit.any():
        return []
    share = examined.rate(unfit, examined.preferences.groups[examined.owner])
    return [
        Finding(
            code="responses_too_long",
            severity="error",
            sentence=(
                f"{int(unfit.sum()):,} responses, {told(share)}, are longer than {limit:,} tokens by themselves and "
                "cannot be encoded."
            ),
            advice="Raise model.max_length, or drop them with --set data.on_unfit=drop: long answers vanish first.",
            count=int(unfit.sum()),
            places=examined.places(np.unique(examined.owner[unfit])),
            numbers={"responses": share},
        )
    ]


def _cut(examined: Examined, cut: Bools, tokens: Integers, limit: int) -> list[Finding]:
    share = examined.rate(cut, examined.preferences.groups[examined.owner])
    if share.value < TOLERATED:
        return []
    return [
        Finding(
            code="prompts_cut",
            severity="warning" if share.value > WORRYING else "note",
            sentence=(
                f"{int(cut.sum()):,} sequences, {told(share)}, lose the beginning of their prompt at {limit:,} tokens; "
                f"cut at the right instead, {int((tokens > limit).sum()):,} responses would lose their end."
            ),
            advice="Raise model.max_length if the beginning matters.",
            count=int(cut.sum()),
            places=examined.places(np.unique(examined.owner[cut])),
            numbers={"sequences": share},
        )
    ]


def _deciles(tokens: Integers, cut: Bools, unfit: Bools, limit: int) -> Listing:
    """Return what is cut in each tenth of the sequences by length."""
    order = np.argsort(tokens, kind="stable")
    rows = []
    for at, own in enumerate(np.array_split(order, 10), 1):
        if own.size:
            span = f"{tokens[own].min():,} to {tokens[own].max():,}"
            rows.append((at, span, own.size, int(cut[own].sum()), int(unfit[own].sum())))
    columns = ("decile", "tokens", "sequences", "prompt cut", "does not fit")
    return Listing(f"What {limit:,} tokens cut, by length of the sequence", columns, tuple(rows))
