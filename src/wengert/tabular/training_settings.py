"""How a network is trained on a table: the choices a person has, their defaults and their limits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from wengert.checks import in_range, unknown_name
from wengert.errors import ConfigurationError, ModelFileError
from wengert.nn.activations import ACTIVATIONS
from wengert.optim import OPTIMISERS
from wengert.run import EXECUTORS, Executor, find_executor, mesh_of
from wengert.run.threads import default_threads

PRESETS = ("tabular", "plain")
LOSSES_OF_MEANS = ("poisson", "tweedie")  # of counts and amounts, 0 or more
REGRESSION_LOSSES = ("squared_error", "absolute_error", "huber", "quantile", *LOSSES_OF_MEANS)
# What the plain preset takes where nothing is said; the tabular one has its own in `wengert.train.tabular`.
PLAIN_HIDDEN, PLAIN_ACTIVATION, PLAIN_EPOCHS, PLAIN_OPTIMIZER = (128, 64), "relu", 200, "adam"
_MOST = 2**31  # of units and epochs
_LARGEST_SEED = 2**32
_SMALLEST_BATCH, _LARGEST_BATCH = 32, 256
_STEPS_AN_EPOCH = 25
_DEVICES = ("device", "precision", "mesh", "deterministic")  # settings of the executor "xla" alone
_NO_TIME = 1e-3  # seconds, where a limit is over


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """The choices for one training run.

    Attributes
    ----------
    preset : str
        ``tabular`` for the defaults of `wengert.train.tabular`, ``plain`` for a network of dense layers on
        standardised features. What is None below is chosen by the preset.
    hidden : tuple of int or None
        Units of each hidden layer; none makes a linear model. Plain: 128 and 64.
    activation : str or None
        Of the hidden layers; a name of `wengert.nn.activations`. Plain: ReLU.
    epochs : int or None
        The most passes over the rows. Plain: 200, and training stops before if the validation loss no
        longer falls.
    batch_size : int or None
        Rows a step. Plain: chosen from the number of rows (`batch_size_for`).
    learning_rate : float or None
        Plain: the one that suits the optimiser (`optim.OPTIMISERS`).
    optimizer : str or None
        A key of `optim.OPTIMISERS`; of the plain preset only, which takes Adam.
    l2 : float or None
        Of the plain preset only: factor of the penalty ½ Σ w² on the weights; 1 / rows makes training the
        search for the most probable weights when each is standard normal beforehand. An optimiser with a
        weight decay of its own takes it as that, which has a default of its own.
    dropout : float
        Part of the hidden units that is switched off in each step.
    seed : int
        Of the split of rows, the first weights, the order of rows and dropout.
    time_limit : float or None
        Seconds for making features, training and predicting the rows that are to be scored.
    loss : str or None
        Of numbers: one of `REGRESSION_LOSSES`; the squared error by default. ``huber`` counts residuals in
        standard deviations of the target; ``poisson`` and ``tweedie`` take a target of 0 or more.
    quantile : float or None
        In (0, 1); of the loss of this name only, which needs it.
    class_weight : str or None
        As `wengert.tabular.row_roles.class_weights` reads it.
    executor : str
        What runs the steps, one of `EXECUTORS`.
    device, precision, mesh, deterministic
        For "xla"; see `train.fit`.
    """

    preset: str = "tabular"
    hidden: tuple[int, ...] | None = None
    activation: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    l2: float | None = None
    dropout: float = 0.0
    seed: int = 0
    time_limit: float | None = None
    loss: str | None = None
    quantile: float | None = None
    class_weight: str | None = None
    executor: str = "llvm"
    device: str | None = None
    precision: str | None = None
    mesh: int | str | None = None
    deterministic: bool = False

    def __post_init__(self) -> None:
        for name in _DEVICES:
            if getattr(self, name) and self.executor != "xla":
                raise ConfigurationError(
                    f"training settings: {name} is for the executor xla, and this is {self.executor}. Choose "
                    f"xla, or leave {name} out."
                )
        for name, known in (
            ("preset", PRESETS), ("activation", ACTIVATIONS), ("optimizer", OPTIMISERS),
            ("loss", REGRESSION_LOSSES), ("executor", EXECUTORS),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and value not in known:
                raise unknown_name("training settings", name, value, known)
        for units in self.hidden or ():
            _whole_number("hidden", units, 1, _MOST)
        if self.epochs is not None:
            _whole_number("epochs", self.epochs, 1, _MOST)
        _whole_number("seed", self.seed, 0, _LARGEST_SEED)
        for name in ("optimizer", "l2"):
            if self.preset == "tabular" and getattr(self, name) is not None:
                raise ConfigurationError(
                    f"training settings: the tabular preset has its own {name}. Leave {name} out, or choose "
                    "the plain preset."
                )
        if (self.loss == "quantile") != (self.quantile is not None):
            raise ConfigurationError(
                "training settings: loss quantile and a quantile, such as 0.9, go together. Give both."
            )
        if self.quantile is not None:
            in_range("training settings", "quantile", self.quantile, 0, 1, low_open=True)
        if self.l2 is not None:
            in_range("training settings", "l2", self.l2, 0, math.inf)
        in_range("training settings", "dropout", self.dropout, 0, 1)
        if self.batch_size is not None:
            _whole_number("batch_size", self.batch_size, 1)
        for name in ("batch_size", "learning_rate", "dropout"):
            if self.optimizer == "lbfgs" and getattr(self, name):
                raise ConfigurationError(
                    "training settings: lbfgs takes all rows in every step, and looks for its step length on "
                    f"a loss that must not vary, so {name} has no place in it. Leave {name} out, or choose "
                    "another optimizer."
                )
        for name in ("learning_rate", "time_limit"):
            value = getattr(self, name)
            if value is not None:
                in_range("training settings", name, value, 0, math.inf, low_open=True)

    def batch_size_for(self, rows: int) -> int | None:
        """Return the rows a step: as asked for, else, within limits, what gives an epoch about 25 steps.

        None for L-BFGS, which takes them all.
        """
        if self.optimizer == "lbfgs":
            return None
        if self.batch_size is not None:
            return min(self.batch_size, rows)
        power = 1 << round(math.log2(max(1, rows / _STEPS_AN_EPOCH)))
        return min(max(power, _SMALLEST_BATCH), _LARGEST_BATCH, rows)

    def runner(self) -> str | Executor:
        """Return what runs the steps: a name, or for "xla" the executor on its devices.

        Raises
        ------
        ConfigurationError
            When there are no such devices, or no JAX.
        """
        if self.executor != "xla":
            return self.executor
        devices = {name: getattr(self, name) for name in _DEVICES}
        return find_executor("xla", **{**devices, "mesh": mesh_of("xla", self.mesh)})

    @property
    def at_a_time(self) -> int:
        """How many trainings run at the same time: one for each core, and one where devices are shared."""
        return 1 if self.executor == "xla" else default_threads()

    def after(self, seconds: float) -> TrainingSettings:
        """Return the settings for what is left of a time limit after some seconds."""
        if self.time_limit is None:
            return self
        return dataclasses.replace(self, time_limit=max(self.time_limit - seconds, _NO_TIME))

    @staticmethod
    def of(training: dict[str, Any]) -> TrainingSettings:
        """Return the settings that the record of a training run holds.

        Raises
        ------
        ModelFileError
            If it does not.
        """
        try:
            given = dict(training["settings"])
            hidden = None if given.get("hidden") is None else tuple(given["hidden"])
            return TrainingSettings(**{**given, "hidden": hidden})
        except (KeyError, TypeError, ConfigurationError) as error:
            raise ModelFileError(
                f"the model does not say how it was trained ({error}). Train it again."
            ) from None

    def to_json(self) -> dict[str, Any]:
        """Return the choices as plain JSON values."""
        hidden = None if self.hidden is None else list(self.hidden)
        return {**dataclasses.asdict(self), "hidden": hidden}


def _whole_number(name: str, value: Any, least: int, end: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (end is not None and value >= end):
        limit = f"{least} or more" if end is None else f"from {least} to {end - 1}"
        raise ConfigurationError(f"training settings: {name} is a whole number, {limit}, got {value!r}")
