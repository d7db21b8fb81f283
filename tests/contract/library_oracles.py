"""What the routines of LAPACK and SciPy compute, in 50 digits, with derivatives by differences of 1e-14.

The differences are exact to some 20 digits, since mpmath computes with 50. The signs of vectors, which are a
convention, are those of LAPACK.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import mpmath
import numpy as np
from tests.contract.hyperdual import HyperDual, lift
from tests.contract.structural_oracles import (
    Apart,
    Case,
    Fractions,
    Matrices,
    Oracle,
    Orders,
    Positive,
    blank,
)

STEP = mpmath.mpf("1e-14")
Function = Callable[..., np.ndarray]


def by_differences(function: Function) -> Function:
    """Return `function`, of arrays of mpmath's numbers, as one of floats or hyper-dual numbers.

    It computes once for equal operands, as 50 digits take long.
    """
    known: dict[Hashable, np.ndarray] = {}

    def apply(*operands: np.ndarray, **params: Any) -> np.ndarray:
        dual = any(isinstance(one, HyperDual) for operand in operands for one in operand.flat)
        numbers = [(one.shape, *(tuple(vars(lift(x)).values()) for x in one.flat)) for one in operands]
        asked = dual, tuple(numbers), tuple(params.items())
        if asked not in known:
            known[asked] = computed(*operands, dual=dual, params=params)
        return known[asked].copy()

    def computed(*operands: np.ndarray, dual: bool, params: dict[str, Any]) -> np.ndarray:
        numbers = [np.vectorize(lift, otypes=[object])(one) if one.size else one for one in operands]

        def part(name: str) -> list[np.ndarray]:
            read = np.vectorize(lambda one: mpmath.mpf(getattr(one, name)), otypes=[object])
            return [read(one) if one.size else one for one in numbers]

        value, first, second, both = map(part, ("value", "first", "second", "mixed"))

        def at(s: int, t: int) -> np.ndarray:
            moves = zip(value, first, second, both, strict=True)
            h, k = s * STEP, t * STEP  # on the right: mpmath prints an array before it leaves it to NumPy
            return np.asarray(
                function(
                    *[np.asarray(v + a * h + b * k + c * (h * k), object) for v, a, b, c in moves], **params
                ),
                object,
            )

        with mpmath.workdps(50):
            centre = at(0, 0)
            if not dual:
                return np.vectorize(float, otypes=[object])(centre) if centre.size else centre
            around = {(0, 0): centre} | {(s, t): at(s, t) for s in (-1, 0, 1) for t in (-1, 0, 1) if s or t}
            result = blank(centre.shape)
            for place in np.ndindex(centre.shape):
                f = {key: one[place] for key, one in around.items()}
                by_first, by_second = (f[1, 0] - f[-1, 0]) / (2 * STEP), (f[0, 1] - f[0, -1]) / (2 * STEP)
                mixed = (f[1, 1] - f[1, -1] - f[-1, 1] + f[-1, -1]) / (4 * STEP**2)
                result[place] = HyperDual(*map(float, (f[0, 0], by_first, by_second, mixed)))
        return result

    return apply


def batched(function: Callable[..., Any], result: Callable[..., tuple[int, ...]]) -> Function:
    """Return `function`, of matrices, over stacks of them; `result` gives the shape for empty ones."""

    def apply(*operands: np.ndarray, **params: Any) -> np.ndarray:
        batch = np.broadcast_shapes(*[one.shape[:-2] for one in operands])
        stacks = [np.broadcast_to(one, (*batch, *one.shape[-2:])) for one in operands]
        inner = result(*[one.shape[-2:] for one in operands])
        total = blank((*batch, *inner))
        if total.size:
            for place in np.ndindex(batch):
                value = function(*[mpmath.matrix(one[place].tolist()) for one in stacks], **params)
                total[place] = array(value).reshape(inner) if inner else value
        return total

    return by_differences(apply)


def array(matrix: Any) -> np.ndarray:
    if isinstance(matrix, mpmath.matrix):
        return np.array(matrix.tolist(), object).reshape(matrix.rows, matrix.cols)
    return np.asarray(matrix, object)


def floats(a: Any) -> np.ndarray:
    return array(a).astype(np.float64)


def signs(mine: Any, lapacks: np.ndarray) -> np.ndarray:
    """Return the sign that turns each column of `mine` into LAPACK's."""
    return np.sign(np.sum(floats(mine) * lapacks, axis=0))


def symmetric(a: Any) -> Any:
    """The matrix of which the lower triangle alone is read."""
    return mpmath.matrix([[a[max(i, j), min(i, j)] for j in range(a.rows)] for i in range(a.rows)])


def triangle(a: Any, lower: bool) -> Any:
    return mpmath.matrix(np.where(np.tri(a.rows, dtype=bool) == lower, array(a), mpmath.mpf(0)).tolist()) + (
        mpmath.diag([0 if lower else a[i, i] for i in range(a.rows)])
    )


def cofactor(a: Any) -> Any:
    n = a.rows
    rest = array(a)
    return [
        [
            (-1) ** (i + j)
            * (mpmath.det(mpmath.matrix(np.delete(np.delete(rest, i, 0), j, 1).tolist())) if n > 1 else 1)
            for j in range(n)
        ]
        for i in range(n)
    ]


def eigh(a: Any, lower: bool) -> np.ndarray:
    values, vectors = mpmath.eigsy(symmetric(a if lower else a.T))
    turned = array(vectors) * signs(vectors, np.linalg.eigh(floats(a), "L" if lower else "U")[1])
    return np.concatenate([array(values).reshape(1, -1), turned])


def eig(a: Any) -> np.ndarray:
    """Of a matrix whose eigenvalues are real, in LAPACK's order and with its signs."""
    values, vectors = mpmath.eig(a)
    known, lapacks = np.linalg.eig(floats(a))
    order = [min(range(a.rows), key=lambda k, one=one: abs(values[k] - one)) for one in known]
    columns = [array(vectors)[:, k] for k in order]
    real = [np.array([mpmath.re(one) for one in column]) for column in columns]
    turned = np.stack([one / mpmath.sqrt(sum(one * one)) for one in real], axis=1)
    found = np.array([mpmath.re(values[k]) for k in order]).reshape(1, -1)
    return np.concatenate([found, turned * signs(mpmath.matrix(turned.tolist()), lapacks)])


def with_zeros(function: Function) -> Function:
    """Return `function` with the imaginary parts of its result, which are 0, beside the real ones."""

    def apply(*operands: np.ndarray, **params: Any) -> np.ndarray:
        real = function(*operands, **params)
        return np.stack([real, blank(real.shape)])

    return apply


def svd(a: Any) -> np.ndarray:
    u, s, v = mpmath.svd_r(a)
    sign = signs(u, np.linalg.svd(floats(a), full_matrices=False)[0])
    return np.concatenate([array(u) * sign, array(s).reshape(1, -1), array(v).T * sign])


def qr(a: Any) -> np.ndarray:
    q, r = mpmath.qr(a, mode="skinny")
    sign = signs(q, np.linalg.qr(floats(a))[0])
    return np.concatenate([array(q) * sign, array(r).T * sign])


def pinv(a: Any, rcond: float) -> Any:
    return (a.T * a) ** -1 * a.T if a.rows >= a.cols else a.T * (a * a.T) ** -1


def sylvester(a: Any, b: Any, c: Any) -> Any:
    """The system of n·m equations that a x + x b = c is."""
    left, right = np.eye(a.rows, dtype=int), np.eye(b.rows, dtype=int)
    system = np.kron(array(a), right) + np.kron(left, array(b).T)
    return mpmath.lu_solve(mpmath.matrix(system.tolist()), mpmath.matrix(array(c).ravel().tolist()))


def recursion(a: Any, x: Any) -> Any:
    heads = np.broadcast_shapes(a.shape[:-1], x.shape[:-1])
    a, x = np.broadcast_to(a, heads + a.shape[-1:]), np.broadcast_to(x, heads + x.shape[-1:])
    y = blank(x.shape)
    for *place, n in np.ndindex(x.shape):
        head = tuple(place)
        before = [a[(*head, k)] * y[(*head, n - k)] for k in range(1, min(n + 1, a.shape[-1]))]
        y[(*head, n)] = (x[(*head, n)] - sum(before)) / a[(*head, 0)]
    return y


def cholesky_cotangent(l: Any, ct: Any) -> Any:
    """By the forward rule, for a change of each element of the triangle that is read."""
    n = l.rows
    l = mpmath.matrix(np.where(np.tri(n, dtype=bool), array(l), mpmath.mpf(0)).tolist())
    inverse, total = l**-1, np.full((n, n), mpmath.mpf(0))
    halved = np.tri(n, dtype=object) - np.eye(n, dtype=object) / 2
    for i, j in zip(*np.tril_indices(n), strict=True):
        change = mpmath.zeros(n)
        change[i, j] = change[j, i] = 1
        middle = mpmath.matrix((array(inverse * change * inverse.T) * halved).tolist())
        total[i, j] = np.sum(array(l * middle) * array(ct))
    return total


def over_gaps(x: Any, values: Any, refuse: bool) -> Any:
    found = blank(x.shape)
    for *head, i, j in np.ndindex(x.shape):
        gap = values[(*head, j)] - values[(*head, i)]
        found[(*head, i, j)] = x[(*head, i, j)] / gap if i != j else x[(*head, i, j)] * 0
    return found


def expm_frechet(a: Any, e: Any) -> np.ndarray:
    n = a.rows
    block = np.block([[array(a), array(e)], [np.zeros((n, n)), array(a)]])
    return array(mpmath.expm(mpmath.matrix(block.tolist())))[:n, n:]


def case(*operands: Any, **params: Any) -> Case:
    return Case(operands, params)


SQUARE = (case(Matrices((3, 3))), case(Matrices((1, 1))), case(Matrices((2, 2, 2))), case(Matrices((0, 0))))
SYMMETRIC = tuple(
    case(Matrices(shape, symmetric=True)) for shape in [(3, 3), (1, 1), (2, 2, 2), (0, 0)]
)  # fmt: skip
SYSTEMS = (
    (Matrices((3, 3)), (3, 2)), (Matrices((1, 1)), (1, 1)), (Matrices((2, 2)), (3, 2, 1)),
    (Matrices((2, 2, 2)), (2, 1)), (Matrices((0, 0)), (0, 2)),
)  # fmt: skip
TALL = (case(Matrices((3, 2))), case(Matrices((2, 2))), case(Matrices((2, 3, 1))))
WIDE = (case(Matrices((2, 3))), case(Matrices((0, 2))))


# SciPy's exponential of larger matrices of two rows is right to 1e-13 only.
SMALL = tuple(case(Matrices(shape, scale=0.2)) for shape in [(3, 3), (1, 1), (2, 2, 2), (0, 0)])


def same(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    return shapes[-1]


def lu_solve(a: Any, b: Any) -> Any:
    return a**-1 * b


def each(function: Callable[..., Any]) -> Function:
    """Return the function that is applied to each element of broadcast operands."""

    def apply(*operands: np.ndarray, **params: Any) -> np.ndarray:
        spread = np.broadcast_arrays(*operands)
        total = blank(spread[0].shape)
        for place in np.ndindex(total.shape):
            total[place] = function(*[one[place] for one in spread], **params)
        return total

    return apply


PARAMETRIC = tuple(case(Orders(one, 5), Positive(other)) for one, other in [((3,), (2, 1)), ((), (0,))])


def of_squares(function: Callable[..., Any], cases: tuple[Case, ...] = SQUARE) -> Oracle:
    return Oracle(batched(function, same), cases)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Each component of a product of vectors is a minor of both."""
    a, b = np.broadcast_arrays(a, b)
    return np.stack(
        [a[..., i - 2] * b[..., i - 1] - a[..., i - 1] * b[..., i - 2] for i in range(3)], axis=-1
    )


ORACLES: dict[str, Oracle] = {
    "cross": Oracle(
        by_differences(cross),
        tuple(case(a, b) for a, b in [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (2, 3)), ((0, 3), (3,))]),
    ),
    "solve": Oracle(batched(lu_solve, same), tuple(case(*one) for one in SYSTEMS)),
    "solve_triangular": Oracle(
        batched(lambda a, b, lower: lu_solve(triangle(a, lower), b), same),
        tuple(case(*one, lower=lower) for one in SYSTEMS for lower in (True, False)),
    ),
    "solve_sylvester": Oracle(
        batched(sylvester, same),
        (
            case(Matrices((2, 2)), Matrices((3, 3)), (2, 3)),
            case(Matrices((2, 1, 1)), Matrices((2, 2, 2)), (2, 1, 2)),
        ),
    ),
    "recursion": Oracle(
        by_differences(recursion),
        tuple(
            case(Positive(a), x)
            for a, x in [((3,), (5,)), ((1,), (2, 3)), ((2, 1, 2), (3, 4)), ((4,), (2,)), ((2,), (0,))]
        ),
    ),
    "cholesky_cotangent": Oracle(
        batched(cholesky_cotangent, same),
        tuple(case(Matrices(shape), shape) for shape in [(3, 3), (1, 1), (2, 2, 2), (0, 0)]),
    ),
    "full_rank": Oracle(
        by_differences(lambda a, of: a), tuple(case(*one.operands, of="of the test") for one in SQUARE)
    ),
    "over_gaps": Oracle(
        by_differences(over_gaps),
        tuple(case((*n, n[-1]), Apart(n), refuse=one) for n in [(3,), (2, 2), (0,)] for one in (True, False)),
    ),
    "over_values": Oracle(
        by_differences(lambda x, values, refuse: x / values[..., None, :]),
        tuple(
            case(x, Positive(values), refuse=refuse)
            for x, values in [((4, 3), (3,)), ((2, 1, 2), (2, 2)), ((2, 0), (0,))]
            for refuse in (True, False)
        ),
    ),
    **{
        name: Oracle(by_differences(each(function)), PARAMETRIC)
        for name, function in (
            ("jv", mpmath.besselj),
            ("yv", mpmath.bessely),
            ("ive", lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-x)),
            ("kve", lambda v, x: mpmath.besselk(v, x) * mpmath.exp(x)),
            ("gammainc", lambda a, x: mpmath.gammainc(a, 0, x, regularized=True)),
            ("gammaincc", lambda a, x: mpmath.gammainc(a, x, regularized=True)),
            ("zeta", mpmath.zeta),
        )
    },
    "betainc": Oracle(
        by_differences(each(lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True))),
        (
            case(Orders((3,), 5), Orders((), 5), Fractions((2, 3))),
            case(Orders((), 5), Orders((), 5), Fractions((0,))),
        ),
    ),
    "cofactor": of_squares(cofactor),
    "expm": of_squares(mpmath.expm, SMALL),
    "expm_frechet": of_squares(expm_frechet, tuple(case(*one.operands * 2) for one in SMALL)),
    "sqrtm": of_squares(mpmath.sqrtm),
    "cholesky": of_squares(lambda a: mpmath.cholesky(symmetric(a)), SYMMETRIC),
    "det": Oracle(batched(mpmath.det, lambda a: ()), SQUARE[:-1]),
    "slogdet": Oracle(batched(lambda a: [1, mpmath.log(mpmath.det(a))], lambda a: (2,)), SQUARE[:-1]),
    "eig": Oracle(with_zeros(batched(eig, lambda a: (a[0] + 1, a[1]))), SYMMETRIC[:3]),
    "eigh": Oracle(
        batched(eigh, lambda a: (a[0] + 1, a[1])),
        tuple(case(*one.operands, lower=lower) for one in SYMMETRIC for lower in (True, False)),
    ),
    "svd": Oracle(batched(svd, lambda a: (sum(a) + 1, min(a))), TALL + WIDE),
    "qr": Oracle(batched(qr, lambda a: (sum(a), a[1])), TALL),
    "pinv": Oracle(
        batched(pinv, lambda a: a[::-1]), tuple(case(*one.operands, rcond=1e-15) for one in TALL + WIDE)
    ),
}
SMOOTH = tuple(ORACLES)
