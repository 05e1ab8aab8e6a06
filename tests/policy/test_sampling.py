"""Responses from a policy: different, reproducible in whatever batches, and clear where they cannot be had."""

from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from plaudit.policy.sampling import BadSampling, Sampler
from plaudit.preferences.preference import Message
from plaudit.testing import byte_tokenizer


@pytest.fixture(scope="module")
def policy() -> LlamaForCausalLM:
    """A model of two small layers with random weights, over bytes."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=259, max_position_embeddings=128, eos_token_id=2, bos_token_id=None, **sizes)
    return LlamaForCausalLM(config)


def sampler(policy: LlamaForCausalLM, chat: bool = True, **settings: object) -> Sampler:
    return Sampler(policy, byte_tokenizer(chat), **{"max_new_tokens": 6, "top_p": 1.0, **settings})


PROMPTS = ["Hi", "Name a colour, please.", (Message("system", "Be brief."), Message("user", "Yes?"))]


def test_responses_are_different_and_not_empty(policy) -> None:
    """As many as asked for, none empty, none twice, each no longer than allowed."""
    found = list(sampler(policy).sample(PROMPTS, 4))

    assert [len(one.texts) for one in found] == [4, 4, 4]
    for one in found:
        assert len(set(one.texts)) == 4
        assert all(text.strip() for text in one.texts)
        assert one.drawn >= 4
        assert len(one.cut) == 4


def test_batches_do_not_change_what_is_drawn(policy) -> None:
    """One at a time or all together, in whatever company: the same seed and prompt give the same responses."""
    together = list(sampler(policy, batch=12).sample(PROMPTS, 3))
    singly = list(sampler(policy, batch=1).sample(PROMPTS, 3))
    backwards = list(sampler(policy, batch=4).sample(PROMPTS[::-1], 3))[::-1]

    assert [one.texts for one in together] == [one.texts for one in singly] == [one.texts for one in backwards]
    assert [one.texts for one in sampler(policy, seed=1).sample(PROMPTS, 3)] != [one.texts for one in together]


def test_generation_is_the_models_own(policy) -> None:
    """Without drawing, the response is what the model's own greedy generation gives."""
    one = next(sampler(policy, temperature=0.0).sample(["Hi"], 1))
    tokenizer = byte_tokenizer()
    text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    made = []
    for _ in range(6):
        made.append(int(policy(torch.cat([ids, torch.tensor([made], dtype=torch.long)], 1)).logits[0, -1].argmax()))

    assert one.texts == (tokenizer.decode(made).strip(),)
    assert one.cut == (True,)


def test_an_end_ends(policy) -> None:
    """A policy that always ends at once says nothing but empty responses: they are drawn again, then given up on."""
    ending = LlamaForCausalLM(policy.config)
    ending.lm_head = torch.nn.Linear(16, 259)
    torch.nn.init.zeros_(ending.lm_head.weight)
    ending.lm_head.bias.data[2] = 100.0
    one = next(sampler(ending, tries=2).sample(["Hi"], 2))

    assert (one.texts, one.cut, one.drawn) == ((), (), 6)


def test_plain_models_go_on_with_the_text(policy) -> None:
    """Without a chat template the prompt itself is gone on from."""
    one = next(sampler(policy, chat=False).sample(["Once upon"], 2))

    assert len(set(one.texts)) == 2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"batch": 0}, "batch"),
        ({"tries": -1}, "tries"),
    ],
)
def test_settings_out_of_range(policy, settings: dict[str, object], named: str) -> None:
    """Each is named."""
    with pytest.raises(BadSampling, match=named):
        sampler(policy, **settings)


def test_what_cannot_be_answered(policy) -> None:
    """No prompt, one too long for the model, or several responses where nothing is drawn."""
    with pytest.raises(BadSampling, match="empty"):
        list(sampler(policy).sample([""], 2))
    with pytest.raises(BadSampling, match="it should have 122 tokens or fewer"):
        list(sampler(policy).sample(["x" * 200], 2))
    for count, settings in ((0, {}), (2, {"temperature": 0.0})):
        with pytest.raises(BadSampling, match=f"{count} responses"):
            list(sampler(policy, **settings).sample(["Hi"], count))


def test_a_template_that_refuses_is_quoted(policy) -> None:
    """Which roles, and why, in one sentence; prompts are refused before anything is drawn."""
    asked = sampler(policy)
    asked.tokenizer.chat_template = "{{ raise_exception('no system turns') }}"
    with pytest.raises(BadSampling, match="refuses turns of system/user: no system turns"):
        asked.require(PROMPTS[2])


def test_settings_that_a_policy_comes_with_do_not_disturb(policy) -> None:
    """Beams, penalties and cuts of its own generation settings change nothing of what is drawn."""
    plain = list(sampler(policy).sample(PROMPTS, 2))
    before = policy.generation_config
    try:
        policy.generation_config = GenerationConfig(
            num_beams=3, repetition_penalty=2.0, top_k=2, top_p=0.1, temperature=0.3, do_sample=True, eos_token_id=2
        )
        assert list(sampler(policy).sample(PROMPTS, 2)) == plain
    finally:
        policy.generation_config = before


def test_what_does_not_change_is_not_drawn_again(policy) -> None:
    """At temperature 0 an empty response stays one: the policy is asked once."""
    ending = LlamaForCausalLM(policy.config)
    ending.lm_head = torch.nn.Linear(16, 259)
    torch.nn.init.zeros_(ending.lm_head.weight)
    ending.lm_head.bias.data[2] = 100.0

    assert next(sampler(ending, temperature=0.0, tries=3).sample(["Hi"], 1)).drawn == 1


def test_loads_a_folder(policy, tmp_path: Path) -> None:
    """A saved policy gives what it gave before; an unknown dtype is refused before anything is loaded."""
    policy.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    loaded = Sampler.load(str(tmp_path), max_new_tokens=6, top_p=1.0)

    assert list(loaded.sample(PROMPTS[:1], 2)) == list(sampler(policy).sample(PROMPTS[:1], 2))
    with pytest.raises(BadSampling, match="dtype"):
        Sampler.load(str(tmp_path), dtype="int3")
