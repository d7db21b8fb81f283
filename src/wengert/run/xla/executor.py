"""The XLA executor: a program as a computation that JAX compiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from wengert.errors import ConfigurationError, LimitError, WengertError
from wengert.ir.evaluate import check_argument
from wengert.ir.program import Program
from wengert.run.executor import Executable
from wengert.run.loop import Progress, Roles
from wengert.run.numpy import NumpyExecutor
from wengert.run.recent import recent
from wengert.run.xla.device_loop import XLALoop, XLAProgress, compiled_loop
from wengert.run.xla.translation import lowered

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class XLAExecutor:
    """Compiles a program with XLA, the compiler of JAX.

    Float64 is computed in float64, and products of float32 with all their bits, also where an accelerator
    rounds factors by default. XLA takes numbers below the smallest normal one for 0. What XLA has no code
    for, NumPy computes in a call from the device; see `wengert.run.xla.translation.lines_for_numpy`.

    Parameters
    ----------
    device : str, optional
        "cpu", "gpu" or "tpu"; by default the fastest that JAX finds.

    Raises
    ------
    ConfigurationError
        When there is no such device.
    """

    device: str | None = None

    threads = 1  # XLA divides the work among threads by itself

    def __post_init__(self) -> None:
        try:
            jax.devices(self.device)
        except RuntimeError:
            present = sorted({one.platform for one in (*jax.devices(), *jax.devices("cpu"))})
            raise ConfigurationError(
                f"JAX finds no device {self.device!r}; there is {', '.join(map(repr, present))} "
                "(for others JAX is installed with their plugin, as its installation page says)"
            ) from None

    def compile(self, program: Program) -> Executable:
        """Return the callable; see `Executor`."""
        if program.free:
            raise WengertError("the program reads values of an enclosing trace; it can only run inside it")
        names = tuple([node.params for node in program.inputs])
        made: Executable = recent(("xla", self, program, names), lambda: _Compiled(program, self))
        return made

    @contextmanager
    def settings(self) -> Iterator[None]:
        """JAX's settings while it traces and runs our programs; those of the process stay as they are."""
        with jax.enable_x64(True), jax.default_device(jax.devices(self.device)[0]):
            yield

    def loop(
        self, program: Program, roles: Roles, progress: Progress, data: Sequence[Array]
    ) -> XLALoop | None:
        """Return the loop over a step; see `LoopExecutor`."""
        compiled = recent(("xla loop", self, roles, program), lambda: compiled_loop(program, roles))
        assert isinstance(progress, XLAProgress)
        return None if compiled is None else XLALoop(compiled, progress, data)

    def new_progress(self, carry: Sequence[Array], steps: int, loss_sum: float) -> XLAProgress:
        """Return the progress of a loop that begins, or goes on."""
        return XLAProgress(carry, steps, loss_sum, self.settings)


class _Compiled:
    """A program ready to run.

    Parameters
    ----------
    program : Program
    executor : XLAExecutor
    """

    def __init__(self, program: Program, executor: XLAExecutor) -> None:
        self._program = program
        self._settings = executor.settings
        self._run = jax.jit(lowered(program))

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """Run on one array per input."""
        given = [
            check_argument(node, value) for node, value in zip(self._program.inputs, arguments, strict=True)
        ]
        try:
            with self._settings():
                outputs, good = self._run(given)
                if good:
                    return [np.array(value) for value in outputs]
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error):
                raise LimitError(f"the device has not enough memory: {error}") from None
            raise
        self._refused(given)
        raise WengertError("a line failed on the device and does not with NumPy: a bug in wengert")

    def _refused(self, arguments: list[Array]) -> None:
        """Have NumPy say what is wrong with these arguments: it raises the error that belongs to a line."""
        NumpyExecutor().compile(self._program)(arguments)
