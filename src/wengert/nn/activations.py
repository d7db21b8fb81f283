"""Activation functions, in plain NumPy; finite with their derivatives for |z| up to at least 10⁴.

Those that are one primitive are plain functions; those made of several are composites, which explanation can
show folded or open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError
from wengert.ir.composite import composite
from wengert.primitives import composites, exponential

Activation = Callable[[Any], Any]

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
# Beyond, tanh(softplus z) rounds to 1, long before exp overflows.
_MISH_LIMIT = 25.0


@composite
def step(z: Any) -> Any:
    """0 for z < 0, 1 otherwise; the derivative is 0 everywhere.

    Parameters
    ----------
    z : array or tensor of floating dtype

    Returns
    -------
    array or tensor of the shape and dtype of z

    Notes
    -----
    Lecture 002, section 7.5. With a derivative of 0 it cannot be trained by gradient descent.
    """
    return (z >= 0).astype(z.dtype)


def identity(z: Any) -> Any:
    """z; the derivative is 1."""
    return z


def sigmoid(z: Any) -> Any:
    """σ(z) = 1 / (1 + e⁻ᶻ); σ′ = σ (1 − σ).

    Notes
    -----
    Lecture 002, notation 13.
    """
    return exponential.sigmoid(z)


def tanh(z: Any) -> Any:
    """(eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ); tanh′ = 1 − tanh².

    Notes
    -----
    Lecture 002, notation 13.
    """
    return np.tanh(z)


@composite
def relu(z: Any) -> Any:
    """max(0, z); the derivative is 1 for z > 0 and 0 otherwise, at 0 too.

    Notes
    -----
    Lecture 002, notation 13.
    """
    return np.maximum(0, z)


@composite
def leaky_relu(z: Any, slope: float = 0.01) -> Any:
    """Z for z > 0, slope · z otherwise; the derivative at 0 is the slope.

    Parameters
    ----------
    z : array or tensor
    slope : float

    Notes
    -----
    Maas, Hannun & Ng 2013.
    """
    return np.where(z > 0, z, slope * z)


def softplus(z: Any) -> Any:
    """ln(1 + eᶻ), a smooth ReLU; the derivative is σ(z).

    Notes
    -----
    Lecture 003, soft version of the rectified linear unit.
    """
    return exponential.softplus(z)


def softmax(z: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """eᶻ / Σ eᶻ over the outputs (the last axis); ∂pᵢ/∂zⱼ = pᵢ (δᵢⱼ − pⱼ).

    Parameters
    ----------
    z : array or tensor, shape (..., outputs)
    axis : int or tuple of int, optional

    Notes
    -----
    Lecture 002, output activation of classification into several classes.
    """
    return composites.softmax(z, axis)


def _weighted(z: Any, weight: Callable[[Any], Any]) -> Any:
    """Return z · weight(z) for a weight that rises from 0 to 1, with its limits at −∞ and ∞: 0 and ∞."""
    infinite = np.isinf(z)
    finite = np.where(infinite, 0, z)
    return np.where(infinite, np.maximum(z, 0), finite * weight(finite))


@composite
def gelu(z: Any) -> Any:
    """Z Φ(z) = ½ z (1 + erf(z/√2)), with the distribution function Φ of the standard normal.

    Notes
    -----
    Hendrycks & Gimpel 2016, the exact form. The absolute error is that of rounding; the relative error is not
    bounded for z below about −5, where the value is below 10⁻⁶.
    """
    return _weighted(z, lambda z: 0.5 * (1 + exponential.erf(z / math.sqrt(2))))


@composite
def silu(z: Any) -> Any:
    """Z σ(z), also called swish.

    Notes
    -----
    Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017.
    """
    return _weighted(z, exponential.sigmoid)


@composite
def selu(z: Any) -> Any:
    """λ z for z > 0, λ α (eᶻ − 1) otherwise, λ = 1.0507…, α = 1.6732…; the derivative at 0 is λ α.

    Notes
    -----
    Klambauer, Unterthiner, Mayr & Hochreiter 2017: the constants that keep mean 0 and variance 1.
    """
    # The inner where keeps exp from overflowing in the branch that is not taken.
    negative = np.where(z > 0, 0, z)
    return _SELU_SCALE * np.where(z > 0, z, _SELU_ALPHA * np.expm1(negative))


@composite
def mish(z: Any) -> Any:
    """Z tanh(softplus z) = z n / (n + 2) with n = eᶻ (eᶻ + 2).

    Notes
    -----
    Misra 2019. The second form takes one exponential, where tanh and softplus take two and a logarithm.
    """

    def weight(z: Any) -> Any:
        power = np.exp(np.minimum(z, _MISH_LIMIT))
        n = power * (power + 2)
        return n / (n + 2)

    return _weighted(z, weight)


ACTIVATIONS: dict[str, Activation] = {
    function.__name__: function
    for function in (
        step, identity, sigmoid, tanh, relu, leaky_relu, softplus, softmax, gelu, silu, selu, mish,
        np.exp,
    )
}  # fmt: skip


def activation_name(where: str, activation: str | Activation) -> str | Activation:
    """Return the name of an activation, or a function of the user's own as it is.

    Raises
    ------
    ConfigurationError
        When there is no activation of that name, or it is no function.
    """
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise unknown_name(where, "activation", activation, ACTIVATIONS)
        return activation
    if not callable(activation):
        raise ConfigurationError(
            f"{where}: activation is a name ('identity' for none) or a function, got {activation!r}"
        )
    for name, function in ACTIVATIONS.items():
        if function is activation:
            return name
    return activation


def activation_function(activation: str | Activation) -> Activation:
    """Return the function of a name that `activation_name` gave."""
    return ACTIVATIONS[activation] if isinstance(activation, str) else activation
