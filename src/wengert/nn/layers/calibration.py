"""Logits corrected so that the probabilities they mean are those that occur."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import in_range, positive_integer, positive_number
from wengert.errors import ShapeError
from wengert.nn.activations import sigmoid, softmax
from wengert.nn.initialisers import ones, zeros
from wengert.nn.module import ArrayRules, Module, statistic
from wengert.trace.tensor import here


class Calibration(Module):
    """A quadratic q of each logit, and a small share of frequencies: log((1 − s) softmax(q) + s f).

    q = offset + slope · z + curvature · z², with z less its mean over the classes and cut off at ±limit.
    Where each output says yes or no by itself, z is the logit as it is, and the result log(p / (1 − p)) of
    p = (1 − s) sigmoid(q) + s f. It is fitted after training (`wengert.train.bagging.calibration`), never
    trained.

    Parameters
    ----------
    outputs : int
    share : float
        s, from 0 to 1.
    limit : float
        Of |z|; where there is a curvature, q grows with z up to there.
    independent : bool
        Whether each output is a yes or no of its own.
    offset, slope, curvature : array, shape (outputs,), optional
        0, 1 and 0 at the start.
    frequency : array, shape (outputs,), optional
        f: how often each class occurs, or each yes; 0 at the start.

    Notes
    -----
    Input and output have shape (..., outputs). Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017) is
    the case of one slope and nothing else. The share keeps a mistake that was made with certainty from
    costing without bound (Laplace's rule of succession).
    """

    outputs: int
    share: float = 0.0
    limit: float = 1e6
    independent: bool = False
    offset: Any = statistic()
    slope: Any = statistic()
    curvature: Any = statistic()
    frequency: Any = statistic()

    def __post_init__(self) -> None:
        positive_integer("Calibration", "outputs", self.outputs)
        in_range("Calibration", "share", self.share, 0, 1)
        positive_number("Calibration", "limit", self.limit)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the arrays."""
        rules = {"offset": zeros, "slope": ones, "curvature": zeros, "frequency": zeros}
        return {name: ((self.outputs,), initialiser) for name, initialiser in rules.items()}

    def __call__(self, x: Any) -> Any:
        """Return calibrated logits.

        Raises
        ------
        ShapeError
            When the last axis of x does not have `outputs` entries.
        """
        shape = np.shape(x)
        if not shape or shape[-1] != self.outputs:
            raise ShapeError(
                f"the input has shape {shape}, the layer takes {self.outputs} logits in the last axis{here()}"
            )
        z = x if self.independent else x - np.mean(x, axis=-1, keepdims=True)
        z = np.clip(z, -self.limit, self.limit)
        q = self.offset + (self.slope + self.curvature * z) * z
        if not self.independent:
            return np.log((1 - self.share) * softmax(q, axis=-1) + self.share * self.frequency)
        yes = (1 - self.share) * sigmoid(q) + self.share * self.frequency
        no = (1 - self.share) * sigmoid(-q) + self.share * (1 - self.frequency)
        return np.log(yes) - np.log(no)
