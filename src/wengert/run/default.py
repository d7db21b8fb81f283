"""Which executor to take: machine code where it can be made, NumPy otherwise."""

from __future__ import annotations

import warnings
from functools import lru_cache

from wengert.errors import WengertWarning
from wengert.run.executor import Executor
from wengert.run.numpy import NumpyExecutor


@lru_cache(maxsize=1)
def default_executor() -> Executor:
    """Return the LLVM executor, or NumPy's where llvmlite cannot be loaded, which is said once."""
    try:
        from wengert.run.llvm import LLVMExecutor

        return LLVMExecutor()
    except (ImportError, OSError, RuntimeError) as error:
        warnings.warn(
            f"llvmlite cannot be loaded ({error}), so programs run with NumPy, which is slower; "
            "`pip install llvmlite` helps",
            WengertWarning,
            stacklevel=2,
        )
        return NumpyExecutor()
