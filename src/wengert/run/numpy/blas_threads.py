"""How many threads NumPy's matrix products use."""

from __future__ import annotations

import contextlib
import os

_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)


def one_blas_thread() -> contextlib.AbstractContextManager[object]:
    """Keep matrix products to one thread, unless the user's environment says how many to use.

    Products of a few million operations take microseconds. Threads that wait for each other over them gain
    little on an idle machine, and on a busy one were measured to make training more than ten times slower.
    The number of threads also changes the last bits of a result.
    """
    if any(name in os.environ for name in _VARIABLES):
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
