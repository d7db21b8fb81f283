"""How weights start: functions (key, shape, dtype) → array, drawn from the counter-based generator.

The variance is stated in terms of the number of inputs m and outputs n of a weight of shape (m, n).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import in_range, unknown_name
from wengert.errors import ConfigurationError
from wengert.primitives import random

Initialiser = Callable[..., Any]


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight: all axes but the last, and the last."""
    return math.prod(shape[:-1]), shape[-1]


def _scaled_normal(key: Any, shape: tuple[int, ...], dtype: Any, variance: float) -> Any:
    return random.normal(key, shape, dtype) * math.sqrt(variance)


def _scaled_uniform(key: Any, shape: tuple[int, ...], dtype: Any, variance: float) -> Any:
    limit = math.sqrt(3 * variance)
    return (2 * random.uniform(key, shape, dtype) - 1) * limit


def zeros(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros: for biases. A hidden layer whose weights start so stays symmetric and learns nothing."""
    return np.zeros(shape, dtype)


def ones(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Ones: for the scales of a normalisation."""
    return np.ones(shape, dtype)


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Normal numbers with mean 0 and a given standard deviation.

    Parameters
    ----------
    standard_deviation : float
        Above 0.
    """

    standard_deviation: float = 1.0

    def __post_init__(self) -> None:
        in_range("Gaussian", "standard_deviation", self.standard_deviation, 0, math.inf, low_open=True)

    def __call__(self, key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return the array."""
        return _scaled_normal(key, shape, dtype, self.standard_deviation**2)


def gaussian(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Standard normal numbers (lecture 002, concept 20); `Gaussian` takes the standard deviation."""
    return random.normal(key, shape, dtype)


def glorot_uniform(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Uniform on ±√(6/(m+n)), variance 2/(m+n): for sigmoid, tanh and linear layers. Glorot & Bengio 2010."""
    return _scaled_uniform(key, shape, dtype, 2 / max(sum(_fans(shape)), 1))


def glorot_normal(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Normal with variance 2/(m+n): for sigmoid, tanh and linear layers. Glorot & Bengio 2010."""
    return _scaled_normal(key, shape, dtype, 2 / max(sum(_fans(shape)), 1))


def he_uniform(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Uniform on ±√(6/m), variance 2/m: for the ReLU family. He, Zhang, Ren & Sun 2015."""
    return _scaled_uniform(key, shape, dtype, 2 / max(_fans(shape)[0], 1))


def he_normal(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Normal with variance 2/m: for the ReLU family. He, Zhang, Ren & Sun 2015."""
    return _scaled_normal(key, shape, dtype, 2 / max(_fans(shape)[0], 1))


def lecun_uniform(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Uniform on ±√(3/m), variance 1/m. LeCun, Bottou, Orr & Müller 1998."""
    return _scaled_uniform(key, shape, dtype, 1 / max(_fans(shape)[0], 1))


def lecun_normal(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Normal with variance 1/m: for SELU. LeCun, Bottou, Orr & Müller 1998."""
    return _scaled_normal(key, shape, dtype, 1 / max(_fans(shape)[0], 1))


INITIALISERS: dict[str, Initialiser] = {
    function.__name__: function
    for function in (
        zeros, ones, gaussian, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform,
        lecun_normal,
    )
}  # fmt: skip

_FOR_ACTIVATION = {
    **dict.fromkeys(("relu", "leaky_relu", "softplus", "gelu", "silu", "mish"), "he_normal"),
    "selu": "lecun_normal",
}


def suited_to(activation: Any) -> str:
    """Return the name of the initialiser that keeps the variance through a layer with this activation."""
    return (
        _FOR_ACTIVATION.get(activation, "glorot_uniform") if isinstance(activation, str) else "glorot_uniform"
    )


def initialiser_name(where: str, initialiser: str | Initialiser) -> str | Initialiser:
    """Return the name of an initialiser, or a function of the user's own as it is.

    Raises
    ------
    ConfigurationError
        When there is none of that name, or it is no function.
    """
    if isinstance(initialiser, str):
        if initialiser not in INITIALISERS:
            raise unknown_name(where, "initialiser", initialiser, INITIALISERS)
        return initialiser
    if not callable(initialiser):
        raise ConfigurationError(f"{where}: initialiser is a name or a function, got {initialiser!r}")
    for name, function in INITIALISERS.items():
        if function is initialiser:
            return name
    return initialiser


def initialiser_function(initialiser: str | Initialiser) -> Initialiser:
    """Return the function of a name that `initialiser_name` gave."""
    return INITIALISERS[initialiser] if isinstance(initialiser, str) else initialiser
