"""The fully connected layer in the parametrisation of the neural tangent kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ShapeError
from wengert.nn.activations import Activation, activation_function, activation_name
from wengert.nn.initialisers import Initialiser, initialiser_function, initialiser_name
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.trace.tensor import here


class NTKDense(Module):
    """Fully connected layer with the scale outside of its weight: A = f(Z), Z = X W / √inputs + b.

    W starts with variance 1 whatever the width, so that a step of a given size (Adam's) changes the output by
    the same amount in a narrow and in a wide layer, and one learning rate suits both.

    Parameters
    ----------
    inputs, outputs : int
    activation : str or callable
        A name of `nn.activations`, or a function of Z; ``"identity"`` by default.
    initialiser : str or callable
        Of weight and bias: a name of `nn.initialisers`, or a function (key, shape, dtype) → array. Standard
        normal by default; ``"zeros"`` suits a last layer.
    weight : array, shape (inputs, outputs), optional
    bias : array, shape (outputs,), or False for none, optional
    members : int, optional
        Number of layers side by side, one for each member of an `Ensemble`: weight (members, inputs,
        outputs), bias (members, 1, outputs).

    Notes
    -----
    X has shape (..., inputs), rows are data; the output has shape (..., outputs). With members the output has
    shape (members, rows, outputs), and X (rows, inputs) or (members, rows, inputs). Jacot, Gabriel & Hongler
    2018, section 2; Holzmüller, Grinsztajn & Steinwart 2024, section 3.
    """

    inputs: int
    outputs: int
    activation: str | Activation = "identity"
    initialiser: str | Initialiser = "gaussian"
    members: int | None = None
    weight: Any = parameter(penalised=True)
    bias: Any = parameter()

    def __post_init__(self) -> None:
        positive_integer("NTKDense", "inputs", self.inputs)
        positive_integer("NTKDense", "outputs", self.outputs)
        if self.members is not None:
            positive_integer("NTKDense", "members", self.members)
        object.__setattr__(self, "activation", activation_name("NTKDense", self.activation))
        object.__setattr__(self, "initialiser", initialiser_name("NTKDense", self.initialiser))
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of weight and bias."""
        chosen = initialiser_function(self.initialiser)
        if self.members is None:
            return {"weight": ((self.inputs, self.outputs), chosen), "bias": ((self.outputs,), chosen)}
        weight, bias = (self.members, self.inputs, self.outputs), (self.members, 1, self.outputs)
        return {"weight": (weight, chosen), "bias": (bias, chosen)}

    def __call__(self, x: Any) -> Any:
        """Return f(X W / √inputs + b).

        Raises
        ------
        ShapeError
            When the last axis of x does not have `inputs` entries.
        """
        shape = np.shape(x)
        if not shape or shape[-1] != self.inputs:
            raise ShapeError(
                f"the input has shape {shape}, but the weight has shape {np.shape(self.weight)} and "
                f"takes {self.inputs} features in the last axis{here()}"
            )
        z = x @ self.weight * (1 / math.sqrt(self.inputs))
        if self.bias is not False:
            z = z + self.bias
        return activation_function(self.activation)(z)
