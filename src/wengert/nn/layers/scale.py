"""A trained factor for each feature."""

from __future__ import annotations

from typing import Any

from wengert.checks import positive_integer
from wengert.nn.initialisers import ones
from wengert.nn.layers.features import check_features
from wengert.nn.module import ArrayRules, Module, parameter


class Scale(Module):
    """Multiply each feature by a factor of its own: y = scale ⊙ x.

    Before a dense layer it is redundant as a function, but not for training: one number says how much a
    feature counts, and a high learning rate on it selects features.

    Parameters
    ----------
    features : int
    scale : array, shape (features,), optional
        Ones at the start.

    Notes
    -----
    Input and output have shape (..., features). Holzmüller, Grinsztajn & Steinwart 2024, section 3.
    """

    features: int
    scale: Any = parameter()

    def __post_init__(self) -> None:
        positive_integer("Scale", "features", self.features)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the factors."""
        return {"scale": ((self.features,), ones)}

    def __call__(self, x: Any) -> Any:
        """Return scale ⊙ x.

        Raises
        ------
        ShapeError
            When the last axis of x does not have `features` entries.
        """
        check_features(x, self.features)
        return x * self.scale
