"""A training step of 784–128–10 at batch 64 in float32: wengert's NumPy executor beside hand-written NumPy.

    OPENBLAS_NUM_THREADS=1 python benchmarks/training_step.py [--rounds 300] [--repetitions 10]

ReLU, softmax cross-entropy with integer labels, SGD and Adam. The step by hand is written as an expert would
write it: every product and update into memory that was allocated once, no value computed twice. The aim is at
most 1.5 times the step by hand.
"""

from __future__ import annotations

import argparse

import numpy as np
from measurement import interleaved, machine, report

from wengert import nn, optim
from wengert.run import NumpyExecutor
from wengert.train.evaluation import Evaluator
from wengert.train.inputs import Rows
from wengert.train.loop import Loop
from wengert.train.objective import Objective
from wengert.train.plan import Plan
from wengert.train.step import TrainingStep

ROWS, BATCH, INPUTS, HIDDEN, CLASSES = 2000, 64, 784, 128, 10


class ByHand:
    """Forward and backward pass by hand, in memory that is allocated once."""

    def __init__(self, net: nn.Module) -> None:
        self.parameters = [np.array(value) for value in nn.parameters(net).values()]
        self.gradients = [np.empty_like(value) for value in self.parameters]
        self.hidden = np.empty((BATCH, HIDDEN), np.float32)
        self.back = np.empty((BATCH, HIDDEN), np.float32)
        self.active = np.empty((BATCH, HIDDEN), bool)
        self.output = np.empty((BATCH, CLASSES), np.float32)
        self.rows = np.arange(BATCH)

    def __call__(self, X: np.ndarray, labels: np.ndarray) -> float:
        W1, b1, W2, b2 = self.parameters
        dW1, db1, dW2, db2 = self.gradients
        hidden, output, back = self.hidden, self.output, self.back
        np.matmul(X, W1, out=hidden)
        hidden += b1
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, W2, out=output)
        output += b2
        output -= output.max(axis=1, keepdims=True)
        of_class = output[self.rows, labels]
        np.exp(output, out=output)
        total = output.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - of_class).mean())
        output /= total
        output[self.rows, labels] -= 1
        output *= np.float32(1 / BATCH)
        np.matmul(hidden.T, output, out=dW2)
        np.sum(output, axis=0, out=db2)
        np.matmul(output, W2.T, out=back)
        np.greater(hidden, 0, out=self.active)
        back *= self.active
        np.matmul(X.T, back, out=dW1)
        np.sum(back, axis=0, out=db1)
        self.update()
        return loss

    def update(self) -> None:
        raise NotImplementedError


class SGDByHand(ByHand):
    def update(self) -> None:
        for value, gradient in zip(self.parameters, self.gradients, strict=True):
            gradient *= np.float32(0.01)
            value -= gradient


class AdamByHand(ByHand):
    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.step = 0
        self.mean = [np.zeros_like(value) for value in self.parameters]
        self.square = [np.zeros_like(value) for value in self.parameters]
        self.free = [np.empty_like(value) for value in self.parameters]

    def update(self) -> None:
        self.step += 1
        size = np.float32(1e-3 / (1 - 0.9**self.step))
        spread = np.float32(1 / np.sqrt(1 - 0.999**self.step))
        for value, gradient, mean, square, free in zip(
            self.parameters, self.gradients, self.mean, self.square, self.free, strict=True
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


def _steps(net: nn.Module, optimizer: optim.Optimiser, rows: Rows) -> dict[str, object]:
    """Return the program alone, and a step of `fit`, which gathers its rows and checks its results."""
    objective, executor = Objective(nn.nllm_from_logits), NumpyExecutor()
    step = TrainingStep(net, optimizer, objective, executor, None)
    batch = rows.take(slice(0, BATCH))
    run = step.compiled(batch).run
    carry = list(step.initial)
    key = np.zeros(2, np.uint32)

    def program() -> None:
        carry[:] = run([*carry, batch.features, batch.targets, key, np.array(0)])[:-1]

    plan = Plan(rows, None, 1, BATCH, shuffle=True, seed=0, time_limit=None, callbacks=(), checkpoint=None)
    loop = Loop(plan, step, Evaluator(net, objective, executor))
    order = np.random.default_rng(0).permutation(len(rows))[:BATCH]

    def in_fit() -> None:
        loop.take_step(rows.take(order))

    return {"wengert: the program": program, "wengert: a step of fit": in_fit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=10)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = Rows(rng.random((ROWS, INPUTS), np.float32), rng.integers(0, CLASSES, ROWS), None)
    batch = rows.take(slice(0, BATCH))
    net = nn.Sequential(nn.Dense(INPUTS, HIDDEN, "relu"), nn.Dense(HIDDEN, CLASSES)).initialise(seed=0)
    print(machine())
    for name, optimizer, by_hand in (
        ("SGD", optim.SGD(0.01), SGDByHand(net)),
        ("Adam", optim.Adam(), AdamByHand(net)),
    ):
        print(f"{name}, {INPUTS}–{HIDDEN}–{CLASSES}, batch {BATCH}, float32:")
        candidates = {"by hand": lambda step=by_hand: step(batch.features, batch.targets)}
        candidates |= _steps(net, optimizer, rows)
        report(interleaved(candidates, options.rounds, options.repetitions), "by hand")


if __name__ == "__main__":
    main()
