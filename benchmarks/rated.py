"""Features of rated texts: what a frozen encoder says of each, computed once and kept on disk."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import say
from plaudit.preferences.preference import Content
from plaudit.preferences.reading import read
from plaudit.replacing import replacing

Floats = NDArray[np.float64]
DTYPE = "bfloat16"
"""Of the encoder's weights and products; differences of features come out to about two digits."""
CACHE = Path.home() / ".cache" / "plaudit" / "selection"
PART = 500
"""Texts whose features are one file."""


@dataclass(frozen=True, slots=True)
class Rated:
    """S texts, what an encoder says of them and what people do.

    Attributes:
        features: float64 [S, d], centred and scaled to a mean square of 1 a text.
        means: float64 [S], the mean rating.
        votes: each text's single ratings.
        texts: the texts.
    """

    features: Floats
    means: Floats
    votes: tuple[Floats, ...]
    texts: tuple[str, ...] = ()


def rated(source: str, base: str, *, width: int = 0, limit: int = 0, cache: Path = CACHE) -> Rated:
    """Return the texts of a source of rated texts without prompts, with features from the cache where they are there.

    Args:
        source: of which every record has one response with its single ratings.
        base: encoder whose mean-pooled last states are the features; ``noise`` for random ones, without any model.
        width: principal components of the features that are kept; 0 for the features themselves.
        limit: texts that are read; 0 for all.
        cache: folder of the features.
    """
    records = list(read(source, on_flaw="drop"))[: limit or None]
    responses = [record.responses[0] for record in records]
    votes = tuple(np.array(response.extra["votes"], np.float64) for response in responses)
    contents = [response.content for response in responses]
    features = _features(base, contents, cache)
    features = principal(features - features.mean(0), width)
    scale = np.sqrt((features**2).sum(1).mean())
    means = np.array([own.mean() for own in votes], np.float64)
    return Rated(features / scale, means, votes, tuple(map(str, contents)))


def principal(centred: Floats, width: int) -> Floats:
    """Return the first ``width`` principal components of centred features [S, d], or all where that is 0 or more."""
    if not 0 < width < centred.shape[1]:
        return centred
    vectors = np.linalg.eigh(centred.T @ centred)[1]
    return np.asarray(centred @ vectors[:, : -width - 1 : -1], np.float64)


def _features(base: str, texts: list[Content], cache: Path) -> Floats:
    """Return the features of all texts, those that are not kept yet computed and kept part by part."""
    if base == "noise":
        return np.random.default_rng(0).normal(size=(len(texts), 16))
    parts = [texts[start : start + PART] for start in range(0, len(texts), PART)]
    names = [hashlib.sha256(repr((base, DTYPE, part)).encode()).hexdigest()[:16] for part in parts]
    paths = [cache / f"{name}.npy" for name in names]
    absent = {path: part for path, part in zip(paths, parts, strict=True) if not path.is_file()}
    if absent:
        cache.mkdir(parents=True, exist_ok=True)
        _compute(base, absent)
    return np.concatenate([np.load(path) for path in paths]).astype(np.float64)


def _compute(base: str, absent: Mapping[Path, list[Content]]) -> None:
    """Keep the mean-pooled last states of the encoder, float32 [S, d]; needs torch, which nothing else here does."""
    import torch  # noqa: PLC0415 - only where the cache has not everything

    from plaudit.encoding.encode import without_prompt  # noqa: PLC0415
    from plaudit.encoding.turns import Unencodable  # noqa: PLC0415
    from plaudit.scoring.passes import features_of  # noqa: PLC0415
    from plaudit.workflows.model import Model, build  # noqa: PLC0415

    built = build(Model(base=base, architecture="embedding_mlp", settings={"sizes": []}, pooling="mean"))
    built.model.eval().cast_backbone(getattr(torch, DTYPE))
    for number, (path, texts) in enumerate(absent.items(), 1):
        encoded = built.encoder.encode_many([("", text) for text in texts])
        sequences = [without_prompt(one, "") for one in encoded if not isinstance(one, Unencodable)]
        if len(sequences) < len(texts):
            raise ValueError(f"{len(texts) - len(sequences)} texts of the source cannot be encoded with {base}")
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, features_of(built.model, sequences))
        say(f"features of part {number} of {len(absent)}, {len(texts):,} texts, are kept in {path}")
