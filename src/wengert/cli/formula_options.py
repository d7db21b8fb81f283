"""Options of the commands that take a formula: names, shapes and claims as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wengert.cli.console import error_console, label_and_text
from wengert.errors import ConfigurationError
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction, arguments, check_names

MAX_ROWS = 256
_BETWEEN_VALUES = re.compile(r",(?=\s*\w+\s*=)")
# What a path looks like: model, digits-model, ./runs/model. Names as short as those of x/y are a formula's.
_PATH = re.compile(r"[./~]*\w{3,}(?:[-/.]\w{2,})*/?")
_CLAIM = re.compile(r"\s*(\w+)\s*=(?!=)\s*(.*)", re.DOTALL)


def read_function(text: str, shape: str | None = None, at: Sequence[str] = ()) -> FormulaFunction:
    """Return a formula as a function; what has a shape or a value is an argument, also if it is called pi."""
    return FormulaFunction(parse(text), {*read_shapes(shape), *read_values(at)})


def note_missing_directory(subject: str, sources: Mapping[str, Any]) -> None:
    """Say on standard error that a formula looks like the path of a model, and that there is none."""
    if _PATH.fullmatch(subject) and not (sources["at"] or sources["shape"]):
        text = f"no such file or directory: {subject}; it is read as a formula"
        error_console().print(label_and_text("warning", text))


def draw_arguments(
    function: FormulaFunction, shape: str | None, seed: int, at: Sequence[str] = ()
) -> list[Any]:
    """Return arguments for a formula: those given with ``--at``, else random ones of these shapes."""
    shapes = read_shapes(shape)
    given = read_values(at)
    check_names("--at", given, function.names)
    for name, value in given.items():
        if shapes.setdefault(name, value.shape) != value.shape:
            raise ConfigurationError(
                f"--shape gives {name} {shapes[name]}, and --at a value of {value.shape}"
            )
    if set(given) == set(function.names):
        check_names("--shape", shapes, function.names)
        return [given[name] for name in function.names]
    return list((arguments(function, shapes, seed) | given).values())


def read_values(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the numbers and arrays of ``x=0.7``, ``x=1,y=2`` and ``W=[[1, 2], [3, 4]]``."""
    values: dict[str, np.ndarray] = {}
    for part in (one for text in texts for one in _BETWEEN_VALUES.split(text)):
        name, sign, value = (one.strip() for one in part.partition("="))
        try:
            array = np.asarray(ast.literal_eval(value), np.float64)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            array = None
        if not (name and sign) or array is None:
            raise ConfigurationError(f"--at {part}: write a value as x=0.7 or W=[[1, 2], [3, 4]]")
        if name in values:
            raise ConfigurationError(f"--at gives {name} twice")
        if array.size == 0 or not np.all(np.isfinite(array)):
            raise ConfigurationError(f"--at {part}: a value is a finite number, or an array of them")
        values[name] = array
    return values


def refuse_options(given: Mapping[str, Any], names: Sequence[str], reason: str) -> None:
    """Refuse options that have no meaning for what they were given with."""
    for name in names:
        if given[name] not in (None, []):
            raise ConfigurationError(f"--{name} {reason}")


def read_names(text: str | None) -> list[str]:
    """Return names separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def read_shapes(text: str | None) -> dict[str, tuple[int, ...]]:
    """Return the shapes of ``a=1x3,W=3x2``."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part in read_names(text):
        name, sign, shape = (one.strip() for one in part.partition("="))
        extents = re.split("[x×]", shape)
        if not (name and sign) or not all(re.fullmatch("[0-9]{1,9}", one) and int(one) for one in extents):
            raise ConfigurationError(f"--shape {part}: write a shape as name=rows x columns, such as W=3x2")
        if name in shapes:
            raise ConfigurationError(f"--shape gives {name} twice")
        shapes[name] = tuple(map(int, extents))
    return shapes


def read_claims(claims: list[str], wrt: list[str]) -> dict[str, str]:
    """Return claims by name; a lone claim without a name is about the one name of ``--wrt``."""
    found: dict[str, str] = {}
    for claim in claims:
        named = _CLAIM.match(claim)
        if named is None and len(wrt) != 1:
            raise ConfigurationError(f"--claim {claim}: say of what, such as --claim W='a.T @ delta'")
        name, value = named.groups() if named else (wrt[0], claim)
        if name in found:
            raise ConfigurationError(f"--claim gives {name} twice")
        found[name] = value
    missing = [name for name in wrt if name not in found and f"d{name}" not in found]
    if missing:
        raise ConfigurationError(f"--wrt {', '.join(missing)}: there is no --claim for it")
    return found


def read_rows(text: str | None) -> list[int]:
    """Return the rows of ``3``, ``3,7`` or ``2-9``."""
    if text is None:
        raise ConfigurationError("--row: which row of the table, counted from 1? A batch is 3,7 or 2-9")
    rows: list[int] = []
    for part in read_names(text):
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            raise ConfigurationError(f"--row {part}: write rows, counted from 1, as 3 or 3,7 or 2-9")
        if last - first >= MAX_ROWS or len(rows) >= MAX_ROWS:
            raise ConfigurationError(f"--row {text}: at most {MAX_ROWS} rows are explained at once")
        rows += range(first, last + 1)
    return rows
