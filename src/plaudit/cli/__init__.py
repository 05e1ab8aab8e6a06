"""The command line: one file a verb, and the border where exceptions become messages and exit codes.

A verb is a module of this folder and in it one function of the same name; an underscore becomes a hyphen. To add
``plaudit convert``, write ``cli/convert.py``:

.. code-block:: python

    def convert(path: Annotated[Path, typer.Argument(help="The checkpoint.")], as_json: Json = False) -> None:
        '''Move a checkpoint to plaudit's own contract.'''
        from plaudit.workflows.conversion import convert_checkpoint

        report = convert_checkpoint(path)
        emit(report.as_mapping(), report.as_text(), as_json=as_json)

Nothing is registered: the file is the verb, its signature the options, its docstring the help. What it must keep:

- Heavy imports stand inside the function. Importing the module costs nothing, so ``--help`` answers at once.
- It parses, calls one workflow and prints. Results go through `plaudit.cli._printing.emit`: text for people, or one
  JSON object with ``--json``. Standard output holds results only; progress and warnings go to standard error.
- It refuses by raising. A `ValueError`, an `OSError` or an exception class of plaudit becomes ``error: …`` and exit
  code 1, without a traceback; anything else is a fault of plaudit's and says so. ``plaudit --debug VERB`` shows
  tracebacks.

Kinds of one's own, ``module:Class``, may lie in the folder one stands in.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

import importlib
import pkgutil
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TextIO

import typer

from plaudit import __version__

REFUSED, INTERRUPTED = 1, 130


@dataclass
class _Run:
    """What one call of `main` is told before its verb."""

    debug: bool = False


def verbs() -> list[str]:
    """Return the names of all verbs, sorted, as they are typed; reads the folder and imports none of them."""
    found = pkgutil.iter_modules(__path__)
    return sorted(module.name.replace("_", "-") for module in found if not module.name.startswith("_"))


def application(wanted: Iterable[str]) -> typer.Typer:
    """Return the command line with the verbs ``wanted``, importing only those."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)
    app.callback()(_top)
    for verb in wanted:
        app.command(verb)(_function(verb))
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: what follows ``plaudit`` on the command line; that of the process by default.
    """
    given, run = list(sys.argv[1:] if arguments is None else arguments), _Run()
    _look_here_too()
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _answer(given, run)


def _answer(given: list[str], run: _Run) -> int:
    try:
        app = application(set(given) & set(verbs()) or verbs())
        typer.main.get_command(app).main(given, prog_name="plaudit", obj=run)
    except SystemExit as stop:
        return _leave(stop)
    except KeyboardInterrupt as stop:
        print(f"\ninterrupted{': ' if stop.args else ''}{stop}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the border: every exception becomes a message and a code
        return _refuse(error, debug=run.debug)
    return 0


def _look_here_too() -> None:
    """Let ``module:Class`` name a file of the folder one stands in; what is installed goes before it."""
    if "" not in sys.path and not sys.flags.safe_path:
        sys.path.append("")


def _function(verb: str) -> Callable[..., None]:
    name = verb.replace("-", "_")
    function: Callable[..., None] = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    return function


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as a person reads it: without the place in the code that gave it."""
    del category, filename, lineno, line
    print(f"warning: {message}", file=file or sys.stderr)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"plaudit {__version__}")
        raise typer.Exit


def _top(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Learn human preferences: train, measure, trust and serve reward models."""
    context.obj.debug = debug


def _leave(stop: SystemExit) -> int:
    code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    if code == INTERRUPTED:
        print("\ninterrupted", file=sys.stderr)
    return code


def _refuse(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    elif _is_expected(error):
        print(f"error: {_message(error)}", file=sys.stderr)
    else:
        print(f"error: unexpected {type(error).__name__}: {error}", file=sys.stderr)
        print("This is a fault of plaudit's; `plaudit --debug …` shows where it happened.", file=sys.stderr)
    return REFUSED


def _is_expected(error: Exception) -> bool:
    ours = type(error).__module__.split(".")[0] == "plaudit"
    return ours or isinstance(error, ValueError | OSError)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
