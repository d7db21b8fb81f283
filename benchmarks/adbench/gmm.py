"""Log-likelihood of a mixture of Gaussians, with a Wishart prior on their precisions."""

from __future__ import annotations

from typing import Any

import numpy

SIZES = {"tiny": (3, 2, 5), "small": (2, 5, 1000), "medium": (10, 25, 1000), "large": (32, 50, 1000)}


def data(size: str) -> dict[str, Any]:
    """Return points and the parameters of Gaussians, the first three of which are to be differentiated.

    The precision of a Gaussian is QᵀQ, Q lower triangular. A row of `factors` has the logarithms of the
    diagonal of Q and then what stands below it; `place` says where in that row, with a zero behind it, each
    element of Q is found.
    """
    dimension, count, points = SIZES[size]
    rng = numpy.random.default_rng(0)
    below = dimension * (dimension - 1) // 2
    place = numpy.full((dimension, dimension), dimension + below)
    place[numpy.diag_indices(dimension)] = numpy.arange(dimension)
    place[numpy.tril_indices(dimension, -1)] = dimension + numpy.arange(below)
    return {
        "weights": rng.normal(size=count),
        "means": rng.normal(size=(count, dimension)),
        "factors": rng.normal(size=(count, dimension + below)) / dimension**0.5,
        "points": rng.normal(size=(points, dimension)),
        "place": place,
    }


def objective(weights: Any, means: Any, factors: Any, points: Any, place: Any, np: Any = numpy) -> Any:
    """Σₙ log Σₖ exp(αₖ + Σ qₖ − ½‖Qₖ(xₙ − μₖ)‖²) − N log Σₖ exp αₖ + ½ Σₖ (‖exp qₖ‖² + ‖lₖ‖²).

    Parameters
    ----------
    weights : array, shape (k,)
        α, logarithms of the weights of the Gaussians up to a constant.
    means : array, shape (k, d)
        μ.
    factors : array, shape (k, d (d + 1) / 2)
        q and l of Q.
    points : array, shape (n, d)
    place : array of int, shape (d, d)
    """
    dimension = means.shape[1]
    logarithms, below = factors[:, :dimension], factors[:, dimension:]
    diagonal = np.exp(logarithms)
    entries = np.concatenate([diagonal, below, 0 * diagonal[:, :1]], axis=1)
    roots = entries[:, place]
    distances = (points - means[:, None, :]) @ np.swapaxes(roots, 1, 2)
    exponents = (weights + np.sum(logarithms, axis=1))[:, None] - 0.5 * np.sum(distances**2, axis=2)
    likelihood = np.sum(log_sum_exp(exponents, np)) - len(points) * log_sum_exp(weights, np)
    return likelihood + 0.5 * (np.sum(diagonal**2) + np.sum(below**2))


def log_sum_exp(x: Any, np: Any) -> Any:
    """log Σ exp x along the first axis."""
    largest = np.amax(x, 0)
    return largest + np.log(np.sum(np.exp(x - largest), axis=0))
