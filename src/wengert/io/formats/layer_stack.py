"""A network put together from the layers of another program, one after the other."""

from __future__ import annotations

import numpy as np

from wengert import nn
from wengert.errors import ShapeError
from wengert.trace.tree import flatten, map_leaves


class LayerStack:
    """The layers so far.

    Attributes
    ----------
    layers : list of nn.Module
    width : int or None
        Features that the next layer is given; None where any number would do.
    """

    def __init__(self) -> None:
        self.layers: list[nn.Module] = []
        self.width: int | None = None

    def network(self) -> nn.Sequential:
        """Return the finished network, all of one dtype."""
        network = nn.Sequential(*self.layers)
        dtype = np.result_type(np.float32, *flatten(network)[0])
        return map_leaves(lambda leaf: leaf.astype(dtype, copy=False), network)

    def dense(self, weight: np.ndarray, bias: np.ndarray | None) -> None:
        """Add Z = X W + b, with a weight of shape (inputs, outputs)."""
        inputs, outputs = weight.shape
        self._take(inputs, "a dense layer")
        if bias is None:
            self.layers.append(nn.Dense(inputs, outputs, weight=weight, bias=False))
        else:
            self.layers.append(nn.Dense(inputs, outputs, weight=weight, bias=bias))
        self.width = outputs

    def bias(self, bias: np.ndarray) -> bool:
        """Give a bias to the dense layer just added, if there is one without; say whether."""
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, nn.Dense) or last.bias is not False or last.activation != "identity":
            return False
        if bias.size != last.outputs or bias.ndim not in (1, 2) or bias.shape[-1] != bias.size:
            raise ShapeError(f"a bias of shape {bias.shape} for a dense layer of {last.outputs} outputs")
        self.layers[-1] = last.replace(bias=bias.reshape(-1))
        return True

    def activation(self, name: str) -> None:
        """Add an activation: to the dense layer before it, or as a layer."""
        last = self.layers[-1] if self.layers else None
        if isinstance(last, nn.Dense) and last.activation == "identity":
            self.layers[-1] = last.replace(activation=name)
        else:
            self.layers.append(nn.Activation(name))

    def batch_norm(
        self,
        statistics: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        epsilon: float,
        momentum: float = 0.1,
    ) -> None:
        """Add batch normalisation with (scale, shift, running mean, running variance)."""
        scale, shift, mean, variance = statistics
        self._take(scale.size, "batch normalisation")
        arrays = {"scale": scale, "shift": shift, "running_mean": mean, "running_variance": variance}
        self.layers.append(nn.BatchNorm(scale.size, momentum, epsilon, **arrays))

    def layer_norm(self, scale: np.ndarray, shift: np.ndarray, epsilon: float) -> None:
        """Add layer normalisation."""
        self._take(scale.size, "layer normalisation")
        self.layers.append(nn.LayerNorm(scale.size, epsilon, scale=scale, shift=shift))

    def _take(self, features: int, what: str) -> None:
        if self.width is not None and self.width != features:
            raise ShapeError(f"{what} that takes {features} features follows a layer that gives {self.width}")
        self.width = features
