"""Eight problems of GradBench; ba, gmm and lstm are those of `benchmarks.adbench`, ht stands in `hand.py`.

Each is data(size) and objective(x, …, np): the derivative is by x. The functions of NumPy that they call are
also those of ``jax.numpy``, ``autograd.numpy`` and ``torch``.
"""

from __future__ import annotations

from typing import Any

import numpy

import wengert as wg


def hello(x: Any, np: Any = numpy) -> Any:
    """x²."""
    return x * x


def hello_data() -> list[Any]:
    """Return a number."""
    return [numpy.float64(3.0)]


def lse(x: Any, np: Any = numpy) -> Any:
    """log Σ exp x, from the largest on."""
    largest = np.amax(x, 0)
    return largest + np.log(np.sum(np.exp(x - largest)))


def lse_data() -> list[Any]:
    """Return 1,000 numbers."""
    return [numpy.random.default_rng(0).normal(size=1000)]


def llsq(x: Any, powers: Any, signs: Any, np: Any = numpy) -> Any:
    """½ Σᵢ (sᵢ − Σⱼ xⱼ tᵢʲ)²: a step fitted by a polynomial."""
    rest = signs - powers @ x
    return 0.5 * np.sum(rest * rest)


def llsq_data() -> list[Any]:
    """Return 16 coefficients, the powers of 2,000 places, and their signs."""
    places = numpy.linspace(-1, 1, 2000)
    return [
        numpy.random.default_rng(0).normal(size=16),
        places[:, None] ** numpy.arange(16),
        numpy.sign(places),
    ]


def det(matrix: Any, np: Any = numpy) -> Any:
    """Expand by minors of the first row; each minor of the lower rows is computed once."""
    size = len(matrix)
    below: dict[tuple[int, ...], Any] = {(column,): matrix[size - 1, column] for column in range(size)}
    for row in range(size - 2, -1, -1):
        below = {
            columns: sum(
                (-1) ** place * matrix[row, column] * below[columns[:place] + columns[place + 1 :]]
                for place, column in enumerate(columns)
            )
            for columns in _subsets(size, size - row)
        }
    return below[tuple(range(size))]


def _subsets(size: int, count: int) -> list[tuple[int, ...]]:
    import itertools

    return list(itertools.combinations(range(size), count))


def det_data() -> list[Any]:
    """Return a matrix of 5 rows."""
    return [numpy.random.default_rng(0).normal(size=(5, 5))]


def kmeans(centres: Any, points: Any, np: Any = numpy) -> Any:
    """Σᵢ minₖ ‖xᵢ − cₖ‖²."""
    apart = points[:, None, :] - centres[None, :, :]
    return np.sum(np.amin(np.sum(apart * apart, 2), 1))


def kmeans_data() -> list[Any]:
    """Return 10 centres and 2,000 points in 5 dimensions."""
    rng = numpy.random.default_rng(0)
    return [rng.normal(size=(10, 5)), rng.normal(size=(2000, 5))]


def ode(x: Any, np: Any = numpy, turns: int = 50) -> Any:
    """Integrate y₁' = x₁, yᵢ' = xᵢ yᵢ₋₁ from 0 to 2 by Runge–Kutta's fourth order; return the last y."""
    step = 2.0 / turns

    def slope(y: Any) -> Any:
        return x * np.concatenate((one, y[:-1]))

    one = 0 * x[:1] + 1
    y = 0 * x
    for _ in range(turns):
        k1 = slope(y)
        k2 = slope(y + step / 2 * k1)
        k3 = slope(y + step / 2 * k2)
        k4 = slope(y + step * k3)
        y = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[-1]


def ode_data() -> list[Any]:
    """Return 20 rates."""
    return [1 + 0.1 * numpy.random.default_rng(0).normal(size=20)]


_CHARGES = numpy.array([[10.0, 10.0], [10.0, 0.0]])


def particle(x: Any, np: Any = numpy) -> Any:
    """The square of the place at which a particle between two charges crosses the axis, pushed by x.

    Siskind & Pearlmutter 2008: Euler's method until the height is negative, then Newton's last step.
    """
    step = 1e-2

    def push(place: Any) -> Any:
        apart = place - _CHARGES
        return np.sum(apart * (np.sum(apart**2, axis=1) ** -1.5)[:, None], axis=0)

    def fall(state: Any) -> Any:
        place, speed = state
        speed = speed + step * (push(place) + np.stack([0 * x, -x]))
        return place + step * speed, speed

    start = (np.array([0.0, 8.0]), np.array([0.75, 0.0]))
    place, speed = wg.while_loop(lambda state: state[0][1] > 0, fall, start)
    crossing = place - speed * place[1] / speed[1]
    return crossing[0] ** 2


def particle_data() -> list[Any]:
    """Return the force that pulls down."""
    return [numpy.float64(0.3)]


def saddle(x: Any, np: Any = numpy, turns: int = 60) -> Any:
    """max_y ‖x‖² − ‖y‖² + 0.3 x·y − 0.05 Σ y⁴, by gradient ascent in the function that is differentiated."""

    def value(y: Any) -> Any:
        return np.sum(x * x) - np.sum(y * y) + 0.3 * np.sum(x * y) - 0.05 * np.sum(y**4)

    def uphill(y: Any) -> Any:
        return -2 * y + 0.3 * x - 0.2 * y**3

    y = 0 * x + 0.5
    for _ in range(turns):
        y = y + 0.2 * uphill(y)
    return value(y)


def saddle_data() -> list[Any]:
    """Return a point."""
    return [numpy.array([1.0, -0.7])]
