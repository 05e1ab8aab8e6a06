"""Cleaning a file of preferences with the repairs that somebody chose."""

from collections.abc import Sequence
from pathlib import Path

from plaudit.doctor.cleaning import Cleaned
from plaudit.doctor.cleaning import clean as mended
from plaudit.preferences.reading import read


def clean(
    source: Path,
    repairs: Sequence[str],
    output: Path,
    *,
    against: Sequence[str] = (),
    form: str = "",
    ledger: Path | None = None,
) -> Cleaned:
    """Write ``source`` to ``output`` with repairs done; see `plaudit.doctor.cleaning.clean`.

    Args:
        source: a file.
        repairs: codes, several in one joined by commas.
        output: the clean file.
        against: sources that it should share nothing with, for the repair ``contamination``.
        form: name of the format; told from the first row if empty.
        ledger: file for what was done to each row; beside ``output`` if not given.
    """
    codes = [code.strip() for given in repairs for code in given.split(",") if code.strip()]
    held = [read(other, on_bad_row="drop", on_flaw="keep") for other in against]
    return mended(source, codes, output, against=held, form=form or None, ledger=ledger)
