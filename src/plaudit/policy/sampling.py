"""Several responses to a prompt from any causal language model: what people are then asked to compare."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import torch
from jinja2.exceptions import TemplateError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from plaudit import assets
from plaudit.models.backbone import refuse_unsafe, require_tokenizer
from plaudit.models.quiet import quiet
from plaudit.policy.drawing import Drawing, seed_of
from plaudit.preferences.fields import plain
from plaudit.preferences.preference import Content, Message

DEFAULT = "builtin:smollm2-135m-instruct"


class BadSampling(ValueError):
    """Settings that no sampling can have, or a prompt that cannot be answered; the message says which."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the policy answered to one prompt.

    Attributes:
        texts: different responses, none empty; fewer than asked for where the policy had no more.
        cut: for each, whether it reached the greatest length without an end.
        drawn: how many were drawn, equal and empty ones included.
    """

    texts: tuple[str, ...]
    cut: tuple[bool, ...]
    drawn: int


class Sampler:
    """Draws responses. The same seed, prompt and settings give the same responses, in whatever batches.

    Args:
        model: a causal language model.
        tokenizer: with a chat template, or without one for a model that goes on with plain text.
        temperature: divides the logits; 0 takes the most probable token always, so there is one response a prompt.
        top_p: the nucleus that is drawn from, above 0 and at most 1.
        max_new_tokens: the greatest length of a response.
        batch: responses generated at a time.
        tries: how often responses that are empty or equal to others are drawn again; at temperature 0 never.
        seed: of all draws.

    Raises:
        BadSampling: a setting is out of range.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_new_tokens: int = 256,
        batch: int = 16,
        tries: int = 4,
        seed: int = 0,
    ) -> None:
        if not (temperature >= 0 and temperature != float("inf")):
            raise BadSampling(f"temperature is {temperature}; it should be a number of at least 0")
        if not 0 < top_p <= 1:
            raise BadSampling(f"top_p is {top_p}; it should be above 0 and at most 1")
        for name, value, least in (("max_new_tokens", max_new_tokens, 1), ("batch", batch, 1), ("tries", tries, 0)):
            if value < least:
                raise BadSampling(f"{name} is {value}; it should be {least} or more")
        self.model, self.tokenizer = model.eval(), tokenizer
        self.temperature, self.top_p = temperature, top_p
        self.max_new_tokens, self.batch, self.tries, self.seed = max_new_tokens, batch, tries, seed
        self.ends = _ends(model, tokenizer)

    @classmethod
    def load(cls, name: str = DEFAULT, *, dtype: str = "float32", **settings: Any) -> Self:
        """Return a sampler of a policy: a built-in, a folder, or a hub id (see `plaudit.assets.base_model`).

        Raises:
            BadBase: the folder holds no safetensors weights or no tokenizer, or asks to run code.
            BadSampling: a setting is out of range, or there is no such dtype.
        """
        if dtype not in ("float32", "bfloat16", "float16"):
            raise BadSampling(f"dtype is {dtype!r}; it should be float32, bfloat16 or float16")
        folder = assets.base_model(name)
        refuse_unsafe(folder)
        require_tokenizer(folder)
        with quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), use_safetensors=True)
            tokenizer = AutoTokenizer.from_pretrained(folder)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(model.to(device), tokenizer, **settings)

    def sample(self, prompts: Iterable[Content], count: int = 2) -> Iterator[Sampled]:
        """Yield up to ``count`` different responses to each prompt, in order.

        Raises:
            BadSampling: ``count`` is too small or cannot be had, or a prompt is empty or too long for the model.
        """
        if count < 1 or (count > 1 and not self.temperature):
            right = "1, as temperature 0 has one response a prompt" if not self.temperature else "1 or more"
            raise BadSampling(f"{count} responses a prompt are asked for; it should be {right}")
        several, waiting = max(1, self.batch // count), iter(prompts)
        while group := list(islice(waiting, several)):
            yield from self._several(group, count)

    def require(self, prompt: Content) -> None:
        """Refuse a prompt that cannot be answered, before anything is drawn.

        Raises:
            BadSampling: it is empty, too long for the model, or the template refuses its turns.
        """
        self._ids(prompt)

    def _several(self, prompts: Sequence[Content], count: int) -> list[Sampled]:
        ids = [self._ids(prompt) for prompt in prompts]
        kept: list[dict[str, bool]] = [{} for _ in prompts]
        drawn = [0] * len(prompts)
        for _ in range(self.tries + 1 if self.temperature else 1):
            wanted = [place for place, found in enumerate(kept) for _ in range(count - len(found))]
            if not wanted:
                break
            seeds = []
            for place in wanted:
                seeds.append(seed_of(self.seed, plain(prompts[place]), drawn[place]))
                drawn[place] += 1
            for place, (text, cut) in zip(wanted, self._generate([ids[at] for at in wanted], seeds), strict=True):
                if text.strip():
                    kept[place].setdefault(text, cut)
        return [Sampled((*found,), (*found.values(),), n) for found, n in zip(kept, drawn, strict=True)]

    def _ids(self, prompt: Content) -> list[int]:
        """Return the token ids that the response goes on from."""
        if not prompt:
            raise BadSampling("a prompt is empty; there is nothing to answer")
        if self.tokenizer.chat_template:
            turns = (Message("user", prompt),) if isinstance(prompt, str) else prompt
            conversation: Any = plain(turns)
            try:
                text = self.tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
            except TemplateError as error:
                roles = "/".join(turn.role for turn in turns)
                raise BadSampling(f"the policy's chat template refuses turns of {roles}: {error}") from error
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        else:
            said = prompt if isinstance(prompt, str) else "\n\n".join(turn.content for turn in prompt)
            ids = self.tokenizer(said)["input_ids"]
        room = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if room is not None and len(ids) + self.max_new_tokens > room:
            shown = str(plain(prompt))[:40]
            right = f"{room - self.max_new_tokens} tokens or fewer, to leave room for {self.max_new_tokens} new ones"
            raise BadSampling(f"the prompt {shown!r}… has {len(ids)} tokens; it should have {right}")
        return [int(one) for one in ids]

    def _generate(self, ids: Sequence[list[int]], seeds: Sequence[int]) -> Iterator[tuple[str, bool]]:
        """Yield each response, and whether it was cut."""
        for start in range(0, len(ids), self.batch):
            yield from self._batch(ids[start : start + self.batch], seeds[start : start + self.batch])

    def _batch(self, ids: Sequence[list[int]], seeds: Sequence[int]) -> list[tuple[str, bool]]:
        width = max(map(len, ids))
        pad = min(self.ends)
        rows = torch.tensor([[pad] * (width - len(one)) + one for one in ids])
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in ids])
        policy: Any = self.model
        with torch.inference_mode(), quiet():
            made = policy.generate(
                rows.to(policy.device),
                attention_mask=mask.to(policy.device),
                logits_processor=LogitsProcessorList([Drawing(seeds, self.temperature, self.top_p)]),
                do_sample=False, temperature=None, top_p=None, top_k=None, repetition_penalty=1.0, num_beams=1,
                max_new_tokens=self.max_new_tokens, eos_token_id=sorted(self.ends), pad_token_id=pad,
            )  # fmt: skip
        return [self._read(one) for one in made[:, width:].tolist()]

    def _read(self, new: list[int]) -> tuple[str, bool]:
        end = next((at for at, one in enumerate(new) if one in self.ends), None)
        text = self.tokenizer.decode(new[:end], skip_special_tokens=True)
        assert isinstance(text, str)
        return text.strip() if self.tokenizer.chat_template else text, end is None


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the tokens that end a response.

    Raises:
        BadSampling: there are none.
    """
    named = getattr(model.generation_config, "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    ends = frozenset(one for one in (*listed, tokenizer.eos_token_id) if isinstance(one, int))
    if not ends:
        raise BadSampling("neither model nor tokenizer names a token that ends a text (eos_token_id)")
    return ends
