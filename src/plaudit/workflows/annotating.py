"""The annotation app of one campaign: its database, tasks, guidelines and links, served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import uvicorn

from plaudit import config
from plaudit.annotation.app import create_app
from plaudit.annotation.door import Door
from plaudit.annotation.downloads import DOWNLOADS
from plaudit.annotation.intake import read_tasks
from plaudit.annotation.links import Links, load_secret, secret_file
from plaudit.annotation.records import Role, Task
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.preferences.rows import BadSource

OWNER_DAYS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What a campaign is made of, or gets in addition.

    Attributes:
        database: a path of a SQLite file, or ``postgresql://user:password@host/name``.
        sources: files of each role: ``real``, ``gold``, ``check``, ``practice``.
        guidelines: a Markdown file; a new version where it differs from the newest.
        annotators: names that get a link.
        settings: those of `Settings` that are to be other than they are in the database, or the defaults.
        secret: file of the secret that signs links; beside a SQLite database by default.
        days: how long links are good.
        by_pairs: show more than two responses two by two instead of to be ranked.
    """

    database: str
    sources: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    guidelines: Path | None = None
    annotators: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret: Path | None = None
    days: float = OWNER_DAYS
    by_pairs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A campaign that is ready to serve.

    Attributes:
        store: its database, closed at the end of the context.
        door: makes links.
        added: role to how many tasks were new.
        known: how many tasks were there already.
        guidelines: version of the newest guidelines; 0 where there are none.
        owner: path of the owner's link.
        annotators: name to path of a link.
    """

    store: Store
    door: Door
    added: Mapping[str, int]
    known: int
    guidelines: int
    owner: str
    annotators: Mapping[str, str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def to_json(self, address: str) -> dict[str, Any]:
        """Return what was opened, with whole links below ``address``."""
        return {
            "database": self.store.database.name,
            "added": dict(self.added),
            "known": self.known,
            "tasks": self.store.counts(),
            "guidelines": self.guidelines,
            "owner": address + self.owner,
            "annotators": {name: address + link for name, link in self.annotators.items()},
        }

    def lines(self, address: str) -> list[str]:
        """Return the same in words."""
        counts = ", ".join(f"{number:,} {role}" for role, number in self.store.counts().items()) or "none"
        new = sum(self.added.values())
        return [
            f"database   {self.store.database.name}",
            f"tasks      {counts} ({new:,} new, {self.known:,} of those given were there)",
            f"guidelines {f'version {self.guidelines}' if self.guidelines else 'none'}",
            f"owner      {address}{self.owner}",
            *(f"{name:<10} {address}{link}" for name, link in self.annotators.items()),
        ]


def open_campaign(campaign: Campaign) -> Opened:
    """Open a campaign's database, add what is new, and make links.

    Raises:
        ValueError: there is nothing to compare, a setting is out of range, or the secret cannot be used.
        BadSource: a source cannot be read.
        BadTask, NoTask: a task cannot be put.
        StoreAway: the database cannot be reached.
    """
    tasks = {
        role: [task for one in named for task in read_tasks(one, role, by_pairs=campaign.by_pairs)]
        for role, named in campaign.sources.items()
    }
    guidelines = _read(campaign.guidelines)
    settings = config.build(Settings, campaign.settings, "annotation")
    links = Links(load_secret(_secret(campaign)))
    store = Store(campaign.database)
    try:
        return _filled(store, Door(store, links), campaign, settings, tasks, guidelines)
    except BaseException:
        store.close()
        raise


def _filled(
    store: Store, door: Door, campaign: Campaign, settings: Settings, tasks: Mapping[Role, list[Task]], guidelines: str
) -> Opened:
    if campaign.settings:
        store.configure(replace(store.settings, **{name: getattr(settings, name) for name in campaign.settings}))
    added = {role: store.add_tasks(listed) for role, listed in tasks.items()}
    if not store.counts().get("real"):
        raise ValueError(f"{store.database.name} holds nothing to compare; name files of responses with --pairs")
    version = store.add_guidelines(guidelines) if guidelines else store.guidelines().version
    names = {name: door.annotator_link(store.add_annotator(name), campaign.days) for name in campaign.annotators}
    return Opened(
        store=store,
        door=door,
        added={role: one.new for role, one in added.items()},
        known=sum(one.known for one in added.values()),
        guidelines=version,
        owner=door.owner_link(campaign.days),
        annotators=names,
    )


def _read(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadSource(
            f"{path}: the guidelines should be UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


def _secret(campaign: Campaign) -> Path:
    file = campaign.secret or secret_file(campaign.database)
    if file is None:
        raise ValueError(
            "a database on a server has no folder for the secret that signs links; name a file with --secret"
        )
    return file


def serve(opened: Opened, host: str, port: int) -> None:
    """Serve the campaign until interrupted.

    Raises:
        OSError: the port is taken.
    """
    uvicorn.run(
        create_app(opened.store, opened.door, DOWNLOADS), host=host, port=port, log_level="warning", access_log=False
    )
