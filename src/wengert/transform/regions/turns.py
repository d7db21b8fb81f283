"""The turns of a loop, one after the other, or many in one call where an executor can do that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from wengert.errors import IndexRangeError
from wengert.ir.types import TensorType
from wengert.transform.regions.bodies import Run

Array = np.ndarray[Any, Any]

_BODY_ERRORS = (IndexRangeError, np.linalg.LinAlgError)


@runtime_checkable
class Repeating(Protocol):
    """The executable of a body that runs many turns in one call."""

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
        """Run `length` turns, and return the carries after the last.

        Parameters
        ----------
        constants, inits, streams : sequence of array
            The body's inputs: what stays, what is carried, and arrays of one entry a turn.
        length : int
        reverse : bool
            The last entry first.
        kept : sequence of int
            Carries whose values before each turn are wanted, by position.
        outputs, befores : sequence of array, shape (length, ...)
            Where to write what the turns give, and what the kept carries were before them.

        Raises
        ------
        TurnError
            From the error of a turn.
        """
        ...

    def repeat_while(
        self, constants: Sequence[Any], inits: Sequence[Any], most: int, keep: bool
    ) -> tuple[list[Any], list[Any], int, bool]:
        """Run up to `most` turns, as long as the last output is true.

        Returns
        -------
        carries : list of array
        befores : list of array, shape (turns, ...)
            What the carries were before each turn, where they are to be kept.
        turns : int
        goes_on : bool
            Whether the last turn wanted another.

        Raises
        ------
        TurnError
            From the error of a turn.
        """
        ...


class TurnError(Exception):
    """An error in a turn, by number; the error is its cause."""

    def __init__(self, turn: int) -> None:
        super().__init__(turn)
        self.turn = turn


def run_turns(
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
    """Run the turns of a loop of known length, and return the carries after the last; see `Repeating`.

    Parameters
    ----------
    step : callable
        Runs the body once, and perhaps is `Repeating`.
    what : str
        The loop, for the message of an error.

    Raises
    ------
    IndexRangeError, LinAlgError
        With the turn.
    """
    run = step.repeat if isinstance(step, Repeating) else partial(_one_by_one, step)
    try:
        return list(run(constants, inits, streams, length, reverse, kept, outputs, befores))
    except TurnError as error:
        raise located_turn(error, error.__cause__, what) from None


def located_turn(error: TurnError, cause: BaseException | None, what: str) -> BaseException:
    """Return the error of a turn with the number of the turn, where it is one of values."""
    assert cause is not None
    if not isinstance(cause, _BODY_ERRORS):
        return cause
    return type(cause)(f"{cause}, in turn {error.turn} of {what}")


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
    for turn in range(length - 1, -1, -1) if reverse else range(length):
        for array, place in zip(befores, kept, strict=True):
            array[turn] = carry[place]
        values = one_turn(step, [*constants, *carry, *[one[turn, ...] for one in streams]], turn)
        carry = values[: len(carry)]
        for array, value in zip(outputs, values[len(carry) :], strict=True):
            array[turn] = value
    return carry


def one_turn(step: Run, operands: Sequence[Any], turn: int) -> list[Any]:
    """Run a body once.

    Raises
    ------
    TurnError
        From an error that depends on values.
    """
    try:
        return list(step(operands))
    except _BODY_ERRORS as error:
        raise TurnError(turn) from error


def rows(type_: TensorType, length: int) -> Array:
    """Return memory for a value of each turn."""
    return np.empty((length, *type_.shape), type_.dtype)
