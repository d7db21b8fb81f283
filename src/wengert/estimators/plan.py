"""From the constructor's arguments to the form of a training step and to its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import optim
from wengert.estimators.arguments import Arguments, is_auto
from wengert.estimators.solvers import Adam, AtRate, Solver, StochasticGradientDescent
from wengert.estimators.step import Form, Settings
from wengert.optim.schedule_check import check_schedule

Array = np.ndarray[Any, Any]

_AUTOMATIC_BATCH = 200
# What weight_decay=None means, where it is not zero: the default of the method's authors.
_WEIGHT_DECAY = {"adamw": 0.01}


def batch_size(estimator: Any, rows: int) -> int:
    """Return how many rows a step takes."""
    if is_auto(estimator.batch_size):
        return min(_AUTOMATIC_BATCH, rows)
    return int(min(estimator.batch_size, rows))


def form_of(estimator: Any, rows: int) -> Form:
    """Return the form of an estimator's training step."""
    return Form(
        loss=estimator._row_loss(),
        solver=_solver(estimator._arguments),
        schedule=_schedule(estimator, rows),
        decays=_weight_decay(estimator) > 0,
        clip_norm=estimator.grad_clip_norm,
        averages=estimator.ema_decay is not None,
        share=estimator._loss_share(),
    )


def settings_of(estimator: Any) -> Settings:
    """Return the numbers of an estimator's training step."""
    arguments = estimator._arguments
    # A schedule of the user's own gives the rate itself, one of ours a factor.
    rate = 1.0 if callable(estimator.lr_schedule) else float(arguments.learning_rate_init)
    return Settings(rate, float(arguments.alpha), _weight_decay(estimator), estimator.ema_decay or 0.0)


def _solver(arguments: Arguments) -> Solver:
    momentum = float(arguments.momentum)
    nesterov = bool(arguments.nesterovs_momentum and momentum > 0)
    if arguments.solver == "sgd":
        return StochasticGradientDescent(momentum, nesterov)
    if arguments.solver == "rmsprop":
        return AtRate(optim.RMSProp(decay=arguments.beta_2, epsilon=arguments.epsilon))
    if arguments.solver == "muon":
        return AtRate(optim.Muon(momentum=momentum, nesterov=nesterov))
    if arguments.solver not in ("adam", "adamw"):
        return AtRate(optim.OPTIMISERS[arguments.solver].for_estimator(arguments))
    return Adam(float(arguments.beta_1), float(arguments.beta_2), float(arguments.epsilon))


def _weight_decay(estimator: Any) -> float:
    if estimator.weight_decay is None:
        return _WEIGHT_DECAY.get(estimator._arguments.solver, 0.0)
    return float(estimator.weight_decay)


def _schedule(estimator: Any, rows: int) -> Callable[[Any], Any] | None:
    steps = estimator._arguments.max_iter * -(-rows // batch_size(estimator, rows))
    if not isinstance(estimator.lr_schedule, str):
        schedule: Callable[[Any], Any] | None = estimator.lr_schedule
        if schedule is not None:
            check_schedule(f"{type(estimator).__name__}: lr_schedule", schedule, steps)
        return schedule
    return optim.SCHEDULES[estimator.lr_schedule](1.0, steps)


def row_orders(rows: int, shuffle: bool, random_state: Any) -> Callable[[], Array]:
    """Return what gives the order of the rows in the next epoch: that of scikit-learn's MLP."""
    places = np.arange(rows)

    def next_order() -> Array:
        nonlocal places
        if not shuffle:
            return places
        mixing = np.arange(rows)
        random_state.shuffle(mixing)
        places = places[mixing]
        return places

    return next_order
