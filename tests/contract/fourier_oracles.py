"""What the Fourier, cosine and sine transforms compute: sums over Python numbers, from the formulas.

Of complex results the real parts stand first and then the imaginary parts, on an axis of their own in front.
"""

from __future__ import annotations

from math import cos, pi, sin, sqrt

import numpy as np
from tests.contract.structural_oracles import Case, Oracle, blank


def along(x: np.ndarray, axis: int, *matrices: list[list[float]]) -> np.ndarray:
    """Return the products of each matrix with the vectors along an axis; of several side by side in front."""
    moved = np.moveaxis(x, axis, 0)
    results = []
    for matrix in matrices:
        result = blank((len(matrix), *moved.shape[1:]))
        for place, row in enumerate(matrix):
            for rest in np.ndindex(moved.shape[1:]):
                result[(place, *rest)] = sum(
                    factor * moved[(at, *rest)] for at, factor in enumerate(row) if factor != 0
                )
        results.append(np.moveaxis(result, 0, axis))
    return results[0] if len(results) == 1 else np.stack(results)


def waves(rows: int, n: int, scale: float, sign: int) -> tuple[list[list[float]], list[list[float]]]:
    """Return the real and the imaginary parts of exp(± 2πi kj/n), scaled."""
    angles = [[sign * 2 * pi * (k * j % n) / n for j in range(n)] for k in range(rows)]
    return [[scale * cos(a) for a in row] for row in angles], [
        [scale * sin(a) for a in row] for row in angles
    ]


def scale_of(n: int, norm: str, is_inverse: bool) -> float:
    if norm == "ortho":
        return 1 / sqrt(n)
    return 1 / n if (norm == "backward") == is_inverse else 1.0


def fft(x: np.ndarray, axis: int, norm: str) -> np.ndarray:
    n = x.shape[axis]
    return along(x, axis, *waves(n, n, scale_of(n, norm, False), -1))


def ifft(x: np.ndarray, axis: int, norm: str) -> np.ndarray:
    n = x.shape[axis]
    return along(x, axis, *waves(n, n, scale_of(n, norm, True), 1))


def rfft(x: np.ndarray, axis: int, norm: str) -> np.ndarray:
    n = x.shape[axis]
    return along(x, axis, *waves(n // 2 + 1, n, scale_of(n, norm, False), -1))


def irfft(x: np.ndarray, n: int, axis: int, norm: str) -> np.ndarray:
    scale = scale_of(n, norm, True)
    # Of a real spectrum; each frequency stands for its mirror image too, if it has one.
    count = [1 if k in (0, n / 2) else 2 for k in range(x.shape[axis])]
    return along(
        x, axis, [[scale * c * cos(2 * pi * k * j / n) for k, c in enumerate(count)] for j in range(n)]
    )


def dct(x: np.ndarray, type: int, axis: int) -> np.ndarray:
    n = x.shape[axis]
    if type == 1:
        edge = [sqrt(0.5) if k in (0, n - 1) else 1.0 for k in range(n)]
        factor = sqrt(2 / (n - 1))
        rows = [[factor * edge[k] * edge[j] * cos(pi * k * j / (n - 1)) for j in range(n)] for k in range(n)]
    elif type == 4:
        rows = [
            [sqrt(2 / n) * cos(pi * (2 * k + 1) * (2 * j + 1) / (4 * n)) for j in range(n)] for k in range(n)
        ]
    else:
        rows = [
            [sqrt((1 if k == 0 else 2) / n) * cos(pi * k * (2 * j + 1) / (2 * n)) for j in range(n)]
            for k in range(n)
        ]
    return along(x, axis, [list(column) for column in zip(*rows, strict=True)] if type == 3 else rows)


def dst(x: np.ndarray, type: int, axis: int) -> np.ndarray:
    n = x.shape[axis]
    if type == 1:
        rows = [
            [sqrt(2 / (n + 1)) * sin(pi * (k + 1) * (j + 1) / (n + 1)) for j in range(n)] for k in range(n)
        ]
    elif type == 4:
        rows = [
            [sqrt(2 / n) * sin(pi * (2 * k + 1) * (2 * j + 1) / (4 * n)) for j in range(n)] for k in range(n)
        ]
    else:
        rows = [
            [sqrt((1 if k == n - 1 else 2) / n) * sin(pi * (k + 1) * (2 * j + 1) / (2 * n)) for j in range(n)]
            for k in range(n)
        ]
    return along(x, axis, [list(column) for column in zip(*rows, strict=True)] if type == 3 else rows)


def _cases() -> tuple[Case, ...]:
    given = (
        ((5,), 0, "backward"),
        ((1,), 0, "ortho"),
        ((2, 4), 1, "forward"),
        ((3, 2), 0, "backward"),
        ((0, 3), 1, "ortho"),
    )
    return tuple(Case((shape,), {"axis": axis, "norm": norm}) for shape, axis, norm in given)


_TYPED = tuple(
    Case((shape,), {"type": type_, "axis": axis})
    for type_, shape, axis in ((1, (5,), 0), (2, (2, 4), 1), (3, (3, 2), 0), (4, (4,), 0), (2, (1,), 0))
)
ORACLES: dict[str, Oracle] = {
    "fft": Oracle(fft, _cases()),
    "ifft": Oracle(ifft, _cases()),
    "rfft": Oracle(rfft, _cases()),
    "irfft": Oracle(
        irfft,
        (
            Case(((3,),), {"n": 4, "axis": 0, "norm": "backward"}),
            Case(((3,),), {"n": 5, "axis": 0, "norm": "ortho"}),
            Case(((1,),), {"n": 1, "axis": 0, "norm": "forward"}),
            Case(((2, 4),), {"n": 6, "axis": 1, "norm": "forward"}),
            Case(((2, 3),), {"n": 3, "axis": 0, "norm": "backward"}),
        ),
    ),
    "dct": Oracle(dct, _TYPED),
    "dst": Oracle(dst, _TYPED),
}
