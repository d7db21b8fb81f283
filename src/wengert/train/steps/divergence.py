"""Divergence of a training run: detected at the step where it happens, and explained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.ir.program import Program
from wengert.run.numpy import first_non_finite

Array = np.ndarray[Any, Any]

# Parameters whose norm has grown by this factor while the loss has not fallen have not learned anything: the
# loss can stay finite all the same, as it does for a saturated sigmoid.
_OUT_OF_PROPORTION = 1e6
# Elements up to which BLAS shares no product of vectors among threads.
_ONE_THREAD = 4096


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


class StepDiverged(Exception):
    """A step whose results are not finite, or out of all proportion.

    Parameters
    ----------
    layer, operation, explanation
        See `Divergence`.
    """

    def __init__(self, layer: str | None, operation: str | None, explanation: str) -> None:
        super().__init__(explanation)
        self.layer = layer
        self.operation = operation
        self.explanation = explanation


def all_finite(arrays: Iterable[Array]) -> bool:
    """Return whether no array holds a NaN or an infinity."""
    return all(array.dtype.kind != "f" or bool(np.isfinite(array).all()) for array in arrays)


def _norm(arrays: Iterable[Array]) -> float:
    """Return the Euclidean norm of all floating arrays together."""
    return math.sqrt(sum(_sum_of_squares(array) for array in arrays if array.dtype.kind == "f"))


def _sum_of_squares(array: Array) -> float:
    flat = array.ravel()
    if flat.size <= _ONE_THREAD:
        wide = flat.astype(np.float64, copy=False)
        return float(np.vdot(wide, wide))
    # Without BLAS, whose threads would go on spinning on the cores that a native loop's threads use.
    return float(np.einsum("i,i->", flat, flat, dtype=np.float64))


class Watch:
    """Detects parameters that are not finite or out of all proportion.

    Parameters
    ----------
    initial : sequence of array
        The network's arrays before the first step.
    """

    def __init__(self, initial: Sequence[Array]) -> None:
        self._initial = initial
        self._size = sum(array.size for array in initial)

    def out_of_proportion(self, network: Iterable[Array], largest: float = math.inf) -> bool:
        """Return whether the network's arrays have grown beyond all proportion to their start.

        Parameters
        ----------
        network : iterable of array
        largest : float
            No element is larger than this; mostly that decides, and no norm has to be computed.
        """
        if math.sqrt(self._size) * largest <= _OUT_OF_PROPORTION:
            return False
        return not _norm(network) <= _OUT_OF_PROPORTION * (1 + _norm(self._initial))


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
