"""A file is replaced whole or not at all, and what failed leaves nothing behind."""

from pathlib import Path

import pytest

from plaudit.replacing import replace_file, replacing


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """In a folder there is then nothing but the file."""
    path = tmp_path / "run.json"
    for text in ("old", "naïve"):
        replace_file(path, text)

    assert path.read_text(encoding="utf-8") == "naïve"
    assert list(tmp_path.iterdir()) == [path]


def test_if_renaming_fails_the_old_content_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stops between writing and renaming."""
    path = tmp_path / "run.json"
    replace_file(path, "old")

    def stop(*unused: object) -> None:
        raise OSError("stopped")

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(OSError, match="stopped"):
        replace_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_if_writing_fails_the_error_is_the_writer_s(tmp_path: Path) -> None:
    """Half a file is taken away again, also where nothing was written."""

    def write(begun: bool) -> None:
        with replacing(tmp_path / "run.json") as temporary:
            if begun:
                temporary.write_text("ha")
            raise RuntimeError("full")

    for begun in (True, False):
        with pytest.raises(RuntimeError, match="full"):
            write(begun)
        assert list(tmp_path.iterdir()) == []
