"""Weights of the rows by their classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight

from wengert.errors import ConfigurationError, DataError

Array = np.ndarray[Any, Any]


def weights_by_class(class_weight: Any, classes: Array, y: Array) -> Array:
    """Return the weight of each row.

    Parameters
    ----------
    class_weight : dict or "balanced"
        A dict gives the weights of classes; those that it does not name have 1. ``"balanced"`` is
        rows / (classes · rows of the class), of the rows and classes in `y`.
    classes : ndarray, shape (n_classes,)
        Ascending.
    y : ndarray, shape (rows,)

    Raises
    ------
    ConfigurationError
        When `class_weight` is neither, names a class that is not there in place of one that is, or gives one
        what is no number of 0 or more.
    DataError
        When all rows have the weight 0.
    """
    known = classes.tolist()
    if isinstance(class_weight, dict):
        _check(class_weight, known)
        by_class = np.array([float(class_weight.get(one, 1.0)) for one in known])
    elif isinstance(class_weight, str) and class_weight == "balanced":
        # A call of partial_fit may lack classes, whose weights no row needs.
        there = np.unique(y)
        by_class = np.ones(len(classes))
        by_class[np.searchsorted(classes, there)] = compute_class_weight(class_weight, classes=there, y=y)
    else:
        raise ConfigurationError(
            f"class_weight is None, 'balanced' or a dict such as {{{known[0]!r}: 2.0}}, got {class_weight!r}"
        )
    of_rows: Array = by_class[np.searchsorted(classes, y)]
    if not of_rows.any():
        raise DataError("class_weight is zero for all classes of y; nothing would be learned")
    return of_rows


def _check(class_weight: dict[Any, Any], known: list[Any]) -> None:
    strangers = [one for one in class_weight if one not in known]
    # Weights for more classes than there are do no harm; a weight that its class does not get does.
    if strangers and any(one not in class_weight for one in known):
        raise ConfigurationError(
            f"class_weight names the class {strangers[0]!r}, which y does not have; the classes are "
            f"{', '.join(map(repr, known[:10]))}{', …' if len(known) > 10 else ''}"
        )
    for one, weight in class_weight.items():
        number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not number or not 0 <= weight < np.inf:
            raise ConfigurationError(
                f"class_weight is a number of 0 or more for each class, got {weight!r} for the class {one!r}"
            )
