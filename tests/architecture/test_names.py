"""Names are the field's, everything public is documented, nothing unfinished is left lying."""

import ast
import re

import pytest

from tests.architecture.sources import Source, public, sources

DRAWERS = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager", "managers", "core", "shared"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|type: ignore(?!\[)")
ALL = pytest.mark.parametrize("source", sources(), ids=lambda source: source.module)


@ALL
def test_no_module_is_a_drawer(source: Source) -> None:
    """A module is named after what it holds."""
    assert DRAWERS.isdisjoint(part.strip("_") for part in source.module.split("."))


@ALL
def test_everything_public_has_a_docstring(source: Source) -> None:
    """Every public class, function and method says what it is for."""
    silent = [node.name for node in public(source.tree) if not ast.get_docstring(node)]

    assert silent == []


@ALL
def test_everything_is_typed(source: Source) -> None:
    """Every function has a return annotation, every parameter a type."""
    assert [function.name for function in source.functions() if not _is_typed(function)] == []


@ALL
def test_nothing_is_left_unfinished(source: Source) -> None:
    """No reminders, no stubs, no error swallowed or silenced without its name."""
    swallowed = [
        f"line {node.lineno}: except without a word"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and all(isinstance(step, ast.Pass) for step in node.body)
    ]

    assert [*UNFINISHED.findall(source.text), *swallowed] == []


def _is_typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    untyped = [argument for argument in named if argument.annotation is None and argument.arg not in {"self", "cls"}]
    return not untyped and function.returns is not None
