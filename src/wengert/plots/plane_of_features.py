"""A grid of points over two features, the others held still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.checks import is_integer
from wengert.errors import ConfigurationError, ShapeError

Array = np.ndarray[Any, Any]
_MARGIN = 0.08  # part of the range of the data on each side


@dataclass(frozen=True)
class FeatureGrid:
    """Points on a grid.

    Attributes
    ----------
    x, y : ndarray, shape (resolution,)
        Values of the two features.
    points : ndarray, shape (resolution², features)
        Row after row: x runs fastest.
    data : ndarray, shape (rows, 2)
        The two features of the data.
    names : (str, str)
    """

    x: Array
    y: Array
    points: Array
    data: Array
    names: tuple[str, str]

    def shaped(self, values: Array) -> Array:
        """Return values at the points as an image, shape (resolution, resolution, …): y down, x across."""
        return values.reshape(len(self.y), len(self.x), *values.shape[1:])

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top of an image whose pixels have their middle on the points."""
        half_x, half_y = (self.x[1] - self.x[0]) / 2, (self.y[1] - self.y[0]) / 2
        return self.x[0] - half_x, self.x[-1] + half_x, self.y[0] - half_y, self.y[-1] + half_y


def feature_grid(
    X: Any,
    features: tuple[int, int],
    at: Sequence[float] | None,
    resolution: int,
    names: Sequence[str] | None,
) -> FeatureGrid:
    """Return a grid over two features of the data.

    Parameters
    ----------
    X : array_like, shape (rows, features)
    features : (int, int)
        Which two vary.
    at : sequence of float, optional
        Values of all features for those that do not; the medians of the data by default.
    resolution : int
        Points along each side, 2 or more.
    names : sequence of str, optional
        Of all features.

    Raises
    ------
    ShapeError, ConfigurationError
    """
    data = np.asarray(X, np.float64)
    if data.ndim != 2 or data.shape[1] < 2 or not len(data):
        raise ShapeError(f"X has shape {data.shape}; expected (rows, features) with two features or more")
    count = data.shape[1]
    if len(features) != 2 or len(set(features)) != 2 or not all(0 <= one < count for one in features):
        raise ConfigurationError(f"features={features!r}: two different columns of 0 to {count - 1}")
    if not is_integer(resolution, 2):
        raise ConfigurationError(f"resolution is a number of points, 2 or more, got {resolution!r}")
    still = np.median(data, axis=0) if at is None else np.asarray(at, np.float64)
    if still.shape != (count,):
        raise ShapeError(f"at has shape {still.shape}; X has {count} features")
    chosen = data[:, list(features)]
    sides = [_side(column, resolution) for column in chosen.T]
    points = np.tile(still, (resolution**2, 1))
    across, down = np.meshgrid(*sides)
    points[:, features[0]] = across.ravel()
    points[:, features[1]] = down.ravel()
    labels = [f"feature {one}" if names is None else str(names[one]) for one in features]
    return FeatureGrid(sides[0], sides[1], points, chosen, (labels[0], labels[1]))


def _side(column: Array, resolution: int) -> Array:
    low, high = float(column.min()), float(column.max())
    margin = _MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, resolution)
