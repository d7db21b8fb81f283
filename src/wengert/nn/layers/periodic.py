"""Numbers as vectors of waves: what a network cannot see in one number it sees in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.checks import in_range, positive_integer
from wengert.errors import ConfigurationError
from wengert.nn.initialisers import Gaussian
from wengert.nn.layers.features import check_features
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.primitives import random


def _phases(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return (2 * random.uniform(key, shape, dtype) - 1) * math.pi


class PeriodicEmbedding(Module):
    """Each feature as itself and `outputs` − 1 mixtures of waves of it.

    For feature j: c = cos(2π xⱼ frequency[j] + phase[j]), and the outputs are xⱼ and c mixture[j] + shift[j].
    All frequencies, phases and mixtures are trained, and each feature has its own.

    Parameters
    ----------
    features : int
    waves : int
        For each feature.
    outputs : int
        For each feature, 2 or more.
    spread : float
        Standard deviation of the frequencies at the start, above 0.
    frequency, phase : array, shape (features, waves), optional
        Normal; uniform on ±π.
    mixture : array, shape (features, waves, outputs − 1), optional
        Uniform on ±1/√waves, as is the shift.
    shift : array, shape (features, outputs − 1), optional

    Notes
    -----
    Input (..., features), output (..., features · outputs): first the features themselves, then the mixtures
    of each. Gorishniy, Rubachev & Babenko 2022, in the form "PBLD" (periodic, bias, linear, DenseNet) of
    Holzmüller, Grinsztajn & Steinwart 2024, section 3, with their defaults.
    """

    features: int
    waves: int = 16
    outputs: int = 4
    spread: float = 0.1
    frequency: Any = parameter()
    phase: Any = parameter()
    mixture: Any = parameter(penalised=True)
    shift: Any = parameter()

    def __post_init__(self) -> None:
        for name in ("features", "waves", "outputs"):
            positive_integer("PeriodicEmbedding", name, getattr(self, name))
        if self.outputs < 2:
            raise ConfigurationError("PeriodicEmbedding: outputs is 2 or more: the feature and its waves")
        in_range("PeriodicEmbedding", "spread", self.spread, 0, math.inf, low_open=True)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shapes and initialisers."""
        return {
            "frequency": ((self.features, self.waves), Gaussian(self.spread)),
            "phase": ((self.features, self.waves), _phases),
            "mixture": ((self.features, self.waves, self.outputs - 1), self._mixtures),
            "shift": ((self.features, self.outputs - 1), self._mixtures),
        }

    def _mixtures(self, key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        return (2 * random.uniform(key, shape, dtype) - 1) / math.sqrt(self.waves)

    def __call__(self, x: Any) -> Any:
        """Return the features with their waves.

        Raises
        ------
        ShapeError
            When the last axis of x does not have `features` entries.
        """
        check_features(x, self.features)
        waves = np.cos(2 * math.pi * x[..., np.newaxis] * self.frequency + self.phase)
        mixed = np.einsum("...fw,fwo->...fo", waves, self.mixture) + self.shift
        return np.concatenate(
            [x, mixed.reshape((*np.shape(x)[:-1], self.features * (self.outputs - 1)))], axis=-1
        )
