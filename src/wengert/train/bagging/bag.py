"""The members of an ensemble, each blind to a fold of the rows, of which it then speaks as of new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import DataError
from wengert.run import Executor, find_executor
from wengert.train.evaluation import Predictor, predict_few
from wengert.train.row_split import Division
from wengert.train.steps.batches import bagged_order
from wengert.train.steps.conform import conform_features

Array = np.ndarray[Any, Any]

# Unseen predictions are for a few parameters and the choice among a few epochs; more rows do not help there.
_MOST_ROWS = 20_000
# Fewer are left to NumPy: with one member a row, and a few predictions in a fit, compiling takes longer.
_ROWS_TO_COMPILE = 2_000
# Separates the folds from what else is drawn by the same seed.
_FOLDS = 3


@dataclass(frozen=True)
class Bag:
    """Which member of an ensemble is blind to which rows.

    Attributes
    ----------
    seed : int
        Of the folds and of the orders of the rows.
    folds : tuple of arrays
        The positions of the rows to which each member is blind. Every row is in one fold; some may be empty.

    Notes
    -----
    Each member learns from all rows but a fold, and the ensemble from all rows. Breiman, "Stacked
    regressions", 1996, for what predictions of unseen folds are good for.
    """

    seed: int
    folds: tuple[Array, ...]

    @staticmethod
    def draw(members: int, division: Division, seed: int) -> Bag:
        """Divide rows among members, as `Division.folds`; where groups are fewer, some members see all rows.

        Raises
        ------
        DataError
            If a group has more than half of the rows: the member blind to it would see too few others.
        """
        if not division.has_small_groups:
            raise DataError(
                "a group has more than half of the rows, too many for a member to be blind to. Hold rows out "
                "with validation_data instead."
            )
        count = members if division.groups is None else min(members, len(np.unique(division.groups)))
        drawn = division.folds(count, np.random.default_rng([seed, _FOLDS]))
        folds = sorted((held for _, held in drawn), key=len)
        return Bag(seed, (*[np.arange(0)] * (members - count), *folds))

    def order(self, epoch: int) -> Array:
        """Return the order in which `fit` visits the rows; its batches hold a multiple of the members."""
        return bagged_order(self.seed, epoch, self.folds)

    @property
    def deciding(self) -> tuple[Array, ...]:
        """The rows of `unseen`: all of each fold, or every second, third, …, at most 20,000 together."""
        every = -(-sum(map(len, self.folds)) // _MOST_ROWS)
        return tuple(fold[::every] for fold in self.folds)

    @property
    def rows(self) -> Array:
        """The positions of the rows of `unseen`, fold after fold."""
        return np.concatenate(self.deciding)

    def unseen(self, net: Any, X: Any, *, executor: str | Executor = "llvm") -> Array:
        """Return what the members say of the rows that they are blind to, in the order of `rows`.

        Parameters
        ----------
        net : Sequential
            With the ensemble as one of its layers.
        X : array, shape (rows, features)
            All rows of training.

        Returns
        -------
        ndarray, shape (rows, outputs)
        """
        members, longest = len(self.folds), max(map(len, self.deciding))
        # A shorter fold repeats rows, so that each place belongs to the member of its fold.
        dealt = np.stack([np.resize(fold, longest) for fold in self.deciding], axis=1)
        one_each = nn.Sequential(
            *(
                _OneMemberARow(layer.members, layer.network) if isinstance(layer, nn.Ensemble) else layer
                for layer in net.layers
            )
        )
        features = X[dealt.ravel()]
        if executor == "llvm" and len(features) < _ROWS_TO_COMPILE:
            outputs = predict_few(one_each, conform_features(net, features), members)
        else:
            outputs = Predictor(one_each, find_executor(executor), multiple=members)(features)
        outputs = outputs.reshape((longest, members, -1))
        return np.concatenate([outputs[: len(fold), place] for place, fold in enumerate(self.deciding)])


class _OneMemberARow(nn.Ensemble):
    """An ensemble that shows row i to member i modulo `members` alone, in evaluation mode too."""

    def __call__(self, x: Any) -> Any:
        """Return for each row the output of its member, shape (rows, outputs)."""
        return self._collected(self.network(self._dealt(x)), x.shape[0])
