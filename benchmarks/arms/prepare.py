"""Writes what every arm reads: two checkpoints in fp32 with a fixed random head, pairs, prompts and snippets."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from benchmarks import smoke
from benchmarks.arms import protocol
from benchmarks.loading import encoder_of
from benchmarks.materials import (
    ASKED,
    Fitting,
    NoPairs,
    drawn,
    fitting,
    length_sorted,
    long_case,
    movie_snippets,
    prompt_tokens,
    shared_pairs,
    short_case,
    token_counts,
    warming,
)
from plaudit.assets import base_model
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.backbone import load_base
from plaudit.models.precision import choose_dtype

DECODER, ENCODER = "builtin:smollm2-135m-instruct", "builtin:minilm-l6"
PAIR_PARTS = {"equality", "train", "score"}
ROOM = 1 << 20
"""As long as a prompt may be while it is measured."""


def measure(request: protocol.Request) -> protocol.Answer:
    """Prepare what the parts asked for need; say which cannot be had."""
    torch.set_num_threads(request["threads"])
    parts, skipped, facts = set(request["only"]), {}, {}
    if parts & PAIR_PARTS:
        try:
            facts["pairs"] = _pairs(request)
        except NoPairs as error:
            skipped = dict.fromkeys(sorted(parts & PAIR_PARTS), str(error))
    if "minilm" in parts:
        facts["snippets"] = _snippets(request)
    dtype = str(choose_dtype(request["dtype"])).removeprefix("torch.")
    return {"dtype": dtype, "skipped": skipped, "facts": facts}


def _pairs(request: protocol.Request) -> dict[str, Any]:
    folder, seed = Path(request["folder"]), request["seed"]
    source = smoke.made_up_pairs() if request["smoke"] else shared_pairs()
    _checkpoint(request, DECODER, "decoder", "chatml")
    encoder = encoder_of(folder / "decoder", request["max_length"])
    pool = fitting(source, encoder)
    timed = drawn(pool, request["pairs"], seed)
    taken = [*warming(pool, timed, request["warm_up"], request["batch_size"]), *timed]
    ordered = {"pairs": taken, "sorted_pairs": length_sorted(taken, request["warm_up"])}
    for name, pairs in ordered.items():
        _write(folder, name, [pair.pair for pair in pairs])
    _write(folder, "prompts", _cases(request, pool))
    counts = token_counts(pool, timed, request["batch_size"], seed)
    return {"fit": len(pool), "taken": len(taken), **_lengths(timed), **counts}


def _cases(request: protocol.Request, pool: Sequence[Fitting]) -> list[dict[str, Any]]:
    measured = encoder_of(Path(request["folder"], "decoder"), ROOM)
    seed, (short, long) = request["seed"], ("short", "long")
    sizes = {kind: (request[f"{kind}_prompt"], request[f"{kind}_responses"], seed) for kind in (short, long)}
    return [
        short_case(pool, *sizes[short]),
        long_case(pool, *sizes[long], lambda text: prompt_tokens(measured, text)),
    ]


def _lengths(pairs: Sequence[Fitting]) -> dict[str, float]:
    return {
        "median_prompt_tokens": statistics.median(pair.prompt for pair in pairs),
        "median_longest_tokens": statistics.median(pair.longest for pair in pairs),
        "longest_tokens": max(pair.longest for pair in pairs),
    }


def _snippets(request: protocol.Request) -> dict[str, Any]:
    count, seed = request["snippets"], request["seed"]
    texts = smoke.made_up_snippets(count, seed) if request["smoke"] else movie_snippets(count, seed)
    _checkpoint(request, ENCODER, "encoder", "encoder")
    _write(Path(request["folder"]), "snippets", [{"prompt": ASKED, "response": text} for text in texts])
    return {"taken": len(texts)}


def _checkpoint(request: protocol.Request, base: str, name: str, template: str) -> None:
    """Write a sequence classifier and the tokenizer whose ids and pad token plaudit's encoder settles on."""
    folder = Path(request["folder"], name)
    source = _tiny(folder) if request["smoke"] else base_model(base)
    tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer, template), request["max_length"])
    pad = encoder.tokenizer.pad_token_id
    load_base(source, pad_token_id=pad, seed=request["seed"]).classifier.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)


def _tiny(folder: Path) -> Path:
    source = folder.with_name(f"tiny-{folder.name}")
    (smoke.tiny_decoder if folder.name == "decoder" else smoke.tiny_encoder)(source)
    return source


def _write(folder: Path, name: str, rows: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    protocol.answer(measure)
