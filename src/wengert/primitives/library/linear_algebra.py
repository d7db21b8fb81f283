"""Linear algebra over the last two axes, by LAPACK: systems, determinants and functions of matrices."""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Primitive
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.kinds import broadcast_shapes, cubic, library, promotion_of


def square(name: str, a: TensorType) -> TensorType:
    """Return the type of a stack of square matrices.

    Raises
    ------
    ShapeError
        When the last two axes are not equal, or there are not two.
    """
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name}: takes square matrices over the last two axes, got shape {a.shape}")
    return a


def _system(name: str, a: TensorType, b: TensorType) -> TensorType:
    square(name, a)
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ShapeError(f"{name}: a matrix of shape {a.shape} and right-hand sides of shape {b.shape}")
    heads = [tensor_type(one.shape[:-2], one.dtype) for one in (a, b)]
    return tensor_type((*broadcast_shapes(name, heads), *b.shape[-2:]), b.dtype)


def _solve_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, ...]:
    by_b = solve(a.mT, ct)
    return -(by_b @ out.mT), by_b


solve = library(
    "solve",
    numpy=np.linalg.solve,
    infer=lambda a, b: _system("solve", a, b),
    vjp=_solve_vjp,
    operands=2,
    complex=True,
    formula="x**-1 @ y",
    source="Giles 2008, 2.3.1",
)


@emitted
def full_rank(a, of):
    """The same matrices, after a check that none is singular but for rounding."""
    if a.size:
        s = np.linalg.svd(a, compute_uv=False)
        least = 10 * a.shape[-1] * np.finfo(a.dtype).eps * s[..., :1]
        if np.any(s <= least):
            raise np.linalg.LinAlgError(f"{of}: there is no derivative (condition number above 1e14)")
    return a


regular = library(
    "full_rank",
    numpy=full_rank,
    infer=lambda a, of: square("full_rank", a),
    vjp=lambda ct, out, a, of: (ct,),
    flops=cubic(4),
    complex=True,
    linear=True,
    source="Golub & Van Loan 2013, 5.4.1: a rank is numerical",
)


def _cross_type(a: TensorType, b: TensorType) -> TensorType:
    if a.shape[-1:] != (3,) or b.shape[-1:] != (3,):
        raise ShapeError(f"cross: vectors of three components, got shapes {a.shape} and {b.shape}")
    return tensor_type(broadcast_shapes("cross", [a, b]), a.dtype)


def _cross_by_components(a, b):
    (a1, a2, a3), (b1, b2, b3) = ([one[..., place] for place in range(3)] for one in (a, b))
    return np.stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=-1)


cross: Primitive = library(
    "cross",
    numpy=np.cross,
    infer=_cross_type,
    promote=promotion_of(np.multiply),
    vjp=lambda ct, out, a, b: (cross(b, ct), cross(ct, a)),
    operands=2,
    decomposition=_cross_by_components,
    flops=lambda out, types, params: 3 * out.size,
    complex=True,
    formula="cross(x, y)",
    source="Petersen & Pedersen 2012, 10.3: w · (a × b) = a · (b × w)",
)


def adjoint(x: Any) -> Any:
    """Return the conjugate transposes of matrices."""
    return np.conjugate(x).mT


def inverse(a: Any) -> Any:
    """A⁻¹, as the solution of A X = 1."""
    return solve(a, np.eye(a.shape[-1], dtype=a.dtype))


def triangle(x: Any, lower: bool, k: int = 0) -> Any:
    """Return the matrices of `x` with zeros on the other side of diagonal `k`; NaN there has no part."""
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    kept = columns - rows <= k if lower else columns - rows >= k
    return np.where(kept, x, np.zeros((), x.dtype))


@emitted
def solve_triangular(a, b, lower):
    """Solution of a system of which one triangle counts; of one matrix by SciPy, where it is there."""
    if a.ndim == b.ndim == 2 and b.size:
        try:
            from scipy import linalg
        except ImportError:
            pass
        else:
            return linalg.solve_triangular(a, b, lower=lower, check_finite=False)
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)


def _solve_triangular_vjp(ct: Any, out: Any, a: Any, b: Any, lower: bool) -> tuple[Any, ...]:
    by_b = triangular(a.mT, ct, lower=not lower)
    return -triangle(by_b @ out.mT, lower), by_b


triangular = library(
    "solve_triangular",
    numpy=solve_triangular,
    infer=lambda a, b, lower: _system("solve_triangular", a, b),
    vjp=_solve_triangular_vjp,
    operands=2,
    complex=True,
    source="Giles 2008, 2.3.1, of one triangle",
)


@emitted
def cofactor(a):
    """Derivative of the determinant, the matrix of cofactors, also of singular matrices."""
    u, s, vh = np.linalg.svd(a)
    others = np.prod(np.where(np.eye(a.shape[-1], dtype=bool), 1, s[..., None, :]), axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return ((np.conj(u) * (others * sign[..., None])[..., None, :]) @ np.conj(vh)).astype(a.dtype)


def _cofactor_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    """From C = det(A) A⁻ᵀ, for which the matrix must not be singular."""
    transposed = inverse(regular(a, of="the determinant's derivative at a singular matrix")).mT
    along = np.sum(ct * out, axis=(-2, -1), keepdims=True)
    return (along * transposed - transposed @ ct.mT @ out,)


cofactors = library(
    "cofactor",
    numpy=cofactor,
    infer=lambda a: square("cofactor", a),
    flops=cubic(22),
    vjp=_cofactor_vjp,
    complex=True,
    source="Jacobi's formula; Magnus & Neudecker 2019, 8.3",
)

det = library(
    "det",
    numpy=np.linalg.det,
    infer=lambda a: tensor_type(square("det", a).shape[:-2], a.dtype),
    vjp=lambda ct, out, a: (ct[..., None, None] * cofactors(a),),
    complex=True,
    source="Giles 2008, 2.2.4",
)


@emitted
def slogdet(a):
    """Sign of the determinant and logarithm of its absolute value, side by side on the last axis."""
    return np.stack(np.linalg.slogdet(a), axis=-1)


def _slogdet_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    along = ct[..., 1]
    if a.dtype.kind == "c":  # the sign turns with the imaginary part of the logarithm's change
        along = np.real(along) + 1j * np.imag(ct[..., 0] * out[..., 0])
    return (along[..., None, None] * inverse(a).mT,)


slogdet_pair = library(
    "slogdet",
    numpy=slogdet,
    infer=lambda a: tensor_type((*square("slogdet", a).shape[:-2], 2), a.dtype),
    vjp=_slogdet_vjp,
    complex=True,
    source="Giles 2008, 2.2.4",
    ties="the sign of a real determinant is constant",
)


def _pinv_vjp(ct: Any, out: Any, a: Any, rcond: float) -> tuple[Any, ...]:
    """Where the rank is not full this is the derivative along changes that keep it: there is no other."""
    rows, columns = np.eye(a.shape[-2], dtype=a.dtype), np.eye(a.shape[-1], dtype=a.dtype)
    left, right = rows - a @ out, columns - out @ a  # the projections on what A does not reach
    # The rule is for the conjugate of the cotangent, and gives that of the contribution.
    back, dual = np.conjugate(ct), adjoint(out)
    by_a = left @ adjoint(back) @ (out @ dual) + (dual @ out) @ adjoint(back) @ right
    return (np.conjugate(by_a - dual @ back @ dual),)


def _transposed(name: str, a: TensorType) -> TensorType:
    if a.ndim < 2:
        raise ShapeError(f"{name}: takes matrices over the last two axes, got shape {a.shape}")
    return tensor_type((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


@emitted
def pinv(a, rcond):
    """Moore-Penrose inverse."""
    return np.linalg.pinv(a, rcond)


pseudoinverse = library(
    "pinv",
    numpy=pinv,
    infer=lambda a, rcond: _transposed("pinv", a),
    flops=cubic(24),
    vjp=_pinv_vjp,
    complex=True,
    source="Golub & Pereyra 1973, (4.12)",
    ties="where the rank is not full: along changes that keep it",
)


@emitted
def expm(a):
    """Exponential of matrices."""
    from scipy import linalg

    return linalg.expm(a)


@emitted
def expm_frechet(a, e):
    """Derivative of expm at a along e, which is the corner of exp [[a, e], [0, a]]."""
    from scipy import linalg

    n = a.shape[-1]
    above = np.concatenate([a, e], axis=-1)
    below = np.concatenate([np.zeros_like(a), a], axis=-1)
    return linalg.expm(np.concatenate([above, below], axis=-2))[..., :n, n:]


def _expm_frechet_vjp(ct: Any, out: Any, a: Any, e: Any) -> tuple[Any, ...]:
    n, none = a.shape[-1], np.zeros_like(a)
    base = np.concatenate([np.concatenate([a.mT, e.mT], -1), np.concatenate([none, a.mT], -1)], -2)
    along = np.concatenate([np.concatenate([ct, none], -1), np.concatenate([none, ct], -1)], -2)
    return exponential_along(base, along)[..., :n, n:], exponential_along(a.mT, ct)


exponential_along = library(
    "expm_frechet",
    numpy=expm_frechet,
    infer=lambda a, e: square("expm_frechet", a),
    flops=cubic(60),
    vjp=_expm_frechet_vjp,
    operands=2,
    complex=True,
    source="Higham, Functions of Matrices (2008), (3.16); Higham & Relton 2014 for the second derivative",
)

exponential = library(
    "expm",
    numpy=expm,
    infer=lambda a: square("expm", a),
    flops=cubic(20),
    vjp=lambda ct, out, a: (exponential_along(a.mT, ct),),
    complex=True,
    source="Higham, Functions of Matrices (2008), 3.2",
)


@emitted
def sqrtm(a):
    """Principal square root of matrices, where it is real."""
    from scipy import linalg

    roots = np.empty(a.shape, a.dtype)
    for place in np.ndindex(a.shape[:-2]):
        root = linalg.sqrtm(a[place])
        if np.iscomplexobj(root) and not np.iscomplexobj(a) and np.any(root.imag):
            raise np.linalg.LinAlgError("sqrtm: a matrix has a negative eigenvalue, so no real square root")
        roots[place] = root if np.iscomplexobj(a) else root.real
    return roots


@emitted
def solve_sylvester(a, b, c):
    """X with a X + X b = c."""
    from scipy import linalg

    solutions = np.empty(c.shape, c.dtype)
    for place in np.ndindex(c.shape[:-2]):
        solutions[place] = linalg.solve_sylvester(a[place], b[place], c[place])
    return solutions


def _sylvester_vjp(ct: Any, out: Any, a: Any, b: Any, c: Any) -> tuple[Any, ...]:
    by_c = sylvester(a.mT, b.mT, ct)
    return -(by_c @ out.mT), -(out.mT @ by_c), by_c


def _sylvester_type(a: TensorType, b: TensorType, c: TensorType) -> TensorType:
    if square("solve_sylvester", a).shape[-1:] + square("solve_sylvester", b).shape[-1:] != c.shape[-2:]:
        raise ShapeError(f"solve_sylvester: shapes {a.shape}, {b.shape} and {c.shape} do not fit")
    return c


sylvester = library(
    "solve_sylvester",
    numpy=solve_sylvester,
    infer=_sylvester_type,
    flops=cubic(25),
    vjp=_sylvester_vjp,
    operands=3,
    complex=True,
    source="Bartels & Stewart 1972; the adjoint solves the transposed equation",
)

square_root = library(
    "sqrtm",
    numpy=sqrtm,
    infer=lambda a: square("sqrtm", a),
    # From out·out = a: d(out) solves a Sylvester equation.
    flops=cubic(10),
    vjp=lambda ct, out, a: (sylvester(out.mT, out.mT, ct),),
    complex=True,
    source="Higham, Functions of Matrices (2008), 6.1",
)
