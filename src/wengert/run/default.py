"""Which executor to take: machine code where it can be made, NumPy otherwise."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from wengert.errors import WengertWarning
from wengert.run.executor import Executor
from wengert.run.numpy import NumpyExecutor

if TYPE_CHECKING:
    from wengert.run.llvm import LLVMExecutor


def default_executor(threads: int | None = None) -> Executor:
    """Return the LLVM executor, or NumPy's where llvmlite cannot be loaded, which is said once.

    Parameters
    ----------
    threads : int, optional
        See `LLVMExecutor`.
    """
    made = _llvm_executor()
    return NumpyExecutor() if made is None else made(threads=threads)


@lru_cache(maxsize=1)
def _llvm_executor() -> type[LLVMExecutor] | None:
    try:
        from wengert.run.llvm import LLVMExecutor

        return LLVMExecutor
    except (ImportError, OSError, RuntimeError) as error:
        warnings.warn(
            f"llvmlite cannot be loaded ({error}), so programs run with NumPy, which is slower; "
            "`pip install llvmlite` helps",
            WengertWarning,
            stacklevel=2,
        )
        return None
