"""What proposes settings: chance, or Optuna's model of what was good so far."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from wengert.checks import unknown_name
from wengert.extras import optional_library
from wengert.tabular.tuning.space import Draw, Magnitude, OneOf


class Sampler(Protocol):
    """Proposes one trial after the other.

    Attributes
    ----------
    learns : bool
        Whether a proposal depends on the losses of those before, so that no two are tried at the same time.
    """

    learns: bool

    def begin(self) -> Draw:
        """Return what draws the next trial."""
        ...

    def tell(self, loss: float) -> None:
        """Take in the loss of the trial drawn last; infinite where it gave none."""
        ...


class RandomSampler:
    """Draws each trial by chance, whatever the others gave.

    Parameters
    ----------
    seed : int

    Notes
    -----
    Bergstra & Bengio, "Random search for hyper-parameter optimization", 2012: better than a grid where few
    of the settings count, and it is not known which.
    """

    learns = False

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 4])

    def begin(self) -> Draw:
        """Return what draws the next trial."""
        return self._drawn

    def _drawn(self, dimension: OneOf | Magnitude) -> Any:
        if isinstance(dimension, OneOf):
            return dimension.values[self._rng.integers(len(dimension.values))]
        return math.exp(self._rng.uniform(math.log(dimension.low), math.log(dimension.high)))

    def tell(self, loss: float) -> None:
        """Forget it."""


class OptunaSampler:
    """Draws by Optuna's tree of Parzen estimators.

    Parameters
    ----------
    seed : int

    Raises
    ------
    ConfigurationError
        When Optuna is not installed.
    """

    learns = True

    def __init__(self, seed: int) -> None:
        optuna = optional_library("optuna", "--sampler optuna proposes settings with Optuna", "tune")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        self._failed = optuna.trial.TrialState.FAIL
        self._trial: Any = None

    def begin(self) -> Draw:
        """Return what draws the next trial."""
        self._trial = self._study.ask()
        return self._drawn

    def _drawn(self, dimension: OneOf | Magnitude) -> Any:
        if isinstance(dimension, OneOf):
            return self._trial.suggest_categorical(dimension.name, dimension.values)
        return self._trial.suggest_float(dimension.name, dimension.low, dimension.high, log=True)

    def tell(self, loss: float) -> None:
        """Have the model learn from it."""
        if math.isfinite(loss):
            self._study.tell(self._trial, loss)
        else:
            self._study.tell(self._trial, state=self._failed)


SAMPLERS: dict[str, type[RandomSampler] | type[OptunaSampler]] = {
    "random": RandomSampler,
    "optuna": OptunaSampler,
}


def find_sampler(name: str, seed: int) -> Sampler:
    """Return the sampler of a name.

    Raises
    ------
    ConfigurationError
        When there is none of that name, or its library is not installed.
    """
    if name not in SAMPLERS:
        raise unknown_name("tune", "sampler", name, SAMPLERS)
    return SAMPLERS[name](seed)
