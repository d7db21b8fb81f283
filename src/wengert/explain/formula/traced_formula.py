"""A formula given as text as a function that can be traced, and arguments for it."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, FormulaError, ShapeError
from wengert.explain.engine import Array
from wengert.explain.formula.evaluator import evaluate_node
from wengert.explain.formula.parser import Formula, nearest
from wengert.explain.formula.targets import Target, targets
from wengert.explain.formula.vocabulary import BARE_CONSTANTS
from wengert.ir.program import Program
from wengert.ir.provenance import Provenance
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import Tensor
from wengert.trace.tracing import Recording

MAX_ELEMENTS = 100_000
_ATTEMPTS = 4


class FormulaFunction:
    """A formula as a function of the names that it reads, in order of appearance.

    Parameters
    ----------
    formula : Formula
    given : collection of str
        Names that have a value or a shape: pi among them is an argument, and else the constant.

    Attributes
    ----------
    names : tuple of str
    other_names : dict of str to str
        Of values that have two names, as after ``e = d``: the second, and the first.

    Notes
    -----
    When it is traced, values assigned in the formula have their names in the program.
    """

    def __init__(self, formula: Formula, given: Collection[str] = ()) -> None:
        self.formula = formula
        self.names = tuple(one for one in formula.names if one in given or one not in BARE_CONSTANTS)
        self.other_names = {
            name: value.id for name, value in formula.assignments if isinstance(value, ast.Name)
        }
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in self.names])

    def __call__(self, *arguments: Any) -> Any:
        """Return the value of the formula."""
        values = dict(zip(self.names, arguments, strict=True))
        text = self.formula.text
        assigned: dict[str, Any] = {}
        for name, value in self.formula.assignments:
            if name in values:
                raise FormulaError(f"the formula assigns to {name!r} twice, or reads it before")
            values[name] = assigned[name] = evaluate_node(value, values, text)
        result = evaluate_node(self.formula.result, values, text)
        for recorder in {one.recorder for one in [*values.values(), result] if isinstance(one, Tensor)}:
            named = {one.node: name for name, one in reversed(assigned.items()) if isinstance(one, Tensor)}
            for node, known in recorder.provenance.items():
                if node.inputs:  # the lines that evaluate a formula are not those of its reader
                    recorder.provenance[node] = Provenance(named.get(node), None, known.regions)
        return result


def arguments(
    function: FormulaFunction, shapes: Mapping[str, tuple[int, ...]], seed: int = 0
) -> dict[str, Array]:
    """Return an argument for each name of a formula, drawn at random and rounded to two decimals.

    Targets of a loss are such as it wants: one class or a distribution for a cross-entropy, 0 or 1, ±1.

    Parameters
    ----------
    function : FormulaFunction
    shapes : mapping of str to tuple of int
        Names without a shape stand for numbers.
    seed : int

    Raises
    ------
    ConfigurationError
        For a shape of a name that is not in the formula (suggests the nearest), and for a negative seed.
    ShapeError
        For too large a shape.
    FormulaError
        Where shapes do not fit together, or the formula is not defined at any point that was tried.
    """
    check_names("--shape", shapes, function.names)
    if seed < 0:
        raise ConfigurationError(f"--seed {seed}: a seed is 0 or more")
    for name, shape in shapes.items():
        if math.prod(shape) > MAX_ELEMENTS:
            raise ShapeError(f"--shape {name}: {math.prod(shape)} elements; {MAX_ELEMENTS} are allowed")
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, attempt])
        drawn = {name: _drawn(rng, shapes.get(name, ()), attempt) for name in function.names}
        np.asarray(function(*drawn.values()))  # where shapes do not fit, the formula says so
        for name, target in _targets(function, drawn, rng).items():
            drawn[name] = target.drawn(drawn[name].shape, rng, smooth=attempt > 0)
        value = np.asarray(function(*drawn.values()))
        if np.all(np.isfinite(value)):
            return drawn
    raise FormulaError("the formula is not finite at random arguments, nor at any between 0 and 1")


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], attempt: int) -> Array:
    """Draw normal numbers at first, and then such as logarithms and roots can take."""
    if attempt == 0:
        return np.asarray(np.round(rng.normal(size=shape), 2))
    return np.asarray(np.round(rng.uniform(0.05, 0.95, shape), 2))


def _targets(
    function: FormulaFunction, drawn: Mapping[str, Array], rng: np.random.Generator
) -> dict[str, Target]:
    """Return the arguments that the formula, read as a loss, takes as targets."""
    program = Recording(function, tuple(drawn.values()), {}).program
    run = NumpyExecutor().compile(Program(program.inputs, program.nodes))
    values = []
    for _ in range(2):
        point = [np.asarray(rng.uniform(0.05, 0.95, array.shape)) for array in drawn.values()]
        with np.errstate(all="ignore"):
            values.append(dict(zip(program.nodes, run(point), strict=True)))
    return {str(dict(node.params)["name"]): target for node, target in targets(program, values).items()}


def check_names(option: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a name that the formula does not read.

    Raises
    ------
    ConfigurationError
        Suggests the nearest name.
    """
    known = tuple(known)
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise ConfigurationError(
                f"{option} {name}: the formula has no such name (there are: {names}){nearest(name, known)}"
            )
