"""L-BFGS on all rows at once, with scikit-learn's options."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from wengert import nn
from wengert.estimators.rows import as_dense
from wengert.estimators.training import Job, Run, epoch_record
from wengert.primitives import random
from wengert.trace.tree import flatten
from wengert.train.callbacks import Stop, TrainingState
from wengert.train.divergence import Divergence
from wengert.train.inputs import Rows

Array = np.ndarray[Any, Any]


def minimise(run: Run, job: Job, max_iterations: int, max_evaluations: int, tolerance: float) -> str:
    """Minimise the loss of all rows and return why it ended, as `training.train` does.

    Notes
    -----
    SciPy's L-BFGS-B stops where no component of the projected gradient is above `tolerance`, or where the
    loss falls by less than 2.2·10⁻⁹ of itself.
    """
    search = _Search(run, job)
    from scipy.optimize import minimize

    for callback in job.callbacks:
        callback.on_train_begin(search.state(max_iterations))
    options = {"maxfun": max_evaluations, "maxiter": max_iterations, "gtol": tolerance}
    reason = "interrupted"
    try:
        with np.errstate(all="ignore"):
            found = minimize(
                search.evaluate, search.start(), jac=True, method="L-BFGS-B", options=options,
                callback=lambda intermediate_result: search.after(intermediate_result, max_iterations),
            )  # fmt: skip
        reason = search.ended(found)
    except KeyboardInterrupt:
        pass
    finally:
        job.display.close()
    for callback in job.callbacks:
        callback.on_train_end(search.state(max_iterations))
    return reason


class _Search:
    """The function that is minimised, between packed parameters and the network."""

    def __init__(self, run: Run, job: Job) -> None:
        self.now, self.job = run, job
        run.epochs_of_this_call = 0
        rows = Rows(as_dense(job.rows.features), job.rows.targets, job.rows.weights)
        program = run.step.value_and_gradients(rows)
        self.execute = run.step.kept(program, lambda: run.step.executor.compile(program))
        net = run.step.net(run.carry)
        self.net = net
        parameters = nn.parameters(net)
        # scikit-learn packs all weights first, then all biases.
        self.order = sorted(parameters, key=lambda path: np.ndim(parameters[path]) == 1)
        self.shapes = {path: np.shape(parameters[path]) for path in self.order}
        weights = [] if rows.weights is None else [rows.weights]
        settings = run.step.settings_of(run.step.with_settings(run.carry, job.rule))
        self.rows = [*settings, rows.features, rows.targets, *weights, random.key(job.seed)]
        self.begin = time.perf_counter()
        self.stop: Stop | None = None
        self.next_show = self.begin
        self.best_value = math.inf

    def start(self) -> Array:
        parameters = nn.parameters(self.net)
        return np.concatenate([np.ravel(parameters[path]) for path in self.order]).astype(np.float64)

    def network(self, point: Array) -> Any:
        values, first = {}, 0
        for path, shape in self.shapes.items():
            last = first + math.prod(shape)
            values[path] = point[first:last].reshape(shape).astype(self.now.step.dtype)
            first = last
        return nn.with_parameters(self.net, values)

    def evaluate(self, point: Array) -> tuple[float, Array]:
        net = self.network(point)
        outputs = self.execute([*flatten(net)[0], *self.rows])
        gradients = dict(zip(nn.parameters(self.net), outputs[2:], strict=False))
        value = float(outputs[0])
        packed = np.concatenate([gradients[path].ravel() for path in self.order]).astype(np.float64)
        return value, packed

    def after(self, result: Any, iterations: int) -> None:
        """Note an iteration; raising `StopIteration` ends the search."""
        run, job = self.now, self.job
        net = self.network(result.x)
        self.take(net)
        measured = None if job.measure is None else job.measure(net)
        now = time.perf_counter()
        number, value = len(run.history) + 1, float(result.fun)
        for callback in job.callbacks:
            # An iteration is known only when it is over: the search does not tell when one begins.
            callback.on_epoch_begin(self.state(iterations))
        run.history = run.history.appended(epoch_record(number, value, measured, None, now - self.begin))
        if measured is not None:
            run.scores.append(measured.score)
        run.patience.note(value)
        job.report(f"Iteration {number}, loss = {value:.8f}")
        for callback in job.callbacks:
            self.stop = callback.on_epoch_end(self.state(iterations)) or self.stop
        if job.time_limit is not None and now - self.begin >= job.time_limit:
            self.stop = Stop("time limit")
        if now >= self.next_show:
            self.next_show = now + job.display.show(number / iterations, run.history)
        if self.stop is not None:
            raise StopIteration

    def take(self, net: Any) -> None:
        """Make a network the one that has been reached."""
        self.now.carry = self.now.step.with_network(self.now.carry, net)

    def ended(self, found: Any) -> str:
        """Take the end of the search over, and return why it ended."""
        if not (math.isfinite(found.fun) and np.isfinite(found.x).all()):
            text = f"the loss is {found.fun}: the values of X or y are too large, scale them"
            self.now.divergence = Divergence(int(found.nit) + 1, int(found.nit) + 1, None, None, None, text)
            return "diverged"
        self.take(self.network(found.x))
        self.now.final_loss = float(found.fun)
        self.now.epochs_of_this_call = int(found.nit)
        if self.stop is not None:
            return self.stop.reason
        return "converged" if found.success else "epochs"

    def state(self, iterations: int) -> TrainingState:
        """Return what callbacks see."""
        return TrainingState(self.now.network(), self.now.history, iterations, len(self.now.history), 1)
