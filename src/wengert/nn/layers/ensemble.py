"""Several networks as one: trained beside each other, averaged when they predict."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError, ShapeError
from wengert.nn.module import Module
from wengert.trace.tensor import here


class Ensemble(Module):
    """The mean of the outputs of several networks of the same shape, each with weights of its own.

    In training each row goes through one member alone: row i of a batch through member i modulo `members`.
    Since batches are drawn anew in each epoch, every member comes to see all rows, and an epoch costs as much
    as one of a single network. The members start from different weights and stay different; what they have in
    common is what the rows say, and the rest averages out.

    Parameters
    ----------
    members : int
    network : Module
        The members beside each other, of layers that take and give arrays of shape (members, rows, features),
        such as `NTKDense` with `members`.

    Notes
    -----
    Input (rows, features); output (rows, outputs); without the axis of rows for one sample. Hansen & Salamon
    1990; Lakshminarayanan, Pritzel & Blundell 2017 for members that differ in their start and in the order of
    the rows.

    Examples
    --------
    Four networks with 16 hidden units each:

    >>> from wengert import nn
    >>> hidden, last = nn.NTKDense(3, 16, "selu", members=4), nn.NTKDense(16, 2, members=4)
    >>> net = nn.Ensemble(4, nn.Sequential(hidden, last))
    """

    members: int
    network: Module

    def __post_init__(self) -> None:
        positive_integer("Ensemble", "members", self.members)
        if not isinstance(self.network, Module):
            raise ConfigurationError(f"Ensemble: network is a module, got {type(self.network).__name__}")
        super().__post_init__()

    def __call__(self, x: Any) -> Any:
        """Return the mean of the members' outputs, for rows or for one sample.

        Raises
        ------
        ShapeError
            When x has neither shape (rows, features) nor (features,).
        """
        if np.ndim(x) == 1:
            return np.mean(self.network(x[np.newaxis]), axis=0)[0]
        self._check(x)
        return np.mean(self.network(x), axis=0)

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return for each row the output of the member whose turn it is, and the ensemble with its layers
        updated.
        """
        y, network = self.network.forward_training(self._dealt(x), key)
        return self._collected(y, np.shape(x)[0]), self.replace(network=network)

    def _dealt(self, x: Any) -> Any:
        """Return the rows of each member, shape (members, share, features)."""
        self._check(x)
        rows = x.shape[0]
        share = -(-rows // self.members)
        # Where the members do not share the rows evenly, some rows go round again; what becomes of them is
        # thrown away.
        rounds = -(-share * self.members // rows)
        whole = x if share * self.members == rows else np.concatenate([x] * rounds)[: share * self.members]
        return np.swapaxes(whole.reshape((share, self.members, *x.shape[1:])), 0, 1)

    def _collected(self, y: Any, rows: int) -> Any:
        """Return what the members made of their rows, in the order of the rows."""
        y = np.swapaxes(y, 0, 1).reshape((y.shape[0] * y.shape[1], y.shape[-1]))
        return y if y.shape[0] == rows else y[:rows]

    def _check(self, x: Any) -> None:
        shape = np.shape(x)
        if len(shape) != 2:
            raise ShapeError(f"the input has shape {shape}, an ensemble takes (rows, features){here()}")
