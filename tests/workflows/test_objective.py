"""The objective of a configuration: regularisers by name, with their own settings, in TOML and on the command line."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from plaudit import cli, config, members
from plaudit.config import BadConfiguration
from plaudit.models.language_head import NoLanguageModel
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.calibrated import Calibrated
from plaudit.objectives.regularisers.centred import Centred
from plaudit.workflows.model import Model, _language_model
from plaudit.workflows.objective import build_objective
from plaudit.workflows.training import SCHEMA
from tests.scoring.tiny import tiny

TWO = '[{name = "centred", weight = 0.02}, {name = "calibrated", form = "entropy"}]'


def flags(settings):
    return [part for one in settings for part in ("--set", one)]


def test_a_file_and_an_override_say_the_same(tmp_path) -> None:
    """Regularisers stand in a list of tables, each with its name and settings; without any the objective is plain."""
    file = tmp_path / "run.toml"
    file.write_text(f'[objective]\nname = "bradley_terry"\nuse_strength = false\nregularisers = {TWO}\n')
    overrides = ["objective.name=bradley_terry", "objective.use_strength=false", f"objective.regularisers={TWO}"]
    tables = [config.read(file, (), SCHEMA), config.read(None, overrides, SCHEMA)]
    built = build_objective(tables[0]["objective"])

    assert tables[0] == tables[1]
    assert isinstance(built, Regularised)
    assert built.objective == BradleyTerry(use_strength=False)
    assert built.regularisers == (Centred(0.02), Calibrated(form="entropy"))
    assert build_objective({"name": "bradley_terry"}) == BradleyTerry()
    assert build_objective({"name": "bradley_terry", "regularisers": []}) == BradleyTerry()


@pytest.mark.parametrize("name", members.names("objectives"))
def test_every_objective_takes_every_regulariser(name) -> None:
    """Whatever the objective, all regularisers can be named beside its own settings."""
    wanted = [{"name": one} for one in members.names("regularisers")]
    try:
        plain = build_objective({"name": name})
    except BadConfiguration:
        pytest.skip("it has settings without a default")
    built = build_objective({"name": name, "regularisers": wanted})

    assert isinstance(built, Regularised)
    assert type(built.objective) is type(plain)
    assert len(built.regularisers) == len(wanted)


@pytest.mark.parametrize(
    ("regularisers", "says"),
    [
        ("centred", "must be a list such as [{name"),
        (["centred"], "known: calibrated, centred"),
        ({"name": "centred"}, "must be a list"),
        ([{"name": "centered"}], "[objective.regularisers[0]] name = 'centered': 'centered' is not one of the"),
        ([{"name": "centred"}, {}], "[objective.regularisers[1]] name is missing; known regularisers: calibrated"),
        ([{"name": "centred", "wieght": 1.0}], "wieght = 1.0: no such field; did you mean weight?"),
        ([{"name": "centred", "weight": "much"}], "[objective.regularisers[0]] weight = 'much'"),
        ([{"name": "l2", "weight": -1.0}], "weight must be a finite number, 0 or more, not -1.0"),
        ([{"name": "label_smoothing", "weight": 0.5}], "weight must be in [0, 0.5), not 0.5"),
        ([{"name": "calibrated", "form": "ece"}], "[objective.regularisers[0]] form = 'ece'"),
        ([{"name": "l2"}, {"name": "l2", "weight": 1.0}], "'l2' is there 2 times"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(regularisers, says) -> None:
    """Names, settings and shapes: the message says where in the list, and what is known there."""
    with pytest.raises(BadConfiguration) as caught:
        build_objective({"name": "bradley_terry", "regularisers": regularisers})
    assert says in str(caught.value)


def test_a_wrong_regulariser_is_refused_before_the_data_is_read(capsys, tmp_path) -> None:
    """Through the command line: one line, exit code 1, nothing written."""
    wrong = ["objective.name=bradley_terry", 'objective.regularisers=[{name="l3"}]', 'data.train=["nowhere.jsonl"]']
    assert cli.main(["train", "--output", str(tmp_path / "out"), *flags(wrong)]) == 1
    error = capsys.readouterr().err

    assert "'l3' is not one of the regularisers; known: calibrated, centred, l2" in error
    assert "nowhere" not in error and not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def language_base(base, tmp_path_factory):
    """The tiny base as a causal language model, its head sharing the embedding's weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("language_base")
    wanted = AutoConfig.from_pretrained(base)
    wanted.tie_word_embeddings = True
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(wanted).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def test_a_language_model_that_was_not_kept_is_missed_before_training(
    settings, language_base, capsys, tmp_path
) -> None:
    """Without the head, the regulariser ends the run with what to set, before a step is done; likewise on features."""
    wanted = [*settings, f'model.base="{language_base}"', "objective.name=bradley_terry"]
    wanted.append('objective.regularisers=[{name="language_model"}]')
    for more in ([], ['training.tune="head"', 'model.keep_language_model="frozen"']):
        out = tmp_path / f"out{len(more)}"
        assert cli.main(["train", "--output", str(out), *flags([*wanted, *more])]) == 1
        assert "set model.keep_language_model to 'frozen' or 'trained'" in capsys.readouterr().err
        assert not list(out.rglob("*.safetensors"))


@pytest.mark.parametrize("kept", ["frozen", "trained"])
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_a_kept_language_model_is_trained_with_and_not_saved(kept, tune, settings, language_base, capsys, tmp_path):
    """The run goes from data to artefact; the artefact has a classifier's weights alone and its own recipe."""
    out = tmp_path / "out"
    wanted = [
        *settings, f'model.base="{language_base}"', f'model.keep_language_model="{kept}"', f'training.tune="{tune}"',
        "training.max_steps=3", "evaluation.resamples=100", "objective.name=bradley_terry",
        'objective.regularisers=[{name="language_model", weight=0.5}, {name="centred"}]',
    ]  # fmt: skip
    assert cli.main(["train", "--output", str(out), *flags(wanted)]) == 0, capsys.readouterr().err
    said = capsys.readouterr().err
    contract = json.loads((out / "artefact" / "plaudit.json").read_text())
    with safe_open(out / "artefact" / "model.safetensors", "pt") as weights:
        names = set(weights.keys())

    assert f"language-model head kept for training, {kept}; the saved model is without it" in said
    assert not any("language_model" in name or "lm_head" in name for name in names) and "score.weight" in names
    recorded = contract["recipe"]["configuration"]["objective"]["regularisers"]
    assert recorded == [{"name": "language_model", "weight": 0.5}, {"name": "centred"}]
    history = json.loads((out / "artefact" / "history.json").read_text())["rows"]
    losses = [row["loss"] for row in history if row["kind"] == "step"]
    assert losses[0] > 1.5, "0.69 nats of a pair and half of log(vocabulary) a token"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["model.random_weights=true"], "random_weights"),
        (["model.keep_language_model=yes"], "keep_language_model"),
    ],
)
def test_a_language_model_that_cannot_be_kept_is_refused(more, says, settings, capsys, tmp_path) -> None:
    """Random weights are no language model, and the setting has three values."""
    wanted = [*settings, "model.keep_language_model=trained", *more]
    assert cli.main(["train", "--output", str(tmp_path / "out"), *flags(wanted)]) == 1
    assert says in capsys.readouterr().err


def test_an_encoder_is_no_language_model() -> None:
    """A base that predicts no next token is refused by name, before its folder is looked at."""
    encoder = tiny("bert")[0].classifier
    with pytest.raises(NoLanguageModel, match="minilm-l6 is no causal language model"):
        _language_model(Model(base="builtin:minilm-l6", keep_language_model="frozen"), Path("none"), encoder, [])
