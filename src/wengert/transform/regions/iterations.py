"""The iterations of a loop, one after the other, or many in one call where an executor can do that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeGuard

import numpy as np

from wengert.errors import IndexRangeError
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.transform.regions.bodies import Run

Array = np.ndarray[Any, Any]

_BODY_ERRORS = (IndexRangeError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Repetition:
    """A loop of known length without what nobody reads.

    Attributes
    ----------
    body : Program
        Constants, carries and entries → carries and outputs.
    operands : list of int
        The operands of the line that the loop takes, in the order of the body's inputs, by position.
    constants, carries : int
        How many of the body's inputs these are.
    kept : list of int
        Carries whose values before each iteration are results, by position among the carries.
    results : list of int
        Where among the line's results the last carries, the outputs and the kept carries are.
    length : int
    reverse : bool
        Whether the last entry comes first.
    """

    body: Program
    operands: list[int]
    constants: int
    carries: int
    kept: list[int]
    results: list[int]
    length: int
    reverse: bool


class Repeating(Protocol):
    """The executable of a body that runs many iterations in one call."""

    def repeat(
        self,
        constants: Sequence[Any],
        inits: Sequence[Any],
        streams: Sequence[Any],
        length: int,
        reverse: bool,
        kept: Sequence[int],
        outputs: Sequence[Array],
        befores: Sequence[Array],
    ) -> list[Any]:
        """Run `length` iterations, and return the carries after the last.

        Parameters
        ----------
        constants, inits, streams : sequence of array
            The body's inputs: what stays, what is carried, and arrays of one entry an iteration.
        length : int
        reverse : bool
            The last entry first.
        kept : sequence of int
            Carries whose values before each iteration are wanted, by position.
        outputs, befores : sequence of array, shape (length, ...)
            Where to write what the iterations give, and what the kept carries were before them.

        Raises
        ------
        IterationError
            From the error of an iteration.
        """
        ...

    def repeat_while(
        self, constants: Sequence[Any], inits: Sequence[Any], most: int, keep: bool
    ) -> tuple[list[Any], list[Any], int, bool]:
        """Run up to `most` iterations, as long as the last output is true.

        Returns
        -------
        carries : list of array
        befores : list of array, shape (iterations, ...)
            What the carries were before each iteration, where they are to be kept.
        iterations : int
        goes_on : bool
            Whether the last iteration wanted another.

        Raises
        ------
        IterationError
            From the error of an iteration.
        """
        ...


def repeats(step: Any) -> TypeGuard[Repeating]:
    """Whether the executable of a body runs many iterations in one call."""
    return hasattr(step, "repeat")  # looking at a protocol takes as long as many iterations


class IterationError(Exception):
    """An error in an iteration, by number; the error is its cause."""

    def __init__(self, iteration: int) -> None:
        super().__init__(iteration)
        self.iteration = iteration


def run_iterations(
    step: Any,
    constants: Sequence[Any],
    inits: Sequence[Any],
    streams: Sequence[Any],
    length: int,
    reverse: bool,
    kept: Sequence[int],
    outputs: Sequence[Array],
    befores: Sequence[Array],
    what: str,
) -> list[Any]:
    """Run the iterations of a loop of known length, and return the carries after the last; see `Repeating`.

    Parameters
    ----------
    step : callable
        Runs the body once, and perhaps is `Repeating`.
    what : str
        The loop, for the message of an error.

    Raises
    ------
    IndexRangeError, LinAlgError
        With the iteration.
    """
    run = step.repeat if repeats(step) else partial(_one_by_one, step)
    try:
        return list(run(constants, inits, streams, length, reverse, kept, outputs, befores))
    except IterationError as error:
        raise located_iteration(error, error.__cause__, what) from None


def located_iteration(error: IterationError, cause: BaseException | None, what: str) -> BaseException:
    """Return the error of an iteration with the number of the iteration, where it is one of values."""
    assert cause is not None
    if not isinstance(cause, _BODY_ERRORS):
        return cause
    return type(cause)(f"{cause}, in iteration {error.iteration} of {what}")


def _one_by_one(
    step: Run,
    constants: Sequence[Any],
    inits: Sequence[Any],
    streams: Sequence[Any],
    length: int,
    reverse: bool,
    kept: Sequence[int],
    outputs: Sequence[Array],
    befores: Sequence[Array],
) -> list[Any]:
    carry = list(inits)
    for iteration in range(length - 1, -1, -1) if reverse else range(length):
        for array, place in zip(befores, kept, strict=True):
            array[iteration] = carry[place]
        values = one_iteration(
            step, [*constants, *carry, *[one[iteration, ...] for one in streams]], iteration
        )
        carry = values[: len(carry)]
        for array, value in zip(outputs, values[len(carry) :], strict=True):
            array[iteration] = value
    return carry


def one_iteration(step: Run, operands: Sequence[Any], iteration: int) -> list[Any]:
    """Run a body once.

    Raises
    ------
    IterationError
        From an error that depends on values.
    """
    try:
        return list(step(operands))
    except _BODY_ERRORS as error:
        raise IterationError(iteration) from error


def rows(type_: TensorType, length: int) -> Array:
    """Return memory for a value of each iteration."""
    return np.empty((length, *type_.shape), type_.dtype)
