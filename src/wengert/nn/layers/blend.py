"""A weighted mean of several networks of the same input."""

from __future__ import annotations

from typing import Any, Self

from wengert.checks import in_range
from wengert.errors import ConfigurationError
from wengert.nn.module import Module
from wengert.primitives import random


class Blend(Module):
    """Σ wₖ fₖ(x): networks that are trained by themselves, with weights that are found afterwards.

    Parameters
    ----------
    layers : tuple of Module
        With outputs of the same shape.
    weights : tuple of float
        One for each, 0 or more; not trained.

    Notes
    -----
    Breiman, "Stacked regressions", 1996.

    Examples
    --------
    >>> from wengert import nn
    >>> deep = nn.Sequential(nn.Dense(3, 16, "relu"), nn.Dense(16, 2))
    >>> net = nn.Blend((deep, nn.Dense(3, 2)), (0.7, 0.3))
    """

    layers: tuple[Module, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.weights) or not self.layers:
            raise ConfigurationError(
                f"Blend takes one weight for each network, got {len(self.layers)} networks and "
                f"{len(self.weights)} weights"
            )
        for number, (layer, weight) in enumerate(zip(self.layers, self.weights, strict=True)):
            if not isinstance(layer, Module):
                raise ConfigurationError(f"Blend: layers[{number}] is no layer: {layer!r}")
            in_range("Blend", f"weights[{number}]", weight, 0)
        super().__post_init__()

    def __call__(self, x: Any) -> Any:
        """Return the weighted sum of the outputs, in evaluation mode."""
        return self._sum([layer(x) for layer in self.layers])

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return the weighted sum of the outputs in training mode, and the module with its layers updated."""
        found = [
            layer.forward_training(x, random.fold_in(key, number)) for number, layer in enumerate(self.layers)
        ]
        results, layers = zip(*found, strict=True)
        return self._sum(results), self.replace(layers=tuple(layers))

    def _sum(self, results: Any) -> Any:
        first, *others = (weight * result for weight, result in zip(self.weights, results, strict=True))
        for other in others:
            first = first + other
        return first
