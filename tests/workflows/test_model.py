"""The model of a run: built from a folder as asked, with notes that say what was new."""

import json
import shutil

import pytest
import torch
from transformers import GPT2Config

from plaudit.config import BadConfiguration
from plaudit.models.backbone import BadBase
from plaudit.models.heads import head_parameters
from plaudit.scoring.artifact import save
from plaudit.scoring.verify import load
from plaudit.workflows.model import Model, build, chosen
from tests.encoding.families import family
from tests.models.families import encoders
from tests.scoring.tiny import RECIPE

WEIGHTS = "model.safetensors"


@pytest.fixture
def bare(base, tmp_path):
    """The base without weights: configuration and tokenizer only."""
    folder = tmp_path / "bare"
    shutil.copytree(base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return folder


@pytest.fixture
def gpt2(tmp_path):
    """A tiny GPT-2's configuration and tokenizer."""
    folder, tokenizer = tmp_path / "gpt2", family("gpt2")
    tokenizer.save_pretrained(folder)
    GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=4, n_positions=1024).save_pretrained(folder)
    return folder


def test_random_weights_need_only_a_configuration(bare):
    """On explicit request a folder without weights is enough; the note says so, and the seed decides the weights."""
    built = [build(Model(base=str(bare), random_weights=True, seed=seed)) for seed in (1, 1, 2)]
    heads = [torch.cat([p.flatten() for p in head_parameters(b.model.classifier)]) for b in built]

    assert "with random weights, as asked" in built[0].notes[0]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_without_the_request_weights_are_needed(bare):
    """Nothing is random by accident."""
    with pytest.raises(BadBase, match="no weights"):
        build(Model(base=str(bare)))


@pytest.mark.parametrize("random_weights", [True, False])
def test_remote_code_is_refused_either_way(base, tmp_path, random_weights):
    """A configuration that asks to run code is refused, with weights or without."""
    folder = tmp_path / "coded"
    shutil.copytree(base, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "mine.Model"}}))

    with pytest.raises(BadBase, match="auto_map"):
        build(Model(base=str(folder), random_weights=random_weights))


def test_no_configuration_is_refused(tmp_path):
    """An empty folder is named, also where random weights would do."""
    with pytest.raises(BadBase, match="no config.json"):
        build(Model(base=str(tmp_path), random_weights=True))


@pytest.mark.parametrize("shift", [0.0, 0.75])
def test_the_gpt2_reward_model_with_a_bias_is_saved_with_it(gpt2, tmp_path, shift):
    """A head bias is there when asked for, zero at first, and a trained one comes back from the artefact."""
    plain = build(Model(base=str(gpt2), random_weights=True)).model
    built = build(Model(base=str(gpt2), random_weights=True, head_bias=True))
    score = built.model.classifier.score
    count = sum(p.numel() for p in built.model.parameters())
    assert plain.classifier.score.bias is None
    assert count == sum(p.numel() for p in plain.parameters()) + 1
    assert torch.equal(score.bias, torch.zeros(1))
    with torch.no_grad():
        score.bias.fill_(shift)

    assert save(tmp_path / "saved", built.model, built.encoder, RECIPE).reward_shift == shift
    restored = load(tmp_path / "saved").model.classifier.score.bias
    assert restored is None if shift == 0 else torch.equal(restored, score.bias)


def test_a_base_that_has_a_head_says_so(base):
    """The base was saved with its head: training goes on from it, also where a bias is added."""
    for head_bias in (False, True):
        notes = build(Model(base=str(base), head_bias=head_bias)).notes
        assert any("already had a head" in note for note in notes)
        assert ("score.bias" in notes[0]) == head_bias


def test_the_longest_sequence_fits_the_position_table(tmp_path):
    """RoBERTa's table serves fewer tokens than it has rows, whatever is asked for."""
    tokenizer = family("roberta")
    config = encoders()["roberta"]
    config.vocab_size, config.max_position_embeddings = len(tokenizer), 130
    tokenizer.save_pretrained(tmp_path)
    config.save_pretrained(tmp_path)

    for asked, expected in ((0, 128), (64, 64), (500, 128)):
        built = build(Model(base=str(tmp_path), random_weights=True, max_length=asked))
        assert built.encoder.max_length == expected
        assert built.model.pooling == "first"


def test_an_architecture_gets_its_settings_and_its_heads(base):
    """Settings reach the constructor, the head has as many outputs as labels, and the base's own head gives way."""
    settings = {"names": ["helpful", "brief"], "weights": [3, 1]}
    built = build(Model(base=str(base), architecture="attributes", settings=settings))

    assert built.model.names == ("helpful", "brief")
    assert built.model.portions == (0.75, 0.25)
    assert built.model.classifier.config.id2label == {0: "helpful", 1: "brief"}
    assert built.model.classifier.score.weight.shape[0] == 2
    assert "new: score.weight" in built.notes[0]


def test_new_heads_of_an_ensemble_are_spread(bare):
    """The architecture sets its new head up once: three times the spread is three times the weights."""
    one, three = (
        build(
            Model(
                base=str(bare),
                random_weights=True,
                architecture="ensemble",
                settings={"members": 3, "spread": spread},
            )
        ).model.classifier.score.weight
        for spread in (1.0, 3.0)
    )

    torch.testing.assert_close(three, 3 * one)


@pytest.mark.parametrize(
    ("architecture", "settings", "message"),
    [
        ("attributes", {}, "names is missing"),
        ("attributes", {"name": ["a"]}, r"name = \['a'\]: no such field; did you mean names\?"),
        ("attributes", {"names": "a"}, "names = 'a'"),
        ("attributes", {"names": ["a"], "gate": 1}, "gate = 1"),
        ("attributes", {"names": ["a"], "weights": [1.0, 2.0]}, "one for each of the 1 names"),
        ("ensemble", {"members": 1}, "members must be 2 or more"),
        ("ensemble", {"combine": "best"}, "combine = 'best'"),
        ("ensemble", {"layout": "padded"}, "layout = 'padded': no such field"),
        ("scalar", {"members": 2}, "Fields of .model.settings.: none"),
        ("linear", {}, "known: attributes, .*ensemble"),
    ],
)
def test_settings_are_checked_against_the_architecture(base, architecture, settings, message):
    """Unknown, missing and wrong settings are named with those that there are, before anything is loaded."""
    with pytest.raises(BadConfiguration, match=message) as refused:
        chosen(Model(base="nowhere", architecture=architecture, settings=settings))
    if architecture != "linear":
        assert "[model.settings]" in str(refused.value)


def test_a_gate_on_an_encoder_is_refused_in_the_words_of_the_configuration(tmp_path):
    """What only the loaded backbone can tell is named by its section too."""
    tokenizer, config = family("bert"), encoders()["bert"]
    config.vocab_size = len(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    config.save_pretrained(tmp_path)
    settings = {"names": ["a", "b"], "gate": True}

    with pytest.raises(BadConfiguration, match="gate needs a causal backbone"):
        build(Model(base=str(tmp_path), random_weights=True, architecture="attributes", settings=settings))


@pytest.mark.parametrize(("setting", "value"), [("pooling", "max"), ("max_length", -1)])
def test_bad_settings_are_refused(setting, value):
    """Settings that cannot be are refused by name."""
    with pytest.raises(ValueError, match=f"unknown {setting} '{value}'|{setting} must be"):
        Model(**{setting: value})
