"""Compute the polynomials of `wengert.run.llvm.vector_math` and print its module `coefficients`.

Usage::

    python tools/minimax.py > src/wengert/run/llvm/vector_math/coefficients.py
    python tools/minimax.py exp_f32 log_f64     # only these, with their errors, on standard error

Each polynomial minimises the largest weighted error over an interval (Remez' exchange; Muller, "Elementary
Functions", 3rd ed., section 3.5). Its coefficients are then rounded to the working precision one after the
other, lowest power first: after each rounding the remaining ones are fitted anew, so that they make up for
it. It takes mpmath and about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import numpy as np

mp.mp.prec = 200

Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Fit:
    """One polynomial: `target` is approximated on [low, high], the error multiplied by `weight`."""

    target: Function
    weight: Function
    low: mp.mpf
    high: mp.mpf
    degree: int
    exact: tuple[float, ...] = ()  # leading coefficients that are given, such as the 1 of sin x/x


class Exchange:
    """Remez' algorithm on a fixed fine grid, which is all the accuracy that rounded coefficients can use."""

    def __init__(self, fit: Fit):
        count = 40 * (fit.degree + 2)
        middle, half = (fit.high + fit.low) / 2, (fit.high - fit.low) / 2
        self.fit = fit
        self.x = [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
        self.weight = np.array([fit.weight(x) for x in self.x], dtype=object)
        self.target = np.array([fit.target(x) for x in self.x], dtype=object)
        self.powers = np.array([[x**j for j in range(fit.degree + 1)] for x in self.x], dtype=object)

    def largest(self, coefficients: list[mp.mpf]) -> mp.mpf:
        """Return the largest weighted error."""
        error = self.weight * (self.target - self.powers @ np.array(coefficients, dtype=object))
        return max(abs(e) for e in error)

    def solve(self, known: list[mp.mpf]) -> list[mp.mpf]:
        """Return the other coefficients, best for those known."""
        first, degree = len(known), self.fit.degree
        free = degree + 1 - first
        values = self.target.copy()
        if first:
            values = values - self.powers[:, :first] @ np.array(known, dtype=object)
        columns = self.powers[:, first:] * self.weight[:, None]
        right = self.weight * values
        size = len(self.x)
        places = [round((0.5 - 0.5 * np.cos(np.pi * i / free)) * (size - 1)) for i in range(free + 1)]
        for _ in range(40):
            matrix = mp.matrix(free + 1, free + 1)
            for i, place in enumerate(places):
                for j in range(free):
                    matrix[i, j] = columns[place, j]
                matrix[i, free] = (-1) ** i
            solution = list(mp.lu_solve(matrix, mp.matrix([right[place] for place in places])))
            error = right - columns @ np.array(solution[:free], dtype=object)
            largest = max(abs(e) for e in error)
            if largest <= abs(solution[free]) * mp.mpf("1.001"):
                break
            places = alternating_extrema(error, free + 1)
        return solution[:free]


def alternating_extrema(error: np.ndarray, count: int) -> list[int]:
    """Return `count` places where the error is extreme, its sign alternating, the largest among them."""
    best: list[int] = []
    for i, value in enumerate(error):
        if best and (value > 0) == (error[best[-1]] > 0):
            if abs(value) > abs(error[best[-1]]):
                best[-1] = i
        else:
            best.append(i)
    while len(best) > count:
        # Dropping an inner extremum means dropping a pair, or the signs would not alternate any more.
        if len(best) == count + 1:
            best.pop(0 if abs(error[best[0]]) < abs(error[best[-1]]) else -1)
        else:
            pair = min(range(len(best) - 1), key=lambda i: max(abs(error[best[i]]), abs(error[best[i + 1]])))
            del best[pair : pair + 2]
    if len(best) < count:
        raise ValueError(f"the error alternates {len(best)} times, not {count}: the grid is too coarse")
    return best


def rounded_fit(fit: Fit, dtype: type) -> tuple[list[float], float]:
    """Return coefficients that are numbers of `dtype`, and log2 of the largest weighted error."""
    exchange = Exchange(fit)
    known = [mp.mpf(c) for c in fit.exact]
    rest: list[mp.mpf] = []
    while len(known) <= fit.degree:
        # Where 0 is inside the interval, powers without their lower ones can be zero together there, and
        # the exchange may find worse than what the last fit had.
        candidates = [exchange.solve(known)] + ([rest[1:]] if rest else [])
        rest = min(candidates, key=lambda tail: exchange.largest(known + tail))
        # float32 by way of float64 would round twice; at 200 bits a tie is out of the question.
        known.append(mp.mpf(round_to(rest[0], dtype)))
    return [float(c) for c in known], float(mp.log(exchange.largest(known), 2))


def round_to(value: mp.mpf, dtype: type) -> float:
    """Round to the nearest number of 24 or 53 bits."""
    with mp.workprec(24 if dtype is np.float32 else 53):
        return float(+value)


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")  # the rounding of n may push r a little beyond


def expm1_ratio(r: mp.mpf) -> mp.mpf:
    """(exp r − 1)/r."""
    return mp.expm1(r) / r if r else mp.mpf(1)


def log1p_rest(f: mp.mpf) -> mp.mpf:
    """(log(1+f) − f + f²/2)/f³."""
    if abs(f) < mp.mpf(2) ** -30:
        return mp.mpf(1) / 3 - f / 4 + f * f / 5
    return (mp.log1p(f) - f + f * f / 2) / f**3


def log_odd_rest(z: mp.mpf) -> mp.mpf:
    """(log((1+s)/(1−s)) − 2s)/s³ where z = s²."""
    if z < mp.mpf(2) ** -60:
        return mp.mpf(2) / 3 + 2 * z / 5
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def relative(target: Function) -> Function:
    """Weight that makes the error relative to the target."""
    return lambda x: 1 / target(x)


def exponential(degree: int) -> Fit:
    """Return exp r = 1 + r Q(r), relative to exp r − 1."""
    return Fit(expm1_ratio, relative(expm1_ratio), -HALF_LN2, HALF_LN2, degree, (1.0,))


def scaled_exponential(degree: int) -> Fit:
    """Return exp r = 1 + r Q(r), relative to exp r."""
    return Fit(expm1_ratio, lambda r: r / mp.exp(r), -HALF_LN2, HALF_LN2, degree, (1.0,))


def logarithm_f32(degree: int) -> Fit:
    """log(1+f) = f − f²/2 + f³ P(f) for 1+f in [2/3, 4/3), relative to log(1+f)."""
    return Fit(
        log1p_rest,
        lambda f: f**3 / mp.log1p(f) if f else mp.mpf(0),
        mp.mpf(-1) / 3,
        mp.mpf(1) / 3,
        degree,
    )


def logarithm_f64(degree: int) -> Fit:
    """log(1+f) = 2s + s³ R(s²), s = f/(2+f), relative to log(1+f)."""
    top = mp.mpf(1) / 25  # s = −1/5 at 1+f = 2/3
    return Fit(log_odd_rest, lambda z: z / 2, mp.mpf(0), top, degree)


def tanh_small(degree: int) -> Fit:
    """Return tanh x = x + x³ P(x²) for |x| ≤ 0.6, relative."""

    def ratio(z: mp.mpf) -> mp.mpf:
        return mp.tanh(mp.sqrt(z)) / mp.sqrt(z) if z else mp.mpf(1)

    def target(z: mp.mpf) -> mp.mpf:
        return (ratio(z) - 1) / z if z > mp.mpf(2) ** -60 else mp.mpf(-1) / 3

    return Fit(target, lambda z: z / ratio(z), mp.mpf(0), mp.mpf("0.3601"), degree)


def erf_small(degree: int) -> Fit:
    """Return erf x = x + x P(x²) for |x| ≤ 0.86, relative."""

    def target(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        return (mp.erf(x) / x if z else 2 / mp.sqrt(mp.pi)) - 1

    return Fit(target, lambda z: 1 / (1 + target(z)), mp.mpf(0), mp.mpf("0.7397"), degree)


def erfc_exponent(degree: int, high: str) -> Fit:
    """1 − erf x = 2^(−x S(x)) for x from 0.85 to where erf x rounds to 1, the error absolute in erf x."""
    return Fit(
        lambda x: -mp.log(mp.erfc(x), 2) / x,
        lambda x: x * mp.erfc(x) * mp.log(2),
        mp.mpf("0.85"),
        mp.mpf(high),
        degree,
    )


def power_of_two(degree: int) -> Fit:
    """2^f = 1 + f Q(f) for |f| ≤ ½, relative to 2^f."""
    half = mp.mpf("0.5001")
    return Fit(
        lambda f: (mp.power(2, f) - 1) / f if f else mp.log(2),
        lambda f: f / mp.power(2, f),
        -half,
        half,
        degree,
    )


QUARTER_PI = mp.pi / 4 * mp.mpf("1.01")  # the rounding of n may push r a little beyond


def sine(degree: int) -> Fit:
    """Return sin r = r + r³ S(r²), relative."""

    def target(z: mp.mpf) -> mp.mpf:
        r = mp.sqrt(z)
        return (mp.sin(r) / r - 1) / z if z > mp.mpf(2) ** -60 else mp.mpf(-1) / 6

    return Fit(target, lambda z: z / (1 + z * target(z)), mp.mpf(0), QUARTER_PI**2, degree)


def cosine(degree: int) -> Fit:
    """Return cos r = 1 − r²/2 + r⁴ C(r²), relative."""

    def target(z: mp.mpf) -> mp.mpf:
        if z < mp.mpf(2) ** -30:
            return mp.mpf(1) / 24 - z / 720
        return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2

    return Fit(target, lambda z: z * z / mp.cos(mp.sqrt(z)), mp.mpf(0), QUARTER_PI**2, degree)


FITS: dict[str, tuple[Fit, type]] = {
    "exp_f32": (scaled_exponential(5), np.float32),
    "exp_f64": (scaled_exponential(10), np.float64),
    "expm1_f32": (exponential(6), np.float32),
    "expm1_f64": (exponential(11), np.float64),
    "log_f32": (logarithm_f32(7), np.float32),
    "log_f64": (logarithm_f64(7), np.float64),
    "tanh_f32": (tanh_small(4), np.float32),
    "tanh_f64": (tanh_small(10), np.float64),
    "erf_f32": (erf_small(5), np.float32),
    "erf_f64": (erf_small(10), np.float64),
    "erfc_exponent_f32": (erfc_exponent(5, "3.95"), np.float32),
    "erfc_exponent_f64": (erfc_exponent(17, "5.95"), np.float64),
    "power_f32": (power_of_two(5), np.float32),
    "power_f64": (power_of_two(10), np.float64),
    "sin_f32": (sine(2), np.float32),
    "sin_f64": (sine(5), np.float64),
    "cos_f32": (cosine(2), np.float32),
    "cos_f64": (cosine(5), np.float64),
}


def two_over_pi() -> list[str]:
    """Return the lines that state 2/π to as many bits as reducing the largest float64 takes."""
    bits = 1216
    with mp.workprec(bits + 64):
        digits = f"{int(mp.floor(2 / mp.pi * mp.power(2, bits))):X}"
    lines = ["", f"# 2/π times 2^{bits}, rounded down", f"TWO_OVER_PI_BITS = {bits}", "TWO_OVER_PI = int("]
    lines += [f'    "{digits[i : i + 76]}"' for i in range(0, len(digits), 76)]
    lines[-1] += ","
    return [*lines, "    16,", ")"]


def main(names: list[str]) -> None:
    """Print the module, or only report on the fits that are named."""
    lines = [
        '"""Minimax polynomials, lowest power first: printed by tools/minimax.py, where each is defined."""',
        "",
        "from __future__ import annotations",
    ]
    for name in names or FITS:
        fit, dtype = FITS[name]
        values, error = rounded_fit(fit, dtype)
        print(f"{name}: degree {fit.degree}, largest weighted error 2^{error:.2f}", file=sys.stderr)
        lines += ["", f"# largest weighted error 2^{error:.1f}", f"{name.upper()} = ("]
        lines += [f'    float.fromhex("{value.hex()}"),  # {value!r}' for value in values] + [")"]
    if not names:
        print("\n".join([*lines, *two_over_pi()]))


if __name__ == "__main__":
    main(sys.argv[1:])
