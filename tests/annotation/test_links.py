"""Personal links: what is signed here is let in, and nothing else."""

import base64
import stat
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.annotation.errors import BadLink
from plaudit.annotation.links import Links, Pass, load_secret, secret_file

SECRET = bytes(range(32))
LINKS = Links(SECRET)


def test_reads_what_it_signed() -> None:
    """A token says who, which serial and until when."""
    assert LINKS.read(LINKS.annotator(7, 2, 1000.9), now=999) == Pass("annotator", 7, 2, 1000)
    assert LINKS.read(LINKS.owner(3, 1000), now=999) == Pass("owner", 0, 3, 1000)


def test_signature_is_that_of_another_implementation() -> None:
    """The signature is HMAC-SHA-256 as RFC 2104 defines it, computed here by its definition."""
    import hashlib

    body = "a.7.2.1000"
    block = SECRET.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in block) + b"plaudit link " + body.encode()).digest()
    outer = hashlib.sha256(bytes(one ^ 0x5C for one in block) + inner).digest()

    expected = base64.urlsafe_b64encode(outer).decode().rstrip("=")
    assert LINKS.annotator(7, 2, 1000) == f"{body}.{expected}"


def test_expires() -> None:
    """A link is good until its second, not in it."""
    token = LINKS.annotator(1, 0, 1000)
    assert LINKS.read(token, now=999.5).annotator == 1
    for now in (1000, 1001, 1e12):
        with pytest.raises(BadLink, match="no longer good"):
            LINKS.read(token, now=now)


@given(st.integers(0, 60), st.sampled_from(string.printable))
def test_no_changed_token_is_let_in(place: int, letter: str) -> None:
    """Whatever character is changed, the token is refused."""
    token = LINKS.annotator(12, 0, 2_000_000_000)
    changed = token[: place % len(token)] + letter + token[place % len(token) + 1 :]
    if changed != token:
        with pytest.raises(BadLink):
            LINKS.read(changed, now=0)


@given(st.text())
def test_no_made_up_token_is_let_in(text: str) -> None:
    """Nothing that was not signed is a link, whatever characters it has."""
    with pytest.raises(BadLink):
        LINKS.read(text, now=0)


def test_other_secrets_and_roles_are_refused() -> None:
    """A token of another campaign, or one made into the owner's, is refused."""
    token = LINKS.annotator(0, 0, 1000)
    for forged in (Links(b"x" * 32).annotator(0, 0, 1000), "o" + token[1:], token[:-1], token + "=", token + "\n"):
        with pytest.raises(BadLink):
            LINKS.read(forged, now=0)


def test_short_secrets_are_refused() -> None:
    """A secret that could be guessed is none."""
    with pytest.raises(ValueError, match="15 bytes"):
        Links(b"x" * 15)


def test_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """Many that ask at once get the same secret, whose file nobody else may read, with nothing left beside it."""
    file = tmp_path / "campaign.db.secret"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: load_secret(file), range(16)))

    assert len(found) == 1
    assert len(found.pop()) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["campaign.db.secret"]


def test_open_or_empty_secrets_are_refused(tmp_path: Path) -> None:
    """A secret that others can read, or that is none, is not used; the message says what to do."""
    file = tmp_path / "secret"
    load_secret(file)
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        load_secret(file)
    for held in ("", "zz" * 20, "ab" * 15):
        file.write_text(held)
        file.chmod(0o600)
        with pytest.raises(ValueError, match="holds no secret"):
            load_secret(file)


def test_where_the_secret_lies() -> None:
    """Beside a SQLite file; for a server it has to be named."""
    assert secret_file("runs/a.db") == Path("runs/a.db.secret")
    assert secret_file("sqlite:///runs/a.db") == Path("runs/a.db.secret")
    assert secret_file("postgresql://me@host/a") is None
