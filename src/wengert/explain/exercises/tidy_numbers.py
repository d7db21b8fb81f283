"""Numbers for an exercise: drawn unit by unit, and kept only if all that follows from them is tidy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.checks import is_integer
from wengert.errors import ConfigurationError
from wengert.explain.engine import Array, Engine
from wengert.explain.exercises.task import Task
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction
from wengert.explain.index.letters import Letters
from wengert.explain.printers.digits import short
from wengert.explain.symbols import Table
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import Recording

_TRIES_OF_A_UNIT = 60
_TRIES = 200
_LARGEST, _LARGEST_ROUNDED = 99, 9999  # of any number that is met
_INPUTS = (-3, -2, -1, 1, 2, 3)
_WEIGHTS = (-3, -2, -1, 1, 2, 3)
_BIASES = (-2, -1, 0, 1, 2)
_RESIDUALS = (-3, -2, -1, 1, 2, 3)

Numbers = dict[str, Array]
Fits = Callable[[float], bool]


def is_tidy(values: Iterable[Array]) -> bool:
    """Whether numbers are shown in full with four significant digits, and none is large."""
    for array in values:
        for value in np.ravel(array).tolist():
            if abs(value) > _LARGEST or float(short(value).replace("−", "-")) != value:
                return False
    return True


def _is_readable(values: Iterable[Array]) -> bool:
    """Whether rounded numbers still say something: none is large, and none is the dust of rounding."""
    flat = np.concatenate([np.ravel(array) for array in values])
    sizes = np.abs(flat[flat != 0])
    return bool(np.all(sizes <= _LARGEST_ROUNDED) and np.all(sizes >= 1e-4))


class Follows:
    """What follows from the numbers of an exercise, as the engine computes it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.function = FormulaFunction(parse(task.formula))
        self._engine: Engine | None = None

    def __call__(self, numbers: Numbers) -> tuple[Numbers, list[Array]]:
        """Return the gradients by name, and everything met on the way but a logarithm in the loss."""
        arguments = [numbers[name] for name in self.function.names]
        engine = self._engine or self._traced(arguments)
        point = engine.point(arguments)
        program = engine.program
        gradients = {
            name: point.adjoints[node]
            for name, node in zip(self.function.names, program.inputs, strict=True)
            if name in self.task.parameters
        }
        met = [*point.adjoints.values()]
        named = {origin.name: node for node, origin in program.provenance.items() if origin.name}
        met += [point.values[node] for name, node in named.items() if name != "L" or not self.task.classifies]
        rate = self.task.learning_rate
        met += [numbers[name] - rate * gradient for name, gradient in gradients.items()]
        return gradients, met

    def _traced(self, arguments: list[Array]) -> Engine:
        recording = Recording(self.function, tuple(arguments), {})
        program = recording.program
        symbols = Table(program, Letters(program), {}, every_line=False).symbols
        wrt = [
            node
            for name, node in zip(self.function.names, program.inputs, strict=True)
            if name in self.task.parameters
        ]
        self._engine = Engine(program, wrt, symbols, arguments, NumpyExecutor())
        return self._engine


def find(task: Task, seed: int) -> tuple[Numbers, bool]:
    """Return numbers for a task, and whether everything that follows from them is exact in four digits.

    Raises
    ------
    ConfigurationError
        For a negative seed.
    """
    if not is_integer(seed, 0):
        raise ConfigurationError(f"seed={seed!r}: a seed is a whole number, 0 or more")
    follows = Follows(task)
    for exact in (True, False):
        if exact and task.activation == "tanh":
            continue
        for attempt in range(_TRIES):
            rng = np.random.default_rng([seed, int(exact), attempt])
            numbers = _drawn(task, rng, exact)
            if numbers is None:
                continue
            gradients, met = follows(numbers)
            moving = all(np.any(gradients[name]) for name in gradients if name.startswith("W"))
            if moving and (is_tidy(met) if exact else _is_readable(met)):
                return numbers, exact
    raise ConfigurationError(
        "no numbers were found that can be worked with by hand; try another learning rate, or fewer units"
    )


def _drawn(task: Task, rng: np.random.Generator, exact: bool) -> Numbers | None:
    """Draw inputs, weights, biases and target; None where a unit finds no weights that suit it."""
    value = np.asarray(rng.choice(_INPUTS, size=task.sizes[0]), np.float64)
    numbers: Numbers = {"x": value}
    for number in range(1, task.layers + 1):
        last = number == task.layers
        units = task.sizes[number]
        columns: list[Array] = []
        biases: list[float] = []
        for fits in _wanted(task, units, last, exact, rng):
            found = _unit(value, fits, task.bias, rng, columns)
            if found is None:
                return None
            columns.append(found[0])
            biases.append(found[1])
        numbers[f"W{number}"] = np.stack(columns, axis=1)
        if task.bias:
            numbers[f"b{number}"] = np.array(biases)
        value = value @ numbers[f"W{number}"] + np.array(biases)
        if not last:
            value = _ACTIVATE[task.activation](value)
    numbers["t"] = _target(task, value, rng)
    return numbers


_ACTIVATE: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.maximum(0, z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "identity": lambda z: z,
}


def _wanted(task: Task, units: int, last: bool, exact: bool, rng: np.random.Generator) -> list[Fits]:
    """Return for each unit of a layer which pre-activations suit it."""
    if last and task.classifies:
        return [(lambda z: z == 0) if exact else (lambda z: abs(z) <= 2)] * units
    if last:
        return [(lambda z: abs(z) <= 9 and z == round(z)) if exact else (lambda z: abs(z) <= 9)] * units
    if task.activation == "sigmoid":
        return [(lambda z: z == 0) if exact else (lambda z: abs(z) <= 3)] * units
    if task.activation == "tanh":
        return [lambda z: abs(z) <= 2] * units
    if task.activation == "identity":
        return [lambda z: 1 <= abs(z) <= 9] * units
    # ReLU: never at its corner, at least one unit on, and often one off.
    off = int(rng.integers(units)) if units > 1 and rng.integers(3) else -1
    return [(lambda z: -9 <= z <= -1) if unit == off else (lambda z: 1 <= z <= 9) for unit in range(units)]


def _unit(
    value: Array, fits: Fits, bias: bool, rng: np.random.Generator, taken: list[Array]
) -> tuple[Array, float] | None:
    """Return weights and bias of a unit whose pre-activation suits it; if it can be, not those taken."""
    found = None
    for attempt in range(_TRIES_OF_A_UNIT):
        weights = np.asarray(rng.choice(_WEIGHTS, size=len(value)), np.float64)
        offset = float(rng.choice(_BIASES)) if bias else 0.0
        if fits(float(value @ weights + offset)):
            found = weights, offset
            if attempt > _TRIES_OF_A_UNIT // 4 or not any(np.array_equal(weights, one) for one in taken):
                break
    return found


def _target(task: Task, output: Array, rng: np.random.Generator) -> Array:
    if task.loss == "nll_from_logits":
        return np.asarray(rng.integers(2, size=len(output)), np.float64)
    if task.loss == "nllm_from_logits":
        return np.asarray(np.eye(len(output))[rng.integers(len(output))])
    return np.asarray(np.round(output) - rng.choice(_RESIDUALS, size=len(output)), np.float64)
