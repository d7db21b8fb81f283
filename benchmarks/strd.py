"""NIST's Statistical Reference Datasets: nonlinear regression, fitted with derivatives by wengert.

    pip download lmfit==1.0.2 --no-binary lmfit --no-deps && tar xf lmfit-1.0.2.tar.gz
    python -m benchmarks.strd lmfit-1.0.2/NIST_STRD

Each of the 27 problems is fitted from both of its starts by ``scipy.optimize.least_squares``, with the
compiled Jacobian of the residuals: by MINPACK's Levenberg–Marquardt method, which fails from some starts
that are far off, and by a trust region; the fit with the smaller sum of squares counts. A line says how
many digits of the certified parameters, at worst, and of the sum of squares are met; a fit is right with
six digits of each parameter. NIST certifies eleven. The residuals of Lanczos1 are the rounding errors of
its data, so in double precision their sum of squares cannot have more than three digits.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

import wengert as wg

DIGITS = 6


def _exponentials(b: Any, x: Any) -> Any:
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def _peaks(b: Any, x: Any) -> Any:
    first = b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
    return b[0] * np.exp(-b[1] * x) + first + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)


def _chwirut(b: Any, x: Any) -> Any:
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def _rational(b: Any, x: Any) -> Any:
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _saturation(b: Any, x: Any) -> Any:
    return b[0] * (1 - np.exp(-b[1] * x))


def _cycles(b: Any, x: Any) -> Any:
    level = b[0]
    for cosine, sine, period in ((b[1], b[2], 12), (b[4], b[5], b[3]), (b[7], b[8], b[6])):
        angle = 2 * np.pi * x / period
        level = level + cosine * np.cos(angle) + sine * np.sin(angle)
    return level


# The models as the data files state them, of the parameters b and the predictor x.
MODELS: dict[str, Callable[[Any, Any], Any]] = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": _saturation,
    "Chwirut1": _chwirut,
    "Chwirut2": _chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": _cycles,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": _peaks,
    "Gauss2": _peaks,
    "Gauss3": _peaks,
    "Hahn1": _rational,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": _exponentials,
    "Lanczos2": _exponentials,
    "Lanczos3": _exponentials,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": _saturation,
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[:, 0] * np.exp(-b[2] * x[:, 1]),
    "Rat42": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
    "Thurber": _rational,
}


class Problem:
    """A problem as its data file has it.

    Attributes
    ----------
    starts : arrays of shape (p,)
    certified : array of shape (p,)
    squares : float
        The certified residual sum of squares.
    response, predictor : arrays of shape (n,) and (n,) or (n, k)
    """

    def __init__(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        table = [line.split("=")[1].split() for line in lines[40:60] if line.strip().startswith("b")]
        numbers = np.array(table, float)
        self.name = path.stem
        self.starts, self.certified = numbers[:, :2].T, numbers[:, 2]
        said = next(line for line in lines if line.startswith("Residual Sum of Squares"))
        self.squares = float(said.split(":")[1])
        data = np.array([line.split() for line in lines[60:] if line.strip()], float)
        self.response = np.log(data[:, 0]) if self.name == "Nelson" else data[:, 0]
        self.predictor = data[:, 1] if data.shape[1] == 2 else data[:, 1:]

    def residuals(self, b: Any) -> Any:
        """Return the observations less the model."""
        return self.response - MODELS[self.name](b, self.predictor)


def digits(found: Any, certified: Any) -> float:
    """Return how many digits agree, at worst: −log₁₀ of the largest relative error, eleven at most."""
    error = np.max(np.abs(found - certified) / np.abs(certified))
    return float(min(11.0, -np.log10(max(error, 1e-300))))


def fit(problem: Problem, start: Any) -> tuple[str, Any]:
    """Return the method whose fit has the smaller sum of squares, and its parameters."""
    jacobian = wg.compile(wg.jacobian(problem.residuals))
    fits = {}
    for method in ("lm", "trf"):
        try:
            found = scipy.optimize.least_squares(
                problem.residuals, start, jacobian, method=method, x_scale="jac",
                xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=20_000,
            )  # fmt: skip
        except ValueError:  # the residuals or their derivatives are not finite on the way
            continue
        fits[method] = found
    best = min(fits, key=lambda method: (fits[method].cost, method))
    return best, fits[best].x


def main() -> int:
    """Print a line for each fit; 1 where one is not right."""
    if len(sys.argv) != 2:
        print("usage: python -m benchmarks.strd DIRECTORY", file=sys.stderr)
        return 2
    paths = {name: Path(sys.argv[1], f"{name}.dat") for name in MODELS}
    missing = [str(path) for path in paths.values() if not path.is_file()]
    if missing:
        print(f"no such file: {', '.join(missing)}", file=sys.stderr)
        return 2
    right = 0
    print(f"{'problem':<10} start  method  digits of parameters, of the sum of squares")
    for path in paths.values():
        problem = Problem(path)
        for number, start in enumerate(problem.starts, 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of steps that go too far
                method, b = fit(problem, start)
            of_parameters = digits(b, problem.certified)
            of_squares = digits(np.sum(problem.residuals(b) ** 2), problem.squares)
            right += of_parameters >= DIGITS
            print(f"{problem.name:<10} {number:>5}  {method:<6}  {of_parameters:>5.1f} {of_squares:>5.1f}")
    print(f"{right} of {2 * len(paths)} fits with {DIGITS} digits of each parameter")
    return int(right < 2 * len(paths))


if __name__ == "__main__":
    raise SystemExit(main())
