"""How the LLVM executor runs a program: what `Program.llvm` and `Program.kernels` show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError
from wengert.ir.program import Program
from wengert.run.default import default_executor
from wengert.run.executor import Inspectable


def llvm(program: Program) -> str:
    """Return the generated code; see `Program.llvm`."""
    return inspectable(default_executor().compile(program)).llvm()


def kernels(program: Program, arguments: Sequence[Any] | None, profile: bool) -> list[Any]:
    """Return the kernels; see `Program.kernels`."""
    run = inspectable(default_executor().compile(program))
    if not profile:
        return run.kernels()
    return run.kernels(made_up(program) if arguments is None else arguments)


def inspectable(run: object) -> Inspectable:
    """Return an executable that can be looked at.

    Raises
    ------
    ConfigurationError
        When an executor other than LLVM runs it.
    """
    if not isinstance(run, Inspectable):
        raise ConfigurationError(
            "there is no generated code to show for what runs with NumPy or XLA; the LLVM executor, the "
            "default where llvmlite is installed, generates code for all but very long programs"
        )
    return run


def made_up(program: Program) -> list[np.ndarray[Any, Any]]:
    """Return an array for each input: numbers between 0 and 1, and zeros where these would not be numbers.

    Zeros, since an integer may be an index.
    """
    generator = np.random.default_rng(0)
    return [
        generator.random(node.type.shape).astype(node.type.dtype)
        if node.type.dtype.kind == "f"
        else np.zeros(node.type.shape, node.type.dtype)
        for node in program.inputs
    ]
