"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ShapeError
from wengert.nn.activations import Activation, activation_function, activation_name
from wengert.nn.initialisers import Initialiser, initialiser_function, initialiser_name, suited_to, zeros
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.trace.tensor import here


class Dense(Module):
    """Fully connected layer: A = f(Z), Z = X W + b.

    Parameters
    ----------
    inputs, outputs : int
    activation : str or callable
        A name of `nn.activations`, or a function of Z; ``"identity"`` by default.
    initialiser : str or callable, optional
        Of the weight: a name of `nn.initialisers`, or a function (key, shape, dtype) → array. By default the
        one that suits the activation: He for the ReLU family, LeCun for SELU, Glorot otherwise.
    weight : array, shape (inputs, outputs), optional
    bias : array, shape (outputs,), or False for none, optional
        Zeros at the start.

    Notes
    -----
    X has shape (..., inputs), rows are data; the output has shape (..., outputs). Lecture 002,
    section 7.5.17, with its weights and rows as NumPy has them.
    """

    inputs: int
    outputs: int
    activation: str | Activation = "identity"
    initialiser: str | Initialiser | None = None
    weight: Any = parameter(penalised=True)
    bias: Any = parameter()

    def __post_init__(self) -> None:
        positive_integer("Dense", "inputs", self.inputs)
        positive_integer("Dense", "outputs", self.outputs)
        object.__setattr__(self, "activation", activation_name("Dense", self.activation))
        if self.initialiser is not None:
            object.__setattr__(self, "initialiser", initialiser_name("Dense", self.initialiser))
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of weight and bias."""
        chosen = suited_to(self.activation) if self.initialiser is None else self.initialiser
        return {
            "weight": ((self.inputs, self.outputs), initialiser_function(chosen)),
            "bias": ((self.outputs,), zeros),
        }

    def __call__(self, x: Any) -> Any:
        """Return f(X W + b).

        Raises
        ------
        ShapeError
            When the last axis of x does not have `inputs` entries.
        """
        shape = np.shape(x)
        if not shape or shape[-1] != self.inputs:
            raise ShapeError(
                f"the input has shape {shape}, but the weight has shape {(self.inputs, self.outputs)} and "
                f"takes {self.inputs} features in the last axis{here()}"
            )
        z = x @ self.weight
        if self.bias is not False:
            z = z + self.bias
        return activation_function(self.activation)(z)
