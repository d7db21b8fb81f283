"""Functions that emitted source may call: each stands alone on NumPy, and its source is copied."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

EMITTED: dict[str, Callable[..., Any]] = {}


def emitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function that `Program.to_python` copies out when a template calls it by name."""
    EMITTED[function.__name__] = function
    return function


@cache
def _source(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the source of a helper, without decorator and annotations, and the helpers that it calls."""
    text = textwrap.dedent(inspect.getsource(EMITTED[name]))
    (definition,) = ast.parse(text).body
    assert isinstance(definition, ast.FunctionDef)
    if definition.returns is not None:
        definition.returns, definition.decorator_list = None, []
        for argument in ast.walk(definition.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return ast.unparse(definition), called(definition)
    lines = text.rstrip().split("\n")[definition.lineno - 1 :]
    return "\n".join(lines), called(definition)


def called(tree: ast.AST) -> tuple[str, ...]:
    """Return the names of the helpers that a piece of source calls, in order of appearance."""
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in EMITTED]
    return tuple(dict.fromkeys(found))


def sources(names: Iterable[str]) -> list[str]:
    """Return the sources of helpers and of those that they call, the called ones first."""
    placed: dict[str, str] = {}

    def place(name: str) -> None:
        text, inner = _source(name)
        for other in inner:
            if other != name and other not in placed:
                place(other)
        placed.setdefault(name, text)

    for name in names:
        place(name)
    return list(placed.values())
