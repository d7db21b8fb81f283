"""L-BFGS: full-batch optimisation by SciPy's L-BFGS-B."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import in_range, positive_integer
from wengert.errors import NonFiniteError
from wengert.extras import optional_library
from wengert.optim.registry import named_optimiser

ValueAndGradient = Callable[[np.ndarray[Any, Any]], tuple[Any, Any]]
# Called after each iteration with its number (from 1), the parameters and the value; True stops.
Callback = Callable[[int, np.ndarray[Any, Any], float], bool | None]


@dataclasses.dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended.

    Attributes
    ----------
    parameters : ndarray of float64, shape (n,)
    value : float
    iterations : int
    converged : bool
        Whether a tolerance was met, and not the limit of iterations or the callback's wish.
    message : str
        The reason for stopping, in words.
    """

    parameters: np.ndarray[Any, Any]
    value: float
    iterations: int
    converged: bool
    message: str


@named_optimiser("lbfgs", rate=None)
@dataclasses.dataclass(frozen=True)
class LBFGS:
    """Quasi-Newton steps with a line search, on all rows at once: for smooth losses of small data.

    Parameters
    ----------
    memory : int
        Pairs of steps and gradient differences that stand for the Hessian.
    tolerance : float
        Stop where no component of the gradient is larger; 0 or more.
    max_iterations : int
    max_evaluations : int, optional
        Of the loss and its gradient; 20 for each iteration by default.
    relative_fall : float, optional
        Stop where an iteration lowers the loss by less than this part of it; by default the rounding error of
        the gradient's dtype.

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Byrd, Lu, Nocedal & Zhu 1995; Liu & Nocedal 1989.
    """

    memory: int = 10
    tolerance: float = 1e-5
    max_iterations: int = 200
    max_evaluations: int | None = None
    relative_fall: float | None = None

    def __post_init__(self) -> None:
        positive_integer("LBFGS", "memory", self.memory)
        in_range("LBFGS", "tolerance", self.tolerance, 0, math.inf)
        positive_integer("LBFGS", "max_iterations", self.max_iterations)

    def minimise(
        self, value_and_gradient: ValueAndGradient, start: Any, callback: Callback | None = None
    ) -> Minimum:
        """Return the minimum reached from `start`.

        Parameters
        ----------
        value_and_gradient : callable
            Takes an array of shape (n,), returns the value and the gradient of shape (n,).
        start : array, shape (n,)
        callback : callable, optional
            ``callback(iteration, parameters, value)`` after each iteration; returning True stops.

        Raises
        ------
        NonFiniteError
            When the function or its gradient is not finite at the start, or at the point accepted.
        """
        optimize = optional_library("scipy.optimize", "L-BFGS is SciPy's", "scipy")

        def evaluate(parameters: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
            value, gradient = value_and_gradient(parameters)
            # SciPy takes C doubles, whatever the dtype of the network.
            return float(value), np.asarray(gradient, np.float64)

        first = np.array(start, np.float64)
        value, gradient = value_and_gradient(first.copy())
        _require_finite("the start", float(value), gradient)
        iteration = 0

        def after(intermediate_result: Any) -> None:
            nonlocal iteration
            iteration += 1
            if callback is not None and callback(
                iteration, intermediate_result.x.copy(), float(intermediate_result.fun)
            ):
                raise StopIteration

        options = {
            "maxcor": self.memory,
            "maxiter": self.max_iterations,
            "maxfun": self.max_evaluations or 20 * self.max_iterations,
            "gtol": self.tolerance,
            # The gradient decides; but a value that rounding keeps from falling is the end too.
            "ftol": float(np.finfo(np.asarray(gradient).dtype).eps)
            if self.relative_fall is None
            else self.relative_fall,
        }
        found = optimize.minimize(
            evaluate, first, jac=True, method="L-BFGS-B", callback=after, options=options
        )
        _require_finite(f"iteration {int(found.nit)}", float(found.fun), found.jac)
        return Minimum(
            np.array(found.x), float(found.fun), int(found.nit), bool(found.success), str(found.message)
        )


def _require_finite(where: str, value: float, gradient: Any) -> None:
    if not (math.isfinite(value) and np.isfinite(gradient).all()):
        what = "its gradient" if math.isfinite(value) else f"the value, {value},"
        raise NonFiniteError(f"L-BFGS: at {where} {what} is not finite; scale the data or start elsewhere")
