"""Activation functions and their derivatives, which the engine computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import nn
from wengert.autodiff.products import vjp
from wengert.checks import positive_number, unknown_name
from wengert.errors import ConfigurationError
from wengert.plots.figures import grid_of_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
_OF_SEVERAL = ("softmax",)  # of all outputs together, so there is no curve


def curve(name: str, z: Array) -> tuple[Array, Array]:
    """Return an activation and its derivative at some points.

    Parameters
    ----------
    name : str
        Of `wengert.nn.ACTIVATIONS`.
    z : ndarray, shape (points,)

    Raises
    ------
    ConfigurationError
        For an unknown name (suggests the nearest), and for softmax.
    """
    if name not in nn.ACTIVATIONS:
        raise unknown_name("activations", "activation", name, nn.ACTIVATIONS)
    if name in _OF_SEVERAL:
        raise ConfigurationError(f"{name} is a function of several numbers, so it has no curve")
    value, pullback = vjp(nn.ACTIVATIONS[name], z)
    (slope,) = pullback(np.ones_like(z))
    return np.asarray(value), np.asarray(slope)


def activations(names: Sequence[str] | None = None, *, span: float = 4.0, points: int = 401) -> Figure:
    """Draw activation functions with their derivatives.

    Parameters
    ----------
    names : sequence of str, optional
        All of `wengert.nn.ACTIVATIONS` but softmax by default.
    span : float
        Drawn from −span to span.
    points : int

    Returns
    -------
    Figure
        One axes for each.

    Raises
    ------
    ConfigurationError
    """
    positive_number("", "span", span)
    chosen = [one for one in nn.ACTIVATIONS if one not in _OF_SEVERAL] if names is None else list(names)
    z = np.linspace(-span, span, points)
    curves = [curve(name, z) for name in chosen]
    if not curves:
        raise ConfigurationError("name at least one activation")
    figure, axes = grid_of_axes(len(chosen), side=2.3, most_columns=4)
    for ax, name, (value, slope) in zip(axes, chosen, curves, strict=True):
        ax.axhline(0, color="#bbbbbb", linewidth=0.7)
        ax.axvline(0, color="#bbbbbb", linewidth=0.7)
        ax.plot(z, value, color="#2166ac", label="f(z)")
        ax.plot(z, slope, color="#b2182b", linestyle="--", label="f′(z)")
        ax.set(title=name, xticks=[-span, 0, span])
        ax.set(ylim=(max(-1.6, value.min() - 0.2), min(2.6, max(value.max(), slope.max()) + 0.2)))
    axes[0].legend(fontsize="small", loc="upper left")
    return figure
