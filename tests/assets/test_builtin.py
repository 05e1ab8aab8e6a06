"""The built-in assets: their names, and (slow) the real ones."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plaudit import assets
from plaudit.assets.builtin import BUILTINS

ROOT = Path(__file__).parents[2]


def test_listing_imports_neither_torch_nor_transformers() -> None:
    """Importing the package and listing the built-ins is light."""
    program = "import sys; from plaudit import assets; assets.names(); print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    modules = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "huggingface_hub", "numpy"} & set(modules.stdout.split())


def test_every_builtin_has_one_line() -> None:
    """Names carry the prefix, descriptions are one non-empty line, and both kinds are there."""
    named = assets.names()
    assert all(name.startswith("builtin:") and line and "\n" not in line for name, line in named.items())
    assert {builtin.kind for builtin in BUILTINS.values()} == {"model", "data"}


def test_every_pin_is_a_sha256() -> None:
    """A pin is 64 hex digits, so that none is an accident of editing."""
    assert all(len(bytes.fromhex(builtin.package.sha256)) == 32 for builtin in BUILTINS.values())


@pytest.mark.parametrize("name", ["builtin:gpt2", "builtin:", "builtin:movie-ratings"])
def test_an_unknown_model_lists_those_there_are(name: str) -> None:
    """A name that is no built-in model, a data set's included, is refused with the models' names."""
    with pytest.raises(assets.UnknownAsset) as caught:
        assets.base_model(name)
    assert "builtin:minilm-l6" in str(caught.value)
    assert "builtin:smollm2-135m-instruct" in str(caught.value)


@pytest.mark.parametrize("name", ["builtin:films", "movie-ratings", "", "builtin:minilm-l6"])
def test_an_unknown_data_set_lists_those_there_are(name: str) -> None:
    """A name that is no built-in data set is refused with the data sets' names."""
    with pytest.raises(assets.UnknownAsset, match="builtin:movie-ratings, builtin:product-ratings"):
        assets.data_file(name)


def test_a_local_folder_is_returned_as_it_is(tmp_path: Path) -> None:
    """A folder that exists needs no hub."""
    assert assets.base_model(str(tmp_path)) == tmp_path


def _rows(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text(encoding="utf-8-sig").splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stem", "count"),
    [
        ("builtin:movie-ratings", "movieReviewSnippets", 10605),
        ("builtin:product-ratings", "amazonReviewSnippets", 3708),
    ],
)
def test_ratings_hold_what_they_say(name: str, stem: str, count: int) -> None:
    """As many rows as promised in both files, and the stated mean is the mean of the raters' ratings."""
    folder = assets.data_file(name)
    truth, ratings = (_rows(folder / f"{stem}_{part}.txt") for part in ("GroundTruth", "anonDataRatings"))
    assert len(truth) == len(ratings) == count
    stated = {row[0]: float(row[1]) for row in truth}
    for identity, _, _, listed in ratings:
        given = [float(rating) for rating in listed.strip("[]").split(",")]
        assert sum(given) / len(given) == pytest.approx(stated[identity], abs=1e-6)


@pytest.fixture(scope="module")
def smollm2() -> tuple[Any, Any]:
    """The built-in chat model and its tokenizer."""
    transformers = pytest.importorskip("transformers")
    folder = assets.base_model("builtin:smollm2-135m-instruct")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def _nats(smollm2: tuple[Any, Any], text: str) -> float:
    """Negative log-likelihood of ``text`` under the model, in nats."""
    import torch

    model, tokenizer = smollm2
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(ids, labels=ids).loss) * (ids.shape[1] - 1)


@pytest.mark.slow
def test_smollm2_is_plain_fp32_and_saves_again(smollm2: tuple[Any, Any], tmp_path: Path) -> None:
    """The folder loads as a plain Llama in fp32 with tied embeddings, the right special ids, and saves again."""
    import torch

    model, tokenizer = smollm2
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    assert (model.config.bos_token_id, model.config.eos_token_id) == (1, 2)
    model.save_pretrained(tmp_path)
    assert type(model).from_pretrained(tmp_path).state_dict().keys() == model.state_dict().keys()


@pytest.mark.slow
def test_smollm2_answers_in_english(smollm2: tuple[Any, Any]) -> None:
    """Greedy decoding through the kept chat template answers a simple question and ends its turn."""
    model, tokenizer = smollm2
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    ids = model.generate(**prompt, max_new_tokens=20, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(ids)
    assert ids[-1] == tokenizer.eos_token_id


@pytest.mark.slow
def test_smollm2_prefers_english_to_shuffled_words(smollm2: tuple[Any, Any]) -> None:
    """A sentence is at least 20 nats more likely than the same words in random order."""
    text = "the children walked to the old library to return the books their teacher had asked for"
    words = text.split()
    shuffled = random.Random(0).sample(words, len(words))
    assert _nats(smollm2, text) + 20 < _nats(smollm2, " ".join(shuffled))


@pytest.mark.slow
def test_smollm2_splits_digits_as_in_training(smollm2: tuple[Any, Any]) -> None:
    """White space before a digit stays whole, which makes a numbered list likelier than without the splitter."""
    from tokenizers import pre_tokenizers

    _, tokenizer = smollm2
    text = "Things to do:\n\n1. Buy 24 eggs.\n\n2. Call 7 friends.\n\n3. Read 1984.\n\n4. Sleep."
    assert tokenizer.tokenize("a\n\n1") == ["a", "ĊĊ", "1"]
    mended = _nats(smollm2, text)
    kept = tokenizer.backend_tokenizer.pre_tokenizer
    try:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        assert mended + 10 < _nats(smollm2, text)
    finally:
        tokenizer.backend_tokenizer.pre_tokenizer = kept


@pytest.mark.slow
def test_minilm_is_a_sentence_encoder() -> None:
    """It loads as a BERT in fp32, neither cuts nor pads by itself, and puts like sentences nearer than unlike ones."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = assets.base_model("builtin:minilm-l6")
    model, tokenizer = (
        transformers.AutoModel.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    assert type(model).__name__ == "BertModel"
    assert len(tokenizer.backend_tokenizer.encode("word " * 200).ids) == 202
    assert len(tokenizer.backend_tokenizer.encode("word").ids) == 3

    def embed(text: str) -> Any:
        with torch.no_grad():
            return model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(1)[0]

    cat, kitten, market = (embed(text) for text in ("a cat sat", "a kitten was sitting", "stock markets fell"))
    assert torch.cosine_similarity(cat, kitten, 0) > torch.cosine_similarity(cat, market, 0) + 0.3
