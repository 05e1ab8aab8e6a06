"""Loading a base: only the head is new, what is missing or unsafe is refused, and weights are fp32."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BertConfig, BertModel, GPT2Config, LlamaConfig

from plaudit.models.backbone import BadBase, load_base, random_base
from plaudit.models.heads import head_parameters
from tests.models.families import GROUPED, SIZE, decoders, encoders

LLAMA = {**GROUPED, "pad_token_id": 0}


@pytest.fixture
def language_model(tmp_path):
    """A causal language model on disk, with a head of its own, dropout in its configuration, and bf16 weights."""
    torch.manual_seed(0)
    config = LlamaConfig(**LLAMA, attention_dropout=0.3, tie_word_embeddings=False)
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(tmp_path)
    return tmp_path


def edit(path, **values):
    """Change entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_only_the_head_is_new_and_what_is_dropped_is_named(language_model):
    """The reward head is the one new parameter; the language-model head is reported as not used."""
    loaded = load_base(language_model, pad_token_id=0)

    assert loaded.new == ("score.weight",)
    assert loaded.dropped == ("lm_head.weight",)
    stored = load_file(language_model / "model.safetensors")
    own = loaded.classifier.state_dict()
    assert set(own) - {"score.weight"} == set(stored) - {"lm_head.weight"}
    assert all(torch.equal(own[name], stored[name].float()) for name in set(stored) - {"lm_head.weight"})


def test_an_encoders_pooler_and_classifier_are_new(tmp_path):
    """A BERT without pooler, as embedding models are shipped, gets both parts of its head anew."""
    BertModel(BertConfig(**SIZE), add_pooling_layer=False).save_pretrained(tmp_path)
    prefixes = {name.rsplit(".", 1)[0] for name in load_base(tmp_path, pad_token_id=0).new}

    assert prefixes == {"bert.pooler.dense", "classifier"}


def test_missing_backbone_weights_are_refused_by_name(language_model):
    """A weight of the backbone that the file lacks is an error, not a random weight."""
    path = language_model / "model.safetensors"
    lost = "model.layers.1.mlp.up_proj.weight"
    state = load_file(path)
    del state[lost]
    save_file(state, path, metadata={"format": "pt"})

    with pytest.raises(BadBase, match=f"lacks 1 backbone weights \\({lost}"):
        load_base(language_model, pad_token_id=0)


def test_pickled_weights_are_refused(language_model):
    """Weights that could run code are named and not opened."""
    (language_model / "model.safetensors").rename(language_model / "pytorch_model.bin")

    with pytest.raises(BadBase, match=r"only pickled weights \(pytorch_model.bin\).*convert them to safetensors"):
        load_base(language_model, pad_token_id=0)


def test_remote_code_is_refused(language_model):
    """A configuration that points to code in the checkpoint is refused."""
    edit(language_model / "config.json", auto_map={"AutoModel": "modeling.Mine"})

    with pytest.raises(BadBase, match="auto_map"):
        load_base(language_model, pad_token_id=0)


@pytest.mark.parametrize(("file", "message"), [("config.json", "no config.json"), ("model.safetensors", "no weights")])
def test_half_a_folder_is_refused(language_model, file, message):
    """Without configuration or weights the folder is named, and what it lacks."""
    (language_model / file).unlink()

    with pytest.raises(BadBase, match=message):
        load_base(language_model, pad_token_id=0)


@pytest.mark.parametrize("kind", ["loaded", "random"])
def test_the_seed_decides_the_head(language_model, kind):
    """One seed gives one head, another seed another, and torch's own random state is left alone."""

    def head(seed):
        if kind == "loaded":
            model = load_base(language_model, pad_token_id=0, seed=seed).classifier
        else:
            model = random_base(LlamaConfig(**LLAMA), pad_token_id=0, seed=seed)
        return torch.cat([parameter.flatten() for parameter in head_parameters(model)])

    state = torch.get_rng_state()
    assert torch.equal(head(3), head(3))
    assert not torch.equal(head(3), head(4))
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_are_fp32_and_dropout_is_off(language_model):
    """A bf16 checkpoint with dropout is loaded in fp32, head included, without dropout, in evaluation mode."""
    assert json.loads((language_model / "config.json").read_text())["dtype"] == "bfloat16"
    model = load_base(language_model, heads=3, pad_token_id=5).classifier

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.config.attention_dropout == 0
    assert model.score.out_features == 3
    assert model.config.pad_token_id == 5
    assert not model.training


def test_random_weights_are_fp32_whatever_the_configuration_says():
    """A configuration in bf16 gives weights drawn in fp32, not rounded ones."""
    config = LlamaConfig(**LLAMA, dtype=torch.bfloat16)
    weight = random_base(config, pad_token_id=0).score.weight

    assert weight.dtype == torch.float32
    assert not torch.equal(weight, weight.bfloat16().float())


@pytest.mark.parametrize(("bias", "count"), [(True, 124_440_577), (False, 124_440_576)])
def test_the_gpt2_reward_model_has_its_parameters(bias, count):
    """GPT-2 has 124,439,808 parameters; a scalar head adds 768 weights and, where asked for, a bias."""
    with torch.device("meta"):
        model = random_base(GPT2Config(), pad_token_id=None, head_bias=bias)

    assert sum(parameter.numel() for parameter in model.parameters()) == count
    assert sum(parameter.numel() for parameter in model.transformer.parameters()) == 124_439_808
    assert sum(parameter.numel() for parameter in model.score.parameters()) == 768 + bias


def test_the_head_begins_normal_with_a_zero_bias():
    """Head weights are drawn from a normal distribution of standard deviation 0.02 about 0; the bias is 0."""
    config = GPT2Config(vocab_size=11, n_embd=4096, n_layer=0, n_head=4, n_positions=8)
    score = random_base(config, pad_token_id=None, head_bias=True).score
    weight = score.weight.detach().flatten()

    assert abs(weight.std() - 0.02) < 0.001  # 4 standard errors
    assert abs(weight.mean()) < 0.0013
    assert abs((weight.abs() < 0.02).float().mean() - 0.683) < 0.03
    assert torch.equal(score.bias, torch.zeros(1))


def test_a_loaded_base_can_have_a_bias_too(language_model):
    """The bias is reported as new and needs gradients; a head that has one already is left as it is."""
    loaded = load_base(language_model, pad_token_id=0, head_bias=True)

    assert loaded.new == ("score.weight", "score.bias")
    assert loaded.classifier.score.bias.requires_grad
    encoder = random_base(encoders()["bert"], pad_token_id=0, head_bias=True)
    assert encoder.classifier.bias.shape == (1,)
    assert not hasattr(encoder, "score")


@pytest.mark.parametrize("family", [*decoders(), *encoders()])
def test_every_family_can_be_random(family):
    """Every family that is packed or padded builds from its configuration, with one reward and no dropout."""
    model = random_base((decoders() | encoders())[family], pad_token_id=0)
    rates = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]

    assert model.config.num_labels == 1
    assert not any(rates)
