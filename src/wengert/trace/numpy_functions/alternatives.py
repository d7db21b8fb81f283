"""What to write in place of a NumPy function without a rule: an expression that does the same, or nothing.

A function whose name is similar does something else, so names are not compared.
"""

from __future__ import annotations

from wengert.errors import UnsupportedFunctionError
from wengert.trace.tensor import here

# The arguments are called x and y; a condition says for which of them the expression gives the same.
ALTERNATIVES: dict[str, tuple[str, str]] = {
    "allclose": ("np.all(np.abs(x - y) <= 1e-8 + 1e-5 * np.abs(y))", "for finite values"),
    "array_equal": ("np.all(x == y)", "for equal shapes"),
    "average": ("np.mean(x)", "without weights; with them, np.sum(x * weights) / np.sum(weights)"),
    "cbrt": ("np.sign(x) * np.abs(x) ** (1 / 3)", ""),
    "conjugate": ("x", ""),
    "count_nonzero": ("np.sum(x != 0)", ""),
    "dstack": ("np.stack([x, y], axis=2)", "for matrices"),
    "ediff1d": ("np.diff(np.ravel(x))", ""),
    "float_power": ("x**y", ""),
    "fmax": ("np.where((x >= y) | np.isnan(y), x, y)", ""),
    "fmin": ("np.where((x <= y) | np.isnan(y), x, y)", ""),
    "imag": ("np.zeros_like(x)", ""),
    "isclose": ("np.abs(x - y) <= 1e-8 + 1e-5 * np.abs(y)", "for finite values"),
    "ldexp": ("x * 2.0**y", ""),
    "logaddexp2": ("np.logaddexp(x * np.log(2), y * np.log(2)) / np.log(2)", ""),
    "nanmax": ("np.max(np.where(np.isnan(x), -np.inf, x))", ""),
    "nanmean": ("np.sum(np.where(np.isnan(x), 0, x)) / np.sum(~np.isnan(x))", ""),
    "nanmin": ("np.min(np.where(np.isnan(x), np.inf, x))", ""),
    "nanprod": ("np.prod(np.where(np.isnan(x), 1, x))", ""),
    "nansum": ("np.sum(np.where(np.isnan(x), 0, x))", ""),
    "ptp": ("np.max(x) - np.min(x)", ""),
    "real": ("x", ""),
    "rot90": ("np.swapaxes(np.flip(x, 1), 0, 1)", ""),
    "trapezoid": ("np.sum((x[1:] + x[:-1]) / 2)", "for a vector of values at distance 1"),
    "tril": ("np.where(np.tri(*x.shape, dtype=bool), x, 0)", "for a matrix"),
    "triu": ("np.where(np.tri(*x.shape, -1, dtype=bool), 0, x)", "for a matrix"),
}


def unsupported(name: str) -> UnsupportedFunctionError:
    """Return the error for a function without a rule, with an expression that does the same if any."""
    expression, condition = ALTERNATIVES.get(name, ("", ""))
    advice = f"; {expression} does the same" if expression else ""
    return UnsupportedFunctionError(
        f"np.{name} has no rule{advice}{' ' + condition if condition else ''}{here()}"
    )
