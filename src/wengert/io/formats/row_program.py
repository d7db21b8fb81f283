"""A model traced as a program over any number of rows.

A program has fixed shapes, so the model is traced twice, with two numbers of rows. Both programs have the
same lines; a size that differs between them is a multiple of the number of rows, and all others are what they
are.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.errors import UnsupportedFunctionError
from wengert.ir.node import INPUT, Node
from wengert.ir.program import Program, bodies
from wengert.trace.tracing import abstract, trace
from wengert.transform.rolling import rolled
from wengert.transform.simplify import simplify

# Primes that no network has for a width, so that no rule of simplification takes rows for features.
ROWS = (10_007, 10_009)


@dataclasses.dataclass(frozen=True)
class Rows:
    """A size: ``factor`` times the number of rows."""

    factor: int


class RowProgram:
    """The program of a function whose last arguments are arrays with a row for each example.

    Parameters
    ----------
    function : callable
    arrays : dict of str to array
        The first arguments, by the names that they are to have.
    inputs : dict of str to (shape without rows, dtype)
        The others.
    rewrite : callable, optional
        What the simplified program goes through.

    Attributes
    ----------
    program, twin : Program
        Traced for ``ROWS[0]`` and ``ROWS[1]`` rows.

    Raises
    ------
    UnsupportedFunctionError
        If what is computed for a row depends on how many there are.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arrays: Mapping[str, np.ndarray],
        inputs: Mapping[str, tuple[tuple[int, ...], Any]],
        rewrite: Callable[[Program], Program] | None = None,
    ) -> None:
        self.program, self.twin = (
            simplify(
                rolled(
                    trace(
                        _named(function, [*arrays, *inputs]),
                        *[abstract(array.shape, array.dtype) for array in arrays.values()],
                        *[abstract((rows, *shape), dtype) for shape, dtype in inputs.values()],
                    )
                )
            )
            for rows in ROWS
        )
        if rewrite is not None:
            self.program, self.twin = rewrite(self.program), rewrite(self.twin)
        self._twins = _paired(self.program, self.twin)

    def shape(self, node: Node) -> tuple[int | Rows, ...]:
        """Return the shape of a value, of the program or of a body in it."""
        shape: tuple[int | Rows, ...] = _merged(node.type.shape, self._twins[node].type.shape)
        return shape

    def params(self, node: Node) -> dict[str, Any]:
        """Return the parameters of a line, with `Rows` for sizes that depend on their number.

        The body of a loop or a branch is that for ``ROWS[0]`` rows.
        """
        if node.primitive is INPUT or not node.inputs:
            return dict(node.params)
        twins = dict(self._twins[node].params)
        return {name: _merged(value, twins[name]) for name, value in node.params}


def _named(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """Return the function with parameters of these names, which the inputs of its program take."""

    def named(*arguments: Any) -> Any:
        return function(*arguments)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
    return named


def _paired(program: Program, twin: Program) -> dict[Node, Node]:
    """Return what stands in the twin for each node, those in the bodies of loops and branches included."""
    if len(program.nodes) != len(twin.nodes):
        raise _depends("the operations")
    pairs = dict(zip((*program.inputs, *program.nodes), (*twin.inputs, *twin.nodes), strict=True))
    inner: dict[Node, Node] = {}
    for node, other in pairs.items():
        same_operands = [pairs[one] for one in node.inputs] == list(other.inputs)
        if node.primitive is not other.primitive or not same_operands:
            raise _depends("the operations")
        value, others = node.value, other.value
        if value is not None and others is not None and not np.array_equal(value, others, equal_nan=True):
            raise _depends("a constant")
        programs, twins = bodies(node), bodies(other)
        if len(programs) != len(twins):
            raise _depends("the operations")
        for body, its_twin in zip(programs, twins, strict=True):
            inner.update(_paired(body, its_twin))
    return {**inner, **pairs}


def _merged(value: Any, twin: Any) -> Any:
    if isinstance(value, Program):
        return value
    if isinstance(value, tuple) and isinstance(twin, tuple) and len(value) == len(twin):
        return tuple(_merged(one, other) for one, other in zip(value, twin, strict=True))
    if value == twin:
        return value
    if isinstance(value, int) and isinstance(twin, int):
        factor, rest = divmod(value, ROWS[0])
        if rest == 0 and factor * ROWS[1] == twin:
            return Rows(factor)
    raise _depends(f"a size ({value} for {ROWS[0]} rows, {twin} for {ROWS[1]})")


def _depends(what: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"{what} of the network depends on the number of rows in a way that a file for any number of rows "
        "cannot say. Compute each row by itself, without len(x) or x.shape[0]."
    )
