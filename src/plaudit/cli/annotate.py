"""Let people compare responses in the browser."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from plaudit.cli._printing import Json, emit

NEEDED = ("fastapi", "uvicorn", "sqlmodel", "alembic", "markdown_it")

Sources = list[str] | None


def annotate(
    pairs: Annotated[Sources, typer.Option(help="Files of responses to compare, two or more a row.")] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompts to which a policy responds now, if --responses is not there yet.")
    ] = None,
    responses: Annotated[
        Path, typer.Option(help="With --prompts: the .jsonl file of responses, taken as it is if it is there.")
    ] = Path("responses.jsonl"),
    policy: Annotated[
        str, typer.Option(help="With --prompts: a built-in, a folder or a hub id of a causal language model.")
    ] = "builtin:smollm2-135m-instruct",
    count: Annotated[int, typer.Option("--count", "-k", min=2, help="With --prompts: responses a prompt.")] = 2,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help="With --prompts: the greatest length of a response.")
    ] = 256,
    gold: Annotated[Sources, typer.Option(help="Preferences whose answer is known, mixed in to measure.")] = None,
    check: Annotated[Sources, typer.Option(help="Preferences that anybody who reads answers rightly.")] = None,
    practice: Annotated[Sources, typer.Option(help="Worked examples, with reasons, before the first real one.")] = None,
    guidelines: Annotated[Path | None, typer.Option(help="A Markdown file, shown beside every comparison.")] = None,
    database: Annotated[str, typer.Option(help="A SQLite file, or postgresql://USER@HOST/NAME.")] = "annotation.db",
    annotator: Annotated[Sources, typer.Option(help="A name that gets a personal link; again for more.")] = None,
    by_pairs: Annotated[
        bool, typer.Option("--by-pairs", help="More than two responses two by two, not ranked.")
    ] = False,
    overlap: Annotated[int | None, typer.Option(help="Annotators of each shared comparison.")] = None,
    overlap_share: Annotated[float | None, typer.Option(help="Share of the comparisons that is shared.")] = None,
    objective: Annotated[Sources, typer.Option(help="What else is judged, by name; again for more.")] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the pages.")] = None,
    setting: Annotated[Sources, typer.Option("--set", help="A dotted setting: annotation.pass_mark=0.8.")] = None,
    secret: Annotated[Path | None, typer.Option(help="File of the secret that signs links.")] = None,
    days: Annotated[float, typer.Option(help="How long the printed links are good.")] = 30.0,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    address: Annotated[str, typer.Option(help="What printed links begin with; http://HOST:PORT if empty.")] = "",
    serve: Annotated[bool, typer.Option(help="Whether to serve, or only to prepare the database and print.")] = True,
    as_json: Json = False,
) -> None:
    """Serve a web page on which people compare responses; print the owner's link and annotators'."""
    _require_installed()
    from plaudit.workflows import annotating

    asked = {"overlap": overlap, "overlap_share": overlap_share, "objectives": objective, "title": title}
    settings = _settings(asked, setting or ())
    drawn = [] if prompts is None else [_sampled(prompts, responses, policy, count, max_new_tokens)]
    given = [*(pairs or ()), *drawn]
    campaign = annotating.Campaign(
        database=database,
        sources={"real": given, "gold": gold or (), "check": check or (), "practice": practice or ()},
        guidelines=guidelines, annotators=annotator or (), settings=settings,
        secret=secret, days=days, by_pairs=by_pairs,
    )  # fmt: skip
    with annotating.open_campaign(campaign) as opened:
        base = address.rstrip("/") or f"http://{host}:{port}"
        emit(opened.to_json(base), "\n".join(opened.lines(base)), as_json=as_json)
        if serve:
            annotating.serve(opened, host, port)


def _settings(asked: Mapping[str, Any], dotted: Sequence[str]) -> dict[str, Any]:
    """Return the settings that were given, once it is sure that they can be."""
    from plaudit import config
    from plaudit.annotation.settings import Settings

    tables = config.read(None, dotted, {"annotation": Settings})
    given: dict[str, Any] = tables.get("annotation", {}) | {
        name: value for name, value in asked.items() if value is not None
    }
    config.build(Settings, given, "annotation")
    return given


def _sampled(prompts: Path, responses: Path, policy: str, count: int, max_new_tokens: int) -> str:
    """Return the file of responses; they are drawn now if it is not there, for then nobody has seen any yet."""
    if responses.exists():
        typer.echo(f"{responses} is there: its responses are taken as they are", err=True)
        return str(responses)
    from plaudit.workflows import sampling

    sampling.require(prompts, responses, count, overwrite=False)
    from plaudit.policy.sampling import Sampler

    done = sampling.sample(prompts, responses, Sampler.load(policy, max_new_tokens=max_new_tokens), count)
    typer.echo("\n".join(done.lines()), err=True)
    return str(responses)


def _require_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(f"the annotation page needs {', '.join(missing)}: pip install 'plaudit[annotate]'")
