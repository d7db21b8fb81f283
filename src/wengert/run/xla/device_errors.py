"""What JAX says when a memory is full or a process is gone, as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from wengert.errors import LimitError, WorkerLostError
from wengert.storage.memory import free_memory

# What a full memory is called; the last by the products of matrices of a processor, which say no more.
_FULL = ("RESOURCE_EXHAUSTED", "Out of memory", "YNNPACK operation failed")
# How errors of a computation begin, or go on, in which processes exchange arrays.
_LOST = ("Gloo ", "CoordinationService", "coordination service")


@contextmanager
def errors_of(what: str, smaller: Callable[[], str] = str) -> Iterator[None]:
    """Within it, a device whose memory is full is an error of ours, and so is a process that is gone.

    Parameters
    ----------
    what : str
        What the memory is for.
    smaller : callable
        Gives the advice, once it is needed.

    Raises
    ------
    LimitError
        With the bytes asked for, where JAX says how many.
    WorkerLostError
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        text = str(error)
        if any(words in text for words in _LOST):
            reason = text.partition("\n")[0]
            raise WorkerLostError(f"another process was lost in {what}; JAX says: {reason}") from None
        if not any(words in text for words in _FULL):
            raise
        asked = re.search(r"([\d.,]+ ?(?:[KMGT]i?)?B\b|\d+ bytes)", text)
        size = f" ({asked[1]} were asked for)" if asked else ""
        raise LimitError(f"the device has not enough memory for {what}{size}{smaller()}") from None


def _limit(device: Any) -> int | None:
    found: int | None = (device.memory_stats() or {}).get("bytes_limit")
    return found


def _shape(one: Any) -> Any:
    return jax.ShapeDtypeStruct(one.shape, one.dtype, sharding=getattr(one, "sharding", None))


def advice(loop: Any, arguments: tuple[Any, ...], rows: int) -> str:
    """Return how many rows of a batch would fit, from what the loop needs and the device has.

    Parameters
    ----------
    loop : callable
        Of `jax.jit`.
    arguments : tuple
        Arrays, of which the shapes count.
    rows : int
        In a batch.
    """
    device = jax.tree.leaves(arguments)[0].sharding.mesh.local_devices[0]
    limit = _limit(device)
    shapes = jax.tree.map(_shape, arguments)
    needs = loop.lower(*shapes).compile().memory_analysis()
    # Of a processor, the memory is that of the machine, of which the arguments have their part already.
    others = 0 if limit is None else needs.argument_size_in_bytes + needs.output_size_in_bytes
    free = (free_memory() if limit is None else limit) - others
    fits = int(rows * free / max(needs.temp_size_in_bytes, 1))
    if fits < 1:
        return "; rows and parameters alone fill it: take a mesh of more devices, or shard='auto'"
    taken = f"; it needs {needs.temp_size_in_bytes:,} bytes beside rows and parameters"
    return f"{taken}, so that a batch of about {min(fits, max(1, rows // 2))} rows would fit"
