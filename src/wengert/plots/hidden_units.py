"""What each hidden unit responds to in a plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError
from wengert.plots.boundary import scatter
from wengert.plots.classifiers import network_of
from wengert.plots.figures import grid_of_axes
from wengert.plots.plane_of_features import feature_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]


def hidden_units(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    layer: int = 0,
    features: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
    resolution: int = 120,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw the activation of each unit of a layer over a plane, and the line where its pre-activation is 0.

    Parameters
    ----------
    model : Sequential, or an estimator with one
    X : array_like, shape (rows, features)
    y : array_like, shape (rows,), optional
    layer : int
        Which dense layer, from 0.
    features, at, resolution, names
        As in `decision_boundary`.

    Returns
    -------
    Figure
        One axes for each unit.

    Raises
    ------
    ConfigurationError, ShapeError
    """
    grid = feature_grid(X, features, at, resolution, names)
    before, after = responses(network_of(model), grid.points, layer)
    figure, axes = grid_of_axes(after.shape[1], side=2.4, most_columns=6)
    classes = [] if y is None else list(np.unique(np.asarray(y)))
    largest = float(np.abs(after).max()) or 1.0
    for unit, ax in enumerate(axes):
        image = ax.contourf(
            grid.x,
            grid.y,
            grid.shaped(after[:, unit]),
            levels=np.linspace(-largest, largest, 21),
            cmap="PuOr_r",
        )
        line = before[:, unit]
        if line.min() < 0 < line.max():
            ax.contour(grid.x, grid.y, grid.shaped(line), levels=[0.0], colors="black", linewidths=1.1)
        scatter(ax, grid, y, classes, size=6)
        ax.set(title=f"unit {unit + 1}", xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, label=f"activation in layer {layer + 1}", shrink=0.8)
    return figure


def responses(net: nn.Module, points: Array, layer: int) -> tuple[Array, Array]:
    """Return pre-activations and activations of a dense layer, shape (points, units) each.

    Raises
    ------
    ConfigurationError
        When the network is no `Sequential`, or has no such dense layer.
    """
    if not isinstance(net, nn.Sequential):
        raise ConfigurationError(f"hidden units are those of a Sequential, got {type(net).__name__}")
    places = [place for place, one in enumerate(net.layers) if isinstance(one, nn.Dense)]
    if not 0 <= layer < len(places):
        raise ConfigurationError(f"layer={layer}: the network has {len(places)} dense layers, from 0")
    value: Any = points
    for one in net.layers[: places[layer]]:
        value = one(value)
    dense = net.layers[places[layer]]
    assert isinstance(dense, nn.Dense)
    linear = dense.replace(activation="identity")
    return np.asarray(linear(value)), np.asarray(dense(value))
