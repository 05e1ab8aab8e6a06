"""Models from a hub, through huggingface_hub: safetensors only, the cache before an error, and never a long wait.

``HF_ENDPOINT``, ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_HUB_CACHE`` and ``HF_TOKEN`` mean what they mean everywhere else.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported, but lazily

from plaudit.assets.errors import AssetError, UnknownAsset, Unreachable

WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model")
UNWANTED = ("onnx/*", "openvino/*", "original/*", "consolidated*", "*.bin.index.json")
ANSWER_SECONDS = 7.0


def resolve(name: str, instead: Iterable[str]) -> Path:
    """Return the local snapshot of the model ``name`` (``id`` or ``id@revision``), downloading it where needed.

    The hub is asked first, so a moved branch is followed; where it does not answer in `ANSWER_SECONDS` or offline mode
    is set, the cached snapshot is used. Pickled weights are never downloaded.

    Args:
        name: hub id, with an optional branch, tag or commit after ``@``.
        instead: names to propose where this one cannot be had.

    Raises:
        UnknownAsset: ``name`` is no hub id, or the hub has no such model.
        Unreachable: the hub does not answer and the cache does not hold the model.
        AssetError: the model has no safetensors weights.
    """
    identity, _, revision = name.partition("@")
    _require_hub_id(identity, instead)
    failure = _ask(identity, revision or None, instead)
    offline = failure is not None
    try:
        found = snapshot_download(
            identity,
            revision=revision or None,
            allow_patterns=list(WANTED),
            ignore_patterns=list(UNWANTED),
            local_files_only=offline,
        )
    except Exception as error:
        raise Unreachable(_cannot_have(name, failure or error, instead)) from error
    if offline:
        sys.stderr.write(f"the hub does not answer; using the cached {name} in {found}" + "\n")
    _require_complete(name, Path(found))
    return Path(found)


def _require_hub_id(identity: str, instead: Iterable[str]) -> None:
    try:
        validate_repo_id(identity)
    except HFValidationError as error:
        raise UnknownAsset(
            f"{identity!r} is no folder here and cannot be a hub id ({error}); built in: {', '.join(instead)}"
        ) from error


def _ask(identity: str, revision: str | None, instead: Iterable[str]) -> Exception | None:
    """Ask the hub for the model's files; return why it could not be asked, or None if it was and has safetensors."""
    api = HfApi()
    try:
        info = _within(ANSWER_SECONDS, lambda: api.model_info(identity, revision=revision, timeout=ANSWER_SECONDS / 2))
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        at = f" at revision {revision!r}" if revision else ""
        raise UnknownAsset(
            f"{identity!r} is no folder here, and {api.endpoint} offers no such model{at}; if it is private or gated, "
            f"set HF_TOKEN. Built in: {', '.join(instead)}"
        ) from error
    except Exception as error:  # noqa: BLE001 whatever kept the hub from answering, the cache may hold the model
        return error
    _require_safetensors(identity, [file.rfilename for file in info.siblings or []])
    return None


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns or raises, or raise TimeoutError: no library bounds the wait for a name server."""
    answers: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()

    def answer() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001 raised again in the thread that asked
            answers.put((None, error))

    Thread(target=answer, daemon=True).start()
    try:
        result, error = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer in {seconds:g} s") from None
    if error is not None:
        raise error
    return result


def _cannot_have(name: str, cause: Exception, instead: Iterable[str]) -> str:
    return (
        f"cannot get the model {name!r}: it is no folder here, the hub {constants.ENDPOINT} could not give it "
        f"({type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else 'no reason given'}), and the cache "
        f"{constants.HF_HUB_CACHE} does not hold it whole. Without a hub these work: {', '.join(instead)}"
    )


def _require_safetensors(name: str, files: Iterable[str]) -> None:
    if not any(file.endswith(".safetensors") and "/" not in file for file in files):
        raise AssetError(
            f"the model {name!r} has no safetensors weights; pickled ones can run code when loaded and are refused. "
            "Convert it first, or ask its author to"
        )


def _require_complete(name: str, folder: Path) -> None:
    _require_safetensors(name, [file.name for file in folder.iterdir()])
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    if missing := sorted(shard for shard in shards if not (folder / shard).is_file()):
        raise AssetError(f"the model {name!r} in {folder} lacks {', '.join(missing)}; download it again")
