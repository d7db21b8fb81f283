"""Which executor to take: machine code where it can be made, NumPy otherwise."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError, WengertWarning
from wengert.extras import optional_library
from wengert.run.executor import Executor
from wengert.run.numpy import NumpyExecutor
from wengert.run.threads import usable_processors

if TYPE_CHECKING:
    from wengert.run.llvm import LLVMExecutor


EXECUTORS = ("llvm", "numpy", "xla")


def find_executor(
    executor: str | Executor, threads: int | None = None, bfloat16: bool = False, **devices: Any
) -> Executor:
    """Return the executor of a name, or the executor itself.

    Parameters
    ----------
    executor : Executor, "numpy", "llvm" or "xla"
    threads : int, optional
        For "llvm"; see `LLVMExecutor`.
    bfloat16 : bool
        Likewise.
    **devices
        For "xla"; see `XLAExecutor`. None and False say nothing.

    Raises
    ------
    ConfigurationError

    Warns
    -----
    WengertWarning
        When there are fewer processors than `threads`; one thread runs on each.
    """
    if threads is not None:
        if executor != "llvm":
            raise ConfigurationError(
                "threads is for executor='llvm'; other executors have settings of their own"
            )
        threads = _possible(threads)
    if bfloat16 and executor != "llvm":
        raise ConfigurationError("products of bfloat16 numbers are for executor='llvm'")
    chosen = {name: value for name, value in devices.items() if value is not None and value is not False}
    if chosen and executor != "xla":
        raise ConfigurationError(
            f"{next(iter(chosen))} is for executor='xla'; other executors have settings of their own"
        )
    if executor == "numpy":
        return NumpyExecutor()
    if executor == "llvm":
        return default_executor(threads, bfloat16)
    if executor == "xla":
        return xla_executor(**chosen)
    if not isinstance(executor, Executor):
        raise ConfigurationError(
            f"executor {executor!r} is unknown; there are 'numpy', 'llvm' and 'xla', or pass an Executor"
        )
    return executor


def _possible(threads: int) -> int:
    """Return how many of these threads can run at the same time."""
    positive_integer("", "threads", threads)
    most = usable_processors()
    if threads > most:
        # Threads that wait for each other several times in a step must not wait for a processor as well.
        text = f"threads={threads} is lowered to {most}, as many as there are processors for this process"
        warnings.warn(text, WengertWarning, stacklevel=6)  # the line that called `fit`
    return min(int(threads), most)


def default_executor(threads: int | None = None, bfloat16: bool = False) -> Executor:
    """Return the LLVM executor, or NumPy's where llvmlite cannot be loaded, which is said once.

    Parameters
    ----------
    threads : int, optional
        See `LLVMExecutor`.
    bfloat16 : bool
        Likewise; without llvmlite NumPy computes in float32.
    """
    made = _llvm_executor()
    return NumpyExecutor() if made is None else made(threads=threads, bfloat16=bfloat16)


@lru_cache(maxsize=1)
def _llvm_executor() -> type[LLVMExecutor] | None:
    try:
        # By itself, so that an error of our own code is not taken for one of its.
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
    except Exception as error:  # a library that is damaged or made for another system fails in any way
        reason = str(error) or type(error).__name__
        warnings.warn(
            f"llvmlite cannot be loaded ({reason}), so programs run with NumPy, which is slower; "
            "`pip install llvmlite` helps",
            WengertWarning,
            stacklevel=2,
        )
        return None
    from wengert.run.llvm import LLVMExecutor

    return LLVMExecutor


# The first with everything that `wengert.run.xla` calls; the extra `xla` in pyproject.toml asks for it too.
_OLDEST_JAX = 0, 10


def xla_executor(device: str | None = None, **options: Any) -> Executor:
    """Return the executor that compiles programs with XLA, by JAX.

    Parameters
    ----------
    device : str, optional
        "cpu", "gpu" or "tpu", or one of several such as "gpu:1"; by default the fastest that JAX finds.
    **options
        ``precision``, ``mesh``, ``shard``, ``deterministic``, ``own_rows``, ``seat``; see
        `wengert.run.xla.XLAExecutor`.

    Raises
    ------
    ConfigurationError
        When JAX is not installed or too old, or there is no such device.
    """
    jax = optional_library("jax", "executor='xla' compiles programs with JAX", "xla")
    if tuple(jax.__version_info__[:2]) < _OLDEST_JAX:
        oldest = ".".join(map(str, _OLDEST_JAX))
        raise ConfigurationError(
            f"executor='xla' needs JAX {oldest} or newer, and this is {jax.__version__}; "
            "install it with: pip install -U 'wengert[xla]'"
        )
    from wengert.run.xla import XLAExecutor

    return XLAExecutor(device, **options)


def mesh_of(executor: str | Executor, mesh: int | str | None) -> int | str | None:
    """Return of how many devices the mesh is: as given, or for "xla" as ``WENGERT_MESH`` says.

    Raises
    ------
    ConfigurationError
        When the variable is neither a number nor "all".
    """
    text = os.environ.get("WENGERT_MESH", "")
    if mesh is not None or executor != "xla" or not text:
        return mesh
    if text != "all" and not text.isdecimal():
        raise ConfigurationError(f"WENGERT_MESH is a number of devices or 'all', got {text!r}")
    return text if text == "all" else int(text)
