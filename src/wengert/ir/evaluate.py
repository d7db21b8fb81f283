"""Reference semantics: one line after the other, with each primitive's NumPy function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.checks import is_masked
from wengert.errors import DTypeError, ShapeError, WengertError
from wengert.ir.node import INPUT, Node
from wengert.ir.primitive import NUMBERS
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN


def evaluate_node(node: Node, operands: Iterable[Any]) -> Any:
    """Return the value of one line, given the values of its operands."""
    value = node.primitive.numpy(*operands, **dict(node.params))
    # NumPy returns scalars for 0-d results; an array keeps shape and dtype explicit.
    return value if isinstance(value, (np.ndarray, tuple)) else np.asarray(value)


def check_argument(node: Node, value: Any) -> np.ndarray[Any, Any]:
    """Return `value` as the array that the input `node` takes.

    Raises
    ------
    ShapeError, DTypeError
        When the array is not of the input's type. A Python scalar takes the input's dtype.
    """
    name = node.param("name")
    if is_masked(value):
        raise DTypeError(f"argument {name!r}: masked arrays are refused; fill them first with .filled(value)")
    weak = type(value) in NUMBERS
    array = np.asarray(value, node.type.dtype) if weak else np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.shape != node.type.shape:
        raise ShapeError(f"argument {name!r} has shape {array.shape}; the program takes {node.type.shape}")
    if array.dtype != node.type.dtype:
        raise DTypeError(f"argument {name!r} is {array.dtype}; the program takes {node.type.dtype}")
    return array


def evaluate(program: Program, arguments: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """Run `program` on one array per input.

    Parameters
    ----------
    program : Program
    arguments : sequence of array_like
        Shapes and dtypes as the inputs declare them; never written to.

    Returns
    -------
    list of ndarray
        One fresh array per output.

    Raises
    ------
    ShapeError, DTypeError
        When an argument is not of the type of its input.
    """
    if program.free:
        raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
    values: dict[Node, Any] = {}
    for node, argument in zip(program.inputs, arguments, strict=True):
        values[node] = check_argument(node, argument)
    with np.errstate(all="ignore"):
        for node in program.nodes:
            if node.primitive is not INPUT:
                try:
                    values[node] = evaluate_node(node, [values[operand] for operand in node.inputs])
                except ValueError as error:
                    raise located(error, node, program) from None
    return fresh([values[node] for node in program.outputs])


def located(error: ValueError, node: Node, program: Program) -> ValueError:
    """Return NumPy's error for a line of a program, with what the line is and where the user wrote it.

    NumPy's are `LinAlgError`, and `ValueError` as of `nanargmax` where all is NaN; others stay what they are.
    """
    kind = type(error)
    if kind not in (np.linalg.LinAlgError, ValueError):
        return error
    origin = program.provenance.get(node, UNKNOWN)
    rule = "" if origin.rule is None else f", {origin.rule}"
    place = "" if origin.source is None else f", at {origin.source}"
    return kind(f"{error} ({node.primitive.name}{rule}{place})")


def fresh(outputs: list[Any]) -> list[np.ndarray[Any, Any]]:
    """Return copies: no output may share memory with an argument, a constant or another output."""
    return [np.array(value, copy=True) for value in outputs]
