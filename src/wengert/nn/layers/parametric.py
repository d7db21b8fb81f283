"""Activations with a trained shape."""

from __future__ import annotations

from typing import Any

from wengert.checks import positive_integer
from wengert.nn.activations import Activation, activation_function, activation_name
from wengert.nn.initialisers import ones
from wengert.nn.layers.features import check_features
from wengert.nn.module import ArrayRules, Module, parameter


class ParametricActivation(Module):
    """An activation that each unit can take more or less of: y = z + shape ⊙ (f(z) − z).

    With shape 1 it is f, with 0 the identity.

    Parameters
    ----------
    features : int
    activation : str or callable
        f: a name of `nn.activations`, or a function.
    shape : array, shape (features,), optional
        Ones at the start.

    Notes
    -----
    Input and output have shape (..., features). Holzmüller, Grinsztajn & Steinwart 2024, section 3; for ReLU
    it is the PReLU of He, Zhang, Ren & Sun 2015.
    """

    features: int
    activation: str | Activation
    shape: Any = parameter()

    def __post_init__(self) -> None:
        positive_integer("ParametricActivation", "features", self.features)
        object.__setattr__(self, "activation", activation_name("ParametricActivation", self.activation))
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the parameter."""
        return {"shape": ((self.features,), ones)}

    def __call__(self, z: Any) -> Any:
        """Return z + shape ⊙ (f(z) − z).

        Raises
        ------
        ShapeError
            When the last axis of z does not have `features` entries.
        """
        check_features(z, self.features)
        return z + self.shape * (activation_function(self.activation)(z) - z)
