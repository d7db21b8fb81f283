"""Loops over the steps of a program: what executors that run them natively offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import numpy as np

from wengert.ir.program import Program
from wengert.run.executor import Executor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Roles:
    """What a step's inputs and outputs are to the loop around it.

    Attributes
    ----------
    carried : int
        Number of first outputs that are the first inputs of the next step. The output after them is the
        loss, a scalar.
    rows : tuple of int
        Positions of the inputs that hold a batch: one entry a row.
    counter : int
        Position of the input that is the number of steps taken, an int64 scalar.
    """

    carried: int
    rows: tuple[int, ...]
    counter: int


class Progress(Protocol):
    """Where a loop stands; valid between two runs, also after Ctrl-C.

    Attributes
    ----------
    steps : int
        Steps taken in all.
    loss_sum : float
        Over the rows of the steps since the beginning of the epoch.
    last_loss : float
    largest_loss : float
        Of the steps since it was last set.
    stopped : bool
        Whether a loss was not finite or an index out of range; that step was still taken.
    is_whole : bool
        Whether the arrays of the carry belong to one step. After Ctrl-C in the middle of a step they may
        not; they must be restored then.
    carry : list of ndarray
        Changed by the next run. May be set.
    """

    steps: int
    loss_sum: float
    last_loss: float
    largest_loss: float
    stopped: bool
    is_whole: bool
    carry: list[Array]

    def copy(self) -> Sequence[Array]:
        """Return the carry as it is now; later steps do not change it."""
        ...

    def largest(self) -> float:
        """Return the largest magnitude of the floating elements of the carry; NaN where one is NaN."""
        ...


class StepLoop(Protocol):
    """A loop with its data, ready to run."""

    def run(self, order: Array, row: int, count: int, threads: int) -> None:
        """Take up to `count` steps; Ctrl-C ends them early, between two steps or in one that takes long.

        Parameters
        ----------
        order : ndarray of int64
            The rows of an epoch in the order in which they are taken.
        row : int
            Where in `order` the first batch begins; 0 begins an epoch. Until the next one begins, changes of
            the array do not matter.
        count : int
        threads : int
            The results do not depend on it.
        """
        ...

    def llvm(self) -> str:
        """Return the generated code."""
        ...

    def kernels(self, profile: bool) -> list[Any]:
        """Return what runs in a step in which order, with times where they are wanted.

        To measure them, kernels are run again and again, which leaves the carry worthless.
        """
        ...


class LoopExecutor(Executor, Protocol):
    """An executor that runs the steps of a program in a loop of its own.

    Attributes
    ----------
    threads : int
        How many may work on one step.
    """

    threads: int

    def loop(
        self, program: Program, roles: Roles, progress: Progress, data: Sequence[Array]
    ) -> StepLoop | None:
        """Return the loop over a step, None where it cannot be run natively.

        Parameters
        ----------
        program : Program
        roles : Roles
        progress : Progress
            As `new_progress` made it; loops over batches of different lengths share one.
        data : sequence of ndarray
            The inputs after the carried ones: all rows where a step takes a batch of them.
        """
        ...

    def new_progress(self, carry: Sequence[Array], steps: int, loss_sum: float) -> Progress:
        """Return the progress of a loop that begins, or goes on, with copies of these arrays."""
        ...


def runs_loops(executor: Executor) -> TypeGuard[LoopExecutor]:
    """Whether an executor runs the steps of a program in a loop of its own."""
    return hasattr(executor, "new_progress")
