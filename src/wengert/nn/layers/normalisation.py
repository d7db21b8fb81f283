"""Normalisation over the batch and over the features."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from wengert.checks import in_range, positive_integer
from wengert.errors import ShapeError
from wengert.nn.initialisers import ones, zeros
from wengert.nn.layers.features import check_features
from wengert.nn.module import ArrayRules, Module, parameter, statistic
from wengert.trace.tensor import here


class BatchNorm(Module):
    """Normalise each feature over the batch: y = scale · (x − μ) / √(σ² + ε) + shift.

    In training μ and σ² are mean and variance (divided by n) of the batch; in evaluation they are running
    averages, which each training step moves by `momentum` towards those of the batch.

    Parameters
    ----------
    features : int
    momentum : float
        In (0, 1): running ← (1 − momentum) · running + momentum · batch.
    epsilon : float
        Above 0.
    scale, shift : array, shape (features,), optional
        Trained; 1 and 0 at the start.
    running_mean, running_variance : array, shape (features,), optional
        0 and 1 at the start. The running variance takes the unbiased estimate (divided by n − 1).

    Notes
    -----
    Input and output have shape (..., features). Ioffe & Szegedy 2015.
    """

    features: int
    momentum: float = 0.1
    epsilon: float = 1e-5
    scale: Any = parameter()
    shift: Any = parameter()
    running_mean: Any = statistic()
    running_variance: Any = statistic()

    def __post_init__(self) -> None:
        positive_integer("BatchNorm", "features", self.features)
        in_range("BatchNorm", "momentum", self.momentum, 0, 1, low_open=True)
        in_range("BatchNorm", "epsilon", self.epsilon, 0, math.inf, low_open=True)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shapes and initialisers."""
        shape = (self.features,)
        return {
            "scale": (shape, ones),
            "shift": (shape, zeros),
            "running_mean": (shape, zeros),
            "running_variance": (shape, ones),
        }

    def _normalised(self, x: Any, mean: Any, variance: Any) -> Any:
        return self.scale * ((x - mean) / np.sqrt(variance + self.epsilon)) + self.shift

    def __call__(self, x: Any) -> Any:
        """Return x normalised by the running statistics."""
        check_features(x, self.features)
        return self._normalised(x, self.running_mean, self.running_variance)

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return x normalised by the statistics of the batch, and the layer with its running ones updated.

        Raises
        ------
        ShapeError
            For a batch of one, whose variance says nothing.
        """
        check_features(x, self.features)
        axes = tuple(range(len(x.shape) - 1))
        count = math.prod(x.shape[:-1])
        if count < 2:
            raise ShapeError(
                f"batch normalisation of an input of shape {x.shape} in training: a batch of {count} has no "
                f"variance, take 2 rows or more{here()}"
            )
        mean = np.mean(x, axis=axes)
        variance = np.mean(np.square(x - mean), axis=axes)
        new, old = self.momentum, 1 - self.momentum
        after = self.replace(
            running_mean=(old * self.running_mean + new * mean).astype(self.running_mean.dtype),
            running_variance=(old * self.running_variance + (new * count / (count - 1)) * variance).astype(
                self.running_variance.dtype
            ),
        )
        return self._normalised(x, mean, variance), after


class LayerNorm(Module):
    """Normalise each row over its features: y = scale · (x − μ) / √(σ² + ε) + shift, alike in training.

    Parameters
    ----------
    features : int
    epsilon : float
        Above 0.
    scale, shift : array, shape (features,), optional
        Trained; 1 and 0 at the start.

    Notes
    -----
    Input and output have shape (..., features). Ba, Kiros & Hinton 2016.
    """

    features: int
    epsilon: float = 1e-5
    scale: Any = parameter()
    shift: Any = parameter()

    def __post_init__(self) -> None:
        positive_integer("LayerNorm", "features", self.features)
        in_range("LayerNorm", "epsilon", self.epsilon, 0, math.inf, low_open=True)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shapes and initialisers."""
        return {"scale": ((self.features,), ones), "shift": ((self.features,), zeros)}

    def __call__(self, x: Any) -> Any:
        """Return x normalised."""
        check_features(x, self.features)
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(np.square(centred), axis=-1, keepdims=True)
        return self.scale * (centred / np.sqrt(variance + self.epsilon)) + self.shift
