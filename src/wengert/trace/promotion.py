"""The dtypes in which a primitive computes of operands of these, and whether its result is a weak number."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.ir.primitive import Kind, Primitive

# The Python type that a result of weak numbers stands for.
WEAK_OF_KIND = {"c": complex, "f": float, "i": int, "b": bool}


@lru_cache(maxsize=4096)
def promoted(
    primitive: Primitive, *dtypes: Any
) -> tuple[tuple[np.dtype[np.generic], ...], bool, Callable[..., Any] | None]:
    """Return the dtypes that operands are converted to, and whether the result is weak as they all are.

    Last, what the primitive is in other ones, where it is so for these dtypes.
    """
    weak = primitive.kind is Kind.ELEMENTWISE and all(isinstance(dtype, type) for dtype in dtypes)
    converted = primitive.operand_dtypes(dtypes)
    written_out = primitive.complex if callable(primitive.complex) else None
    is_complex = any(dtype.kind == "c" for dtype in converted)
    return converted, weak, written_out if is_complex else None
