"""The last layer computes only what is read, and the same numbers."""

import copy
from collections.abc import Callable

import pytest
import torch
from transformers import CamembertConfig, ElectraConfig, PreTrainedConfig, XLMRobertaConfig

from plaudit.encoding.batch import Batch
from plaudit.encoding.packing import collate
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.headed import Headed
from plaudit.models.heads import backbone_of
from plaudit.models.last_layer import LastEncoderLayer, LastLayer, reads_few
from tests.models.families import SIZE, build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set

LEAN = ("llama", "mistral", "qwen2", "qwen3")


def known_encoders() -> dict[str, Callable[[], PreTrainedConfig]]:
    """Tiny configurations of the encoders whose last layer is known."""
    return {
        "bert": lambda: encoders()["bert"],
        "roberta": lambda: encoders()["roberta"],
        "xlm_roberta": lambda: XLMRobertaConfig(**SIZE, pad_token_id=1),
        "camembert": lambda: CamembertConfig(**SIZE, pad_token_id=1),
        "electra": lambda: ElectraConfig(**SIZE, embedding_size=16),
    }


def tokens_of(model: Headed, part: str) -> list[int]:
    """A list that grows by the number of tokens which a part of the last layer computes, pass by pass."""
    seen: list[int] = []
    last = next(module for module in model.modules() if isinstance(module, LastLayer | LastEncoderLayer))
    last.get_submodule(part).register_forward_pre_hook(lambda _module, given: seen.append(given[0].shape[1]))
    return seen


def gradients(model: Headed) -> dict[str, torch.Tensor]:
    """Gradients of all weights after one batch of trees, each response pulled by another weight."""
    rewards = model(collate(encoded_set(), range(4))).scalar
    (rewards * torch.linspace(-1, 2, len(rewards))).sum().backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("window", [None, 4, 40])
@pytest.mark.parametrize("family", LEAN)
def test_the_last_layer_gives_the_same_states_and_gradients_for_fewer_tokens(
    family: str, window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same model that computes the last layer everywhere; the window ends inside prompt or response."""
    if window is not None and family == "llama":
        pytest.skip("Llama has no window")
    short = Scalar(build(decoders(window)[family]), "last").train()
    whole = copy.deepcopy(short)
    monkeypatch.setattr(whole, "_reads_one", lambda: False)
    seen, batch = tokens_of(short, "mlp"), collate(encoded_set(), range(4))

    torch.testing.assert_close(short.features(batch), whole.features(batch), rtol=1e-5, atol=1e-6)
    assert seen == [len(batch.ends)] and len(batch.ends) < batch.layout.length
    wanted, found = gradients(whole), gradients(short)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()))


def test_other_states_are_there_where_they_are_read() -> None:
    """Poolings of other tokens and families that are not known compute all of the last layer."""
    llama = Scalar(build(decoders()["llama"]), "response").eval()
    gemma = Scalar(build(decoders()["gemma2"]), "last").eval()
    batch = collate(encoded_set(), range(4))

    assert reads_few(backbone_of(llama.classifier)) and not reads_few(backbone_of(gemma.classifier))
    for model in (llama, gemma):
        with torch.no_grad():
            assert model.hidden_states(batch)[1].shape[0] == batch.layout.length
            torch.testing.assert_close(model.features(batch), model.gather(*model.hidden_states(batch)))


def alone(sequences: list[int]) -> Batch:
    """Sequences without shared prompts, as encoders take them."""
    return collate(encoded_set(), sequences, share=False)


@pytest.mark.parametrize("pooling", ["first", "last"])
@pytest.mark.parametrize("family", known_encoders())
def test_an_encoders_last_layer_gives_the_same_states_and_gradients(
    family: str, pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same model that computes the last layer everywhere; sequences of equal and of other lengths."""
    short = Scalar(build(known_encoders()[family]()), pooling).train()
    whole = copy.deepcopy(short)
    monkeypatch.setattr(whole, "_reads_one", lambda: False)
    seen = tokens_of(short, "intermediate")
    batch = alone(list(range(4)))
    pull = torch.linspace(-1, 2, len(batch.ends))

    torch.testing.assert_close(short.features(batch), whole.features(batch), rtol=1e-5, atol=1e-6)
    assert seen == [len(batch.ends)] and len(batch.ends) < batch.layout.length
    for model in (short, whole):
        (model(batch).scalar * pull).sum().backward()
    found = dict(short.named_parameters())
    for name, weight in whole.named_parameters():
        assert (found[name].grad is None) == (weight.grad is None), name
        if weight.grad is not None:
            near = 1e-5 * float(weight.grad.abs().max()) + 1e-8
            torch.testing.assert_close(found[name].grad, weight.grad, rtol=1e-4, atol=near)


def test_an_encoders_last_layer_drops_attention_at_its_rate() -> None:
    """With dropout the reward varies about the one without, in training alone."""
    config = encoders()["bert"]
    model = Scalar(build(config), "first")
    last = next(module for module in model.modules() if isinstance(module, LastEncoderLayer))
    last.attention.self.dropout.p = 0.5
    batch = alone([0, 1])
    with torch.no_grad():
        whole, seen = model.eval()(batch).scalar, torch.stack([model.train()(batch).scalar for _ in range(400)])

        torch.testing.assert_close(model.eval()(batch).scalar, whole)
    assert bool((seen.std(0) > 0).all())
    assert bool(((seen.mean(0) - whole).abs() < 6 * seen.std(0) / 400**0.5 + 0.1 * whole.abs()).all())


def test_an_encoder_reads_one_token_of_each_segment() -> None:
    """Attention would take the segments of others for the rest."""
    model, batch = Scalar(build(encoders()["bert"]), "first").eval(), alone([0, 1])
    with pytest.raises(ValueError, match=f"1 tokens are read of {len(batch.ends)} segments"):
        model.hidden_states(batch, read=batch.ends[:1])


def test_encoders_read_at_more_places_compute_all() -> None:
    """The mean needs every state; so does whoever asks for hidden states; unknown encoders compute all."""
    for config, pooling in ((encoders()["bert"], "mean"), (encoders()["modernbert"], "first")):
        model = Scalar(build(config), pooling).eval()
        batch = alone([0, 1, 2])
        with torch.no_grad():
            assert model.hidden_states(batch)[1].shape[0] == batch.layout.length
            torch.testing.assert_close(model.features(batch), model.gather(*model.hidden_states(batch)))
    assert not reads_few(backbone_of(model.classifier))


def test_without_trees_an_encoder_computes_as_before() -> None:
    """A plain call of the classifier, eager and SDPA, gives what the untouched class gives, to the bit."""
    plain = build(encoders()["bert"]).eval()
    lean = Scalar(copy.deepcopy(plain), "first").eval().classifier
    ids = torch.arange(3, 15)[None]
    assert [type(module).__name__ for module in lean.modules()] == [type(module).__name__ for module in plain.modules()]
    for kind in ("eager", "sdpa"):
        plain.set_attn_implementation(kind)
        lean.set_attn_implementation(kind)
        with torch.no_grad():
            assert torch.equal(lean(input_ids=ids).logits, plain(input_ids=ids).logits)
