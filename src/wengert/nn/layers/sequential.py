"""Layers one after the other."""

from __future__ import annotations

from typing import Any, Self

from wengert.errors import ConfigurationError
from wengert.nn.module import Module
from wengert.primitives import random


class Sequential(Module):
    """Layers one after the other: the output of each is the input of the next.

    Parameters
    ----------
    *layers : Module

    Examples
    --------
    >>> from wengert import nn
    >>> net = nn.Sequential(nn.Dense(784, 128, "relu"), nn.Dropout(0.2), nn.Dense(128, 10))
    """

    layers: tuple[Module, ...]

    def __init__(self, *layers: Module) -> None:
        for number, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise ConfigurationError(
                    f"Sequential takes layers, Sequential(first, second, …); number {number} is {layer!r}"
                )
        object.__setattr__(self, "layers", layers)

    def __call__(self, x: Any) -> Any:
        """Return the output of the last layer, in evaluation mode."""
        for layer in self.layers:
            x = layer(x)
        return x

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return the output of the last layer in training mode, and the network with its layers updated."""
        layers = []
        for number, layer in enumerate(self.layers):
            x, after = layer.forward_training(x, random.fold_in(key, number))
            layers.append(after)
        return x, self.replace(layers=tuple(layers))
