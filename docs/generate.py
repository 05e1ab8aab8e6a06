"""Write the pages that follow from the code: one for each open set, the command line, the papers.

Usage: ``python docs/generate.py`` (``make docs``). The pages are made from docstrings, signatures and help texts, so
they cannot say anything else than the code; a test fails when one is stale.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup

from plaudit import cli, members

DOCS = Path(__file__).resolve().parent
PACKAGE = Path(members.__file__).parent
NOTE = "<!-- Written by docs/generate.py from the code. Do not edit; run `make docs`. -->\n\n"
EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!>>> ).+\n?)*)+", re.MULTILINE)
SOURCE = re.compile(r"^Source: (.+?)(?:\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


def pages() -> dict[Path, str]:
    """Return every generated page by its path, as it has to be."""
    sets = {DOCS / "kinds" / f"{name}.md": _set_page(name) for name in members.SETS if members.names(name)}
    return {**sets, DOCS / "cli.md": _command_page(), DOCS / "papers.md": _paper_page()}


def _set_page(kind_set: str) -> str:
    folder = "src/" + members.SETS[kind_set].replace(".", "/")
    head = f"# {kind_set.capitalize()}\n\nOne file each in `{folder}/`; a new file is a new kind.\n\n"
    names = members.names(kind_set)
    table = "| name | what it is |\n|---|---|\n" + "".join(
        f"| [`{name}`](#{name}) | {_markdown(members.describe(kind_set, name))} |\n" for name in names
    )
    return NOTE + head + table + "".join(_kind(kind_set, name) for name in names)


def _kind(kind_set: str, name: str) -> str:
    file = PACKAGE.joinpath(*members.SETS[kind_set].split(".")[1:], f"{name}.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    camel = "".join(part.capitalize() for part in name.split("_"))
    offered = [node for node in tree.body if getattr(node, "name", None) in {camel, name}]
    parts = [_markdown(ast.get_docstring(tree) or ""), *map(_settings, offered)]
    return f"\n## {name}\n\n" + "\n\n".join(filter(None, parts)) + "\n"


def _settings(node: ast.stmt) -> str:
    """Return the signature of a kind, and what its docstring says of its settings."""
    if isinstance(node, ast.FunctionDef):
        signature, text = f"{node.name}({ast.unparse(node.args)})", ast.get_docstring(node)
    elif isinstance(node, ast.ClassDef):
        signature, text = f"{node.name}({', '.join(_fields(node))})", ast.get_docstring(node)
    else:
        return ""
    return f"```text\n{textwrap.fill(signature, 110, subsequent_indent='    ')}\n\n{text or ''}\n```"


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            yield ast.unparse(statement)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield ast.unparse(statement.args).removeprefix("self").removeprefix(", ")


def _markdown(docstring: str) -> str:
    """Turn a docstring's mathematics, code words and examples into Markdown."""
    text = re.sub(r":math:`([^`]+)`", r"$\1$", docstring)
    text = re.sub(r"\.\. math:: *((?:.+\n?)+)", lambda found: f"$${found[1].strip()}$$\n", text)
    text = text.replace("``", "`")
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text + "\n").strip()


def _commands() -> TyperGroup:
    command = typer.main.get_command(cli.application(cli.verbs()))
    assert isinstance(command, TyperGroup)
    return command


def _command_page() -> str:
    command = _commands()
    context = typer.Context(command, info_name="plaudit", terminal_width=100)
    parts = [f"# The command line\n\n```text\n{command.get_help(context).rstrip()}\n```\n"]
    for verb, found in command.commands.items():
        inner = typer.Context(found, info_name=verb, parent=context, terminal_width=100)
        parts.append(f"## {verb}\n\n```text\n{found.get_help(inner).rstrip()}\n```\n")
    return NOTE + "\n".join(parts)


def _paper_page() -> str:
    head = "# Papers\n\nWhere a formula, a default or a method comes from, as the code itself says.\n\n"
    rows = "".join(f"| [`{file}`](../{file}) | {source} |\n" for file, source in sorted(_sources()))
    return NOTE + head + "| file | source |\n|---|---|\n" + rows


def _sources() -> Iterator[tuple[str, str]]:
    """Yield (file, source) for every docstring paragraph that starts with ``Source:``."""
    for path in PACKAGE.rglob("*.py"):
        file = f"src/plaudit/{path.relative_to(PACKAGE).as_posix()}"
        for docstring in _docstrings(ast.parse(path.read_text(encoding="utf-8"))):
            for found in SOURCE.findall(docstring):
                yield file, " ".join(found.split()).replace("|", "\\|")


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def main() -> None:
    """Write every page and remove the generated pages of sets that are gone."""
    wanted = pages()
    for stale in set((DOCS / "kinds").glob("*.md")) - set(wanted):
        stale.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
