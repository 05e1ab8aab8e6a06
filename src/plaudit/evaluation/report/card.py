"""The model card of an audit: a README for a hub, with the figures where a hub finds them (``model-index``)."""

import re
from typing import cast

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from plaudit.evaluation.report.words import Record, estimate, title

BEGIN, END = "<!-- plaudit audit: begin -->", "<!-- plaudit audit: end -->"
_OLD = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END) + r"\n*", re.DOTALL)

TYPES = {"accuracy": "accuracy", "brier": "brier_score", "expected_calibration_error": "ece"}
"""Metrics that go into the model index, and what they are called there."""

FRESH = """---
library_name: transformers
pipeline_tag: text-classification
tags: [reward-model, plaudit]
---
# {name}

A reward model: a higher reward means that people preferred such a response. Only differences between responses to one
prompt have a meaning.
"""


def card(record: Record, readme: str = "") -> str:
    """Return a model card with what the audit found.

    Args:
        record: of the audit.
        readme: the card that there is; its text and its other fields are kept, an older audit in it is replaced.
    """
    name = _name(record)
    made = ModelCard(_OLD.sub("", readme) or FRESH.format(name=_line(name)), ignore_metadata_errors=True)
    data = cast(ModelCardData, made.data)
    data.model_name = name
    data.eval_results = _results(record)
    made.text = f"{made.text.rstrip()}\n\n{_section(record)}"
    return f"{str(made).rstrip()}\n"


def _name(record: Record) -> str:
    return str(record["model"]["name"]).rstrip("/").rsplit("/", 1)[-1] or "reward model"


def _results(record: Record) -> list[EvalResult]:
    found = record["evaluation"]["overall"]["metrics"]
    sources = ", ".join(record["data"]["sources"]) or "scores alone"
    return [
        EvalResult(
            task_type="text-classification",
            task_name="Reward modelling (pairwise preferences)",
            dataset_type=sources,
            dataset_name=f"{sources} ({record['data']['comparisons']:,} comparisons)",
            metric_type=kind,
            metric_name=title(name),
            metric_value=found[name]["value"],
        )
        for name, kind in TYPES.items()
        if name in found and found[name]["value"] is not None
    ]


def _section(record: Record) -> str:
    told = record["verdict"]
    worries = [f"{place}. {one['sentence']}" for place, one in enumerate(record.get("worries", [])[:3], 1)]
    worried = ["To worry about:", "", *map(_line, worries), ""] if worries else []
    overall = record["evaluation"]["overall"]
    rows = [f"| {title(name)} | {estimate(one)} |" for name, one in overall["metrics"].items()]
    rows += [
        f"| accuracy of the baseline {title(name)} | {estimate(one)} |" for name, one in overall["baselines"].items()
    ]
    if ceiling := record["evaluation"].get("ceiling"):
        rows.append(f"| ceiling of accuracy | {estimate(ceiling['highest'])} |")
    lines = [
        BEGIN,
        "## Audit",
        "",
        f"**{_line(told['title'])}** {_line(' '.join(told['sentences']))}",
        "",
        *worried,
        "| | value and 95 % interval |",
        "|---|---|",
        *map(_line, rows),
        "",
        f"By plaudit {record['made_with']['plaudit']}, {record['made']}; more in `audit.html` and `audit.json`.",
        END,
    ]
    return "\n".join(lines)


def _line(text: str) -> str:
    """Return a text as one line of Markdown in which nothing is HTML."""
    return " ".join(text.split()).replace("<", "&lt;")
