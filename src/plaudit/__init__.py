"""plaudit learns human preferences and puts them to work.

Preferences go in; reward models come out that say how far they can be trusted. The package imports nothing heavy
at the top level: ``import plaudit`` is instant, and every room is imported when it is named, as in
``from plaudit.scoring.scorer import Scorer``.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("plaudit")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
