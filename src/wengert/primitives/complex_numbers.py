"""Parts of complex numbers, and the conjugate: linear over the real numbers, and not holomorphic.

The derivative of a real function of z = x + iy is ∂/∂x − i ∂/∂y, as in JAX and autograd: cotangents are
multiplied with z without a conjugate, so that the rules of holomorphic functions are those of real numbers.
The gradient of steepest ascent is its conjugate.
"""

from __future__ import annotations

import numpy as np

from wengert.primitives.kinds import DType, elementwise, unchanged


def real_dtype(dtype: DType) -> DType:
    """Return the dtype of the parts of complex numbers, and any other as it is."""
    return np.empty(0, dtype).real.dtype


real = elementwise(
    "real",
    numpy=np.real,
    # A cotangent of real numbers becomes one of complex numbers whose imaginary part is 0.
    vjp=lambda ct, out, z: (ct,),
    python="np.real({0})",
    promote=unchanged,
    result=real_dtype,
    linear=True,
    complex=True,
    source="DLMF 1.9.2",
)

imag = elementwise(
    "imag",
    numpy=np.imag,
    vjp=lambda ct, out, z: (-(1j * ct) if z.dtype.kind == "c" else 0 * ct,),
    python="np.imag({0})",
    promote=unchanged,
    result=real_dtype,
    linear=True,
    complex=True,
    source="DLMF 1.9.2",
)

conj = elementwise(
    "conj",
    numpy=lambda z: np.conjugate(z),
    promote=unchanged,
    vjp=lambda ct, out, z: (np.conjugate(ct),),
    python="np.conjugate({0})",
    linear=True,
    complex=True,
    source="DLMF 1.9.11",
)
