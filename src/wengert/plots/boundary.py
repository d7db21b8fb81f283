"""Decision boundaries: which class a classifier gives to each point of a plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.errors import ShapeError
from wengert.plots.classifiers import Verdict, ask
from wengert.plots.figures import CLASS_COLOURS, axes_or_new
from wengert.plots.plane_of_features import FeatureGrid, feature_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, Any]
_PALEST, _STRONGEST = 0.12, 0.62  # how much of a class's colour the least and the most certain point has


def decision_boundary(
    classifier: Any,
    X: Any,
    y: Any = None,
    *,
    features: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
    resolution: int = 200,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which class a classifier gives to each point of a plane, and the data on it.

    Parameters
    ----------
    classifier : object
        A network (one output: the logit of class 1; several: the logits of the classes; probabilities where
        its last activation is a sigmoid or softmax), or anything with ``predict_proba`` or ``predict``.
    X : array_like, shape (rows, features)
        Data, which also gives the range.
    y : array_like, shape (rows,) or (rows, 1), optional
        Classes of the data, for their colours.
    features : (int, int)
        The two that vary.
    at : sequence of float, optional
        Values of all features, for those that do not vary; the medians of X by default.
    resolution : int
        Points along each side.
    names : sequence of str, optional
        Of all features.
    ax : Axes, optional
        To draw in; a new figure by default.

    Returns
    -------
    Axes
        The stronger the colour, the more certain the class; black lines lie where two classes are even.

    Raises
    ------
    ConfigurationError, ShapeError
    """
    grid = feature_grid(X, features, at, resolution, names)
    verdict = ask(classifier, grid.points)
    ax = axes_or_new(ax)
    shade(ax, grid, verdict)
    scatter(ax, grid, y, verdict.classes)
    if y is not None:
        ax.legend(fontsize="small", framealpha=0.85)
    return ax


def shade(ax: Axes, grid: FeatureGrid, verdict: Verdict) -> None:
    """Colour a plane by class, and draw the lines between classes."""
    from matplotlib.colors import to_rgb

    count = len(verdict.classes)
    base = np.array([to_rgb(CLASS_COLOURS[place % len(CLASS_COLOURS)]) for place in range(count)])
    certainty = verdict.probabilities.max(axis=1)
    share = (certainty - 1 / count) / (1 - 1 / count) if count > 1 else certainty
    strength = _PALEST + (_STRONGEST - _PALEST) * np.clip(share, 0, 1) if verdict.graded else _STRONGEST / 1.6
    colours = 1 - (1 - base[verdict.labels]) * np.reshape(strength, (-1, 1))
    ax.imshow(
        grid.shaped(colours), extent=grid.extent, origin="lower", aspect="auto", interpolation="bilinear"
    )
    for margin in margins(verdict):
        if margin.min() < 0 < margin.max():
            ax.contour(grid.x, grid.y, grid.shaped(margin), levels=[0.0], colors="black", linewidths=1.1)
    ax.set(xlabel=grid.names[0], ylabel=grid.names[1])


def margins(verdict: Verdict) -> list[Array]:
    """Return for each class how far its probability is above that of the best other one.

    With two classes both lines are the same, and only the one of class 1 is returned.
    """
    probabilities = verdict.probabilities
    if probabilities.shape[1] < 2:
        return []
    chosen = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    return [probabilities[:, one] - np.delete(probabilities, one, axis=1).max(axis=1) for one in chosen]


def scatter(ax: Axes, grid: FeatureGrid, y: Any, classes: Sequence[Any], size: float = 16) -> None:
    """Draw the data, in the colours of their classes where these are known."""
    style: dict[str, Any] = {"s": size, "edgecolors": "white", "linewidths": size / 32, "zorder": 3}
    if y is None:
        ax.scatter(*grid.data.T, color="#333333", **style)
        return
    labels = np.asarray(y)
    if labels.shape not in ((len(grid.data),), (len(grid.data), 1)):
        raise ShapeError(f"y has shape {labels.shape}; X has {len(grid.data)} rows")
    labels = labels.reshape(-1)
    others = [one for one in np.unique(labels) if one not in classes]
    for place, known in enumerate([*classes, *others]):
        chosen = labels == known
        if chosen.any():
            colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
            ax.scatter(*grid.data[chosen].T, color=colour, label=str(known), **style)
