"""Architectures of several heads train by a configuration alone, and are measured as saved."""

from pathlib import Path

import pytest

from plaudit import config
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.training import SCHEMA, train_and_evaluate
from tests.encoding.families import family
from tests.scoring.tiny import PAIRS, TOKENIZERS, classifier

RUNS = {
    "odin": (["objective.name=disentangled"], ("length_effect", "length")),
    "hierarchical": (["model.settings={span = 2, weights = [1.0, 1.0, 2.0]}"], ("span", "turn", "response")),
}
ON_ENCODERS = {
    "embedding_mlp": ["training.tune=head", "training.epochs=30", "model.settings={sizes = [32]}"],
    "two_tower": ["model.settings={sizes = [32]}"],
    "cross_attention": ["model.settings={sizes = [32], heads = 2}"],
}


@pytest.fixture(scope="module")
def encoder_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny BERT."""
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = family(TOKENIZERS["bert"])
    classifier("bert", len(tokenizer), 0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("architecture", sorted(RUNS))
def test_it_learns_and_is_served_with_its_parts(architecture: str, settings: list[str], tmp_path: Path) -> None:
    """A short run orders nearly all held-out pairs, and the artefact gives every part by name."""
    own, parts = RUNS[architecture]
    configuration = config.read(None, [*settings, f"model.architecture={architecture}", *own], SCHEMA)
    trained = train_and_evaluate(configuration, tmp_path / "run", say=lambda _: None)

    assert trained.evaluation.to_json()["accuracy"] > 0.9
    assert all(tuple(score.parts) == parts for score in Scorer.load(trained.artefact).score(PAIRS))


@pytest.mark.parametrize("architecture", sorted(ON_ENCODERS))
def test_it_learns_from_text_on_an_encoder(
    architecture: str, settings: list[str], encoder_base: Path, tmp_path: Path
) -> None:
    """A base, a file of pairs and the name are enough: it learns, is saved, and is served as it was measured."""
    own = [f'model.base="{encoder_base}"', f"model.architecture={architecture}", *ON_ENCODERS[architecture]]
    configuration = config.read(None, [*settings, *own], SCHEMA)
    trained = train_and_evaluate(configuration, tmp_path / "run", say=lambda _: None)
    yes, no = Scorer.load(trained.artefact).score(
        [("Is tea number 7 good?", "yes yes"), ("Is tea number 7 good?", "no no")]
    )

    assert trained.evaluation.to_json()["accuracy"] > 0.9
    assert yes.reward > no.reward
