"""Responses to prompts from a policy, written to a file that `plaudit annotate --pairs` takes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from plaudit.policy.sampling import BadSampling, Sampled, Sampler
from plaudit.preferences.fields import DERIVED, content_id, plain, take_identity, take_prompt
from plaudit.preferences.files import files_of, rows_of
from plaudit.preferences.preference import Content
from plaudit.preferences.rows import BadSource, Ledger, Row
from plaudit.preferences.saving import require_free, save_rows

SIDES = ("chosen", "rejected", "responses", "response", "response_a", "response_b", "text", "label", "margin")
"""Fields about responses that a file of prompts may have; they are not taken along."""

AGAIN = "the same prompt again"
ASKED = "a text or a list of turns that ends with the user's"
FEWER, NONE = "fewer different responses than asked for", "no two different responses: left out"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with its identity and what else stood in its row."""

    id: str
    content: Content
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What was sampled.

    Attributes:
        file: where it stands: a row a prompt, with ``responses``.
        prompts: how many have two or more responses, and are in the file.
        responses: how many there are together.
        cut: how many of them reached the greatest length without an end.
        left_out: prompts that are not in the file or have fewer responses than asked for, by reason.
    """

    file: Path
    prompts: int
    responses: int
    cut: int
    left_out: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return the same in words."""
        counts = f"{self.responses:,} responses to {self.prompts:,} prompts ({self.cut:,} cut at the greatest length)"
        return [f"{self.file}: {counts}", *(f"  {reason}: {count:,}" for reason, count in self.left_out.items())]


def read_prompts(source: Path, left_out: Counter[str] | None = None) -> Iterator[Prompt]:
    """Yield the prompts of a file or folder, each once: ``prompt`` or ``messages`` of each row, each line of a .txt.

    Args:
        source: the file or folder.
        left_out: counts rows that were there before, under one id or none and with one prompt.

    Raises:
        BadSource: it is missing or not of a known kind.
        BadRow: a row has no prompt that a policy could answer, or the id of another one.
    """
    seen: dict[str, Content] = {}
    for row in _rows(source):
        prompt = _prompt(row)
        if prompt.id not in seen:
            seen[prompt.id] = prompt.content
            yield prompt
        elif seen[prompt.id] != prompt.content:
            raise row.bad(
                "id", f"{prompt.id!r} is the id of an earlier prompt; every one needs its own", "duplicate id"
            )
        elif left_out is not None:
            left_out[AGAIN] += 1


def _rows(source: Path) -> Iterator[Row]:
    if source.suffix == ".txt" and source.is_file():
        for at, line in enumerate(_lines(source), 1):
            if line.strip():
                yield Row({"prompt": line.strip()}, str(source), at)
        return
    for file in files_of(source):
        yield from rows_of(file, Ledger(), str(file))


def _lines(source: Path) -> list[str]:
    try:
        return source.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise BadSource(f"{source}: it should be UTF-8 text ({error.reason} at byte {error.start})") from error


def _prompt(row: Row) -> Prompt:
    rest = {name: value for name, value in row.fields.items() if name not in SIDES}
    if "prompt" not in rest and isinstance(rest.get("messages"), list):
        rest["prompt"] = rest.pop("messages")
    content = take_prompt(row, rest)
    if not content:
        raise row.missing("prompt", ASKED)
    if isinstance(content, str) and not content.strip():
        raise row.wrong("prompt", content, ASKED)
    if not isinstance(content, str) and content[-1].role == "assistant":
        raise row.bad("prompt", f"ends with an assistant's turn; it should be {ASKED}", "answered already")
    rest = {name: value for name, value in rest.items() if name not in ("prompt", "prompt_format")}
    identity = take_identity(rest)
    return Prompt(identity["id"] or content_id(content, ()), content, rest)


def require(source: Path, output: Path, count: int, *, overwrite: bool) -> None:
    """Refuse what cannot be done, before a policy is loaded for it (see `sample`)."""
    if count < 2:
        raise BadSampling(f"{count} responses a prompt are asked for; a comparison takes two or more")
    require_free(output, overwrite=overwrite)
    if next(read_prompts(source), None) is None:
        raise BadSource(f"{source}: it holds no prompts")


def sample(
    source: Path, output: Path, sampler: Sampler, count: int = 2, *, limit: int | None = None, overwrite: bool = False
) -> Written:
    """Write ``count`` different responses to each prompt of ``source``, and say what could not be had.

    The file appears whole or not at all.

    Args:
        source: see `read_prompts`.
        output: a ``.jsonl`` or ``.jsonl.gz`` file.
        sampler: the policy.
        count: responses a prompt, two or more.
        limit: take so many prompts at most.
        overwrite: replace a file that is there.

    Raises:
        BadSampling: ``count`` is too small, or the policy cannot answer one of the prompts; nothing is drawn then.
        Unsaved: the file is there, its folder is not, or it has another ending.
        BadRow, BadSource: see `read_prompts`.
    """
    require(source, output, count, overwrite=overwrite)
    tally = _Tally(count)
    prompts = list(islice(read_prompts(source, tally.left_out), limit))
    for one in prompts:
        sampler.require(one.content)
    found = zip(prompts, sampler.sample((one.content for one in prompts), count), strict=True)
    rows = (_row(prompt, sampled) for prompt, sampled in found if tally.takes(sampled))
    kept = save_rows(rows, output, overwrite=overwrite)
    return Written(output, kept, tally.responses, tally.cut, tally.left_out)


@dataclass(slots=True)
class _Tally:
    """What was sampled so far, of ``wanted`` responses a prompt."""

    wanted: int
    responses: int = 0
    cut: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def takes(self, found: Sampled) -> bool:
        """Count a prompt's responses, and return whether there is something to compare."""
        several = len(found.texts) > 1
        if len(found.texts) < self.wanted:
            self.left_out[FEWER if several else NONE] += 1
        if several:
            self.responses += len(found.texts)
            self.cut += sum(found.cut)
        return several


def _row(prompt: Prompt, found: Sampled) -> dict[str, Any]:
    listed = [{"text": text} | ({"cut": True} if cut else {}) for text, cut in zip(found.texts, found.cut, strict=True)]
    identity = {} if prompt.id.startswith(DERIVED) else {"id": prompt.id}
    return {**prompt.extra, "prompt": plain(prompt.content), "responses": listed, **identity}
