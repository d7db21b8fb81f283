"""Linear models by ridge regression, with what they say of each fold when it is left out.

Numbers enter as they are and by what `Bends` makes of them, so that the line may bend at their quartiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.train.bagging.bends import Bends

Array = np.ndarray[Any, Any]

# Strengths of the penalty for each row; the one with the lowest squared error on the folds is taken.
_STRENGTHS = 10.0 ** np.arange(-5, 2)
# A fit takes as many operations as the cube of the columns for each fold; beyond, that is no longer little.
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class LinearModel:
    """A linear model.

    Attributes
    ----------
    weight : array, shape (features, outputs)
    bias : array, shape (outputs,)
    bends : Bends
    bend_weight : array, shape (segments, outputs)
    unseen : array, shape (rows, outputs)
        For each row that was asked for, fold after fold, what the model fitted without its fold says.
    """

    weight: Array
    bias: Array
    bends: Bends
    bend_weight: Array
    unseen: Array

    def layer(self, slope: Any, offset: Any) -> nn.Module:
        """Return the layer whose outputs are slope times these, plus an offset."""
        inputs, outputs = self.weight.shape
        weight, bias = self.weight * slope, self.bias * slope + offset
        straight = nn.Dense(inputs, outputs, weight=weight.astype(np.float32), bias=bias.astype(np.float32))
        if not self.bends.count:
            return straight
        return nn.Blend((straight, self.bends.layer(inputs, self.bend_weight * slope)), (1.0, 1.0))


def linear_model(
    X: Array,
    targets: Array,
    weights: Array | None,
    folds: tuple[Array, ...],
    asked: tuple[Array, ...],
    columns: int,
) -> LinearModel:
    """Fit a linear model of the first columns of X and of their bends, and one more without each fold.

    Minimises Σ wᵢ |yᵢ − b − W xᵢ|² + λ n |W|², for the λ of some with the lowest error on rows left out.

    Parameters
    ----------
    X : array, shape (rows, features)
    targets : array, shape (rows, outputs)
        Numbers; for classes 1 for the class of the row and 0 for others, which makes it a linear
        discriminant.
    weights : array, shape (rows,), optional
    folds : tuple of arrays
        Positions of the rows of each fold; every row in one.
    asked : tuple of arrays
        Of each fold, those rows for which `LinearModel.unseen` and the choice of λ are wanted.
    columns : int
        How many of the features are numbers. The others have weight 0.

    Notes
    -----
    Hoerl & Kennard 1970. The sums over all rows less a fold are those of the other folds together, so that
    the rows are gone through once; the eigenvectors of each serve all λ.
    """
    X, targets = np.asarray(X), np.asarray(targets, np.float64)
    bends = Bends.at_quartiles(X[:, :columns])
    width = columns + bends.count

    def inputs(rows: Array) -> Array:
        numbers = X[rows, :columns].astype(np.float64)
        return np.hstack([numbers, bends(numbers)])

    sums = []
    for fold in folds:
        Z = np.column_stack([np.ones(len(fold)), inputs(fold), targets[fold]])
        sums.append(Z.T @ (Z if weights is None else Z * np.asarray(weights)[fold, np.newaxis]))
    whole = np.sum(sums, axis=0)
    # Added up anew for each: where one fold has nearly all of the weight, a difference has no digits left.
    each = [_solutions(np.sum(sums[:place] + sums[place + 1 :], axis=0), width) for place in range(len(sums))]
    rows = np.concatenate(asked)
    known, counts = targets[rows], None if weights is None else np.asarray(weights)[rows]
    given = [inputs(fold) for fold in asked]
    errors, unseen = [], []
    for place in range(len(_STRENGTHS)):
        said = [
            rows_of_fold @ solutions[place][1:] + solutions[place][0]
            for rows_of_fold, solutions in zip(given, each, strict=True)
        ]
        unseen.append(np.concatenate(said))
        errors.append(np.average(np.square(unseen[-1] - known).sum(axis=1), weights=counts))
    best = int(np.argmin(errors))
    solution = _solutions(whole, width)[best]
    bias, weight, bend_weight = np.split(solution, (1, 1 + columns))
    rest = np.zeros((X.shape[1] - columns, targets.shape[1]))
    return LinearModel(np.concatenate([weight, rest]), bias[0], bends, bend_weight, unseen[best])


def _solutions(sums: Array, columns: int) -> list[Array]:
    """Return for each strength bias and weight, shape (1 + columns, outputs), from sums of products."""
    count = sums[0, 0]
    mean, known = sums[0, 1 : 1 + columns] / count, sums[0, 1 + columns :] / count
    inner = sums[1 : 1 + columns, 1 : 1 + columns] / count - np.outer(mean, mean)
    outer = sums[1 : 1 + columns, 1 + columns :] / count - np.outer(mean, known)
    values, vectors = np.linalg.eigh(inner)
    turned = vectors.T @ outer
    found = []
    for strength in _STRENGTHS:
        weight = vectors @ (turned / (np.maximum(values, 0) + strength)[:, np.newaxis])
        found.append(np.concatenate([(known - mean @ weight)[np.newaxis], weight]))
    return found
