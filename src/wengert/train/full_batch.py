"""Training on all rows at once, by an optimiser that searches along lines: L-BFGS."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import NonFiniteError
from wengert.optim import LBFGS
from wengert.primitives import random
from wengert.trace.tree import flatten
from wengert.train.callbacks import Stop, TrainingState
from wengert.train.divergence import Diverged, Divergence, explain
from wengert.train.evaluation import Evaluator
from wengert.train.history import Epoch, History
from wengert.train.moment import Moment, Past
from wengert.train.plan import Plan
from wengert.train.progress import Display, Silent
from wengert.train.step import Carry, TrainingStep

Array = np.ndarray[Any, Any]


class FullBatch:
    """A run of L-BFGS in progress; an epoch is one of its iterations. Parameters and attributes as `Loop`.

    Randomness (dropout) has the same key in every evaluation, since a line search needs one fixed function.
    """

    def __init__(
        self,
        plan: Plan,
        step: TrainingStep,
        optimizer: LBFGS,
        evaluator: Evaluator,
    ) -> None:
        self.plan = plan
        self.step = step
        self.evaluator = evaluator
        self._optimizer = optimizer
        self.initial_network: Carry = step.initial[: step.network_count]
        net = step.net(step.initial)
        self._paths = {path: np.shape(value) for path, value in nn.parameters(net).items()}
        self.now = Moment(Past(History()), self.initial_network)
        self._program = step.value_and_gradients(plan.rows)
        self._evaluate = step.executor.compile(self._program)
        self._display: Display = Silent()
        self._begin = self._next_show = time.perf_counter()
        self._point: tuple[Array, list[Array]] | None = None

    @property
    def steps(self) -> int:
        """How many iterations have been made."""
        return len(self.now.past.history)

    def network(self) -> Carry:
        """Return the network's arrays as they are now."""
        return self.now.carry

    def build(self, network: Carry) -> Any:
        """Return the module with these arrays."""
        return self.step.net(network)

    def optimizer_state(self) -> Any:
        """Return an empty state: what L-BFGS knows ends with the run."""
        return {}

    def catch_up(self) -> None:
        """Do nothing: `now` is never behind."""

    def save(self) -> None:
        """Do nothing: there are no checkpoints of L-BFGS."""

    def state(self) -> TrainingState:
        """Return what callbacks see."""
        net, history = self.build(self.network()), self.now.past.history
        return TrainingState(net, history, self.plan.epochs, self.steps, steps_per_epoch=1)

    def run(self, display: Display) -> Stop:
        """Minimise until something ends it, and return what.

        Raises
        ------
        Diverged
        """
        self._display = display
        parameters = nn.parameters(self.build(self.initial_network))
        start = np.concatenate([np.ravel(value) for value in parameters.values()])
        try:
            minimum = self._optimizer.minimise(self._value_and_gradient, start, self._after_iteration)
        except NonFiniteError as error:
            raise Diverged(self._divergence(str(error))) from None
        if self.now.past.stop is not None:
            return self.now.past.stop
        if minimum.converged:
            return Stop("converged")
        return Stop("epochs" if minimum.iterations >= self.plan.epochs else "no further progress")

    def _arguments(self, point: Array) -> list[Any]:
        rows = self.plan.rows
        weights = [] if rows.weights is None else [rows.weights]
        batch = [rows.features, rows.targets, *weights]
        settings = self.step.settings_of(self.step.initial)
        return [*self._arrays(point), *settings, *batch, random.key(self.plan.seed)]

    def _arrays(self, point: Array) -> list[Array]:
        """Return the network's arrays with the parameters of a point."""
        values, first = {}, 0
        for path, shape in self._paths.items():
            last = first + math.prod(shape)
            values[path] = point[first:last].reshape(shape).astype(self.step.dtype)
            first = last
        return flatten(nn.with_parameters(self.build(self.initial_network), values))[0]

    def _value_and_gradient(self, point: Array) -> tuple[float, Array]:
        outputs = self._evaluate(self._arguments(point))
        self._point = (point.copy(), outputs)
        gradients = outputs[2 : 2 + len(self._paths)]
        return float(outputs[0]), np.concatenate([gradient.ravel() for gradient in gradients])

    def _after_iteration(self, iteration: int, point: Array, value: float) -> bool:
        if self._point is None or not np.array_equal(self._point[0], point):
            self._value_and_gradient(point)
        assert self._point is not None
        outputs = self._point[1]
        network = tuple(outputs[2 + len(self._paths) :])
        seconds = time.perf_counter() - self._begin
        held = None if self.plan.validation is None else self.evaluator(network, self.plan.validation)
        epoch = Epoch(
            epoch=iteration,
            loss=float(outputs[1]),
            validation_loss=None if held is None else held.loss,
            validation_accuracy=None if held is None else held.accuracy,
            learning_rate=None,
            seconds=seconds,
        )
        self.now = Moment(self.now.past.after(epoch, network), network)
        return self._ended(seconds)

    def _ended(self, seconds: float) -> bool:
        """Ask callbacks and the clock whether to stop."""
        stop: Stop | None = None
        for callback in self.plan.callbacks:
            stop = callback.on_epoch_end(self.state()) or stop
        if stop is None and self.plan.time_limit is not None and seconds >= self.plan.time_limit:
            stop = Stop("time limit", restore_best=self.plan.validation is not None)
        self.now = self.now._replace(past=replace(self.now.past, stop=stop))
        if time.perf_counter() >= self._next_show:
            wait = self._display.show(self.steps / self.plan.epochs, self.now.past.history)
            self._next_show = time.perf_counter() + wait
        return stop is not None

    def _divergence(self, message: str) -> Divergence:
        assert self._point is not None
        point, outputs = self._point
        names = self.step.names[: self.step.network_count]
        layer, operation, text = explain(self._program, self._arguments(point), names, outputs)
        return Divergence(self.steps + 1, self.steps + 1, layer, operation, None, f"{message}; {text}")
