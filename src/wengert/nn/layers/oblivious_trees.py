"""Decision trees that compare the same feature at all nodes of a level."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError
from wengert.nn.initialisers import gaussian, zeros
from wengert.nn.layers.features import check_features
from wengert.nn.module import ArrayRules, Module, parameter, statistic


class ObliviousTrees(Module):
    """bias + Σₜ valuesₜ[leaf of x in tree t], with leaf = Σₗ 2ˡ [x_c > threshold] for c = columns[l][t].

    Parameters
    ----------
    inputs, outputs : int
    columns : tuple of tuples of int
        For each level the feature that each tree compares there.
    thresholds : array, shape (levels, trees), optional
        Not trained: the derivative is 0 wherever there is one. Zeros at the start.
    values : array, shape (trees · 2^levels, outputs), optional
        Of the leaves, one tree below the other; standard normal at the start.
    bias : array, shape (outputs,), optional

    Notes
    -----
    Input (..., inputs), output (..., outputs). Kohavi & Li, "Oblivious decision trees, graphs, and top-down
    pruning", 1995. The leaves are trained like other weights; `wengert.train.bagging.boosted_trees` makes
    whole trees.
    """

    inputs: int
    outputs: int
    columns: tuple[tuple[int, ...], ...]
    thresholds: Any = statistic()
    values: Any = parameter(penalised=True)
    bias: Any = parameter()

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            positive_integer("ObliviousTrees", name, getattr(self, name))
        object.__setattr__(self, "columns", tuple(map(tuple, self.columns)))
        sizes = {len(level) for level in self.columns}
        if len(sizes) != 1 or sizes == {0}:
            raise ConfigurationError(
                "ObliviousTrees: columns has a tuple for each level, each with one feature a tree, got "
                f"levels of {sorted(sizes)} trees"
            )
        for number, level in enumerate(self.columns):
            for column in level:
                if not 0 <= column < self.inputs:
                    raise ConfigurationError(
                        f"ObliviousTrees: columns[{number}] has {column}, and features are 0 to "
                        f"{self.inputs - 1}"
                    )
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the arrays."""
        levels, trees = len(self.columns), len(self.columns[0])
        return {
            "thresholds": ((levels, trees), zeros),
            "values": ((trees << levels, self.outputs), gaussian),
            "bias": ((self.outputs,), zeros),
        }

    def __call__(self, x: Any) -> Any:
        """Return the sum of the leaves that x falls into.

        Raises
        ------
        ShapeError
            When the last axis of x does not have `inputs` entries.
        """
        check_features(x, self.inputs)
        # Rows last: a tree compares neighbouring numbers with one threshold, and columns are copied whole.
        x, rows = np.moveaxis(x, -1, 0), (-1, *[1] * (np.ndim(x) - 1))
        begins = np.arange(len(self.columns[0])) << len(self.columns)
        leaf = np.reshape(begins, rows)
        for level, columns in enumerate(self.columns):
            beyond = np.take(x, np.array(columns), axis=0) > np.reshape(self.thresholds[level], rows)
            leaf = leaf + np.where(beyond, 1 << level, 0)
        return np.sum(self.values[leaf], axis=0) + self.bias
