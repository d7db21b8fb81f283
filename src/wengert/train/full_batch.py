"""Training on all rows at once, by an optimiser that searches along lines: L-BFGS."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import NonFiniteError
from wengert.optim import Minimum
from wengert.primitives import random
from wengert.run.executor import compiled_over_rows
from wengert.trace.tree import flatten
from wengert.train.callbacks import Stop, TrainingState
from wengert.train.evaluation import NetworkEvaluator
from wengert.train.history import Epoch
from wengert.train.plan import Plan
from wengert.train.progress import Display, Silent
from wengert.train.steps.divergence import Diverged, Divergence, explain
from wengert.train.steps.state import Carry, State
from wengert.train.steps.step import TrainingStep

Array = np.ndarray[Any, Any]


class FullBatch:
    """A run of L-BFGS in progress; an epoch is one of its iterations. Attributes as `Loop`.

    Randomness (dropout) has the same key in every evaluation, since a line search needs one fixed function.

    Parameters
    ----------
    plan, step, evaluator, state
        As for `Loop`; the step's optimiser is `optim.LBFGS`.
    order : sequence of str, optional
        Paths of the parameters in the order in which the search sees them; that of the network by default.

    Attributes
    ----------
    minimum : Minimum or None
        Where the search ended.
    """

    def __init__(
        self,
        plan: Plan,
        step: TrainingStep,
        evaluator: NetworkEvaluator,
        state: State | None = None,
        order: Sequence[str] | None = None,
    ) -> None:
        self.plan = plan
        self.step = step
        self.evaluator = evaluator
        self.state = State(step.initial) if state is None else state
        self.initial_network: Carry = self.state.carry[: step.network_count]
        self._parameters = nn.parameters(step.net(self.initial_network))
        self._order = list(self._parameters) if order is None else list(order)
        self._settings = step.settings_of(step.with_settings(self.state.carry, plan.rules.step_rule))
        self._rows = plan.rows.take(slice(None))
        self._program = step.value_and_gradients(self._rows)
        first = len(self.initial_network) + len(self._settings)
        places = tuple(range(first, first + 2 + (self._rows.weights is not None)))
        self._evaluate = step.kept(
            self._program, lambda: compiled_over_rows(step.executor, self._program, places)
        )
        self._display: Display = Silent()
        self._begin = self._next_show = time.perf_counter()
        self._point: tuple[Array, list[Array]] | None = None
        self.minimum: Minimum | None = None

    def network(self) -> Carry:
        """Return the network's arrays as they are now."""
        return self.state.carry[: self.step.network_count]

    def catch_up(self) -> None:
        """Do nothing: `state` is always that of the last step."""

    def save(self) -> None:
        """Do nothing: there are no checkpoints of L-BFGS."""

    def seen(self) -> TrainingState:
        """Return what callbacks see."""
        net, history = self.step.net(self.network()), self.state.history
        return TrainingState(net, history, self.plan.epochs, len(history), steps_per_epoch=1)

    def run(self, display: Display) -> Stop:
        """Minimise until something ends it, and return what.

        Raises
        ------
        Diverged
        """
        self._display = display
        optimizer = self.plan.rules.step_rule.optimizer
        start = np.concatenate([np.ravel(self._parameters[path]) for path in self._order])
        try:
            with np.errstate(all="ignore"):
                self.minimum = minimum = optimizer.minimise(
                    self._value_and_gradient, start, self._after_iteration
                )
        except NonFiniteError as error:
            raise Diverged(self._divergence(str(error))) from None
        if self.state.stop is not None:
            return self.state.stop
        if minimum.converged:
            return Stop("converged")
        return Stop("epochs" if len(self.state.history) >= self.plan.epochs else "no further progress")

    def _arguments(self, point: Array) -> list[Any]:
        rows = self._rows
        weights = [] if rows.weights is None else [rows.weights]
        batch = [rows.features, rows.targets, *weights, random.key(self.plan.seed)]
        return [*self._arrays(point), *self._settings, *batch]

    def _arrays(self, point: Array) -> list[Array]:
        """Return the network's arrays with the parameters of a point."""
        values, first = {}, 0
        for path in self._order:
            shape = np.shape(self._parameters[path])
            last = first + math.prod(shape)
            values[path] = point[first:last].reshape(shape).astype(self.step.dtype)
            first = last
        return flatten(nn.with_parameters(self.step.net(self.initial_network), values))[0]

    def _value_and_gradient(self, point: Array) -> tuple[float, Array]:
        outputs = self._evaluate(self._arguments(point))
        self._point = (point.copy(), outputs)
        gradients = dict(zip(self._parameters, outputs[2:], strict=False))
        return float(outputs[0]), np.concatenate([gradients[path].ravel() for path in self._order])

    def _after_iteration(self, iteration: int, point: Array, value: float) -> bool:
        if self._point is None or not np.array_equal(self._point[0], point):
            self._value_and_gradient(point)
        assert self._point is not None
        outputs = self._point[1]
        network = tuple(outputs[2 + len(self._parameters) :])
        for callback in self.plan.callbacks:
            # An iteration is known only when it is over: the search does not say when one begins.
            callback.on_epoch_begin(self.seen())
        state, plan = self.state, self.plan
        seconds = time.perf_counter() - self._begin
        measured = None if plan.validation is None else self.evaluator(network, plan.validation)
        epoch = Epoch(
            epoch=len(state.history) + 1,
            loss=float(outputs[1]),
            validation_loss=None if measured is None else measured.loss,
            validation_accuracy=None if measured is None else measured.accuracy,
            learning_rate=None,
            seconds=seconds,
        )
        is_best, stop = plan.rules.note(epoch, measured)
        scored = () if measured is None or measured.score is None else (measured.score,)
        self.state = state._replace(
            carry=(*network, *state.carry[self.step.network_count :]),
            history=state.history.appended(epoch),
            best=network if is_best else state.best,
            scores=(*state.scores, *scored),
            stop=stop,
        )
        return self._ended(seconds)

    def _ended(self, seconds: float) -> bool:
        """Ask callbacks and the clock whether to stop."""
        stop = self.state.stop
        for callback in self.plan.callbacks:
            stop = callback.on_epoch_end(self.seen()) or stop
        if stop is None and self.plan.time_limit is not None and seconds >= self.plan.time_limit:
            stop = Stop("time limit")
        self.state = self.state._replace(stop=stop)
        history = self.state.history
        if time.perf_counter() >= self._next_show:
            wait = self._display.show(len(history) / self.plan.epochs, history)
            self._next_show = time.perf_counter() + wait
        return stop is not None

    def _divergence(self, message: str) -> Divergence:
        assert self._point is not None
        point, outputs = self._point
        names = self.step.names[: self.step.network_count]
        layer, operation, text = explain(self._program, self._arguments(point), names, outputs)
        epoch = len(self.state.history) + 1
        return Divergence(epoch, epoch, layer, operation, None, f"{message}; {text}")
