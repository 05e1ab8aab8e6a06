"""transformers' own reports, kept off the user's screen where plaudit says the same in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and warnings about weights while a checkpoint is read or written.

    What such a warning says (weights that are new or not used) the caller takes from the loading report instead. Errors
    are shown as ever. The settings are the process's: they are put back as they were.
    """
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
