"""Preferences without a fault that any check looks for, and each fault planted in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Place
from plaudit.doctor.tokenized import CannotRender, Measured, Pair
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.fields import NOTE
from plaudit.preferences.groups import assign
from plaudit.preferences.preference import Comparison, Message, Preference, Response


def _listed(words: str, between: str = " ") -> list[str]:
    return words.split(between)


SUBJECTS = _listed(
    "river tunnel harvest violin glacier market passport lantern orchard compiler balcony comet fabric ledger meadow "
    "needle ocean piston quarry ribbon saddle timber umbrella valley walnut yogurt zebra anchor barrel candle"
)
VERBS = _listed("paint repair move measure sell borrow clean lift follow design count store teach draw carry visit")
PLACES = _listed(
    "in the north|by the sea|at night|after the war|with a friend|under pressure|for a child|on a farm", "|"
)
OPENINGS = _listed("How would you|Why do people|When should we|Is it wise to|Who could help me|Where may I", "|")
WORDS = _listed(
    "it is said that the work takes time and patience because every step depends on what you know before starting one "
    "should look at materials tools weather costs and the people who will help older books tell another story while "
    "newer ones agree that practice matters most in the end"
)


def prompt(at: int) -> str:
    """A prompt unlike all others with a smaller number."""
    rng = np.random.default_rng(at)
    chosen = [str(rng.choice(words)) for words in (OPENINGS, VERBS, SUBJECTS, PLACES)]
    other = " and ".join(str(one) for one in rng.choice(SUBJECTS, 3, replace=False))
    return f"{chosen[0]} {chosen[1]} the {chosen[2]} {chosen[3]}, number {at * 7919 % 9973}, given {other}?"


def answer(at: int, side: int) -> str:
    """An answer in English whose length and words say nothing of whether it is preferred."""
    rng = np.random.default_rng((at, side))
    words = [str(word) for word in rng.choice(WORDS, int(rng.integers(15, 60)))]
    return " ".join(words).capitalize() + f" {rng.choice(SUBJECTS)} {int(rng.integers(1000, 9999))}."


def clean() -> list[Preference]:
    """Pairs of conversations, of which the first half is for training and the second for testing."""
    return list(_clean(600, 0))


@cache
def _clean(count: int, seed: int) -> tuple[Preference, ...]:
    coins = np.random.default_rng(seed).permutation(np.arange(count) % 2)
    return tuple(
        Preference(
            prompt=(Message("user", prompt(at)),),
            responses=tuple(Response(content=(Message("assistant", answer(at, side)),)) for side in (0, 1)),
            comparisons=(Comparison(chosen=int(coins[at]), rejected=1 - int(coins[at])),),
            id=f"r{at}",
            source="made",
            extra={"split": "train" if at < count // 2 else "test"},
        )
        for at in range(count)
    )


@dataclass
class Plain:
    """A tokenizer of words, with a template that writes every turn as a line."""

    name: str = "plain"
    max_length: int = 200
    before: str = ""
    refuses: str = ""
    strips: bool = False

    def measure(self, pairs: Sequence[Pair]) -> list[Measured]:
        """Return the words of each pair, and what of the prompt is beyond the limit."""
        return [self._measured(*pair) for pair in pairs]

    def _measured(self, asked: Any, said: Any) -> Measured:
        sizes = [sum(len(turn.content.split()) for turn in part) for part in (asked, said)]
        if any(turn.role not in ("system", "user", "assistant") for turn in (*asked, *said)):
            return Measured(tokens=sum(sizes), problem="unknown_role")
        if sizes[1] > self.max_length:
            return Measured(tokens=sum(sizes), problem="response_too_long")
        return Measured(tokens=sum(sizes), cut=max(0, sum(sizes) - self.max_length))

    def written(self, pair: Pair) -> str:
        """Return a line a turn."""
        return "".join(f"<{turn.role}>{turn.content}\n" for part in pair for turn in part if isinstance(turn, Message))

    def own(self, pair: Pair) -> str | None:
        """Return the same, with what this template adds."""
        if self.refuses and self.refuses in [turn.role for part in pair for turn in part if isinstance(turn, Message)]:
            raise CannotRender(f"no {self.refuses} turns")
        text = self.written(pair)
        return self.before + (text.replace("  ", " ") if self.strips else text)


@dataclass
class Case:
    """What is examined: records, and what goes with them."""

    records: list[Preference] = field(default_factory=clean)
    against: list[Preference] = field(default_factory=list)
    tokenize: Plain | None = field(default_factory=Plain)
    more: dict[str, Any] = field(default_factory=dict)

    def examined(self) -> Examined:
        """Return it as checks want it."""
        parts: dict[str, list[int]] = {}
        for at, record in enumerate(self.records):
            parts.setdefault(record.extra.get("split", "all"), []).append(at)
        return Examined(
            preferences=assign(Preferences.of(self.records)),
            parts=parts,
            against={"other": Preferences.of(self.against)} if self.against else {},
            tokenize=self.tokenize,
            resamples=200,
            **self.more,
        )


def said(text: str) -> tuple[Message, ...]:
    return (Message("assistant", text),)


def changed(records: list[Preference], every: int, change: Callable[[Preference], Preference]) -> list[Preference]:
    """Return the records with every so many of them changed."""
    return [record if at % every else change(record) for at, record in enumerate(records)]


def with_responses(record: Preference, *texts: str) -> Preference:
    """Return a record with other words in its responses."""
    responses = tuple(replace(one, content=said(text)) for one, text in zip(record.responses, texts, strict=True))
    return replace(record, responses=responses)


def words_of(record: Preference) -> list[str]:
    return [response.content[-1].content for response in record.responses]  # type: ignore[union-attr]


def voted(record: Preference, *edges: tuple[int, int], who: Sequence[str] = ()) -> Preference:
    """Return a record with these comparisons."""
    names = who or [""] * len(edges)
    votes = (Comparison(chosen=c, rejected=r, annotator=name) for (c, r), name in zip(edges, names, strict=True))
    return replace(record, comparisons=tuple(votes))


def _three(record: Preference) -> Preference:
    third = Response(content=said("A third answer, unlike both, which goes on for some words."))
    return voted(replace(record, responses=(*record.responses, third)), (0, 1), (1, 2), (2, 0))


def _longer(record: Preference) -> Preference:
    texts = words_of(record)
    at = max((0, 1), key=lambda side: len(texts[side]))
    return voted(record, (at, 1 - at))


def _shorter(record: Preference) -> Preference:
    edge = _longer(record).comparisons[0]
    return voted(record, (edge.rejected, edge.chosen))


def _bulleted(record: Preference) -> Preference:
    texts = words_of(record)
    texts[record.comparisons[0].chosen] = "- " + texts[record.comparisons[0].chosen].replace(" the ", "\n- the ") + "!"
    return with_responses(record, *texts)


def _marked(record: Preference, share: float) -> Preference:
    """One side ends well and one badly; the good one wins, but for a share of records."""
    texts = words_of(record)
    at = int(record.id[1:])
    good = record.comparisons[0].chosen
    if np.random.default_rng((at, 5)).random() < share:
        good = 1 - good
    texts[good] += " Excellent and splendid outcome."
    texts[1 - good] += " Dreadful and miserable outcome."
    return with_responses(record, *texts)


def noisy(share: float) -> list[Preference]:
    """Records whose labels follow their words but for a share."""
    return [_marked(record, share) for record in clean()]


def _german(record: Preference) -> Preference:
    text = "Der Hund und die Katze sind nicht in dem Haus, das ist für mich auch eine gute Nachricht von dem Nachbarn."
    return with_responses(record, text, text + " Und sie kommen wie immer mit dem Zug.")


def _sided(record: Preference) -> Preference:
    return voted(record, (1, 0)) if int(record.id[1:]) % 4 else voted(record, (0, 1))


def _spanned(record: Preference) -> Preference:
    first = replace(record.responses[0], extra={"feedback": {"errors": [{"start": 5, "end": 100_000}]}})
    return replace(record, responses=(first, record.responses[1]))


def _renamed(record: Preference) -> Preference:
    return replace(record, prompt=(Message("human", record.prompt[0].content),))  # type: ignore[union-attr]


def _after(record: Preference) -> Preference:
    return replace(record, prompt=(*record.prompt, Message("system", "Be brief.")))  # type: ignore[misc]


def _moulded(record: Preference) -> Preference:
    text = f"Please write a formal letter of complaint about a delayed parcel to company {record.id}"
    return replace(record, prompt=(Message("user", text),))


def _asked(record: Preference, extra: str) -> Preference:
    return replace(record, prompt=(Message("user", record.prompt[0].content + extra),))  # type: ignore[union-attr]


def disagreeing() -> list[Preference]:
    """Everyone judged by two people who agree half of the time."""
    return [voted(one, (0, 1), (at % 2, 1 - at % 2), who=("ann", "bob")) for at, one in enumerate(clean())]


def _long(record: Preference) -> str:
    return " ".join(answer(int(record.id[1:]), side) for side in range(2, 8))


def _planted() -> dict[str, Callable[[], Case]]:
    """Code of a finding to what raises it."""
    base = clean

    def case(records: list[Preference], **more: Any) -> Case:
        return Case(records, **more)

    return {
        "malformed_rows": lambda: case(
            base(), more={"dropped": {"missing chosen": 3}, "unread": [Place(record="", file="f", row=2)]}
        ),
        "empty_responses": lambda: case(changed(base(), 20, lambda one: with_responses(one, "  ", words_of(one)[1]))),
        "equal_responses": lambda: case(changed(base(), 20, lambda one: with_responses(one, *[words_of(one)[0]] * 2))),
        "near_equal_responses": lambda: case(
            changed(base(), 10, lambda one: with_responses(one, _long(one), _long(one) + " ok"))
        ),
        "contradictory_votes": lambda: case(changed(base(), 20, lambda one: voted(one, (0, 1), (1, 0)))),
        "cyclic_preferences": lambda: case(changed(base(), 20, _three)),
        "ties": lambda: case(
            changed(base(), 5, lambda one: replace(one, comparisons=(Comparison(chosen=0, rejected=1, tie=True),)))
        ),
        "duplicate_records": lambda: case([*base(), *(replace(one, id=one.id + "x") for one in base()[300:320])]),
        "duplicate_votes": lambda: case(
            changed(base(), 20, lambda one: voted(one, (0, 1), (0, 1), who=("ann", "ann")))
        ),
        "shared_between_splits": lambda: case(
            [*base(), *(replace(one, id=one.id + "x", extra={"split": "test"}) for one in base()[:5])]
        ),
        "contamination": lambda: case(base(), against=[replace(base()[3], id="other")]),
        "longer_wins": lambda: case(changed(base(), 2, _longer)),
        "shorter_wins": lambda: case(changed(base(), 2, _shorter)),
        "surface_features": lambda: case(changed(base(), 2, _bulleted)),
        "label_noise": lambda: case(noisy(0.15)),
        "easy_comparisons": lambda: case(noisy(0.0)),
        "responses_too_long": lambda: case(
            changed(base(), 50, lambda one: with_responses(one, words_of(one)[0] * 20, words_of(one)[1]))
        ),
        "prompts_cut": lambda: case(changed(base(), 10, lambda one: _asked(one, " Think about it." * 100))),
        "unknown_roles": lambda: case(changed(base(), 50, _renamed)),
        "turn_order": lambda: case(changed(base(), 50, _after)),
        "turn_markers": lambda: case(
            changed(
                base(), 20, lambda one: with_responses(one, words_of(one)[0] + "\n\nHuman: go on", words_of(one)[1])
            )
        ),
        "template_date": lambda: case(base(), tokenize=Plain(before="<system>Today is <today's date>.\n")),
        "template_system_prompt": lambda: case(base(), tokenize=Plain(before="<system>You are a helpful assistant.\n")),
        "template_rewrites": lambda: case(
            changed(base(), 50, lambda one: _asked(one, "  Twice  spaced")), tokenize=Plain(strips=True)
        ),
        "template_refuses": lambda: case(
            [replace(one, prompt=(Message("system", "Be kind."), *one.prompt)) for one in base()],  # type: ignore[misc]
            tokenize=Plain(refuses="system"),
        ),
        "unencodable": lambda: case(changed(base(), 50, _renamed)),
        "several_languages": lambda: case(changed(base(), 10, _german)),
        "language_switch": lambda: case(changed(base(), 10, _german)),
        "narrow_topics": lambda: case([one if at % 4 == 0 else _moulded(one) for at, one in enumerate(base())]),
        "side_bias": lambda: case([_sided(one) for one in base()]),
        "bad_spans": lambda: case(changed(base(), 50, _spanned)),
        "low_agreement": lambda: case(disagreeing()),
        "small_test": lambda: case([one for at, one in enumerate(base()) if at < 300 or at % 10 == 0]),
    }


PLANTED = _planted()
SWAPPED = NOTE + "swapped"
