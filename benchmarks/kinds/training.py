"""Train one kind by the product's own parts, save it, and load it back to be measured."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks.kinds import bases
from benchmarks.kinds.materials import Materials
from benchmarks.kinds.settings import Size
from benchmarks.kinds.setups import Line, Setup
from plaudit.config import BadConfiguration
from plaudit.encoding.encode import encode_all
from plaudit.objectives import Objective, learning
from plaudit.objectives._members import EachMember
from plaudit.preferences.preference import Content
from plaudit.scoring import artifact
from plaudit.scoring.predict import Score
from plaudit.scoring.scorer import Scorer
from plaudit.training.fit import fit
from plaudit.training.fitness import NothingToLearn
from plaudit.training.recipe import Recipe
from plaudit.training.settling import settle
from plaudit.workflows import model as models
from plaudit.workflows.objective import build_objective

RECIPES: Mapping[str, Mapping[str, Any]] = {
    "synthetic": {"batch_size": 16, "learning_rate": 3e-3, "monitor": "loss"},
    "movie-ratings": {"batch_size": 8, "learning_rate": 1e-4, "monitor": "loss", "dtype": "auto"},
}
"""What differs from the product's own recipe. Every kind stops at the least held-out loss of its own."""
MOVIE_MODEL: Mapping[str, Any] = {"base": "builtin:minilm-l6", "pooling": "mean", "max_length": 128}
SYNTHETIC_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Learned:
    """A kind that was trained.

    Attributes:
        score: rewards of (prompt, response) pairs, by the saved model.
        objective: as training left it, on the CPU.
        found: what is to be told about the training, as JSON takes it.
    """

    score: Score
    objective: Objective
    found: Mapping[str, Any]


def learn(line: Line, setup: Setup, size: Size, materials: Materials, folder: Path) -> Learned:
    """Train the kind of ``line`` in ``folder``, on the first form and backbone that suit it.

    Raises:
        NothingToLearn, BadConfiguration: none does; the error is that of the first.
    """
    backbones = setup.backbones if line.data == "synthetic" else ("minilm",)
    first: Exception | None = None
    for number, (form, backbone) in enumerate(product(setup.forms, backbones)):
        try:
            return _learn(line, setup, size, materials, form, backbone, folder / str(number))
        except (NothingToLearn, BadConfiguration) as error:
            first = first or error
    assert first is not None
    raise first


def recipe_of(line: Line, size: Size) -> Recipe:
    """Return how ``line`` is trained."""
    epochs = size.epochs if line.data == "synthetic" else 1
    return Recipe(epochs=epochs, seed=line.seed, **RECIPES[line.data])


def _learn(
    line: Line, setup: Setup, size: Size, materials: Materials, form: str, backbone: str, folder: Path
) -> Learned:
    objective = build_objective(setup.objective)
    built = models.build(_model(line, setup, backbone, folder))
    columns, recipe = built.model.member_columns, recipe_of(line, size)
    minimised: Objective = EachMember(objective, columns) if columns else objective
    train, stop = (encode_all(part(form), built.encoder) for part in (materials.train, materials.stop))
    begin, worked = time.monotonic(), time.process_time()
    fitted = fit(
        built.model, train, objective=minimised, output=folder / "run", recipe=recipe, validation=stop, listeners=()
    )
    settle(built.model, train, token_budget=recipe.token_budget)
    seconds, processor = time.monotonic() - begin, time.process_time() - worked
    built.model.compute_dtype = torch.float32
    artifact.save(folder / "artefact", built.model, built.encoder, {"line": line.id, "setup": setup.plain()})
    found = {
        "form": form,
        "backbone": backbone,
        "records": len(train),
        "responses": train.sequences,
        "trained_on": len(train.chosen) or int(train.ratings.shape[0]),
        "unit": "comparisons" if len(train.chosen) else "rated responses",
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "dtype": str(fitted.dtype).removeprefix("torch."),
        "learned": dict(fitted.learned),
        "seconds": seconds,
        "processor_seconds": processor,
    }
    learning(objective).cpu()
    return Learned(remembering(Scorer.load(folder / "artefact").rewards), objective, found)


def _model(line: Line, setup: Setup, backbone: str, folder: Path) -> models.Model:
    own: dict[str, Any] = {"architecture": setup.architecture, "settings": dict(setup.settings), "seed": line.seed}
    if line.data != "synthetic":
        return models.Model(**MOVIE_MODEL, **own)
    write = {"causal": bases.write_causal, "encoder": bases.write_encoder}[backbone]
    pooling = {"causal": "last", "encoder": "mean"}[backbone]
    base = str(write(folder / "base"))
    return models.Model(base=base, pooling=pooling, random_weights=True, max_length=SYNTHETIC_LENGTH, **own)


def remembering(score: Callable[[Sequence[tuple[Content, Content]]], Sequence[float]]) -> Score:
    """Return ``score`` so that no pair is scored twice."""
    known: dict[tuple[Content, Content], float] = {}

    def scored(pairs: Sequence[tuple[Content, Content]]) -> list[float]:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if new:
            known.update(zip(new, score(new), strict=True))
        return [known[pair] for pair in pairs]

    return scored
