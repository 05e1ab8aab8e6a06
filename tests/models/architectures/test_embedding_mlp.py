"""An MLP on embeddings: its shape, how it begins, and that transformers loads it."""

import pytest
import torch
from transformers import AutoModel

from plaudit.encoding.packing import collate_sequences
from plaudit.models.architectures.embedding_mlp import EmbeddingMlp, EmbeddingMlpConfig, EmbeddingMlpModel
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.mlp import Mlp
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set

ENCODED = encoded_set()


def test_the_documents_mlp_has_its_number_of_parameters():
    """64-128-128-1 with LayerNorm: 64·128+128 + 2·128 + 128·128+128 + 2·128 + 128+1 = 25,473."""
    model = EmbeddingMlpModel(EmbeddingMlpConfig(features=64, sizes=(128, 128)))

    assert sum(p.numel() for p in model.parameters()) == 25_473
    assert [type(layer).__name__ for layer in model.score] == ["Linear", "LayerNorm", "ReLU"] * 2 + ["Linear"]


def test_a_small_start():
    """Weights have mean 0 and standard deviation 0.01, biases are 0."""
    torch.manual_seed(0)
    first, _, last = Mlp(64, (256,), layer_norm=False, initial="small")

    assert float(first.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert float(last.weight.detach().std()) == pytest.approx(0.01, rel=0.2)
    assert not first.bias.any()
    assert not last.bias.any()


def test_the_reward_is_the_composition():
    """The reward is w·relu(W x + b) + c, computed here by hand."""
    model = EmbeddingMlpModel(EmbeddingMlpConfig(features=3, sizes=(4,), layer_norm=False))
    first, _, last = model.score
    x = torch.randn(5, 3)

    expected = (x @ first.weight.T + first.bias).clamp(min=0) @ last.weight.T + last.bias
    assert torch.allclose(model(embeddings=x).logits, expected)


def test_without_a_backbone_it_loads_exactly(tmp_path):
    """What was saved is what AutoModel loads, with its settings, and gives the same rewards."""
    model = EmbeddingMlpModel(EmbeddingMlpConfig(features=6, sizes=(5,), initial="small")).eval()
    model.save_pretrained(tmp_path)
    loaded, info = AutoModel.from_pretrained(tmp_path, output_loading_info=True)

    assert type(loaded) is EmbeddingMlpModel
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert tuple(loaded.config.sizes) == (5,)
    x = torch.randn(3, 6)
    assert torch.equal(loaded(embeddings=x).logits, model(embeddings=x).logits)


def test_with_a_backbone_it_loads_exactly(tmp_path):
    """AutoModel loads backbone and MLP; the class's own forward on padded rows gives each row's own reward."""
    model = EmbeddingMlp(build(encoders()["bert"]), "mean", sizes=(8,)).eval()
    model.classifier.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path).eval()
    ids = torch.randint(3, 99, (2, 7))
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    both, alone = loaded(input_ids=ids, attention_mask=mask).logits, loaded(input_ids=ids[1:, :4]).logits

    state = model.classifier.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())
    assert torch.allclose(both[1], alone[0], atol=1e-6)


def test_other_architectures_take_one_state():
    """A head that reads one state refuses poolings beside each other by name."""
    with pytest.raises(ValueError, match="Scalar reads one state a response"):
        Scalar(build(decoders()["llama"]), "last+response")


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_layers_and_poolings_by_hand(family):
    """A linear reward on two layers, pooled at the end and over the response, normalised, is what it is by hand."""
    classifier = build((decoders() | encoders())[family])
    settings = {"sizes": (), "layers": (2, 1), "normalise": True, "initial": "small"}
    model = EmbeddingMlp(classifier, "last+response", **settings).eval()
    batch = collate_sequences(ENCODED, range(ENCODED.sequences), share=family == "llama")
    backbone, score = model.classifier.backbone, model.classifier.score[0]
    expected = []
    with torch.no_grad():
        rewards = model(batch).scalar
        model.classifier.set_attn_implementation("eager")
        for sequence in batch.sequences:
            ids = torch.tensor(ENCODED.ids(sequence).tolist())[None]
            start = int(ENCODED.response_starts[sequence])
            states = backbone(input_ids=ids, output_hidden_states=True).hidden_states
            read = [states[layer][0, -1] for layer in (2, 1)] + [states[layer][0, start:].mean(0) for layer in (2, 1)]
            scaled = [(state - state.mean()) / (state.var(correction=0) + 1e-5).sqrt() for state in read]
            expected.append(score(torch.cat(scaled))[0])

    assert torch.allclose(rewards, torch.stack(expected), atol=1e-5)
    assert score.in_features == 4 * classifier.config.get_text_config().hidden_size


def test_the_class_finds_the_response_by_token_types():
    """The class's own forward pools the tokens of type 1, or all but the first where there are none."""
    model = EmbeddingMlp(build(encoders()["bert"]), "response", sizes=(), initial="small").eval().classifier
    model.set_attn_implementation("eager")
    ids = torch.randint(3, 99, (1, 6))
    types = torch.tensor([[0, 0, 0, 1, 1, 1]])
    with torch.no_grad():
        hidden = model.backbone(input_ids=ids, token_type_ids=types).last_hidden_state
        plain = model.backbone(input_ids=ids).last_hidden_state
        assert torch.allclose(model(ids, None, types).logits, model.score(hidden[:, 3:].mean(1)), atol=1e-6)
        assert torch.allclose(model(ids).logits, model.score(plain[:, 1:].mean(1)), atol=1e-6)


def test_the_class_finds_the_response_by_its_opening():
    """Without token types the response begins after the last opening, in every row at its own place."""
    model = EmbeddingMlp(build(decoders()["llama"]), "response", sizes=(), initial="small").eval().classifier
    model.set_attn_implementation("eager")
    model.config.opening = (7, 9)
    rows = torch.tensor([[7, 9, 4, 7, 9, 5, 7, 9], [7, 9, 8, 5, 6, 3, 0, 0], [4, 9, 7, 5, 6, 3, 0, 0]])
    mask = torch.tensor([[1] * 8, [1] * 6 + [0] * 2, [1] * 6 + [0] * 2])
    with torch.no_grad():
        hidden = model.backbone(input_ids=rows, attention_mask=mask).last_hidden_state
        expected = [hidden[0, 5:].mean(0), hidden[1, 2:6].mean(0), hidden[2, 1:6].mean(0)]
        assert torch.allclose(model(rows, mask).logits, model.score(torch.stack(expected)), atol=1e-6)


def test_a_zero_start_gives_equal_rewards():
    """All rewards begin at 0, and the first step moves them."""
    mlp = Mlp(6, (5,), initial="zero")
    rewards = mlp(torch.randn(4, 6))
    rewards[0].backward()

    assert not rewards.any()
    assert mlp[-1].weight.grad.any()


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_the_seed_makes_the_head(family):
    """Equal seeds begin alike whatever was drawn before, others differently."""
    heads = []
    for seed in (1, 1, 2):
        torch.rand(3)
        classifier = build((decoders() | encoders())[family])
        model = EmbeddingMlp(classifier, "last" if family == "llama" else "first", seed=seed)
        heads.append(model.classifier.score[0].weight)

    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": (8, 0)}, r"widths of 1 or more, or none for a linear reward, not \[8, 0\]"),
        ({"initial": "huge"}, "initial must be one of standard, small, zero, not 'huge'"),
        ({"layers": (1, 9)}, r"layers must be different numbers from 0 to 2, not \[1, 9\]"),
        ({"layers": (1, 1)}, r"different numbers"),
        ({"layers": (-1,)}, r"from 0 to 2"),
        ({"pooling": "last+hf_last_non_pad"}, "several joined by"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    """The message names the setting and its range."""
    with pytest.raises(ValueError, match=message):
        EmbeddingMlp(build(encoders()["bert"]), **({"pooling": "first"} | settings))


def test_inputs_that_cannot_be():
    """Neither or both inputs, ids without a backbone, a width that is not known, a pooling of another kind."""
    model = EmbeddingMlpModel(EmbeddingMlpConfig(features=4))
    with pytest.raises(ValueError, match="either input_ids or embeddings"):
        model()
    with pytest.raises(ValueError, match="no backbone"):
        model(input_ids=torch.ones(1, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="needs features"):
        EmbeddingMlpModel(EmbeddingMlpConfig())
    with pytest.raises(ValueError, match="last, first, mean"):
        EmbeddingMlp(build(encoders()["bert"]), "hf_last_non_pad")
