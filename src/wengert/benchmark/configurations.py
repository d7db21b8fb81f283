"""The networks, from XOR to a few million parameters, with the rows they are trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

RULES = ("SGD", "Adam")
SGD_RATE = 0.01
ADAM_RATE = 0.001
_ITEM = 4  # bytes of a float32
_MOST_STEPS = 200


@dataclass(frozen=True)
class Configuration:
    """A network of dense layers and how it is trained.

    Attributes
    ----------
    name : str
    sizes : tuple of int
        Inputs, units of the hidden layers, outputs. One output is a logit of two classes; the loss is
        cross-entropy in any case.
    batch : int
        Rows in a step.
    steps : int
        Steps in an epoch: many where a step is short, so that what comes once an epoch does not count.
    activation : str
        Of the hidden layers.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int
    activation: str = "relu"

    @property
    def binary(self) -> bool:
        """Whether there is one output, a logit."""
        return self.sizes[-1] == 1

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return self.batch * self.steps

    def shortened(self) -> Configuration:
        """Return it with fewer steps in an epoch, on the first rows of the same data.

        For those that return to Python after each step: how many there are changes nothing for them.
        """
        return replace(self, steps=min(self.steps, _MOST_STEPS))

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of a step; the data needs no gradient."""
        products = [2 * self.batch * inputs * outputs for inputs, outputs in pairwise(self.sizes)]
        return 3 * sum(products) - products[0]

    def state_bytes(self, rule: str) -> int:
        """Return the bytes of the parameters, and with Adam of two moments of each."""
        parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))
        return _ITEM * parameters * {"SGD": 1, "Adam": 3}[rule]

    def bytes_read(self, rule: str) -> int:
        """Return how many bytes of them a step reads: all for the update, parameters for the forward pass."""
        return self.state_bytes(rule) + self.state_bytes("SGD")

    def describe(self) -> str:
        """Return sizes and batch in words."""
        return f"{'–'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}"

    def data(self) -> tuple[Array, Array]:
        """Return float32 features and integer classes of the rows of an epoch."""
        if self.binary:
            table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
            features = np.tile(table, (-(-self.rows // 4), 1))[: self.rows]
            return features, (features[:, 0] != features[:, 1]).astype(np.int64)
        rng = np.random.default_rng(0)
        teacher = rng.standard_normal((self.sizes[0], self.sizes[-1]), np.float32)
        features = rng.random((self.rows, self.sizes[0]), np.float32)
        return features, ((features - 0.5) @ teacher).argmax(axis=1)

    def initial(self) -> list[tuple[Array, Array]]:
        """Return the weight and bias that each layer starts with."""
        rng = np.random.default_rng(1)
        return [
            (
                rng.standard_normal((inputs, outputs), np.float32) * np.float32((2 / inputs) ** 0.5),
                np.zeros(outputs, np.float32),
            )
            for inputs, outputs in pairwise(self.sizes)
        ]


CONFIGURATIONS = {
    one.name: one
    for one in (
        Configuration("A", (2, 4, 1), 1, 10_000, "sigmoid"),
        Configuration("B", (784, 128, 10), 1, 2000),
        Configuration("C", (64, 32, 10), 32, 200),
        Configuration("D", (784, 128, 10), 64, 40),
        Configuration("E", (784, 512, 512, 10), 128, 8),
        Configuration("F", (784, 2048, 2048, 10), 512, 2),
    )
}
