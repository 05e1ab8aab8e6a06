"""A real PostgreSQL server for tests: its own cluster in a temporary folder, on a Unix socket that only tests know."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from tests.debian import Missing, postgresql


class NoServer(Exception):
    """There is no PostgreSQL here that could be started."""


class Server:
    """A cluster that can be stopped, killed and started again; a context that leaves nothing behind."""

    def __init__(self) -> None:
        try:
            self.programs = postgresql()
        except Missing as error:
            raise NoServer(str(error)) from error
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user and shutil.which("runuser") is None:
            raise NoServer("PostgreSQL refuses to run as root, and there is no runuser to run it as another")
        self.folder = Path(tempfile.mkdtemp(prefix="plaudit-pg-"))
        if self.user:
            try:
                shutil.chown(self.folder, self.user)
            except LookupError as error:
                raise NoServer(
                    f"PostgreSQL refuses to run as root, and there is no user 'postgres': {error}"
                ) from error
        self.count = 0

    def __enter__(self) -> Self:
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "plaudit", "--no-sync", "-E", "UTF8")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        before = ("runuser", "-u", self.user, "--") if self.user else ()
        done = subprocess.run(
            [*before, str(self.programs / program), *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise NoServer(f"{program} failed: {done.stdout[-500:]}{done.stderr[-500:]}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses='' -c max_connections=120 -c shared_buffers=32MB"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "-t", "60", "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop the server; ``immediate`` is as a crash is."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", how, "-w", "-t", "60", "stop")

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        self.count += 1
        name = f"campaign_{os.getpid()}_{self.count}_{time.monotonic_ns()}"
        with psycopg.connect(host=str(self.folder), user="plaudit", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://plaudit@/{name}?host={self.folder}"
