"""From a quantised GGUF file to a plain fp32 transformers folder. The only module of this package that needs torch."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

MAX_TOKENS = 8192


def convert(source: Path, folder: Path) -> None:
    """Read the SmolLM2 file ``source`` and write config, fp32 weights and tokenizer to ``folder``.

    The global random state is left as it was, so a run is the same whether the cache was warm or cold.
    """
    with torch.random.fork_rng(devices=[]):
        _convert_model(source, folder)
    _convert_tokenizer(source, folder)


def _convert_model(source: Path, folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    state = {name: weight.contiguous() for name, weight in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        _require_tied(state)
        del state["lm_head.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    _plain_config(model.config.to_dict()).save_pretrained(folder)
    shutil.copymode(folder / "config.json", folder / "model.safetensors")  # safetensors lets only the owner read
    model.generation_config.save_pretrained(folder)


def _require_tied(state: dict[str, torch.Tensor]) -> None:
    if not torch.equal(state["lm_head.weight"], state["model.embed_tokens.weight"]):
        raise ValueError("the configuration ties the embeddings, but the file holds two different ones")


def _plain_config(loaded: dict[str, Any]) -> LlamaConfig:
    """Drop what ties the configuration to its GGUF file: with it, transformers refuses to save the model again."""
    dropped = ("quantization_config", "_model_name_or_path", "_name_or_path")
    kept = {name: value for name, value in loaded.items() if name not in dropped}
    kept["rms_norm_eps"] = float(f"{kept['rms_norm_eps']:.3g}")  # the file stores 1e-5 as its nearest float32
    kept["architectures"] = ["LlamaForCausalLM"]
    return LlamaConfig(**kept)


def _convert_tokenizer(source: Path, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    _split_digits(tokenizer.backend_tokenizer)
    tokenizer.model_max_length = MAX_TOKENS
    tokenizer.save_pretrained(folder)


def _split_digits(tokenizer: Tokenizer) -> None:
    r"""Put back the digit splitter, which transformers does not restore from the file's ``smollm`` pre-tokenizer.

    Without it white space before a digit is cut otherwise than in training: ``"\\n\\n1"`` becomes three ids, not two.
    """
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
