"""The training step to look into: its program, its machine code, and where its time goes."""

from __future__ import annotations

from typing import Any

from wengert.errors import ConfigurationError
from wengert.ir.program import Program
from wengert.optim import LBFGS, Adam, Optimiser
from wengert.primitives import random
from wengert.run import default_executor
from wengert.run.loop import StepLoop
from wengert.train.inputs import Rows, check_rows
from wengert.train.steps.batches import clipped_batch_size
from wengert.train.steps.conform import conform
from wengert.train.steps.native import native_steps
from wengert.train.steps.objective import Loss, Objective, Penalty, find_loss
from wengert.train.steps.state import State
from wengert.train.steps.step import StepRule, TrainingStep


class CompiledStep:
    """One step of training, compiled as `fit` compiles it.

    Attributes
    ----------
    program : Program
        (network, optimiser's state, batch, step number) → (network, optimiser's state, loss): to print, draw,
        or emit as NumPy source.
    """

    def __init__(self, step: TrainingStep, rows: Rows, batch_size: int) -> None:
        self._step = step
        self._rows = rows.take(slice(0, batch_size))
        self.program: Program = step.program(self._rows)

    def llvm(self) -> str:
        """Return the code of the loop over steps, before LLVM's own optimisation.

        Raises
        ------
        ConfigurationError
            Where NumPy would run the step.
        """
        loop = self._loop()
        return self.program.llvm() if loop is None else loop.llvm()

    def kernels(self, *, profile: bool = False) -> list[Any]:
        """Return the kernels of a step; see `Program.kernels`.

        With `profile` they are run on the first rows. The network is not changed.
        """
        loop = self._loop()
        return self.program.kernels(profile=profile) if loop is None else loop.kernels(profile)

    def _loop(self) -> StepLoop | None:
        """Return a loop with copies of the parameters; None where steps are called one by one."""
        state = State(self._step.initial)
        steps = native_steps(self._step, self._rows, [(0, len(self._rows))], random.key(0), state)
        return None if steps is None else steps.full_loop()


def compile_step(
    net: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    optimizer: Optimiser | None = None,
    batch_size: int | None = None,
    sample_weight: Any = None,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
) -> CompiledStep:
    """Return the training step that `fit` would take with these arguments, to look into.

    Parameters
    ----------
    net, X, y, loss, optimizer, batch_size, sample_weight, penalty, clip_norm
        As for `fit`; of the rows, one batch is enough.

    Returns
    -------
    CompiledStep

    Raises
    ------
    DataError, DTypeError, ShapeError, IndexRangeError, ConfigurationError
        As `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import nn, optim, train
    >>> net = nn.Sequential(nn.Dense(2, 4, "sigmoid"), nn.Dense(4, 1, "sigmoid")).initialise(seed=0)
    >>> X, y = np.eye(4, 2), np.ones((4, 1))
    >>> step = train.compile_step(net, X, y, loss="half_squared_error", optimizer=optim.SGD(0.1))
    >>> print(step.kernels())  # doctest: +ELLIPSIS
    kernel          shape          flops         bytes  fuses
    ...
    """
    if isinstance(optimizer, LBFGS):
        raise ConfigurationError("L-BFGS takes no steps of one program: each iteration searches along a line")
    objective = Objective(find_loss(loss), penalty)
    rows = conform(net, objective, check_rows(X, y, sample_weight))
    step = TrainingStep(net, StepRule(objective, optimizer or Adam(), clip_norm), default_executor())
    return CompiledStep(step, rows, clipped_batch_size(batch_size, len(rows)))
