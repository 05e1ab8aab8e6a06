"""Architectures of several heads train by a configuration alone, and are measured as saved."""

from pathlib import Path

import pytest

from plaudit import config
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.training import SCHEMA, train_and_evaluate
from tests.scoring.tiny import PAIRS

RUNS = {
    "odin": (["objective.name=disentangled"], ("length_effect", "length")),
    "hierarchical": (["model.settings={span = 2, weights = [1.0, 1.0, 2.0]}"], ("span", "turn", "response")),
}


@pytest.mark.parametrize("architecture", sorted(RUNS))
def test_it_learns_and_is_served_with_its_parts(architecture: str, settings: list[str], tmp_path: Path) -> None:
    """A short run orders nearly all held-out pairs, and the artefact gives every part by name."""
    own, parts = RUNS[architecture]
    configuration = config.read(None, [*settings, f"model.architecture={architecture}", *own], SCHEMA)
    trained = train_and_evaluate(configuration, tmp_path / "run", say=lambda _: None)

    assert trained.evaluation.to_json()["accuracy"] > 0.9
    assert all(tuple(score.parts) == parts for score in Scorer.load(trained.artefact).score(PAIRS))
