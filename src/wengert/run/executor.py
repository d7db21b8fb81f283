"""The protocol that every executor follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np

from wengert.ir.program import Program

Executable = Callable[[Sequence[Any]], list[np.ndarray[Any, Any]]]


@runtime_checkable
class Executor(Protocol):
    """Compiles programs."""

    def compile(self, program: Program) -> Executable:
        """Return a callable from one array per input to one fresh array per output.

        It never writes to its arguments, and refuses those that are not of their input's type.
        """
        ...


class RowsExecutor(Executor, Protocol):
    """An executor that divides rows among devices.

    Attributes
    ----------
    parts : int
        Among how many.
    processes : int
        To how many processes these belong.
    rank : int
        The number of this one, from 0.
    holders : int
        How many processes hold rows of their own, of which each gives an equal part of every batch: a step
        is traced for as many rows as all of them give.
    """

    @property
    def parts(self) -> int: ...  # noqa: D102

    @property
    def processes(self) -> int: ...  # noqa: D102

    @property
    def holders(self) -> int: ...  # noqa: D102

    @property
    def rank(self) -> int: ...  # noqa: D102

    def from_first(self, data: bytes) -> bytes:
        """Return what the first of the processes gave."""
        ...

    def check_batch(self, rows: int) -> None:
        """Refuse a batch that cannot be divided, given how many of its rows this process has.

        Raises
        ------
        ConfigurationError
        """
        ...

    def gathered(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return an array of numbers as each holder of rows has it, one after the other."""
        ...

    def compile_over_rows(self, program: Program, rows: tuple[int, ...]) -> Executable:
        """Return the callable for a program whose inputs at the places `rows` hold one entry a row."""
        ...


def divides_rows(executor: object) -> TypeGuard[RowsExecutor]:
    """Whether an executor divides rows among devices."""
    return hasattr(executor, "compile_over_rows")


def compiled_over_rows(executor: Executor, program: Program, rows: tuple[int, ...]) -> Executable:
    """Return the callable for a program, which divides the rows of some inputs where the executor can."""
    if divides_rows(executor):
        return executor.compile_over_rows(program, rows)
    return executor.compile(program)


@runtime_checkable
class Inspectable(Protocol):
    """An executable of generated code, which can be looked at."""

    def llvm(self) -> str:
        """Return the generated code."""
        ...

    def kernels(self, arguments: Sequence[Any] | None = None) -> list[Any]:
        """Return what runs in which order, with times where there are arguments to run it on."""
        ...
