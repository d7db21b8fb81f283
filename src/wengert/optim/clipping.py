"""Clipping gradients by their norm."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from wengert.checks import in_range
from wengert.trace.tree import flatten, unflatten


def global_norm(gradients: Any) -> Any:
    """Return the Euclidean norm of all arrays of a tree together, without overflow of the squares.

    Parameters
    ----------
    gradients : tree of array or tensor

    Returns
    -------
    scalar
        ∞ or NaN where the gradients hold one.
    """
    leaves = [leaf for leaf in flatten(gradients)[0] if np.size(leaf)]
    if not leaves:
        return np.zeros(())
    largest = functools.reduce(np.maximum, [np.max(np.abs(leaf)) for leaf in leaves])
    # Dividing by the largest entry keeps the squares in range; 0 and ∞ would make NaN out of it.
    usable = np.logical_and(largest > 0, largest < np.inf)
    scale = np.where(usable, largest, 1).astype(largest.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        total = sum(np.sum(np.square(leaf / scale.astype(leaf.dtype))) for leaf in leaves)
        return scale * np.sqrt(total)


def clip_by_norm(gradients: Any, max_norm: float) -> Any:
    """Scale a tree of gradients so that its norm is at most `max_norm`.

    A norm that is not finite cannot be scaled back: ∞/∞ would turn an overflow into NaN, or 1/∞ hide it as
    zeros. Such gradients come back unchanged, so that whoever looks at them or at the updated parameters sees
    what happened and stops.

    Parameters
    ----------
    gradients : tree of array or tensor
    max_norm : float
        Above 0.

    Returns
    -------
    tree
        Of the same structure and dtypes.

    Raises
    ------
    ConfigurationError

    Notes
    -----
    Pascanu, Mikolov & Bengio 2013.
    """
    in_range("clip_by_norm", "max_norm", max_norm, 0, math.inf, low_open=True)
    norm = global_norm(gradients)
    factor = np.where(norm < np.inf, max_norm / np.maximum(norm, max_norm), 1)
    leaves, structure = flatten(gradients)
    return unflatten(structure, [leaf * factor.astype(leaf.dtype) for leaf in leaves])
