"""An activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from wengert.nn.activations import Activation as Function, activation_function, activation_name
from wengert.nn.module import Module


class Activation(Module):
    """A = f(Z), where f does not follow a dense layer, which takes it as its option ``activation``.

    Parameters
    ----------
    function : str or callable
        A name of `nn.activations`, or a function of Z.
    """

    function: str | Function

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", activation_name("Activation", self.function))

    def __call__(self, x: Any) -> Any:
        """Return f(x)."""
        return activation_function(self.function)(x)
