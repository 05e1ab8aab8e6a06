"""Positions: what a learned table, a dynamic and a long rotary embedding can represent, packed and padded."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, Phi3Config

from plaudit.encoding.packing import collate_sequences
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.rotary import BadPositions, learned_limit, regime
from tests.models.families import GROUPED, SIZE, build, decoders, encoders
from tests.models.test_prompt_trees import encoded_set

SWITCH = 24
SMALL = GROUPED | {"max_position_embeddings": SWITCH}


def dynamic():
    """A Llama whose frequencies change with every length above the switch."""
    return LlamaConfig(**SMALL, rope_parameters={"rope_type": "dynamic", "factor": 8.0, "rope_theta": 10000.0})


def longrope():
    """A Phi-3 with one set of frequencies up to the switch and another above."""
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 4, "long_factor": [9.0] * 4}
    return Phi3Config(
        **SIZE | {"num_key_value_heads": 2},
        original_max_position_embeddings=SWITCH,
        rope_parameters=rope | {"original_max_position_embeddings": SWITCH},
        pad_token_id=0,
        eos_token_id=1,
    )


ENCODED = encoded_set()
LENGTHS = [len(ENCODED.ids(sequence)) for sequence in range(ENCODED.sequences)]
SHORT = [sequence for sequence, length in enumerate(LENGTHS) if length <= SWITCH]
LONG = [sequence for sequence, length in enumerate(LENGTHS) if length > SWITCH]
SIDES = {"short": SHORT, "long": LONG, "both": [*LONG, *SHORT]}


def alone(config, sequences):
    """Score each sequence with a model of its own that has seen no other, under eager attention."""
    fresh, rewards = build(config).eval(), []
    for sequence in sequences:
        ids = torch.from_numpy(ENCODED.ids(sequence).astype(np.int64))[None]
        with torch.no_grad():
            rewards.append(copy.deepcopy(fresh)(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, 0])
    return torch.stack(rewards)


def compare(config, side, layout):
    """Return the largest difference between a batch's rewards and those of sequences alone, and the rewards."""
    batch = collate_sequences(ENCODED, SIDES[side])
    model = Scalar(build(config).eval(), "last", layout=layout).eval()
    with torch.no_grad():
        rewards = model(batch).scalar
    return (rewards - alone(config, batch.sequences)).abs().max(), model


def test_the_set_has_both_sides():
    """The sequences lie on both sides of the switch, with several lengths above it."""
    assert len(SHORT) > 2
    assert len({LENGTHS[sequence] for sequence in LONG}) > 2


@pytest.mark.parametrize(
    ("kind", "side", "layout"),
    [
        (dynamic, "short", "trees"),
        (longrope, "short", "trees"),
        (longrope, "long", "trees"),
        *[(kind, side, "padded") for kind in (dynamic, longrope) for side in SIDES],
    ],
)
def test_switching_rotaries_score_as_if_alone(kind, side, layout):
    """What is accepted has the rewards of single sequences: packed on one side of a switch, padded anywhere."""
    difference, model = compare(kind(), side, layout)

    assert model.layout == layout
    assert difference < 1e-5


@pytest.mark.parametrize(("kind", "side"), [(dynamic, "long"), (dynamic, "both"), (longrope, "both")])
def test_packing_across_a_switch_is_refused(kind, side):
    """Sequences that would take each other's frequencies are refused, naming the switch and both ways out."""
    model = Scalar(build(kind()), "last")

    with pytest.raises(BadPositions, match=f"changes at {SWITCH} tokens.*max_length to {SWITCH}.*layout='padded'"):
        model(collate_sequences(ENCODED, SIDES[side]))


@pytest.mark.parametrize("kind", [dynamic, longrope])
def test_the_switch_matters(kind):
    """Read with the frequencies of the other side, a long sequence has another reward."""
    other = kind()
    other.rope_parameters = {"rope_type": "default", "rope_theta": 10000.0}

    assert (alone(kind(), LONG) - alone(other, LONG)).abs().max() > 1e-4


def test_a_dynamic_rotary_forgets_what_it_has_seen():
    """Padded rewards of a sequence at the switch are the same before and after a longer one."""
    at = replace(ENCODED, offsets=np.array([0, SWITCH, 3 * SWITCH]), prompt_keys=np.zeros(2, int))
    model = Scalar(build(dynamic()).eval(), "last", layout="padded").eval()
    with torch.no_grad():
        before = model(collate_sequences(at, [0])).scalar
        model(collate_sequences(at, [1]))
        after = model(collate_sequences(at, [0])).scalar

    assert torch.equal(before, after)


def test_regimes():
    """Below a switch all lengths go together; above it longrope's do, and dynamic's only with their equals."""
    assert regime(LlamaConfig(**GROUPED), 9) == ()
    assert [regime(longrope(), length) for length in (3, 24, 25, 90)] == [(0,), (0,), (1,), (1,)]
    assert [regime(dynamic(), length) for length in (3, 24, 25, 90)] == [(0,), (0,), (25,), (90,)]


@pytest.mark.parametrize("layout", ["trees", "padded"])
@pytest.mark.parametrize("family", ["gpt2", "opt", "bert", "roberta"])
def test_the_learned_table_ends(family, layout):
    """The longest sequence that fits is scored; one token more is an error that names the limit."""
    config = (decoders() | encoders())[family]
    config.max_position_embeddings = 30
    limit = 28 if family == "roberta" else 30  # RoBERTa's positions begin after the pad id, 1
    model = Scalar(build(config).eval(), "last" if family in decoders() else "first", layout=layout)
    draw = np.random.default_rng(0)
    rows = draw.integers(3, 99, 2 * limit + 1).astype(np.int32)
    edges = replace(ENCODED, tokens=rows, offsets=np.array([0, limit, 2 * limit + 1]), prompt_keys=np.zeros(2, int))

    assert learned_limit(config) == limit
    assert model(collate_sequences(edges, [0])).scalar.isfinite().all()
    with pytest.raises(BadPositions, match=f"{limit + 1} tokens is beyond the backbone's {limit} learned positions"):
        model(collate_sequences(edges, [1]))
