"""Train a reward model, save it whole, load it back, and measure what was saved."""

import dataclasses
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from plaudit import config
from plaudit.assets import base_model
from plaudit.config import BadConfiguration
from plaudit.encoding.encode import OnUnfit, encode_all
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Encoder
from plaudit.evaluation.evaluate import Evaluation
from plaudit.models.backbone import require_tokenizer
from plaudit.objectives import Objective
from plaudit.objectives._members import EachMember
from plaudit.objectives.regularisers import reads_spans
from plaudit.pages import curves
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring import artifact, canaries
from plaudit.scoring.scorer import Scorer
from plaudit.training import adapters, ranks
from plaudit.training.fit import Fitted, fit
from plaudit.training.progress import Row
from plaudit.training.recipe import Recipe
from plaudit.training.settling import settle
from plaudit.workflows import folders
from plaudit.workflows import model as models
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.data import Data, announce, prepare
from plaudit.workflows.evaluation import Measurement, measure, why
from plaudit.workflows.model import Built, Model
from plaudit.workflows.objective import build_objective
from plaudit.workflows.output import require as require_output
from plaudit.workflows.provenance import objective_record, provenance

SCHEMA: Mapping[str, Callable[..., Any] | str] = {
    "data": Data,
    "model": Model,
    "objective": "objectives",
    "training": Recipe,
    "evaluation": Measurement,
}
"""The sections of a training configuration, and what each configures."""

OBJECTIVE = {"name": "bradley_terry"}
"""What is learned where a configuration does not say."""


HEADLINE = ("accuracy", "interval", "ece", "nll", "brier", "n")

Measure = Callable[[Scorer, Preferences], tuple[Evaluation, Predictions]]
Listener = Callable[[Row], None]


@dataclass(frozen=True, slots=True)
class Sections:
    """What a training configuration makes, section by section."""

    data: Data
    model: Model
    objective: Objective
    recipe: Recipe
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Saved:
    """What training left, not yet measured.

    Attributes:
        artefact: folder of the saved model.
        fitted: the run: history, steps, the best step.
        seconds: wall time of training alone, in this call.
        objective: what was minimised, see `Trained`.
    """

    artefact: Path
    fitted: Fitted
    seconds: float
    objective: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training workflow.

    Attributes:
        artefact: folder of the saved model.
        evaluation: of the saved model, loaded back, on the test part.
        fitted: the run: history, steps, the best step.
        seconds: wall time of training alone, in this call; None where nothing was left to train.
        pairs_per_second: comparisons trained on a second of it; None likewise.
        comparisons: test comparisons.
        objective: what was learned from them: name and settings, and under ``learned`` parameters of its own.
    """

    artefact: Path
    evaluation: Evaluation
    fitted: Fitted
    seconds: float | None
    pairs_per_second: float | None
    comparisons: int
    objective: Mapping[str, Any]

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures that ``--json`` prints."""
        speed = {"seconds": self.seconds, "pairs_per_second": self.pairs_per_second}
        place = {"artefact": str(self.artefact), "steps": self.fitted.steps}
        return {**headline(self.evaluation), **speed, **place, "objective": dict(self.objective)}

    @property
    def learned(self) -> str:
        """What the objective learned besides the model, as a sentence; empty where it learns nothing."""
        found = self.objective.get("learned", {})
        values = ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in found.items()
        )
        return f"The objective learned {values}." if found else ""

    @property
    def speed(self) -> str:
        """How long training took, as a sentence."""
        if self.seconds is None or self.pairs_per_second is None:
            return "Training was done already."
        return f"Trained in {self.seconds:.0f} s, {self.pairs_per_second:.0f} comparisons a second."


def headline(evaluation: Evaluation) -> dict[str, Any]:
    """Return accuracy, interval (and why there is none), ece, nll, brier and n of an evaluation."""
    report = evaluation.to_json()
    return {name: report[name] for name in HEADLINE} | why(evaluation)


def train_and_evaluate(
    configuration: Mapping[str, Any], output: Path | str, *, resume: bool = False, say: Say = to_stderr
) -> Trained:
    """Run one training configuration from data to a measured artefact in ``output/artefact``.

    Args:
        configuration: tables ``data``, ``model``, ``objective`` and ``training``, as ``config.read`` returns them.
        output: folder of the run; new or empty unless resuming.
        resume: go on from the newest whole checkpoint.
        say: receives progress, a sentence at a time.

    Raises:
        BadOutput: ``output`` holds something that this run has not made, or cannot be written to.
        RunFolderError: the run to resume began with another configuration.
        TooFewCanaries: sequences would be too short to save a model that can be checked.
    """
    require_output(Path(output), resume=resume)
    wanted = sections(configuration)
    parts = prepare(wanted.data, say)
    for name, part in parts.items():
        announce(name, part, say)
    saved = train(configuration, parts, output, resume=resume, say=say)
    measured = partial(measure, on_unfit=wanted.data.on_unfit, measurement=wanted.measurement, say=say)
    return _measured(saved, parts["test"], measured)


def train(
    configuration: Mapping[str, Any],
    parts: Mapping[str, Preferences],
    output: Path | str,
    *,
    resume: bool = False,
    whole: Collection[str] = (),
    listeners: Sequence[Listener] | None = None,
    say: Say = to_stderr,
) -> Saved:
    """Train on ``parts`` and save the best weights as an artefact in ``output/artefact``; nothing is measured.

    Args:
        configuration: as for `train_and_evaluate`.
        parts: ``train`` and, where a step is to be chosen, ``validation``, as `prepare` divides them.
        output: folder of the run.
        resume: go on from the newest whole checkpoint; begin where there is none.
        whole: parts that must be encoded whole, whatever ``data.on_unfit`` says.
        listeners: called with each new row of the history; by default a line on stderr shows it.
        say: receives progress, a sentence at a time.

    Raises:
        TooFewCanaries: sequences would be too short to save a model that can be checked.
        Unfit: a response does not fit, in a part of ``whole`` or with ``data.on_unfit`` as it is by default.
    """
    wanted = sections(configuration)
    base = Path(base_model(wanted.model.base))
    if (base / "config.json").is_file():
        require_tokenizer(base)
    built = models.build(wanted.model)
    canaries.require(built.encoder)
    for note in built.notes:
        say(note)
    strict = {name: "error" if name in whole else wanted.data.on_unfit for name in parts if name != "test"}
    encode = partial(_encode, encoder=built.encoder, spans=reads_spans(wanted.objective), say=say)
    encoded = {name: encode(name, parts[name], on_unfit=how) for name, how in strict.items()}
    begin = time.monotonic()
    fitted = _fit(built, encoded, wanted, Path(output), resume, _made_of(wanted, configuration), listeners, say)
    seconds = time.monotonic() - begin
    settle(built.model, encoded["train"], token_budget=wanted.recipe.token_budget)
    record = objective_record(configuration.get("objective", OBJECTIVE), wanted.objective)
    save = partial(_save, objective=record, overwrite=resume, say=say)
    folder = ranks.on_first(lambda: save(built, fitted, configuration, parts, Path(output), wanted.model))
    return Saved(folder, fitted, seconds, record)


def sections(configuration: Mapping[str, Any]) -> Sections:
    """Validate a training configuration and return what each section makes.

    Raises:
        BadConfiguration: a section, a field or a name is unknown, or a value is wrong.
    """
    unknown = set(configuration) - set(SCHEMA)
    if unknown:
        raise BadConfiguration(f"unknown sections {', '.join(sorted(unknown))}; known: {', '.join(SCHEMA)}")
    wanted: Model = config.build(Model, configuration.get("model", {}), "model")
    models.chosen(wanted)
    return Sections(
        config.build(Data, configuration.get("data", {}), "data"),
        wanted,
        build_objective(configuration.get("objective", OBJECTIVE)),
        config.build(Recipe, configuration.get("training", {}), "training"),
        config.build(Measurement, configuration.get("evaluation", {}), "evaluation"),
    )


def _made_of(wanted: Sections, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a resumed run must share, the defaults written out."""
    objective = dict(configuration.get("objective", OBJECTIVE))
    return {"data": dataclasses.asdict(wanted.data), "model": dataclasses.asdict(wanted.model), "objective": objective}


def _encode(name: str, part: Preferences, *, encoder: Encoder, on_unfit: OnUnfit, spans: bool, say: Say) -> EncodedSet:
    encoded = encode_all(part, encoder, on_unfit, spans=spans)
    for reason, count in encoded.dropped.items():
        say(f"{name}: {count:,} dropped while encoding: {reason}")
    say(f"{name}: {encoded.sequences:,} distinct responses, {len(encoded.tokens):,} tokens")
    return encoded


def _fit(
    built: Built,
    encoded: Mapping[str, EncodedSet],
    wanted: Sections,
    output: Path,
    resume: bool,
    made_of: Mapping[str, Any],
    listeners: Sequence[Listener] | None,
    say: Say,
) -> Fitted:
    columns = built.model.member_columns
    return fit(
        built.model,
        encoded["train"],
        objective=EachMember(wanted.objective, columns) if columns else wanted.objective,
        output=output / folders.FITTING,
        recipe=wanted.recipe,
        validation=encoded.get("validation"),
        resume=resume,
        listeners=listeners,
        configuration=made_of,
        say=say,
    )


def _save(
    built: Built, fitted: Fitted, configuration: Mapping[str, Any], parts: Mapping[str, Preferences], output: Path,
    wanted: Model, *, objective: Mapping[str, Any], overwrite: bool, say: Say,
) -> Path:  # fmt: skip
    """Save the best weights as an artefact, a LoRA adapter beside the merged weights, and say what it is worth."""
    folder, adapter = output / folders.ARTEFACT, None
    if adapters.attached(built.model):
        adapter = output / folders.FITTING / "adapter"
        adapters.save_adapter(built.model, adapter, base=wanted.base)
        adapters.merge(built.model)
    built.model.compute_dtype, built.model.language_model = torch.float32, None
    data = {name: part.fingerprint for name, part in parts.items()}
    recipe = provenance(configuration, data, str(fitted.dtype), objective)
    contract = artifact.save(
        folder, built.model, built.encoder, recipe, history=fitted.history, adapter=adapter, overwrite=overwrite
    )
    for remark in contract.remarks():
        say(remark)
    curves.write(fitted.history, output / "training.html")
    return folder


def _measured(saved: Saved, test: Preferences, measure: Measure) -> Trained:
    folder, fitted, seconds = saved.artefact, saved.fitted, saved.seconds
    evaluation, predictions = measure(Scorer.load(folder), test)
    if ranks.number() == 0:
        (folder.parent / "evaluation.json").write_text(json.dumps(evaluation.to_json(), indent=1), encoding="utf-8")
        predictions.save(folder.parent / folders.PREDICTIONS)
    steps = [row for row in fitted.history if row["kind"] == "step" and row["step"] > fitted.began]
    speed = sum(row["comparisons"] for row in steps) / seconds if steps else None
    trained, compared = seconds if steps else None, len(predictions.chosen)
    return Trained(folder, evaluation, fitted, trained, speed, compared, saved.objective)
