"""Label Studio's JSON: tasks with ``data`` and ``annotations``; pairs by ``Pairwise``, longer lists by ``Ranker``.

Ties, which ``Pairwise`` has no button for, are a ``Choices`` result beside it; strength is a ``Rating``, the reason a
``TextArea``. `CONFIG` is a labelling interface for pairs that asks all of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from plaudit.annotation.exchange import (
    BOTH_BAD,
    BadExchange,
    as_text,
    by_annotator,
    content_of,
    edges_of,
    kept_of,
    listed,
    ranks_of,
    require_responses,
    table_of,
    text_of,
)
from plaudit.preferences.fields import content_id
from plaudit.preferences.preference import Comparison, Preference, Response

CONFIG = """<View>
  <Text name="prompt" value="$prompt"/>
  <Header value="Which answer is better?"/>
  <Pairwise name="preference" toName="answer1,answer2"/>
  <Text name="answer1" value="$answer1"/>
  <Text name="answer2" value="$answer2"/>
  <Choices name="verdict" toName="prompt"><Choice value="tie"/><Choice value="both_bad"/></Choices>
  <Rating name="strength" toName="prompt" maxRating="3"/>
  <TextArea name="reason" toName="prompt"/>
</View>
"""


class LabelStudio:
    """Tasks of a Label Studio project.

    Args:
        prompt: the field of ``data`` with the prompt.
        first: the field with the response on the left.
        second: the field with the response on the right.
        items: the field with a list of responses, where there are more than two.
    """

    example: ClassVar[list[dict[str, Any]]] = [
        {
            "id": 1,
            "data": {"prompt": "Say hello.", "answer1": "Hello!", "answer2": "What?"},
            "annotations": [
                {
                    "id": 7,
                    "completed_by": {"id": 3, "email": "ann@example.org"},
                    "result": [
                        {
                            "id": "k1",
                            "from_name": "preference",
                            "to_name": "answer1,answer2",
                            "type": "pairwise",
                            "value": {"selected": "left"},
                        },
                        {
                            "id": "k2",
                            "from_name": "strength",
                            "to_name": "prompt",
                            "type": "rating",
                            "value": {"rating": 2},
                        },
                        {
                            "id": "k3",
                            "from_name": "reason",
                            "to_name": "prompt",
                            "type": "textarea",
                            "value": {"text": ["It is polite."]},
                        },
                    ],
                    "was_cancelled": False,
                    "ground_truth": False,
                    "created_at": "2026-03-09T22:16:08.728353Z",
                    "lead_time": 4.25,
                },
                {
                    "id": 8,
                    "completed_by": 4,
                    "result": [
                        {
                            "id": "k4",
                            "from_name": "verdict",
                            "to_name": "prompt",
                            "type": "choices",
                            "value": {"choices": ["both_bad"]},
                        }
                    ],
                    "was_cancelled": False,
                },
                {"id": 9, "completed_by": 5, "result": [], "was_cancelled": True},
            ],
            "predictions": [],
        },
        {
            "id": 2,
            "data": {
                "prompt": "Name a colour.",
                "items": [
                    {"id": "1", "title": "1", "body": "Chair."},
                    {"id": "2", "title": "2", "body": "Teal."},
                    {"id": "3", "title": "3", "body": "Red."},
                ],
            },
            "annotations": [
                {
                    "id": 10,
                    "completed_by": 4,
                    "result": [
                        {
                            "id": "k5",
                            "from_name": "rank",
                            "to_name": "items",
                            "type": "ranker",
                            "value": {"ranker": {"rank": ["2", "3", "1"]}},
                        }
                    ],
                    "was_cancelled": False,
                }
            ],
            "predictions": [],
        },
    ]

    def __init__(
        self, prompt: str = "prompt", first: str = "answer1", second: str = "answer2", items: str = "items"
    ) -> None:
        self.prompt, self.sides, self.items = prompt, (first, second), items

    def write(self, preferences: Iterable[Preference]) -> list[dict[str, Any]]:
        """Return tasks to import; votes become annotations by their annotators' e-mail addresses (or names)."""
        return [self._task(preference) for preference in preferences]

    def _task(self, preference: Preference) -> dict[str, Any]:
        require_responses(preference, "Label Studio")
        said = [as_text(response.content) for response in preference.responses]
        data: dict[str, Any] = {self.prompt: as_text(preference.prompt), "plaudit": kept_of(preference)}
        if len(said) == 2:
            data |= dict(zip(self.sides, said, strict=True))
        else:
            data[self.items] = [{"id": str(at), "title": str(at), "body": body} for at, body in enumerate(said, 1)]
        votes = by_annotator(preference)
        return {"data": data, "annotations": [self._annotation(*vote, len(said)) for vote in votes.items()]}

    def _annotation(self, annotator: str, edges: list[Comparison], count: int) -> dict[str, Any]:
        first = edges[0]
        result = [self._ranked(edges, count) if count > 2 else self._preferred(first)]
        if first.strength is not None:
            result.append(_result("strength", self.prompt, "rating", {"rating": first.strength}))
        if first.reason:
            result.append(_result("reason", self.prompt, "textarea", {"text": [first.reason]}))
        seconds = {"lead_time": first.extra["seconds"]} if "seconds" in first.extra else {}
        return {"completed_by": {"email": annotator}, "result": result, "was_cancelled": False, **seconds}

    def _preferred(self, edge: Comparison) -> dict[str, Any]:
        if edge.tie:
            verdict = "both_bad" if edge.extra.get("raw_winner") == BOTH_BAD else "tie"
            return _result("verdict", self.prompt, "choices", {"choices": [verdict]})
        return _result("preference", ",".join(self.sides), "pairwise", {"selected": ("left", "right")[edge.chosen]})

    def _ranked(self, edges: list[Comparison], count: int) -> dict[str, Any]:
        ranks = ranks_of(edges, count)
        order = [str(at + 1) for at in sorted(range(count), key=lambda at: (ranks[at], at))]
        return _result("rank", self.items, "ranker", {"ranker": {"rank": order}})

    def read(self, parsed: Any) -> Iterator[Preference]:
        """Yield a record a task, with a vote an annotation; cancelled annotations are no votes."""
        for where, task in listed(parsed, "Label Studio"):
            yield self._preference(where, task)

    def _preference(self, where: str, task: Mapping[str, Any]) -> Preference:
        data = table_of(where, task, "data")
        kept = table_of(where, data, "plaudit")
        turns = kept.get("responses") or ()
        said, names = self._responses(where, data)
        responses = tuple(
            Response(content=content_of(text, turns[at] if at < len(turns) else None)) for at, text in enumerate(said)
        )
        edges = tuple(
            edge
            for at, one in enumerate(task.get("annotations") or (), 1)
            for edge in _edges(f"{where}, annotation {at}", one, names)
        )
        prompt = content_of(text_of(where, data, self.prompt), kept.get("prompt"))
        known = {self.prompt, *self.sides, self.items, "plaudit"}
        extra = {name: value for name, value in data.items() if name not in known}
        return Preference(
            prompt=prompt,
            responses=responses,
            comparisons=edges,
            id=str(kept.get("id") or "") or content_id(prompt, responses),
            source=str(kept.get("source") or ""),
            extra={**table_of(where, kept, "extra"), **extra},
        )

    def _responses(self, where: str, data: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Return the responses, and the names that results give them."""
        items = data.get(self.items)
        if items is None:
            return [text_of(where, data, side) for side in self.sides], ["left", "right"]
        if not isinstance(items, list) or len(items) < 2 or not all(isinstance(one, dict) for one in items):
            raise BadExchange(f"{where}: {self.items!r} should be a list of two or more objects with 'id' and 'body'")
        return [text_of(where, one, "body") for one in items], [str(one.get("id")) for one in items]


def _result(name: str, to: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": kind, "value": value}


def _edges(where: str, annotation: Any, names: list[str]) -> tuple[Comparison, ...]:
    if not isinstance(annotation, dict):
        raise BadExchange(f"{where}: is {str(annotation)[:40]!r}; it should be an object")
    if annotation.get("was_cancelled"):
        return ()
    values = {}
    for one in annotation.get("result") or ():
        if not isinstance(one, dict) or not isinstance(one.get("value"), dict):
            raise BadExchange(f"{where}: 'result' holds {str(one)[:40]!r}; it should hold objects with a 'value'")
        values[one.get("type")] = one["value"]
    ranks, verdict = _ranks(where, values, names)
    if ranks is None:
        return ()
    extra = {name: annotation[field] for name, field in (("seconds", "lead_time"), ("created", "created_at"))
             if annotation.get(field) is not None}  # fmt: skip
    strength = values.get("rating", {}).get("rating")
    reason = values.get("textarea", {}).get("text") or ""
    return edges_of(
        ranks,
        _name(annotation.get("completed_by")),
        strength=float(strength) if isinstance(strength, int | float) and "pairwise" in values else None,
        reason=reason if isinstance(reason, str) else "\n".join(map(str, reason)),
        extra=extra | ({"raw_winner": BOTH_BAD} if verdict == "both_bad" else {}),
    )


def _ranks(where: str, values: Mapping[Any, dict[str, Any]], names: list[str]) -> tuple[list[int] | None, str]:
    """Return the ranks of the responses, or None where nothing was said, and the verdict where it was a tie."""
    if "pairwise" in values:
        selected = values["pairwise"].get("selected")
        if selected not in names:
            raise BadExchange(f"{where}: 'selected' is {selected!r}; it should be 'left' or 'right'")
        return [int(name != selected) for name in names], ""
    if "ranker" in values:
        orders = [*table_of(where, values["ranker"], "ranker").values()]
        if not orders or sorted(map(str, orders[0])) != sorted(names):
            raise BadExchange(f"{where}: 'ranker' is {str(orders)[:60]}; it should list {', '.join(names)}, once each")
        order = [str(one) for one in orders[0]]
        return [order.index(name) for name in names], ""
    chosen = (values.get("choices", {}).get("choices") or [""])[0]
    return ([0] * len(names), chosen) if chosen in ("tie", "both_bad") else (None, "")


def _name(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        return str(completed_by.get("email") or completed_by.get("id") or "")
    return "" if completed_by is None else str(completed_by)
