"""Forward and backward pass in NumPy, written out as an expert would: into memory that is allocated once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from wengert.benchmark.candidate import SEED, Candidate, Training, seconds_of
from wengert.benchmark.configurations import ADAM_RATE, SGD_RATE, Configuration
from wengert.train.steps.batches import row_order

Array = np.ndarray[Any, Any]


def candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return the step by hand, with one thread of the BLAS and with all."""
    configuration = configuration.shortened()
    features, classes = configuration.data()
    blas = ThreadpoolController()

    def training(count: int) -> Callable[[int], Training]:
        def run(epochs: int) -> Training:
            step = (AdamStep if rule == "Adam" else SGDStep)(configuration)

            def epoch(number: int) -> None:
                order = row_order(SEED, number, configuration.rows)
                for places in order.reshape(-1, configuration.batch):
                    step(features[places], classes[places])

            with blas.limit(limits=count, user_api="blas"):
                seconds = seconds_of(epoch, epochs, threads)
            return Training(seconds, epochs * configuration.steps, step.parameters)

        return run

    return [
        Candidate(f"in place, {count} BLAS thread{'s' * (count > 1)}", training(count))
        for count in sorted({1, threads})
    ]


class Step:
    """Forward and backward pass; subclasses add the update."""

    def __init__(self, configuration: Configuration) -> None:
        batch = configuration.batch
        layers = [(weight.copy(), bias.copy()) for weight, bias in configuration.initial()]
        self.parameters = [array for layer in layers for array in layer]
        self.gradients = [np.empty_like(array) for array in self.parameters]
        self._layers = layers
        self._values = [np.empty((batch, size), np.float32) for size in configuration.sizes[1:]]
        self._adjoints = [np.empty_like(value) for value in self._values[:-1]]
        self._active = [np.empty(value.shape, bool) for value in self._adjoints]
        self._sigmoid = configuration.activation == "sigmoid"
        self._binary = configuration.binary
        self._rows = np.arange(batch)
        self._share = np.float32(1 / batch)

    def __call__(self, features: Array, classes: Array) -> None:
        """Take a step; the loss itself is never needed."""
        values = self._values
        before = features
        for (weight, bias), value in zip(self._layers, values, strict=True):
            np.matmul(before, weight, out=value)
            value += bias
            if value is not values[-1]:
                self._activate(value)
            before = value
        adjoint = self._derive_loss(values[-1], classes)
        for place in reversed(range(len(values))):
            below = values[place - 1] if place else features
            np.matmul(below.T, adjoint, out=self.gradients[2 * place])
            np.sum(adjoint, axis=0, out=self.gradients[2 * place + 1])
            if place:
                np.matmul(adjoint, self._layers[place][0].T, out=self._adjoints[place - 1])
                adjoint = self._adjoints[place - 1]
                self._derive(adjoint, below, self._active[place - 1])
        self.update()

    def _activate(self, value: Array) -> None:
        if self._sigmoid:
            np.negative(value, out=value)
            np.exp(value, out=value)
            value += 1
            np.reciprocal(value, out=value)
        else:
            np.maximum(value, 0, out=value)

    def _derive(self, adjoint: Array, value: Array, active: Array) -> None:
        if self._sigmoid:
            adjoint *= value
            np.subtract(1, value, out=value)
            adjoint *= value
        else:
            np.greater(value, 0, out=active)
            adjoint *= active

    def _derive_loss(self, logits: Array, classes: Array) -> Array:
        """Turn the logits into the derivative of the mean cross-entropy."""
        if self._binary:
            np.negative(logits, out=logits)
            np.exp(logits, out=logits)
            logits += 1
            np.reciprocal(logits, out=logits)
            np.subtract(logits, classes[:, None], out=logits, casting="same_kind")
        else:
            logits -= logits.max(axis=1, keepdims=True)
            np.exp(logits, out=logits)
            logits /= logits.sum(axis=1, keepdims=True)
            logits[self._rows, classes] -= 1
        logits *= self._share
        return logits

    def update(self) -> None:
        """Move the parameters."""
        raise NotImplementedError


class SGDStep(Step):
    """Gradient descent."""

    def update(self) -> None:
        """w ← w − η g."""
        for value, gradient in zip(self.parameters, self.gradients, strict=True):
            gradient *= np.float32(SGD_RATE)
            value -= gradient


class AdamStep(Step):
    """Adam."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._step = 0
        self._means = [np.zeros_like(value) for value in self.parameters]
        self._squares = [np.zeros_like(value) for value in self.parameters]
        self._free = [np.empty_like(value) for value in self.parameters]

    def update(self) -> None:
        """m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← w − η m̂/(√v̂ + ε)."""
        self._step += 1
        size = np.float32(ADAM_RATE / (1 - 0.9**self._step))
        spread = np.float32(1 / np.sqrt(1 - 0.999**self._step))
        for value, gradient, mean, square, free in zip(
            self.parameters, self.gradients, self._means, self._squares, self._free, strict=True
        ):
            np.multiply(gradient, np.float32(0.1), out=free)
            mean *= np.float32(0.9)
            mean += free
            np.multiply(gradient, gradient, out=gradient)
            gradient *= np.float32(0.001)
            square *= np.float32(0.999)
            square += gradient
            np.sqrt(square, out=free)
            free *= spread
            free += np.float32(1e-8)
            np.divide(mean, free, out=free)
            free *= size
            value -= free
