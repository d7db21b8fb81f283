"""What is wrong with a claim that is a number times the gradient: sign, ½, 2, the N of a mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wengert.explain.grading.claims import RTOL
from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.letters import Letters
from wengert.explain.index.notation import averages
from wengert.explain.index.operations import exponents
from wengert.ir.node import Node
from wengert.ir.program import Program

_RTOL = 1e-6


@dataclass(frozen=True)
class Constants:
    """The numbers that a gradient's factors come from.

    Attributes
    ----------
    means : dict of int to str
        What the means of the program divide by, and where that is from.
    sums : dict of int to str
        Other extents, by which a claim may have divided in vain.
    half : bool
        Whether the program has a factor ½.
    """

    means: dict[int, str]
    sums: dict[int, str]
    half: bool

    def plain(self, number: float) -> bool:
        """Whether a number is one that mistakes bring about: ±1, 2, ½, N, 1/N."""
        usual = [1.0, 2.0, *(c * n for n in {**self.sums, **self.means} for c in (0.5, 1.0, 2.0))]
        return any(_near(abs(number), one) or _near(abs(number), 1 / one) for one in usual)

    def wrong(self, number: float, divides: bool = False) -> str:
        """Say what is wrong with a claim of `number` times the gradient, which divides or not."""
        parts = ["the sign is wrong"] if number < 0 else []
        size = self._size(abs(number), divides)
        return ", and ".join([*parts, *([size] if size else [])])

    def _size(self, size: float, divides: bool) -> str | None:
        if _near(size, 1):
            return None if abs(size - 1) <= RTOL else f"it is {size:.10g} times the gradient"
        if _near(size, 2):
            return self._double()
        if _near(size, 0.5) and not (divides and 2 in self.sums and 2 not in self.means):
            return "a factor 2 is missing: it is half the gradient"
        for n, where in self.means.items():
            origin = f"N = {n}, {where}"
            if _near(size, n):
                return f"the factor 1/N of a mean is missing ({origin})"
            if _near(size, 1 / n):
                return f"the factor 1/N of a mean stands there twice ({origin})"
        for n, where in self.means.items():
            origin = f"N = {n}, {where}"
            if _near(size, 2 * n):
                return f"the factors ½ and 1/N are missing ({origin})"
            if _near(size, n / 2):
                return f"a factor 2 and the factor 1/N are missing ({origin})"
            for other in self.sums:
                if _near(size, n / other) and n != other:
                    return f"it is divided by {other} ({self.sums[other]}) in place of {n} ({where})"
        for n, where in self.sums.items():
            origin = f"N = {n}, {where}"
            if _near(size, 1 / n):
                return f"a factor 1/N too many: it is a sum, not a mean ({origin})"
            if _near(size, 2 / n):
                return f"a factor ½ is missing and 1/N is too many ({origin})"
            if _near(size, 1 / (2 * n)):
                return f"a factor 2 is missing and 1/N is too many ({origin})"
        return f"it is {size:.6g} times the gradient, everywhere"

    def _double(self) -> str:
        mean = f"the 1/N of a mean (N = 2, {self.means[2]})" if 2 in self.means else ""
        if mean:
            missing = f"a factor ½ is missing, or {mean}" if self.half else f"{mean} is missing"
        else:
            missing = "a factor ½ is missing" if self.half else "a factor ½ is missing, or a 2 is too many"
        return f"{missing}: it is twice the gradient"


def constants(program: Program) -> Constants:
    """Return the numbers that the gradient of a program may have as factors."""
    letters = Letters(program)
    means: dict[int, str] = {}
    half = False
    for node in program.nodes:
        if averages(node.primitive):
            count = node.inputs[0].type.size // node.type.size
            means.setdefault(count, _origin(node, program, letters))
    total = int(np.prod(list(means))) if len(means) > 1 else 1
    sums = _extents(program)
    for node in program.nodes:
        standing = exponents(node.primitive)
        if len(standing) > 1:
            for exponent, operand in zip(standing, node.inputs, strict=True):
                value = uniform_value(operand)
                if value is None or not np.isfinite(value) or value == 0:
                    continue
                divided = value if exponent < 0 else 1 / value
                half = half or _near(abs(divided), 2)
                for n in (abs(divided), abs(divided) / 2):
                    if n > 2.5 and _near(n, round(n)) and round(n) in sums:
                        means.setdefault(round(n), sums[round(n)])
                        half = half or n != abs(divided)
    if total > 1:
        means.setdefault(total, "the product of the means")
    return Constants(means, sums, half)


def _origin(node: Node, program: Program, letters: Letters) -> str:
    """Say over what a mean is taken."""
    operand = node.inputs[0]
    axes = [axis for axis in dict(node.params)["axes"] if operand.type.shape[axis] > 1]
    if len(axes) == 1:
        running = letters.index(operand, axes[0])
        for one in program.inputs:
            for axis in range(one.type.ndim):
                if letters.index(one, axis) == running:
                    return f"axis {axis} of {dict(one.params)['name']}"
        return f"axis {axes[0]} of what the mean is taken of"
    shape = "×".join(str(operand.type.shape[axis]) for axis in axes)
    return f"the {shape} elements that the mean is taken of"


def _extents(program: Program) -> dict[int, str]:
    """Return the sizes of the inputs, and where they are from."""
    found: dict[int, str] = {}
    for node in program.inputs:
        name = dict(node.params)["name"]
        for axis, extent in enumerate(node.type.shape):
            if extent > 1:
                found.setdefault(extent, f"axis {axis} of {name}")
    for node in program.inputs:
        if node.type.ndim > 1:
            found.setdefault(node.type.size, f"the elements of {dict(node.params)['name']}")
    return found


def _near(value: float, other: float) -> bool:
    return bool(np.isclose(value, other, rtol=_RTOL, atol=0))
