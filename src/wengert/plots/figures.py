"""Figures and axes of matplotlib, which is imported when the first is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.errors import ConfigurationError
from wengert.extras import optional_library

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of classes 0, 1, 2, …; the first two can be distinguished with any colour vision.
CLASS_COLOURS = (
    "#2166ac", "#b2182b", "#1b9e77", "#e6ab02", "#7570b3", "#66a61e", "#e7298a", "#a6761d", "#17becf",
    "#666666",
)  # fmt: skip


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure that arranges its axes itself.

    Parameters
    ----------
    width, height : float
        Inches.

    Raises
    ------
    ConfigurationError
        When matplotlib is not installed.
    """
    library = optional_library("matplotlib.figure", "plots are drawn with matplotlib", "plot")
    figure: Figure = library.Figure(figsize=(width, height), layout="constrained")
    return figure


def axes_or_new(ax: Any, width: float = 5.2, height: float = 4.4) -> Axes:
    """Return the axes given, or those of a new figure.

    Raises
    ------
    ConfigurationError
        When `ax` is something else, or matplotlib is not installed.
    """
    if ax is None:
        return new_figure(width, height).subplots()
    if not hasattr(ax, "contourf"):
        raise ConfigurationError(f"ax is the axes of matplotlib to draw in, got {type(ax).__name__}")
    found: Axes = ax
    return found


def grid_of_axes(count: int, side: float, most_columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` axes in rows; unused places of the last row are left out.

    Parameters
    ----------
    count : int
    side : float
        Inches of each.
    most_columns : int
    """
    columns = min(count, most_columns)
    rows = -(-count // columns)
    figure = new_figure(side * columns, side * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for extra in axes[count:]:
        extra.remove()
    return figure, axes[:count]
