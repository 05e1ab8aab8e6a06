"""The audit: everything that plaudit can ask about one model on one set of preferences, as one record.

The record is plain data; the page, the model card and the gates read it and nothing else. What other parts of plaudit
find (probes, worries, an attack, gaps between sets) is handed in and stands in it beside the rest.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Group

from plaudit import __version__
from plaudit.calibration.lengths import fit
from plaudit.calibration.margins import with_margins
from plaudit.calibration.observed import Uncalibratable
from plaudit.evaluation import distributions, selective
from plaudit.evaluation.checks import checks
from plaudit.evaluation.compare import compare
from plaudit.evaluation.evaluate import Evaluation, evaluate
from plaudit.evaluation.finding import Finding
from plaudit.evaluation.gates import Gate, Judged, judge, table
from plaudit.evaluation.human import Judgement, agreement
from plaudit.evaluation.pairing import NotPaired
from plaudit.evaluation.reliability import reliability
from plaudit.evaluation.report.card import card
from plaudit.evaluation.report.page import page
from plaudit.evaluation.sections import plain
from plaudit.evaluation.table import text
from plaudit.evaluation.verdict import verdict
from plaudit.evaluation.worries import worries
from plaudit.pages import html
from plaudit.predictions import Predictions
from plaudit.replacing import replace_file
from plaudit.workflows.calibration import Calibrated, calibrate_predictions
from plaudit.workflows.reading import to_judge, to_read
from plaudit.workflows.subjects import Subject

KIND, VERSION = "plaudit audit", 1
RECORD, PAGE, CARD = "audit.json", "audit.html", "README.md"
"""Files that `Audit.write` makes."""

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
LARGE = 100_000
"""From so many comparisons on, the risk-coverage curve has fewer resamples: each weighs every comparison."""
RESAMPLES_OF_LARGE = 300


class Told(Protocol):
    """Something that says what it found as plain data."""

    def to_json(self) -> Any:
        """Return it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """How an audit is made.

    Attributes:
        resamples: bootstrap resamples behind each interval.
        seed: of resamples, folds and what is drawn.
        slices: names of fields by which to break the figures down; [] for none, left out for all that the data has.
        error: share of comparisons that may be decided wrongly when abstaining.
        pairs: of the blind sample; 0 for none.
        texts: highest and lowest rewarded responses and mistakes to show, of each.
    """

    resamples: int = 2000
    seed: int = 0
    slices: list[str] | None = None
    error: float = 0.1
    pairs: int = 40
    texts: int = 12

    def __post_init__(self) -> None:
        for name, least in (("resamples", 100), ("pairs", 0), ("texts", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known beside the model's own rewards on these comparisons; each may be left out.

    Attributes:
        others: predictions of other models on the same comparisons, by name.
        judgements: what people said of the blind sample, by name.
        findings: of probes, to be ranked among the worries.
        attacks: findings of attacks, likewise.
        probed: what the probes found, its ``findings`` by name.
        checks: of the predictions, by name; made from them if None.
        worries: what to worry about, ranked; from findings, checks and the evaluation's flags if None.
        attacked: what an attack on the model found.
        gaps: between sets of preferences.
    """

    others: Mapping[str, Predictions] = field(default_factory=dict)
    judgements: Mapping[str, Sequence[Judgement]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    attacks: Sequence[Finding] = ()
    probed: Told | None = None
    checks: Mapping[str, Told] | None = None
    worries: Sequence[Told] | None = None
    attacked: Told | None = None
    gaps: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found.

    Attributes:
        record: everything, as plain data.
        gates: the bounds that were asked for, and whether they hold.
        readme: the model card that lies beside the model, or ``""``; the audit's is written into it.
    """

    record: Mapping[str, Any]
    gates: tuple[Judged, ...] = ()
    readme: str = ""

    @property
    def passed(self) -> bool:
        """Whether no gate is broken."""
        return all(gate.holds for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a plain dict; numbers that are not finite are None."""
        return dict(self.record)

    def __str__(self) -> str:
        """Return the verdict as plain text."""
        told = self.record["verdict"]
        worries = [f"- {one['sentence']}" for one in self.record.get("worries", ())[:3]]
        worried = ["", "To worry about:", *worries] if worries else []
        return "\n".join([told["title"], "", *told["sentences"], *worried])

    def told(self, written: Mapping[str, Path]) -> str:
        """Return what a person reads in a terminal: the verdict, the gates, and where the rest is."""
        gates = [text(Group(table(self.gates)))] if self.gates else []
        plots = [] if html.can_plot() else [html.NO_PLOTS]
        return "\n".join([str(self), "", *gates, *plots, f"Open {written['page']} in a browser."])

    def write(self, folder: Path | str) -> dict[str, Path]:
        """Write record, page and model card into ``folder`` and return where each is."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {"record": folder / RECORD, "page": folder / PAGE, "card": folder / CARD}
        replace_file(paths["record"], json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")
        html.write(page(self.record), paths["page"])
        replace_file(paths["card"], card(self.record, self.readme))
        return paths

    def gated(self, gates: Sequence[Gate]) -> "Audit":
        """Return the audit with what became of ``gates``, in the record too."""
        judged = judge(gates, self.record)
        return replace(self, record={**self.record, "gates": [one.to_json() for one in judged]}, gates=judged)


def audit(subject: Subject, how: Auditing | None = None, beside: Beside | None = None) -> Audit:
    """Return everything that can be asked about ``subject``.

    Args:
        subject: see `plaudit.workflows.subjects` and `plaudit.workflows.opening`.
        how: resamples, seed, sizes.
        beside: other models, people's verdicts, and what other parts have found.

    Raises:
        ValueError: there is nothing to evaluate; or other models were not scored on the same comparisons.
        plaudit.evaluation.human.BadJudgements: judgements are of other responses.
    """
    how, beside = how or Auditing(), beside or Beside()
    predictions = subject.predictions
    evaluation = evaluate(predictions, slices=how.slices, resamples=how.resamples, seed=how.seed)
    reference = distributions.reference(predictions)
    record = {
        "kind": KIND,
        "version": VERSION,
        "made": datetime.now(UTC).date().isoformat(),
        "model": {"name": subject.name, "kind": subject.kind, "recipe": dict(subject.recipe)},
        "data": _data(subject),
        "evaluation": evaluation.to_json(),
        **_calibrated(predictions, how),
        "risk_coverage": risk_coverage(predictions, how.resamples, how.seed),
        "margins": distributions.margins(predictions),
        "rewards": distributions.rewards(predictions),
        "reference": reference,
        "losses": distributions.losses(predictions),
        "lengths": _lengths(predictions, how.seed),
        "history": list(subject.history),
        "texts": to_read(predictions, subject.texts, reference["percentiles"], how.texts),
        "blind": to_judge(predictions, subject.texts, how.pairs, how.seed),
        **_beside(subject, _judged(predictions, evaluation, beside, how), how),
        "made_with": {"plaudit": __version__, "python": platform.python_version(), **asdict(how)},
    }
    found: dict[str, Any] = plain(record)
    return Audit(record={**found, "verdict": verdict(found)}, readme=subject.readme)


def _data(subject: Subject) -> dict[str, Any]:
    predictions = subject.predictions
    return {
        "sources": list(subject.sources),
        "comparisons": len(predictions),
        "responses": int(predictions.rewards.size),
        "groups": predictions.group_count,
        "unit": "responses" if predictions.by_response else "prompts",
        "fingerprint": subject.fingerprint,
    }


def _calibrated(predictions: Predictions, how: Auditing) -> dict[str, Any]:
    """Return calibration, abstention, debiasing and reliability, or for each why there is none."""
    before = [one.to_json() for one in reliability(predictions, resamples=how.resamples, seed=how.seed)]
    try:
        found = calibrate_predictions(predictions, error=how.error, resamples=how.resamples, seed=how.seed)
    except Uncalibratable as reason:
        why = {"reason": str(reason)}
        return {"calibration": why, "abstention": why, "debiasing": why, "reliability": {"before": before}}
    return {**found.as_mapping(), "reliability": {"before": before, **_after(found, predictions, how)}}


def _after(found: Calibrated, predictions: Predictions, how: Auditing) -> dict[str, Any]:
    if found.calibration.kind == "identity":
        return {}
    unseen = with_margins(predictions, found.calibration.margins)
    return {"after": [one.to_json() for one in reliability(unseen, resamples=how.resamples, seed=how.seed)]}


def risk_coverage(predictions: Predictions, resamples: int, seed: int) -> dict[str, Any]:
    """Return accuracy as the comparisons of smallest margin are left out, with the area under the curve of errors."""
    drawn = min(resamples, RESAMPLES_OF_LARGE) if len(predictions) > LARGE else resamples
    weighed = predictions.select(predictions.weight > 0)
    found = selective.curve(weighed, "margin", COVERAGES, drawn, seed)
    return {"by": "margin", "coverages": list(COVERAGES), **asdict(found), "verdict": found.verdict, "resamples": drawn}


def _lengths(predictions: Predictions, seed: int) -> dict[str, Any]:
    """Return lengths and rewards to draw, with the regression of one on the other, or why there is none."""
    points = distributions.scatter(predictions, seed=seed)
    try:
        return {**points, "curve": fit(predictions).record()}
    except Uncalibratable as reason:
        return {**points, "reason": str(reason)}


def _judged(predictions: Predictions, evaluation: Evaluation, beside: Beside, how: Auditing) -> Beside:
    """Return ``beside`` with the checks and worries that were not handed in."""
    made = checks(predictions, how.resamples, how.seed) if beside.checks is None else ()
    found = {one.name: one for one in made} if beside.checks is None else beside.checks
    raised = beside.worries
    if raised is None:
        raised = worries(beside.findings, made, evaluation.flags, attacks=beside.attacks)
    return replace(beside, checks=found, worries=raised)


def _beside(subject: Subject, beside: Beside, how: Auditing) -> dict[str, Any]:
    """Return what was handed in, each part under its name; what was not is not there."""
    found: dict[str, Any] = {}
    if beside.others:
        found["comparison"] = _compared(subject, beside.others, how)
    if beside.judgements:
        drawn = how.resamples, how.seed
        people = {name: agreement(name, own, subject.predictions, *drawn) for name, own in beside.judgements.items()}
        found["human"] = {name: one.to_json() for name, one in people.items()}
    if beside.checks:
        found["checks"] = {name: one.to_json() for name, one in beside.checks.items()}
    if beside.worries is not None:
        found["worries"] = [one.to_json() for one in beside.worries]
    others = {"probes": beside.probed, "attacked": beside.attacked, "gaps": beside.gaps}
    return found | {name: one.to_json() for name, one in others.items() if one is not None}


def _compared(subject: Subject, others: Mapping[str, Predictions], how: Auditing) -> dict[str, Any]:
    if subject.name in others:
        raise NotPaired(f"{subject.name} is audited and also given to compare with; name another model")
    models = {subject.name: subject.predictions, **others}
    return compare(models, resamples=how.resamples, seed=how.seed).to_json()
