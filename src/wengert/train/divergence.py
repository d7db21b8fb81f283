"""When training stops making sense: found at the step where it happens, and explained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.ir.program import Program
from wengert.run.numpy import first_non_finite

Array = np.ndarray[Any, Any]

# Parameters whose norm has grown by this factor while the loss has not fallen have not learned anything: the
# loss can stay finite all the same, as it does for a saturated sigmoid.
_OUT_OF_PROPORTION = 1e6


@dataclass(frozen=True)
class Divergence:
    """Why a run was stopped.

    Attributes
    ----------
    step : int
        From 1, over all epochs.
    epoch : int
        From 1.
    layer : str or None
        Path of the layer in which it happened.
    operation : str or None
        The operation that gave the first value that is not finite.
    learning_rate : float or None
        That of the step.
    explanation : str
        What happened, with the ranges of the operands.
    """

    step: int
    epoch: int
    layer: str | None
    operation: str | None
    learning_rate: float | None
    explanation: str

    def __str__(self) -> str:
        rate = "" if self.learning_rate is None else f" with learning rate {self.learning_rate:.6g}"
        return (
            f"training diverged at step {self.step} (epoch {self.epoch}){rate}: {self.explanation}. "
            "Lower the learning rate, scale the features and targets, or clip the gradient (clip_norm)"
        )


class Diverged(Exception):
    """Carries a `Divergence` out of the loop."""

    def __init__(self, divergence: Divergence) -> None:
        super().__init__(str(divergence))
        self.divergence = divergence


def squared_norm(arrays: Iterable[Array]) -> float:
    """Return Σ x² over all floating arrays; NaN or ∞ where one holds a NaN or ∞, or the sum overflows."""
    total = 0.0
    for array in arrays:
        if array.dtype.kind == "f":
            flat = array.ravel()
            total += float(flat.dot(flat))
    return total


def all_finite(arrays: Iterable[Array]) -> bool:
    """Return whether no array holds a NaN or an infinity."""
    return all(array.dtype.kind != "f" or bool(np.isfinite(array).all()) for array in arrays)


class Watch:
    """Looks at the results of each step.

    Parameters
    ----------
    initial : sequence of array
        Parameters and optimiser's state before the first step.
    parameter_count : int
        How many of them are parameters.
    """

    def __init__(self, initial: Iterable[Array], parameter_count: int) -> None:
        self._count = parameter_count
        scale = 1 + math.sqrt(
            squared_norm([array.astype(np.float64) for array in tuple(initial)[:parameter_count]])
        )
        self._limit = (_OUT_OF_PROPORTION * scale) ** 2

    def is_finite(self, outputs: list[Array]) -> bool:
        """Return whether loss, parameters and optimiser's state of a step are finite.

        A sum of squares is one fast pass; only where it overflows does each element have to be looked at.
        """
        return math.isfinite(squared_norm(outputs)) or all_finite(outputs)

    def out_of_proportion(self, carry: Iterable[Array]) -> bool:
        """Return whether the parameters have grown beyond all proportion to their start."""
        # `not <=` holds for NaN and for sums that overflow.
        return not squared_norm(tuple(carry)[: self._count]) <= self._limit


def explain(
    program: Program, arguments: list[Any], names: tuple[str, ...], outputs: list[Array]
) -> tuple[str | None, str | None, str]:
    """Return layer, operation and explanation of a step whose results are not finite.

    The step is run again line by line, up to the first line that gives a NaN or an infinity.
    """
    finding = first_non_finite(program, arguments)
    if finding is not None:
        return finding.layer, finding.operation, str(finding)
    wrong = [name for name, array in zip(names, outputs, strict=False) if not all_finite([array])]
    return None, None, f"{', '.join(wrong) or 'the loss'} is no longer finite"


def explain_growth(
    names: tuple[str, ...], carry: Iterable[Array], losses: tuple[float, float]
) -> tuple[str, str]:
    """Return layer and explanation for parameters out of proportion."""
    largest = {name: float(np.abs(array).max(initial=0)) for name, array in zip(names, carry, strict=False)}
    name = max(largest, key=largest.__getitem__)
    first, now = losses
    text = f"{name} has grown to {largest[name]:.3g} while the loss went from {first:.6g} to {now:.6g}"
    return name.rpartition(".")[0] or name, text
