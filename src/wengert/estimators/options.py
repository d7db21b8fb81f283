"""The constructor's arguments of the estimators, checked before any work."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import nn
from wengert.checks import is_integer, is_number, unknown_name
from wengert.errors import ConfigurationError
from wengert.estimators.architecture import SYNONYMS, layer_widths
from wengert.optim import OPTIMISERS, SCHEDULES
from wengert.run import EXECUTORS, Executor
from wengert.train.checkpoint import Checkpoint

_RATE_RULES = ("constant", "invscaling", "adaptive")


def check_options(estimator: Any) -> None:
    """Refuse arguments that are out of range or contradict each other.

    Raises
    ------
    ConfigurationError
        Naming the argument and its value, or both arguments.
    """
    arguments = estimator._arguments
    for name, (holds, rule) in _RULES.items():
        if hasattr(estimator, name) and not holds(value := getattr(arguments, name)):
            raise ConfigurationError(f"{_where(estimator)}: {name} is {rule}, got {value!r}")
    _check_layers(estimator)
    if arguments.solver not in OPTIMISERS:
        raise unknown_name(_where(estimator), "solver", arguments.solver, OPTIMISERS)
    if arguments.learning_rate not in _RATE_RULES:
        raise unknown_name(_where(estimator), "learning_rate", arguments.learning_rate, _RATE_RULES)
    schedule = estimator.lr_schedule
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise unknown_name(_where(estimator), "lr_schedule", schedule, SCHEDULES)
    _check_combinations(estimator)


def _where(estimator: Any) -> str:
    return type(estimator).__name__


def _number(low: float, high: float = math.inf, *, low_open: bool = False, closed: bool = False) -> Any:
    def holds(value: Any) -> bool:
        if not is_number(value):
            return False
        above = low < value if low_open else low <= value
        return bool(above and (value <= high if closed else value < high))

    left, right = "(" if low_open else "[", "]" if closed else ")"
    return holds, f"a number in {left}{low:g}, {high:g}{right}"


def _whole(value: Any) -> bool:
    return is_integer(value, 1)


def _boolean(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _seeds(value: Any) -> bool:
    """Return whether scikit-learn makes random numbers of a value; it takes the module too."""
    if isinstance(value, numbers.Integral):
        return 0 <= int(value) < 2**32
    return value is None or value is np.random or isinstance(value, np.random.RandomState)


def _optional(rule: tuple[Callable[[Any], bool], str]) -> tuple[Callable[[Any], bool], str]:
    holds, text = rule
    return (lambda value: value is None or holds(value)), f"None or {text}"


_TRUTH = (_boolean, "True or False")
_COUNT = (_whole, "an integer above 0")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": _number(0),
    "batch_size": (lambda value: value == "auto" or _whole(value), "'auto' or an integer above 0"),
    "learning_rate_init": _number(0, low_open=True),
    "power_t": _number(0),
    "max_iter": _COUNT,
    "shuffle": _TRUTH,
    "random_state": (
        _seeds,
        "None, an integer in [0, 4294967295] or a numpy.random.RandomState (a Generator is none)",
    ),
    "tol": _number(0),
    "verbose": (
        lambda value: isinstance(value, (bool, np.bool_, int, np.integer)),
        "True, False or an integer",
    ),
    "warm_start": _TRUTH,
    "momentum": _number(0, 1, closed=True),
    "nesterovs_momentum": _TRUTH,
    "early_stopping": _TRUTH,
    "validation_fraction": _number(0, 1),
    "beta_1": _number(0, 1),
    "beta_2": _number(0, 1),
    "epsilon": _number(0, low_open=True),
    "n_iter_no_change": (lambda value: value == math.inf or _whole(value), "an integer above 0, or infinity"),
    "max_fun": _COUNT,
    "dropout": _number(0, 1),
    "weight_decay": _optional(_number(0)),
    "grad_clip_norm": _optional(_number(0, low_open=True)),
    "lr_schedule": (
        lambda value: value is None or isinstance(value, str) or callable(value),
        "None, a name, or a function of the number of steps taken",
    ),
    "label_smoothing": _number(0, 1),
    "quantile": _optional(_number(0, 1, low_open=True)),
    "ema_decay": _optional(_number(0, 1)),
    "time_limit": _optional(_number(0, low_open=True)),
    "checkpoint": _optional(
        (lambda value: isinstance(value, (str, os.PathLike, Checkpoint)), "a path or a train.Checkpoint")
    ),
    "executor": (
        lambda value: value in EXECUTORS or isinstance(value, Executor),
        "'llvm', 'numpy', 'xla' or an Executor",
    ),
    "preset": (lambda value: value in (None, "tabular"), "None or 'tabular'"),
    "categorical_features": (lambda value: value in (None, "from_dtype"), "None or 'from_dtype'"),
}


def _check_layers(estimator: Any) -> None:
    sizes = estimator._arguments.hidden_layer_sizes
    try:
        widths = layer_widths(sizes)
    except (TypeError, ValueError):
        widths = [0]
    if any(width <= 0 for width in widths):
        raise ConfigurationError(f"{_where(estimator)}: hidden_layer_sizes must be > 0, got {sizes!r}")
    activation = estimator._arguments.activation
    one = isinstance(activation, str) or callable(activation)
    if not one and not isinstance(activation, Sequence):
        raise ConfigurationError(
            f"{_where(estimator)}: activation is a name, a function or one of them for each hidden layer, "
            f"got {activation!r}"
        )
    if not one and len(activation) != len(widths):
        raise ConfigurationError(
            f"{_where(estimator)}: activation has {len(activation)} entries, and hidden_layer_sizes "
            f"{len(widths)}; one for each hidden layer"
        )
    for name in [activation] if one else activation:
        if not callable(name) and name not in (*nn.ACTIVATIONS, *SYNONYMS):
            raise unknown_name(_where(estimator), "activation", name, (*nn.ACTIVATIONS, *SYNONYMS))


def _check_combinations(estimator: Any) -> None:
    """Refuse arguments that contradict each other, naming both."""
    if estimator._arguments.solver == "lbfgs":
        # scikit-learn ignores its own arguments that have no meaning here, such as early_stopping.
        for name in ("lr_schedule", "grad_clip_norm", "ema_decay", "weight_decay", "checkpoint"):
            value = getattr(estimator, name)
            if value is not None:
                raise ConfigurationError(
                    f"{_where(estimator)}: {name}={value!r} is for training in steps, and solver='lbfgs' "
                    "takes all rows at once; choose another solver or leave it out"
                )
    if estimator.lr_schedule is not None and estimator._arguments.learning_rate != "constant":
        raise ConfigurationError(
            f"{_where(estimator)}: lr_schedule={estimator.lr_schedule!r} and "
            f"learning_rate={estimator._arguments.learning_rate!r} both set the rate; give one of them"
        )
    _check_loss(estimator)


def _check_loss(estimator: Any) -> None:
    loss, known = estimator.loss, estimator._losses
    if not callable(loss) and loss not in known:
        raise unknown_name(_where(estimator), "loss", loss, known)
    for name, needs in (("quantile", "quantile"), ("label_smoothing", "log_loss")):
        value = getattr(estimator._arguments, name) if hasattr(estimator, name) else None
        if value and loss != needs:
            raise ConfigurationError(
                f"{_where(estimator)}: {name}={value!r} belongs to loss={needs!r}, and loss is {loss!r}"
            )
    if loss == "quantile" and estimator.quantile is None:
        raise ConfigurationError(
            f"{_where(estimator)}: loss='quantile' needs quantile, a number in (0, 1): 0.5 for the median"
        )
