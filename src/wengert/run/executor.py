"""The protocol that every executor follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Inspectable(Protocol):
    """An executable of generated code, which can be looked at."""

    def llvm(self) -> str:
        """Return the generated code."""
        ...

    def kernels(self, arguments: Sequence[Any] | None = None) -> list[Any]:
        """Return what runs in which order, with times where there are arguments to run it on."""
        ...
