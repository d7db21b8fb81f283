"""Loss surfaces: the loss over a plane in the space of weights, with the way that training took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import nn
from wengert.checks import is_integer, positive_number, unknown_name
from wengert.errors import ConfigurationError
from wengert.plots.classifiers import network_of
from wengert.plots.directions import Plane, plane_of_directions, plane_of_trajectory, plane_of_weights
from wengert.plots.figures import axes_or_new, new_figure
from wengert.plots.progress import shown
from wengert.primitives.functions import one_hot
from wengert.run.compile import compile as compile_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
Loss = str | Callable[..., Any]
_MARGIN = 0.15  # part of the way of the weights that is added around it


@dataclass(frozen=True)
class Surface:
    """The loss on a grid in a plane.

    Attributes
    ----------
    a, b : ndarray, shape (resolution,)
        Coordinates in the plane.
    losses : ndarray, shape (resolution, resolution)
        ``losses[j, i]`` is the loss at ``(a[i], b[j])``.
    path : ndarray, shape (networks, 2)
        The networks of training in the plane.
    """

    a: Array
    b: Array
    losses: Array
    path: Array


def loss_surface(
    model: Any,
    X: Any,
    y: Any,
    loss: Loss,
    *,
    weights: Sequence[str] | None = None,
    directions: str = "random",
    seed: int = 0,
    trajectory: Any = None,
    reach: float = 1.0,
    resolution: int = 51,
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss over two weights, or in two random directions, and the way that training took.

    Parameters
    ----------
    model : Module, or an estimator with one
        The middle of the surface.
    X, y : array_like
        Rows on which the loss is taken; labels of classes become rows of 0 and 1.
    loss : str or callable
        A name of `wengert.nn.LOSSES`, or a function of output and target.
    weights : two str, optional
        Such as ``("layers.0.weight[0, 0]", "layers.1.weight[0, 0]")``.
    directions : str
        Without `weights`: ``random``, each column of a weight matrix scaled to its own norm, or
        ``trajectory``, the two in which that lies best (Li et al. 2018).
    seed : int
        Of random directions.
    trajectory : Trajectory or sequence of Module, optional
        Its networks are projected onto the plane.
    reach : float
        How far the surface goes on each side of the middle; farther where the trajectory needs it.
    resolution : int
        Points along each side; with an odd number the middle is one of them.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ConfigurationError
        For an unknown weight or loss; suggests the nearest.
    """
    net = network_of(model)
    plane = _plane(net, weights, directions, seed, trajectory)
    surface = evaluate(plane, X, y, loss, trajectory, reach, resolution)
    ax = axes_or_new(ax, width=5.6)
    draw_contours(ax, surface, plane)
    return ax


def loss_surfaces(
    model: Any,
    X: Any,
    y: Any,
    losses: Sequence[Loss] = ("half_squared_error", "nll"),
    *,
    weights: Sequence[str] | None = None,
    directions: str = "random",
    seed: int = 0,
    trajectory: Any = None,
    reach: float = 1.0,
    resolution: int = 51,
) -> Figure:
    """Draw several losses of one network over the same plane: all in space, then each as contours.

    Parameters
    ----------
    losses : sequence of str or callable
        Quadratic error and cross-entropy of probabilities by default.
    model, X, y, weights, directions, seed, trajectory, reach, resolution
        As in `loss_surface`.

    Returns
    -------
    Figure

    Notes
    -----
    Glorot & Bengio 2010, figure 5, which lecture 003 shows: over two weights, one in each layer, the
    cross-entropy has steeper slopes and fewer plateaus than the quadratic error.
    """
    net = network_of(model)
    plane = _plane(net, weights, directions, seed, trajectory)
    surfaces = [evaluate(plane, X, y, loss, trajectory, reach, resolution) for loss in losses]
    if not surfaces:
        raise ConfigurationError("name at least one loss")
    figure = new_figure(4.4 * (len(surfaces) + 1), 4.2)
    space: Any = figure.add_subplot(1, len(surfaces) + 1, 1, projection="3d")
    colours = ("#b2182b", "#333333", "#2166ac", "#1b9e77")
    for place, (surface, loss) in enumerate(zip(surfaces, losses, strict=True)):
        across, down = np.meshgrid(surface.a, surface.b)
        colour = colours[place % len(colours)]
        space.plot_wireframe(across, down, surface.losses, color=colour, linewidth=0.5, rcount=25, ccount=25)
        space.plot([], [], color=colour, label=_name(loss))
        ax = figure.add_subplot(1, len(surfaces) + 1, place + 2)
        draw_contours(ax, surface, plane)
        ax.set_title(_name(loss))
    space.set_xlabel(plane.names[0], fontsize="small")
    space.set_ylabel(plane.names[1], fontsize="small")
    space.view_init(elev=28, azim=-125)
    space.set_box_aspect(None, zoom=0.85)  # the numbers of the axes count to no layout
    space.legend(fontsize="small", loc="upper left")
    return figure


def _plane(
    net: nn.Module, weights: Sequence[str] | None, directions: str, seed: int, trajectory: Any
) -> Plane:
    if weights is not None:
        return plane_of_weights(net, weights)
    if directions == "trajectory":
        return plane_of_trajectory(net, _networks(trajectory))
    if directions != "random":
        raise unknown_name("loss_surface", "directions", directions, ("random", "trajectory"))
    return plane_of_directions(net, seed)


def _networks(trajectory: Any) -> list[nn.Module]:
    return list(getattr(trajectory, "networks", trajectory) or [])


def _name(loss: Loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "__name__", "loss")


def draw_contours(ax: Axes, surface: Surface, plane: Plane) -> None:
    """Draw a surface as contours, closer together where it is low, with the path and the middle."""
    low, high = float(surface.losses.min()), float(surface.losses.max())
    steps = np.linspace(0, 1, 26) ** 2
    levels = low + (high - low) * steps if high > low else np.array([low - 0.5, low + 0.5])
    filled = ax.contourf(surface.a, surface.b, surface.losses, levels=levels, cmap="Blues_r")
    ax.contour(surface.a, surface.b, surface.losses, levels=levels[1:], colors="white", linewidths=0.35)
    if len(surface.path):
        ax.plot(*surface.path.T, "-o", color="#b2182b", markersize=2.2, linewidth=1.0, label="training")
        ax.plot(*surface.path[0], "o", color="white", markeredgecolor="#b2182b", markersize=6, label="start")
    ax.plot(*plane.origin, "*", color="#e6ab02", markeredgecolor="black", markersize=11, label="this network")
    ax.set(xlabel=plane.names[0], ylabel=plane.names[1])
    ax.set(xlim=(surface.a[0], surface.a[-1]), ylim=(surface.b[0], surface.b[-1]))
    ax.legend(fontsize="small")
    ax.figure.colorbar(filled, ax=ax, format="%.3g")


def evaluate(
    plane: Plane, X: Any, y: Any, loss: Loss, trajectory: Any, reach: float, resolution: int
) -> Surface:
    """Return the loss on a grid around the middle of a plane; parameters as in `loss_surface`."""
    if isinstance(loss, str) and loss not in nn.LOSSES:
        raise unknown_name("loss_surface", "loss", loss, nn.LOSSES)
    positive_number("", "reach", reach)
    if not is_integer(resolution, 2):
        raise ConfigurationError(f"resolution is a number of points, 2 or more, got {resolution!r}")
    path = np.array([plane.coordinates(net) for net in _networks(trajectory)]).reshape(-1, 2)
    a, b = (_side(plane.origin[axis], path[:, axis], reach, resolution) for axis in (0, 1))
    at = _loss_in_plane(plane, X, y, nn.LOSSES[loss] if isinstance(loss, str) else loss)
    points = [(i, j) for j in range(resolution) for i in range(resolution)]
    losses = np.empty((resolution, resolution))
    for i, j in shown(points, "loss surface"):
        losses[j, i] = at(a[i] - plane.origin[0], b[j] - plane.origin[1])
    if not np.all(np.isfinite(losses)):
        raise ConfigurationError("the loss is not finite everywhere on the surface; take a smaller reach")
    return Surface(a, b, losses, path)


def _side(middle: float, path: Array, reach: float, resolution: int) -> Array:
    """Return coordinates that reach to both sides of the middle and hold the path as well."""
    ends = np.append(path, middle)
    margin = _MARGIN * np.ptp(ends)
    low = min(middle - reach, float(ends.min() - margin))
    high = max(middle + reach, float(ends.max() + margin))
    return np.linspace(low, high, resolution)


def _loss_in_plane(plane: Plane, X: Any, y: Any, loss: Callable[..., Any]) -> Callable[[float, float], float]:
    """Return the loss as a function of two steps, compiled once for the whole surface."""
    here = {name: np.asarray(array) for name, array in nn.parameters(plane.net).items()}
    dtype = next(iter(here.values())).dtype
    rows = np.asarray(X)
    rows = rows.astype(dtype) if rows.dtype.kind != "i" else rows
    targets = _targets(np.asarray(plane.net(rows)), np.asarray(y), dtype)
    moving = [name for name in here if plane.first[name].any() or plane.second[name].any()]

    def moved(a: Any, b: Any, first: Any, second: Any, still: Any, inputs: Any, wanted: Any) -> Any:
        steps = {name: still[name] + a * first[name] + b * second[name] for name in moving}
        net = nn.with_parameters(plane.net, {**still, **steps})
        return loss(net(inputs), wanted)

    compiled = compile_function(moved)
    first, second = ({name: one[name] for name in moving} for one in (plane.first, plane.second))

    def at(a: float, b: float) -> float:
        return float(compiled(dtype.type(a), dtype.type(b), first, second, here, rows, targets))

    return at


def _targets(outputs: Array, y: Array, dtype: Any) -> Array:
    """Return targets of the shape of the outputs: labels as rows of 0 and 1, one number as one column."""
    if y.ndim == outputs.ndim - 1 and outputs.ndim == 2:
        if outputs.shape[1] == 1:
            return y[:, None].astype(dtype)
        if y.dtype.kind in "iu":
            return np.asarray(one_hot(y, outputs.shape[1]), dtype)
    return y.astype(dtype) if y.dtype.kind in "biuf" else y
