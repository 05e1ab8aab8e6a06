"""Prompt trees give the rewards and gradients of one unpadded sequence a response under eager attention."""

import copy
import threading

import numpy as np
import pytest
import torch

from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.blocks import Trees
from plaudit.models.heads import head_parameters
from tests.models.families import build, decoders, encoders

PROMPTS = {11: 17, 22: 5, 33: 30}
"""Prompt key to prompt length."""


def encoded_set(*, causal: bool = True, seed: int = 0, first: int = 3) -> EncodedSet:
    """Three prompts with several responses each, and one pair without a prompt."""
    draw = np.random.default_rng(seed)
    rows, keys, starts, records = [], [], [], []
    for key, length in PROMPTS.items():
        prompt = draw.integers(first, 99, length)
        members = []
        for size in draw.integers(1, 15, 3 if key == 11 else 2):
            members.append(len(rows))
            rows.append(np.concatenate([prompt, draw.integers(first, 99, size)]))
            keys.append(key if causal else 0)
            starts.append(length)
        records.append(members)
    records.append([len(rows), len(rows) + 1])
    for size in (4, 9):
        rows.append(draw.integers(first, 99, size))
        keys.append(0)
        starts.append(0)
    pairs = [(members[0], other) for members in records for other in members[1:]]
    counts = [len(members) - 1 for members in records]
    return EncodedSet(
        tokens=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        response_starts=np.array(starts, np.int32),
        prompt_keys=np.array(keys),
        record_offsets=np.cumsum([0, *map(len, records)]),
        record_sequences=np.concatenate(records).astype(np.int64),
        comparison_offsets=np.cumsum([0, *counts]),
        chosen=np.array([a for a, _ in pairs]),
        rejected=np.array([b for _, b in pairs]),
        tie=np.zeros(len(pairs), bool),
        strength=np.full(len(pairs), np.nan, np.float32),
        weight=np.ones(len(pairs), np.float32),
        ratings=np.zeros((len(rows), 0), np.float32),
    )


def reference(classifier, encoded, sequences):
    """Score sequences one at a time, unpadded, with the family's own class and eager attention."""
    out = []
    for sequence in sequences:
        ids = torch.from_numpy(encoded.ids(sequence).astype(np.int64))[None]
        out.append(classifier(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, 0])
    return torch.stack(out)


def compare(config, *, checkpointing=False, wrap=lambda model: model, chunk=None):
    """Return the largest difference of rewards and of any parameter's gradient."""
    encoded = encoded_set()
    eager = wrap(build(config)).train()
    packed = copy.deepcopy(eager)
    if checkpointing:
        packed.activation_checkpointing_enable()
    model = Scalar(packed, "last").train()
    assert model.layout == "trees", model.padded_because
    batch = collate(encoded, range(len(encoded)))
    assert any(tree.prompt for tree in batch.layout.trees), "nothing shared: the test would prove nothing"
    weights = torch.linspace(-1, 2, len(batch.ends))
    rewards, expected = model(batch).scalar, reference(eager, encoded, batch.sequences)
    (rewards * weights).sum().backward()
    (expected * weights).sum().backward()
    gradients = [
        (mine.grad - theirs.grad).abs().max() / theirs.grad.abs().max().clamp(min=1e-3)
        for mine, theirs in zip(packed.parameters(), eager.parameters(), strict=True)
        if theirs.requires_grad and theirs.grad is not None
    ]
    assert len(gradients) > 5
    assert expected.std() > 1e-3, "all rewards alike: the test would prove nothing"
    return (rewards - expected).abs().max().item(), max(gradients).item()


def lora(model):
    """Wrap in LoRA with non-zero adapters and a trained head."""
    from peft import LoraConfig, TaskType, get_peft_model

    transposed = type(model).__name__.startswith("GPT2")
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=4,
        target_modules="all-linear",
        modules_to_save=["score"],
        fan_in_fan_out=transposed,
    )
    wrapped = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    return wrapped.get_base_model()


@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "checkpointing"])
@pytest.mark.parametrize("adapter", [lambda m: m, lora], ids=["full", "lora"])
@pytest.mark.parametrize("family", decoders())
def test_trees_equal_single_sequences(family, adapter, checkpointing):
    """Rewards within 1e-5 and gradients within 1e-4 relative, for every family, full and LoRA, with checkpointing."""
    rewards, gradients = compare(decoders()[family], wrap=adapter, checkpointing=checkpointing)
    assert rewards < 1e-5
    assert gradients < 1e-4


@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "checkpointing"])
@pytest.mark.parametrize("adapter", [lambda m: m, lora], ids=["full", "lora"])
@pytest.mark.parametrize("window", [4, 12, 33], ids=["shorter", "within", "response"])
@pytest.mark.parametrize("family", decoders(8))
def test_windows_count_positions(family, window, adapter, checkpointing):
    """Windows shorter than the prompt, and ending inside a response, agree with eager attention."""
    rewards, gradients = compare(decoders(window)[family], wrap=adapter, checkpointing=checkpointing)
    assert rewards < 1e-5
    assert gradients < 1e-4


def test_the_bound_on_scores_matters():
    """Without Gemma 2's bound the same weights give other rewards, so the tests above would notice its loss."""
    batch = collate(encoded_set(), range(4))
    bounded = Scalar(build(decoders()["gemma2"]), "last").eval()
    unbounded = copy.deepcopy(bounded)
    for layer in unbounded.classifier.model.layers:
        assert layer.self_attn.attn_logit_softcapping
        layer.self_attn.attn_logit_softcapping = None
    with torch.no_grad():
        difference = (bounded(batch).scalar - unbounded(batch).scalar).abs().max()

    assert difference > 1e-3


@pytest.mark.parametrize("family", ["llama", "gemma2", "mistral"])
def test_cutting_long_trees_changes_nothing(family, monkeypatch):
    """Trees cut into small blocks give the same rewards and gradients as whole ones."""
    monkeypatch.setattr("plaudit.models.blocks.WHOLE", 6)
    monkeypatch.setattr("plaudit.models.blocks.CHUNK", 5)
    rewards, gradients = compare((decoders(7) | decoders())[family])
    assert rewards < 1e-5
    assert gradients < 1e-4


@pytest.mark.parametrize("small", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("family", encoders())
def test_encoders_packed_equal_single_sequences(family, pooling, small, monkeypatch):
    """Encoders, packed without sharing (or bucketed), agree with one sequence at a time."""
    if small:
        monkeypatch.setattr("plaudit.models.blocks.WHOLE", 6)
        monkeypatch.setattr("plaudit.models.blocks.CHUNK", 5)
    encoded = encoded_set(causal=False)
    classifier = build(encoders()[family])
    packed = Scalar(copy.deepcopy(classifier).train(), pooling).train()
    assert packed.layout == ("padded" if family == "deberta_v2" else "trees")
    if packed.layout == "padded":
        why = "DebertaV2ForSequenceClassification computes attention itself, not through AttentionInterface"
        assert packed.padded_because == why
    batch = collate_sequences(encoded, range(encoded.sequences), share=False)
    rewards = packed(batch).scalar
    with torch.no_grad():
        hidden = [
            getattr(classifier, classifier.base_model_prefix)(
                input_ids=torch.from_numpy(encoded.ids(s).astype(np.int64))[None]
            ).last_hidden_state[0]
            for s in batch.sequences
        ]
        pooled = torch.stack([h[0] if pooling == "first" else h.mean(0) for h in hidden])
        expected = packed.head(pooled).scalar
        classifier.config.classifier_pooling = "cls" if pooling == "first" else pooling
        own = reference(classifier, encoded, batch.sequences)
    assert torch.allclose(rewards, expected, atol=1e-5)
    if pooling == "first" or family == "modernbert":  # the class itself can pool this way
        assert torch.allclose(rewards, own, atol=1e-5)


def test_two_threads_score_different_trees():
    """The layout travels with the call: threads that interleave never see each other's trees."""
    encoded = encoded_set()
    model = Scalar(build(decoders()["llama"]).eval(), "last")
    batches = [collate_sequences(encoded, part) for part in ([0, 1, 2], [3, 4, 5, 6, 7])]
    with torch.no_grad():
        expected = [model(batch).scalar for batch in batches]
    failures = []

    def score(which):
        with torch.no_grad():
            for _ in range(20):
                if not torch.allclose(model(batches[which]).scalar, expected[which], atol=1e-6):
                    failures.append(which)

    threads = [threading.Thread(target=score, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_masks_follow_the_definition():
    """A token sees its prompt and its own segment, no later position, and no other tree."""
    encoded = encoded_set()
    batch = collate_sequences(encoded, [0, 1, 3, 4])
    trees = Trees(batch.layout, causal=True)
    whole = torch.arange(batch.layout.length)
    allowed = trees._allowed(whole, whole, None)
    offset = 0
    for tree in batch.layout.trees:
        for branch, length in enumerate(tree.responses):
            begin = tree.start + tree.prompt + sum(tree.responses[:branch])
            for query in range(begin, begin + length):
                seen = set(range(tree.start, tree.start + tree.prompt)) | set(range(begin, query + 1))
                assert set(torch.nonzero(allowed[query]).flatten().tolist()) == seen
        offset += tree.length
    assert offset == batch.layout.length


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "bert", "deberta_v2"])
def test_a_cast_backbone_rounds_like_autocast(family):
    """Weights cast to bf16 once give rewards within bf16's rounding of autocast; head and buffers stay in fp32."""
    causal = family in decoders()
    model = Scalar(build((decoders() | encoders())[family]), "last" if causal else "first").eval()
    batch = collate(encoded_set(causal=causal), range(4), share=causal)
    cast = copy.deepcopy(model)
    cast.cast_backbone(torch.bfloat16)
    with torch.no_grad():
        exact = model(batch).scalar
        model.compute_dtype = torch.bfloat16
        autocast, rewards = model(batch).scalar, cast(batch).scalar
    head = {id(p) for p in head_parameters(cast.classifier)}
    dtypes = {id(p): p.dtype for p in cast.parameters()}
    size = exact.abs().max().clamp(min=1)

    assert rewards.dtype == torch.float32
    assert 0 < (rewards - exact).abs().max() < 0.05 * size
    assert (rewards - autocast).abs().max() < 0.05 * size
    assert {dtypes[p] for p in head} == {torch.float32}
    assert {dtypes[p] for p in dtypes.keys() - head} == {torch.bfloat16}
    assert all(b.dtype != torch.bfloat16 for b in cast.buffers())


def test_a_backbone_is_cast_to_numbers_with_a_point():
    """Integers are refused by name, and nothing is changed."""
    model = Scalar(build(decoders()["llama"]), "last")

    with pytest.raises(ValueError, match="cannot be cast to torch.int8"):
        model.cast_backbone(torch.int8)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_threads_do_not_change_rewards(family):
    """One thread and three give the same fp32 rewards within 1e-5."""
    causal = family in decoders()
    model = Scalar(build((decoders() | encoders())[family]), "last" if causal else "first").eval()
    batch = collate(encoded_set(causal=causal), range(4), share=causal)
    before, rewards = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with torch.no_grad():
                rewards.append(model(batch).scalar)
    finally:
        torch.set_num_threads(before)

    assert rewards[0].std() > 1e-3
    assert torch.allclose(rewards[0], rewards[1], atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_half_precision_stays_near(family):
    """Computing in bf16 under autocast changes rewards by rounding only, and gradients exist for every weight."""
    encoded = encoded_set()
    model = Scalar(build(decoders()[family]), "last").train()
    batch = collate(encoded, range(len(encoded)))
    exact = model(batch).scalar.detach()
    model.compute_dtype = torch.bfloat16
    rounded = model(batch).scalar
    rounded.sum().backward()

    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.05 * exact.abs().max().clamp(min=1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
