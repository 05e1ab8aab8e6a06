"""The kept language-model head gives the log-probabilities of the class itself, for every branch of a prompt tree."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models import language_head as module
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.language_head import LanguageHead, NoLanguageModel, language_head
from tests.models.families import decoders
from tests.models.test_prompt_trees import encoded_set

FAMILIES = {"llama": False, "gpt2": True, "gemma2": True, "gpt_neox": False}
"""Families, and whether their head shares the input embedding's weights here."""


def checkpoint(folder, family, tied):
    """Save a causal language model with weights large enough for its predictions to differ; return it."""
    torch.manual_seed(1)
    config = decoders()[family]
    config.tie_word_embeddings, config.pad_token_id = tied, 0
    config.final_logit_softcapping = 2.0 if family == "gemma2" else None
    for name, value in list(vars(config).items()):
        if ("dropout" in name or name.endswith("pdrop")) and isinstance(value, float):
            setattr(config, name, 0.0)
    causal = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in causal.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    causal.save_pretrained(folder)
    return causal


def kept(folder, trained=False, layout="trees"):
    """Return the reward model of a checkpoint, its language-model head kept."""
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).eval()
    head = language_head(folder, classifier, trained=trained)
    model = Scalar(classifier, "last", layout=layout).eval()
    model.language_model = head
    return model


def by_class(causal, encoded, sequences):
    """Return what transformers' own loss says of each response: minus the mean log-probability of its tokens."""
    found = []
    for sequence in sequences:
        ids = torch.from_numpy(encoded.ids(sequence).astype(np.int64))[None]
        labels = ids.clone()
        labels[:, : encoded.response_starts[sequence]] = -100
        found.append(-causal(input_ids=ids, labels=labels).loss)
    return torch.stack(found)


@pytest.fixture(scope="module", params=FAMILIES)
def saved(request, tmp_path_factory):
    """A checkpoint of each family, and its causal language model."""
    folder = tmp_path_factory.mktemp(request.param)
    return folder, checkpoint(folder, request.param, FAMILIES[request.param])


@pytest.mark.parametrize("layout", ["trees", "padded"])
@pytest.mark.parametrize("logits", [1 << 23, 250], ids=["whole", "two positions at once"])
def test_log_likelihoods_are_those_of_the_class(saved, layout, logits, monkeypatch) -> None:
    """Packed or padded, whole or cut: within 1e-5 of transformers' own loss of one sequence at a time."""
    monkeypatch.setattr(module, "AT_ONCE", logits)
    folder, causal = saved
    model, encoded = kept(folder, layout=layout), encoded_set()
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    assert layout == "padded" or any(tree.prompt for tree in batch.layout.trees)
    with torch.no_grad():
        found, expected = model(batch).log_likelihood, by_class(causal, encoded, batch.sequences)

    assert found.dtype == torch.float32 and found.shape == (len(batch.ends),)
    assert expected.std() > 0.05, "all alike: the test would prove nothing"
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("saved", ["llama", "gpt2"], indirect=True)
def test_gradients_are_those_of_the_class(saved) -> None:
    """With a trained head, every weight gets the gradient that transformers' own loss gives it."""
    folder, causal = saved
    model, encoded = kept(folder, trained=True).train(), encoded_set()
    causal = copy.deepcopy(causal).train()
    batch = collate(encoded, range(len(encoded)))
    weights = torch.linspace(1, 2, len(batch.ends))
    (model(batch).log_likelihood * weights).sum().backward()
    (by_class(causal, encoded, batch.sequences) * weights).sum().backward()
    expected = dict(causal.named_parameters())
    ours = {name.removeprefix("classifier."): p.grad for name, p in model.named_parameters() if "score" not in name}
    if "lm_head.weight" in expected:
        ours["lm_head.weight"] = ours.pop("language_model.own_weight")

    assert ours.keys() == expected.keys()
    for name, gradient in ours.items():
        size = expected[name].grad.abs().max().clamp(min=1e-3)
        assert (gradient - expected[name].grad).abs().max() < 1e-4 * size, name


def test_responses_that_begin_alike_keep_their_own_tokens(saved) -> None:
    """Where a tree's shared part reaches into the responses, the tokens in it still count for each of them."""
    folder, causal = saved
    encoded = encoded_set()
    tokens, (first, second) = encoded.tokens.copy(), (3, 4)
    begin = [int(encoded.offsets[s] + encoded.response_starts[s]) for s in (first, second)]
    tokens[begin[1]] = tokens[begin[0]]
    encoded = replace(encoded, tokens=tokens)
    model, batch = kept(folder), collate_sequences(encoded, [first, second])
    assert batch.layout.trees[0].prompt > encoded.response_starts[first], "nothing of the responses is shared"
    with torch.no_grad():
        found = model(batch).log_likelihood

        assert torch.allclose(found, by_class(causal, encoded, batch.sequences), atol=1e-5)


def test_one_token_without_a_prompt_has_nothing_to_predict(saved) -> None:
    """A response of a single token and no prompt gives 0, not NaN; beside others it changes nothing."""
    model, encoded = kept(saved[0]), encoded_set()
    alone = len(encoded.offsets) - 3
    short = replace(
        encoded,
        tokens=np.delete(encoded.tokens, slice(encoded.offsets[alone] + 1, encoded.offsets[alone + 1])),
        offsets=np.concatenate(
            [encoded.offsets[: alone + 1], encoded.offsets[alone + 1 :] - (encoded.lengths[alone] - 1)]
        ),
    )
    with torch.no_grad():
        found = model(collate_sequences(short, [alone, alone + 1])).log_likelihood
        other = model(collate_sequences(short, [alone + 1])).log_likelihood

    assert short.lengths[alone] == 1
    assert found[0] == 0
    assert torch.allclose(found[1:], other, atol=1e-6)


def test_rewards_are_those_without_it(saved) -> None:
    """The reward of a response is the same with the head and without, which gives no log-likelihoods."""
    model, batch = kept(saved[0]), collate(encoded_set(), range(4))
    with torch.no_grad():
        having = model(batch)
        model.language_model = None
        without = model(batch)

    assert without.log_likelihood is None
    # without it the last layer computes the ends alone, whose products round in another order
    assert torch.allclose(having.values, without.values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("trained", [False, True], ids=["frozen", "trained"])
def test_a_frozen_head_is_no_weight(saved, trained) -> None:
    """A frozen head adds no parameter and pulls on no output weight; a trained one of its own is a parameter."""
    folder, causal = saved
    tied = causal.get_output_embeddings().weight is causal.get_input_embeddings().weight
    model, batch = kept(folder, trained).train(), collate(encoded_set(), range(4))
    own = [name for name, _ in model.named_parameters() if name.startswith("language_model")]
    assert own == (["language_model.own_weight"] if trained and not tied else [])
    assert not any(name.startswith("language_model") for name in model.state_dict()) or own

    model(batch).log_likelihood.sum().backward()
    embedding = model.classifier.get_input_embeddings().weight
    unseen = sorted(set(range(99)) - set(batch.input_ids.tolist()))
    assert unseen
    assert bool(embedding.grad[unseen].any()) == (trained and tied), (
        "only as output weights are unseen tokens pulled on"
    )


def test_a_tied_head_follows_the_embedding(saved) -> None:
    """Weights that are shared are shared: when the embedding moves, or the model is copied, the head goes along."""
    folder, causal = saved
    if causal.get_output_embeddings().weight is not causal.get_input_embeddings().weight:
        pytest.skip("this family has a head of its own here")
    model, batch = kept(folder), collate(encoded_set(), range(4))
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for causing in (causal.get_input_embeddings(), twin.classifier.get_input_embeddings()):
            assert torch.equal(causing.weight, model.classifier.get_input_embeddings().weight)
        twin.classifier.get_input_embeddings().weight.mul_(1.5)

    assert torch.equal(twin.language_model.weight, twin.classifier.get_input_embeddings().weight)
    assert torch.equal(model.language_model.weight, model.classifier.get_input_embeddings().weight)
    assert not torch.equal(twin(batch).log_likelihood, model(batch).log_likelihood)


@pytest.mark.parametrize("saved", ["llama"], indirect=True)
def test_memory_holds_no_more_logits_than_asked(saved, monkeypatch) -> None:
    """However many positions there are, no tensor of logits has more than `AT_ONCE` numbers, and none is remembered."""
    monkeypatch.setattr(module, "AT_ONCE", 990)
    model, seen, remembered = kept(saved[0], trained=True).train(), [], []
    logits = LanguageHead.logits
    monkeypatch.setattr(LanguageHead, "logits", lambda self, h: seen.append(h.shape[0] * 99) or logits(self, h))
    batch = collate(encoded_set(), range(4))
    _, hidden = model.hidden_states(batch)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: remembered.append(tuple(t.shape)) or t, lambda t: t):
        found = model.language_model(hidden, batch)
    forwards = len(seen)
    found.sum().backward()

    assert max(seen) <= 990 and forwards > 3
    assert len(seen) == 2 * forwards, "the backward pass computes each part again"
    assert not any(shape[-1:] == (99,) and len(shape) > 1 for shape in remembered if shape != (99, 32))


def test_half_precision_stays_near(saved) -> None:
    """In bf16 under autocast, log-likelihoods are fp32 and differ by rounding only."""
    model, batch = kept(saved[0]), collate(encoded_set(), range(4))
    with torch.no_grad():
        exact = model(batch).log_likelihood
        model.compute_dtype = torch.bfloat16
        rounded = model(batch).log_likelihood

    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.1 * exact.abs().max()


def test_a_checkpoint_without_a_head_is_refused(tmp_path) -> None:
    """A classifier's folder has no language-model head, and a random one is not made up."""
    config = decoders()["llama"]
    config.tie_word_embeddings, config.num_labels, config.pad_token_id = False, 1, 0
    classifier = AutoModelForSequenceClassification.from_config(config).eval()
    classifier.save_pretrained(tmp_path)

    with pytest.raises(NoLanguageModel, match=r"lacks lm_head\.weight"):
        language_head(tmp_path, classifier, trained=False)


def test_a_head_that_does_more_is_refused(saved, monkeypatch) -> None:
    """Where the class gives other log-probabilities than the head alone, it is not kept."""
    folder, causal = saved
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).eval()
    forward = type(causal).forward

    def scaled(self, *arguments, **named):
        out = forward(self, *arguments, **named)
        out.logits = out.logits / 3
        return out

    monkeypatch.setattr(type(causal), "forward", scaled)
    with pytest.raises(NoLanguageModel, match="its head does more to the hidden states"):
        language_head(folder, classifier, trained=False)
