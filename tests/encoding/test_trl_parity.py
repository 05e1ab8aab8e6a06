"""The ids that TRL computes rewards from are the encoder's.

GRPO scores conversations by rendering them with the reward tokenizer's chat template and tokenising the text without
special tokens. One test makes the same calls through transformers; another runs TRL itself, in its own environment.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.preferences.preference import Message
from tests.encoding.conversations import as_dicts, saved_tokenizer, template_text
from tests.encoding.families import CHAT, PLAIN, family

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("PLAUDIT_PEERS", ROOT / ".venv-peers" / "bin" / "python"))

CONVERSATIONS = [
    ([("user", "How is the dog?")], "The dog sleeps."),
    ([("system", "Be brief.\n"), ("user", " What? ")], "  Spaces, \n\nlines\n"),
    ([("user", "One"), ("assistant", "Two"), ("user", "Three")], "ÿ 😀 <|endoftext|><|pad|> <|im_end|> </s>"),
    ([("user", "word " * 60)], "Ends with a newline\n"),
]
PLAIN_TEXTS = [("The sky is", " blue."), ("\n\nHuman: Hi\n\nAssistant:", " Ho ÿ 😀\n")]

TRL = """
import json, sys
from transformers import AutoTokenizer
from trl.data_utils import _tokenize, apply_chat_template

asked = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(asked["folder"])
texts = [apply_chat_template({"messages": p + c}, tokenizer)["text"] for p, c in asked["conversations"]]
batch = tokenizer(text=texts, return_tensors="pt", padding=True, padding_side="right", add_special_tokens=False)
grpo = [ids[mask.bool()].tolist() for ids, mask in zip(batch["input_ids"], batch["attention_mask"])]
trained = [_tokenize(tokenizer, p + c)["input_ids"] for p, c in asked["conversations"]]
plain = [_tokenize(tokenizer, text + tokenizer.eos_token)["input_ids"] for text in asked["texts"]]
json.dump({"grpo": grpo, "trained": trained, "plain": plain}, sys.stdout)
"""


def saved(name: str, folder: Path) -> Encoder:
    """Save the family's encoder and return it."""
    encoder = Encoder(family(name), for_tokenizer(family(name)), 2048)
    encoder.save(folder)
    return encoder


def turns_of(prompt: list[tuple[str, str]], response: str) -> list[Message]:
    """Return a whole conversation."""
    return [*(Message(*turn) for turn in prompt), Message("assistant", response)]


def expected(encoder: Encoder) -> list[list[int]]:
    """Return the encoder's ids of every conversation."""
    return [
        encoder.encode(tuple(Message(*turn) for turn in prompt), (Message("assistant", response),)).ids.tolist()
        for prompt, response in CONVERSATIONS
    ]


@pytest.mark.parametrize("name", [*CHAT, "gpt2", "pythia"])
def test_the_calls_that_trainers_make(name: str, tmp_path: Path) -> None:
    """Rendering to text and tokenising without special tokens, padded, gives the encoder's ids under the mask."""
    encoder = saved(name, tmp_path)
    tokenizer = saved_tokenizer(tmp_path)
    texts = [template_text(tokenizer, turns_of(prompt, response)) for prompt, response in CONVERSATIONS]
    batch = tokenizer(text=texts, padding=True, padding_side="right", add_special_tokens=False)
    pairs = zip(batch["input_ids"], batch["attention_mask"], strict=True)

    assert [ids[: sum(mask)] for ids, mask in pairs] == expected(encoder)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_text_is_read_as_it_is_trained_elsewhere(name: str) -> None:
    """Plain text with its end appended, tokenised with the tokenizer's special tokens, gives the encoder's ids."""
    encoder = Encoder(family(name), for_tokenizer(family(name)), 2048)
    for prompt, response in PLAIN_TEXTS:
        theirs = family(name)(prompt + response + family(name).eos_token)["input_ids"]

        assert encoder.encode(prompt, response).ids.tolist() == theirs


def asked_of_trl(
    folder: Path, conversations: list[tuple[list[tuple[str, str]], str]], texts: list[str]
) -> dict[str, Any]:
    """Return what TRL makes of conversations and texts with the tokenizer in ``folder``."""
    if not PEERS.is_file():
        pytest.skip(f"no peers' environment at {PEERS}; `make peers` makes one, PLAUDIT_PEERS names another")
    request = {
        "folder": str(folder),
        "conversations": [
            (as_dicts(turns_of(prompt, response)[:-1]), as_dicts(turns_of(prompt, response)[-1:]))
            for prompt, response in conversations
        ],
        "texts": texts,
    }
    done = subprocess.run([PEERS, "-c", TRL], input=json.dumps(request), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2", "llama3", "gemma", "gpt2"])
def test_trl_itself(name: str, tmp_path: Path) -> None:
    """TRL's GRPO and RewardTrainer get the encoder's ids for conversations; RewardTrainer gets them for plain text."""
    encoder = saved(name, tmp_path)
    found = asked_of_trl(tmp_path, CONVERSATIONS, ["".join(pair) for pair in PLAIN_TEXTS])

    assert found["grpo"] == found["trained"] == expected(encoder)
    if name in PLAIN:
        assert found["plain"] == [encoder.encode(*pair).ids.tolist() for pair in PLAIN_TEXTS]
