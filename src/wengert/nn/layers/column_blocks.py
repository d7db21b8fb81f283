"""Different layers for different columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError, ShapeError
from wengert.nn.module import Module
from wengert.primitives import random
from wengert.trace.tensor import here


class ColumnBlocks(Module):
    """Cut the features into blocks of columns, give each to a layer of its own, and join the results.

    Parameters
    ----------
    widths : tuple of int
        Columns of each block, from the left.
    layers : tuple of Module
        One for each block; ``Sequential()`` passes a block on as it is.

    Notes
    -----
    Input (..., Σ widths); the output has the outputs of the layers beside each other in the last axis.

    Examples
    --------
    Three numbers with their waves beside two categories, which come as numbers too:

    >>> from wengert import nn
    >>> net = nn.ColumnBlocks((3, 2), (nn.PeriodicEmbedding(3), nn.CategoryEmbeddings((7, 40))))
    """

    widths: tuple[int, ...]
    layers: tuple[Module, ...]

    def __post_init__(self) -> None:
        for number, width in enumerate(self.widths):
            positive_integer("ColumnBlocks", f"widths[{number}]", width)
        if len(self.widths) != len(self.layers) or not self.widths:
            raise ConfigurationError(
                f"ColumnBlocks takes one layer for each block, got {len(self.widths)} widths and "
                f"{len(self.layers)} layers"
            )
        for number, layer in enumerate(self.layers):
            if not isinstance(layer, Module):
                raise ConfigurationError(f"ColumnBlocks: layers[{number}] is no layer: {layer!r}")
        super().__post_init__()

    def __call__(self, x: Any) -> Any:
        """Return the results of the layers, joined, in evaluation mode.

        Raises
        ------
        ShapeError
            When the last axis of x does not have Σ widths entries.
        """
        blocks = zip(self.layers, self._blocks(x), strict=True)
        return np.concatenate([layer(block) for layer, block in blocks], axis=-1)

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return the results in training mode, joined, and the module with its layers updated."""
        results, layers = [], []
        for number, (layer, block) in enumerate(zip(self.layers, self._blocks(x), strict=True)):
            result, after = layer.forward_training(block, random.fold_in(key, number))
            results.append(result)
            layers.append(after)
        return np.concatenate(results, axis=-1), self.replace(layers=tuple(layers))

    def _blocks(self, x: Any) -> list[Any]:
        shape = np.shape(x)
        if not shape or shape[-1] != sum(self.widths):
            raise ShapeError(
                f"the input has shape {shape}, the blocks take {sum(self.widths)} columns in the last "
                f"axis: {self.widths}{here()}"
            )
        ends = np.cumsum(self.widths).tolist()
        return [x[..., end - width : end] for end, width in zip(ends, self.widths, strict=True)]
