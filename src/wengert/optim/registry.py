"""Optimisers and schedules by their names, as settings, estimators and the command know them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_Made = TypeVar("_Made", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class NamedOptimiser:
    """An optimiser that goes by a name.

    Attributes
    ----------
    make : callable
        Makes it of a learning rate and options.
    rate : float or None
        The learning rate that suits standardised features; None if it searches for its step length.
    options : mapping
        Of training on tables, where they are not the optimiser's own defaults.
    decays : bool
        Whether it has a weight decay of its own, which then stands for a penalty.
    """

    make: Callable[..., Any]
    rate: float | None
    options: Mapping[str, Any]
    decays: bool

    def for_estimator(self, rate: Any, estimator: Any) -> Any:
        """Return the optimiser with those of scikit-learn's arguments that it has, under their names."""
        given = {
            "betas": (float(estimator.beta_1), float(estimator.beta_2)),
            "epsilon": float(estimator.epsilon),
            "momentum": float(estimator.momentum),
            "weight_decay": 0.0,  # estimators decay weights and not biases, beside any optimiser
        }
        known = {field.name for field in dataclasses.fields(self.make)}  # type: ignore[arg-type]
        return self.make(rate, **{name: value for name, value in given.items() if name in known})


OPTIMISERS: dict[str, NamedOptimiser] = {}
# Each makes a schedule of its highest rate and the number of steps.
SCHEDULES: dict[str, Callable[[float, int], Callable[[Any], Any]]] = {}


def named_optimiser(
    name: str, rate: float | None, *, decays: bool = False, **options: Any
) -> Callable[[_Made], _Made]:
    """Enter an optimiser under a name; see `NamedOptimiser`."""

    def enter(make: _Made) -> _Made:
        OPTIMISERS[name] = NamedOptimiser(make, rate, options, decays)
        return make

    return enter


def named_schedule(name: str) -> Callable[[_Made], _Made]:
    """Enter a schedule, which is made of its highest rate and the number of steps, under a name."""

    def enter(make: _Made) -> _Made:
        SCHEDULES[name] = make
        return make

    return enter
