"""Features of rated texts: what a frozen encoder says of each, computed once and kept on disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection.settings import Settings
from plaudit.preferences.preference import Content
from plaudit.preferences.reading import read

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rated:
    """S texts, what an encoder says of them and what people do.

    Attributes:
        features: float64 [S, d], centred and scaled to a mean square of 1 a text.
        means: float64 [S], the mean rating.
        votes: each text's single ratings.
    """

    features: Floats
    means: Floats
    votes: tuple[Floats, ...]


def rated(settings: Settings) -> Rated:
    """Return the texts of the source, with features from the cache where they are there."""
    records = list(read(settings.source, on_flaw="drop"))
    kept = records[: settings.limit or None]
    responses = [record.responses[0] for record in kept]
    votes = tuple(np.array(response.extra["votes"], np.float64) for response in responses)
    features = _features(settings, [response.content for response in responses])
    features = features - features.mean(0)
    return Rated(
        features / np.sqrt((features**2).sum(1).mean()), np.array([own.mean() for own in votes], np.float64), votes
    )


def _features(settings: Settings, texts: list[Content]) -> Floats:
    if settings.base == "noise":
        return np.random.default_rng(0).normal(size=(len(texts), 16))
    name = hashlib.sha256(repr((settings.base, texts)).encode()).hexdigest()[:16]
    path = settings.cache / f"{name}.npy"
    if not path.is_file():
        settings.cache.mkdir(parents=True, exist_ok=True)
        np.save(path, _computed(settings.base, texts, path))
    return np.asarray(np.load(path), np.float64)


def _computed(base: str, texts: list[Content], path: Path) -> NDArray[np.float32]:
    """Return the mean-pooled last states of the encoder, float32 [S, d]; needs torch, which nothing else here does."""
    from benchmarks.processes import say  # noqa: PLC0415 - only where the cache has nothing
    from plaudit.encoding.encode import without_prompt  # noqa: PLC0415
    from plaudit.encoding.turns import Unencodable  # noqa: PLC0415
    from plaudit.scoring.passes import features_of  # noqa: PLC0415
    from plaudit.workflows.model import Model, build  # noqa: PLC0415

    say(f"computing features of {len(texts):,} texts with {base}, once; they are kept in {path}")
    built = build(Model(base=base, architecture="embedding_mlp", settings={"sizes": []}, pooling="mean"))
    encoded = built.encoder.encode_many([("", text) for text in texts])
    sequences = [without_prompt(one, "") for one in encoded if not isinstance(one, Unencodable)]
    if len(sequences) < len(texts):
        raise ValueError(f"{len(texts) - len(sequences)} texts of the source cannot be encoded with {base}")
    return features_of(built.model.eval(), sequences)
