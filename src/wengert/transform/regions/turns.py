"""The turns of a loop, one after the other, or many in one call where an executor can do that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from wengert.errors import IndexRangeError
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.transform.regions.bodies import Run

_BODY_ERRORS = (IndexRangeError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Turns:
    """What the turns of a loop gave.

    Attributes
    ----------
    finals : list of array
        The carries after the last turn.
    outputs : list of array, shape (length, ...)
        What each turn gave besides.
    befores : list of array, shape (length, ...)
        What the kept carries were before each turn.
    count : int
        How many turns there were.
    goes_on : bool
        What the last turn answered, where it was asked.
    """

    finals: list[Any]
    outputs: list[Any]
    befores: list[Any]
    count: int
    goes_on: bool = False


@runtime_checkable
class Repeating(Protocol):
    """The executable of a body that runs many turns in one call."""

    def repeat(
        self,
        constants: Sequence[Any],
        inits: Sequence[Any],
        streams: Sequence[Any],
        length: int,
        reverse: bool = False,
        kept: Sequence[int] = (),
        asks: bool = False,
    ) -> Turns:
        """Run up to `length` turns.

        Parameters
        ----------
        constants, inits, streams : sequence of array
            The body's inputs: what stays, what is carried, and arrays of one entry a turn.
        length : int
        reverse : bool
            The last entry first.
        kept : sequence of int
            Carries whose values before each turn are wanted, by position.
        asks : bool
            Whether the last output says if there is to be another turn; then there are no other outputs
            besides the carries.

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
    body: Program,
    constants: Sequence[Any],
    inits: Sequence[Any],
    streams: Sequence[Any],
    length: int,
    reverse: bool,
    kept: Sequence[int],
    what: str,
) -> Turns:
    """Run the turns of a loop of known length; see `Repeating`.

    Parameters
    ----------
    step : callable
        Runs `body` once, and perhaps is `Repeating`.
    what : str
        The loop, for the message of an error.

    Raises
    ------
    IndexRangeError, LinAlgError
        With the turn.
    """
    try:
        if isinstance(step, Repeating):
            return step.repeat(constants, inits, streams, length, reverse, kept)
        return _one_by_one(step, body, constants, inits, streams, length, reverse, kept)
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
    body: Program,
    constants: Sequence[Any],
    inits: Sequence[Any],
    streams: Sequence[Any],
    length: int,
    reverse: bool,
    kept: Sequence[int],
) -> Turns:
    carry = list(inits)
    types = [node.type for node in body.outputs]
    outputs = [_rows(one, length) for one in types[len(carry) :]]
    befores = [_rows(types[place], length) for place in kept]
    for turn in range(length - 1, -1, -1) if reverse else range(length):
        for array, place in zip(befores, kept, strict=True):
            array[turn] = carry[place]
        values = one_turn(step, [*constants, *carry, *[one[turn, ...] for one in streams]], turn)
        carry = values[: len(carry)]
        for array, value in zip(outputs, values[len(carry) :], strict=True):
            array[turn] = value
    return Turns(carry, outputs, befores, length)


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


def _rows(type_: TensorType, length: int) -> np.ndarray[Any, Any]:
    return np.empty((length, *type_.shape), type_.dtype)
