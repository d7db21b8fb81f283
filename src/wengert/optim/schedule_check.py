"""Schedules of the user's own, tried before training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError
from wengert.optim.groups import ParameterGroups

# Number of steps tried, spread over the run: a schedule is smooth, or has few parts.
_TRIED = 64


def check_schedules(optimizer: Any, steps: int) -> None:
    """Refuse the schedules of an optimiser, or of each of a group, that give no rates in a run of `steps`.

    Raises
    ------
    ConfigurationError
        As `check_schedule`.
    """
    if isinstance(optimizer, ParameterGroups):
        for member in (*(one for _, one in optimizer.groups), optimizer.otherwise):
            check_schedules(member, steps)
        return
    for name in ("learning_rate", "weight_decay"):
        value = getattr(optimizer, name, None)
        if callable(value):
            check_schedule(f"{type(optimizer).__name__}: {name}", value, steps)


def check_schedule(where: str, schedule: Callable[[Any], Any], steps: int) -> None:
    """Refuse a function of the number of steps taken that does not give a number of 0 or more at each.

    Parameters
    ----------
    where : str
        Begins the messages.
    schedule : callable
    steps : int
        Length of the run.

    Raises
    ------
    ConfigurationError
        Naming the step and what the function gives there.
    """
    name = getattr(schedule, "__name__", None) or repr(schedule)
    for step in np.unique(np.linspace(0, max(steps - 1, 0), _TRIED).astype(np.int64)):
        at = f"{where}: the schedule {name} at step {step}"
        try:
            rate = np.asarray(schedule(np.asarray(step)))
        except Exception as error:  # a function of the user's own may raise anything
            raise ConfigurationError(
                f"{at} raises {type(error).__name__}: {error}. A schedule is a function of one argument, the "
                "number of steps taken."
            ) from error
        if rate.shape != () or rate.dtype.kind not in "fiu":
            raise ConfigurationError(
                f"{at} gives {rate.tolist()!r} of shape {rate.shape} and dtype {rate.dtype}. It has to give "
                "one number."
            )
        if not 0 <= rate < np.inf:
            raise ConfigurationError(
                f"{at} gives {rate}. It has to give a finite number of 0 or more; np.maximum and np.minimum "
                "keep it in bounds."
            )
