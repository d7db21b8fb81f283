"""From the constructor's arguments to the rule of a training step."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from wengert import optim
from wengert.estimators.arguments import Arguments, is_auto
from wengert.estimators.fitting.objective import BatchMean
from wengert.optim.adam import AdamEpsilonHat
from wengert.optim.schedule_check import check_schedule
from wengert.optim.sgd import HeavyBall
from wengert.run import Executor, find_executor, mesh_of
from wengert.trace.settings import settings, with_settings
from wengert.trace.tree import flatten, unflatten
from wengert.train.steps.batches import order_by_windows
from wengert.train.steps.mapped import run_and_window
from wengert.train.steps.step import StepRule, TrainingStep

Array = np.ndarray[Any, Any]

_AUTOMATIC_BATCH = 200
# SciPy's defaults for L-BFGS-B, which scikit-learn leaves as they are.
_MEMORY, _RELATIVE_FALL = 10, 2.220446049250313e-09
# What weight_decay=None means, where it is not zero: the default of the method's authors.
_WEIGHT_DECAY = {"adamw": 0.01}


def batch_size(estimator: Any, rows: int) -> int:
    """Return how many rows a step takes."""
    if is_auto(estimator.batch_size):
        return min(_AUTOMATIC_BATCH, rows)
    return int(min(estimator.batch_size, rows))


@dataclasses.dataclass(frozen=True)
class ScaledSchedule:
    """η(t) = rate · factor(t).

    Attributes
    ----------
    rate : float
    factor : callable
        A schedule.
    """

    rate: float
    factor: Callable[[Any], Any]

    settings: ClassVar = ("rate",)

    def __call__(self, t: Any) -> Any:
        """Return η(t)."""
        return self.rate * self.factor(t)


def rule_of(estimator: Any, rows: int) -> StepRule:
    """Return what a step of an estimator computes."""
    arguments = estimator._arguments
    return StepRule(
        objective=BatchMean(estimator._row_loss(), float(arguments.alpha), curve_scale(estimator)),
        optimizer=_optimizer(arguments, _learning_rate(estimator, rows)),
        clip_norm=estimator.grad_clip_norm,
        weight_decay=_weight_decay(estimator),
        ema_decay=estimator.ema_decay,
    )


def curve_scale(estimator: Any) -> float:
    """Return the factor of the losses in `loss_curve_`; with L-BFGS scikit-learn reports them as they are."""
    return 1.0 if estimator._arguments.solver == "lbfgs" else float(estimator._loss_scale())


def initial_rate(estimator: Any) -> float:
    """Return the rate that a run begins with; a schedule is multiplied by it."""
    # A schedule of the user's own gives the rate itself, one of ours a factor.
    return 1.0 if callable(estimator.lr_schedule) else float(estimator._arguments.learning_rate_init)


def at_rate(rule: StepRule, rate: float) -> StepRule:
    """Return a rule with another learning rate."""
    numbers = settings(rule)
    (path,) = {"optimizer.learning_rate", "optimizer.learning_rate.rate"} & numbers.keys()
    changed: StepRule = with_settings(rule, numbers | {path: rate})
    return changed


@functools.lru_cache(maxsize=128)
def _training_step(form: StepRule, structure: Any, types: Any, executor: Executor) -> TrainingStep:
    net = unflatten(structure, [np.zeros(shape, dtype) for shape, dtype in types])
    return TrainingStep(net, form, executor)


def training_step(rule: StepRule, net: Any, executor: str | Executor = "llvm") -> TrainingStep:
    """Return the step for a rule and a network, the same object for all that differ in numbers alone."""
    leaves, structure = flatten(net)
    types = tuple((np.shape(leaf), np.dtype(leaf.dtype)) for leaf in leaves)
    form = with_settings(rule, dict.fromkeys(settings(rule), 1.0))
    runner: Any = find_executor(executor, mesh=mesh_of(executor, None))
    return _training_step(form, structure, types, runner)


def _learning_rate(estimator: Any, rows: int) -> Any:
    schedule, rate = _schedule(estimator, rows), initial_rate(estimator)
    return rate if schedule is None else ScaledSchedule(rate, schedule)


def _optimizer(arguments: Arguments, rate: Any) -> optim.Optimiser | optim.LBFGS:
    momentum = float(arguments.momentum)
    nesterov = bool(arguments.nesterovs_momentum and momentum > 0)
    if arguments.solver == "sgd":
        return HeavyBall(rate, momentum, nesterov)
    if arguments.solver == "rmsprop":
        return optim.RMSProp(rate, decay=arguments.beta_2, epsilon=arguments.epsilon)
    if arguments.solver == "muon":
        return optim.Muon(rate, momentum=momentum, nesterov=nesterov)
    if arguments.solver == "lbfgs":
        limits = arguments.max_iter, arguments.max_fun
        return optim.LBFGS(_MEMORY, float(arguments.tol), *limits, relative_fall=_RELATIVE_FALL)
    if arguments.solver not in ("adam", "adamw"):
        named: optim.Optimiser = optim.OPTIMISERS[arguments.solver].for_estimator(rate, arguments)
        return named
    betas = float(arguments.beta_1), float(arguments.beta_2)
    return AdamEpsilonHat(rate, betas, float(arguments.epsilon))


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


def windows_of(features: Any) -> tuple[int, int] | None:
    """Return the runs and windows in which rows of a file are shuffled; None where all fit into one window.

    joblib maps arrays above 1 MB that it sends to other processes: they are shuffled as in memory, so that
    results do not depend on how many processes there are.
    """
    runs = run_and_window(features)
    return None if runs is None or features.shape[0] <= math.prod(runs) else runs


class RowOrders:
    """Gives the order of the rows in the next epoch: that of scikit-learn's MLP, or window by window.

    Parameters
    ----------
    features : ndarray or sparse array, shape (rows, columns)
    shuffle : bool
    random_state : numpy.random.RandomState
    """

    def __init__(self, features: Any, shuffle: bool, random_state: Any) -> None:
        self._rows = features.shape[0]
        self._shuffle = shuffle
        self._windows = windows_of(features) if shuffle else None
        self._random_state = random_state
        self._places = np.arange(self._rows)

    def __call__(self) -> Array:
        """Return the order that is drawn next."""
        if self._windows is not None:
            return order_by_windows(self._rows, self._windows, self._random_state)
        if self._shuffle:
            mixing = np.arange(self._rows)
            self._random_state.shuffle(mixing)
            self._places = self._places[mixing]
        return self._places

    def __str__(self) -> str:
        """How the rows are shuffled."""
        return str(self._shuffle) if self._windows is None else f"by windows {self._windows}"
