"""A network put together from the layers of another program, one after the other."""

from __future__ import annotations

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, ShapeError
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
        # A factor and an offset of the features, which the next dense layer takes into its weights.
        self._scaling: tuple[np.ndarray, np.ndarray] | None = None

    def network(self) -> nn.Sequential:
        """Return the finished network, all of one dtype."""
        self._refuse_scaling("the end of the network")
        network = nn.Sequential(*self.layers)
        dtype = np.result_type(np.float32, *flatten(network)[0])
        converted: nn.Sequential = map_leaves(lambda leaf: leaf.astype(dtype, copy=False), network)
        return converted

    def dense(self, weight: np.ndarray, bias: np.ndarray | None) -> None:
        """Add Z = X W + b, with a weight of shape (inputs, outputs)."""
        inputs, outputs = weight.shape
        if self._scaling is not None:
            (scale, shift), self._scaling = self._scaling, None
            if (given := max(scale.size, shift.size)) not in (1, inputs):
                raise ShapeError(f"a scaling of {given} features before a dense layer that takes {inputs}")
            offset = np.broadcast_to(shift, (inputs,)) @ weight.astype(np.float64)
            weight = scale.reshape(-1, 1) * weight
            bias = offset if bias is None else offset + bias
        self._take(inputs, "a dense layer")
        if bias is None:
            self.layers.append(nn.Dense(inputs, outputs, weight=weight, bias=False))
        else:
            self.layers.append(nn.Dense(inputs, outputs, weight=weight, bias=bias))
        self.width = outputs

    def scale_and_shift(self, scale: np.ndarray, shift: np.ndarray) -> None:
        """Add Z = scale · X + shift, as part of the dense layer before it or after it.

        Parameters
        ----------
        scale, shift : ndarray of one element, or of one for each feature in the last axis
        """
        for part in (scale, shift):
            if part.size != 1 and (part.ndim not in (1, 2) or part.shape[-1] != part.size):
                raise ShapeError(f"a bias or a factor of shape {part.shape} is not one of features")
        # In double precision: an offset may be much larger than what it leaves of a feature.
        scale, shift = scale.astype(np.float64).reshape(-1), shift.astype(np.float64).reshape(-1)
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, nn.Dense) or last.activation != "identity":
            before = (np.ones(1), np.zeros(1)) if self._scaling is None else self._scaling
            if len(sizes := {part.size for part in (scale, shift, *before)} - {1}) > 1:
                both = " and of ".join(map(str, sorted(sizes)))
                raise ShapeError(f"factors and offsets of {both} features follow each other")
            self._scaling = scale * before[0], scale * before[1] + shift
            return
        if wrong := [part.shape for part in (scale, shift) if part.size not in (1, last.outputs)]:
            raise ShapeError(
                f"a bias or factor of shape {wrong[0]} for a dense layer of {last.outputs} outputs"
            )
        weight, bias = last.weight, np.zeros(1) if last.bias is False else last.bias
        shifted = np.broadcast_to(scale * bias + shift, (last.outputs,))
        self.layers[-1] = last.replace(
            weight=(weight * scale).astype(weight.dtype), bias=shifted.astype(weight.dtype)
        )

    def _refuse_scaling(self, what: str) -> None:
        if self._scaling is not None:
            raise ConfigurationError(
                f"a factor or an offset stands before {what}, and not beside a dense layer that can take it"
            )

    def activation(self, name: str) -> None:
        """Add an activation: to the dense layer before it, or as a layer."""
        self._refuse_scaling("an activation")
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
        self._refuse_scaling("batch normalisation")
        scale, shift, mean, variance = statistics
        self._take(scale.size, "batch normalisation")
        arrays = {"scale": scale, "shift": shift, "running_mean": mean, "running_variance": variance}
        self.layers.append(nn.BatchNorm(scale.size, momentum, epsilon, **arrays))

    def layer_norm(self, scale: np.ndarray, shift: np.ndarray, epsilon: float) -> None:
        """Add layer normalisation."""
        self._refuse_scaling("layer normalisation")
        self._take(scale.size, "layer normalisation")
        self.layers.append(nn.LayerNorm(scale.size, epsilon, scale=scale, shift=shift))

    def _take(self, features: int, what: str) -> None:
        if self.width is not None and self.width != features:
            raise ShapeError(f"{what} that takes {features} features follows a layer that gives {self.width}")
        self.width = features
