"""The border of the command line: verbs found by file, messages, exit codes."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from plaudit import cli, members
from plaudit.members import UnknownKind


def offer(monkeypatch: pytest.MonkeyPatch, function: Callable[..., None]) -> None:
    """Make ``function`` the only verb, under the name ``act``."""
    monkeypatch.setattr(cli, "verbs", lambda: ["act"])
    monkeypatch.setattr(cli, "_function", lambda verb: function)


def raising(error: BaseException) -> Callable[..., None]:
    """Return a verb that raises ``error``."""

    def act() -> None:
        raise error

    return act


def test_every_file_of_the_folder_is_a_verb() -> None:
    """Verbs are the public files of cli/, hyphenated, each with a function of its own name."""
    folder = Path(str(cli.__file__)).parent
    files = {path.stem.replace("_", "-") for path in folder.glob("[!_]*.py")}

    assert files == set(cli.verbs())
    assert all(callable(cli._function(verb)) for verb in cli.verbs())


def test_kinds_of_ones_own_may_lie_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``module:Class`` names a file of the working folder; nothing installed is hidden by such a file."""
    (tmp_path / "kinds_of_mine.py").write_text("class Loss:\n    pass\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    offer(monkeypatch, lambda: print(members.load("objectives", "kinds_of_mine:Loss").__name__))

    assert cli.main(["act"]) == 0
    assert sys.path[-1] == ""
    assert sys.modules.pop("kinds_of_mine").__file__ == str(tmp_path / "kinds_of_mine.py")


def test_every_verb_says_what_it_does_and_offers_json() -> None:
    """Each verb's help has a sentence, and each takes --json."""
    command = typer.main.get_command(cli.application(cli.verbs()))
    assert isinstance(command, TyperGroup)
    verbs = command.commands

    assert list(verbs) == cli.verbs()
    assert [name for name, verb in verbs.items() if not verb.help] == []
    assert [name for name, verb in verbs.items() if not any("--json" in p.opts for p in verb.params)] == []


def test_help_lists_the_verbs_and_does_not_import_torch() -> None:
    """A fresh process answers --help, and every verb's --help, without torch or transformers."""
    calls = [["--help"], *([verb, "--help"] for verb in cli.verbs()), ["kinds"], ["--version"]]
    program = (
        "import sys; from plaudit.cli import main; "
        f"codes = [main(call) for call in {calls!r}]; "
        "assert not any(codes), codes; "
        "heavy = {'torch', 'transformers', 'datasets', 'sklearn', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert "kinds" in run.stdout


def test_python_m_plaudit_is_plaudit() -> None:
    """``python -m plaudit`` hands its exit code on."""
    run = subprocess.run([sys.executable, "-m", "plaudit", "kinds", "nothing"], capture_output=True, check=False)

    assert run.returncode == 1
    assert run.stderr.startswith(b"error: no open set is called 'nothing'")


def test_success_is_zero(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A verb that returns ends with 0 and nothing on standard error."""
    offer(monkeypatch, lambda: typer.echo("done"))

    assert cli.main(["act"]) == 0
    assert capsys.readouterr() == ("done\n", "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("row 3: no prompt"), "error: row 3: no prompt\n"),
        (UnknownKind("no such objective"), "error: no such objective\n"),
        (FileNotFoundError(2, "No such file or directory", "x.jsonl"), "error: x.jsonl: No such file or directory\n"),
        (type("Refused", (RuntimeError,), {"__module__": "plaudit.scoring"})("wrong head"), "error: wrong head\n"),
        (ValueError(), "error: ValueError\n"),
    ],
)
def test_a_refusal_is_one_line_and_one(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expected exceptions print their message, no traceback, and end with 1."""
    offer(monkeypatch, raising(error))

    assert cli.main(["act"]) == 1
    assert capsys.readouterr() == ("", message)


def test_a_fault_says_so_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that is not a refusal names itself and the way to its traceback."""
    offer(monkeypatch, raising(KeyError("margin")))

    assert cli.main(["act"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: unexpected KeyError: 'margin'\n")
    assert "--debug" in printed
    assert "Traceback" not in printed


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--debug before the verb keeps the exit code and prints where it happened."""
    offer(monkeypatch, raising(ValueError("row 3")))

    assert cli.main(["--debug", "act"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with 130 and one clean line."""
    offer(monkeypatch, raising(KeyboardInterrupt()))

    assert cli.main(["act"]) == 130
    assert capsys.readouterr() == ("", "\ninterrupted\n")


@pytest.mark.parametrize("arguments", [["kind"], ["kinds", "--nix"], ["kinds", "a", "b"], []])
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown verbs, unknown options, too many arguments and none at all end with 2 and say how it is used."""
    assert cli.main(arguments) == 2
    assert "Usage: plaudit" in "".join(capsys.readouterr())


def test_a_verb_may_choose_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that leaves with a code of its own keeps it."""
    offer(monkeypatch, raising(typer.Exit(1)))

    assert cli.main(["act"]) == 1


def test_a_warning_is_a_line_without_a_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a verb warns of is printed as a sentence, on standard error; the way warnings are shown is put back."""

    def act() -> None:
        warnings.simplefilter("always")
        warnings.warn("3 comparisons are left out", UserWarning, stacklevel=1)

    shown = warnings.showwarning
    offer(monkeypatch, act)

    assert cli.main(["act"]) == 0
    assert capsys.readouterr() == ("", "warning: 3 comparisons are left out\n")
    assert warnings.showwarning is shown
