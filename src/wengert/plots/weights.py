"""The weights of the first layer as images: what each unit looks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, ShapeError
from wengert.plots.classifiers import network_of
from wengert.plots.figures import grid_of_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def first_layer_weights(
    model: Any, shape: tuple[int, int] | None = None, *, units: Sequence[int] | None = None
) -> Figure:
    """Draw the weights into each unit of the first dense layer as an image.

    Parameters
    ----------
    model : Module, or an estimator with one
    shape : (int, int), optional
        Of the images that are its inputs; square by default.
    units : sequence of int, optional
        Which, from 0; the first 64 by default.

    Returns
    -------
    Figure
        Orange is positive and violet negative, on one scale; white is 0.

    Raises
    ------
    ConfigurationError, ShapeError
    """
    dense = next((one for _, one in network_of(model).walk() if isinstance(one, nn.Dense)), None)
    if dense is None:
        raise ConfigurationError("the network has no dense layer")
    weight = np.asarray(dense.weight)
    inputs, outputs = weight.shape
    side = round(inputs**0.5)
    rows, columns = shape or (side, side)
    if rows * columns != inputs:
        raise ShapeError(f"{inputs} inputs are no image of {rows}×{columns}; give shape=(rows, columns)")
    chosen = list(range(min(outputs, 64))) if units is None else list(units)
    if not chosen or not all(0 <= unit < outputs for unit in chosen):
        raise ConfigurationError(f"units={units!r}: the layer has units 0 to {outputs - 1}")
    figure, axes = grid_of_axes(len(chosen), side=0.9, most_columns=8)
    largest = float(np.abs(weight[:, chosen]).max()) or 1.0
    for ax, unit in zip(axes, chosen, strict=True):
        image = weight[:, unit].reshape(rows, columns)
        ax.imshow(image, cmap="PuOr_r", vmin=-largest, vmax=largest)
        ax.set(xticks=[], yticks=[])
        ax.set_title(str(unit), fontsize=6, pad=2)
    return figure
