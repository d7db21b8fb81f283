"""Which settings are searched, and between which values."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

from wengert.tabular.training_settings import TrainingSettings


@dataclasses.dataclass(frozen=True)
class OneOf:
    """A setting that is one of a few values.

    Attributes
    ----------
    name : str
    values : tuple
    """

    name: str
    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Magnitude:
    """A setting whose logarithm is drawn, between two numbers.

    Attributes
    ----------
    name : str
    low, high : float
    """

    name: str
    low: float
    high: float


class Draw(Protocol):
    """What draws values for one trial."""

    def __call__(self, dimension: OneOf | Magnitude) -> Any:
        """Return a value of a dimension."""
        ...


_PRESET = OneOf("preset", ("tabular", "plain"))
_DEPTH = OneOf("depth", (1, 2, 3, 4))
_WIDTH = OneOf("width", (32, 64, 128, 256))
_DROPOUT = OneOf("dropout", (0.0, 0.1, 0.2, 0.4))
_BATCH_SIZE = OneOf("batch_size", (32, 64, 128, 256, 512))
# Around the preset's own: the tabular one divides a step by the width, the plain one is Adam.
_RATE = {
    "tabular": Magnitude("tabular_learning_rate", 0.005, 0.3),
    "plain": Magnitude("plain_learning_rate", 1e-4, 1e-2),
}
_L2 = Magnitude("l2", 1e-6, 1e-1)


def drawn_settings(base: TrainingSettings, free_preset: bool, rows: int, draw: Draw) -> TrainingSettings:
    """Return settings in which those that `base` leaves open are drawn.

    Parameters
    ----------
    base : TrainingSettings
        What it says stays, and so does a dropout that is not 0.
    free_preset : bool
        Whether the preset is drawn too.
    rows : int
        To learn from; no step takes more than a quarter of them.
    draw : callable
        Is asked for the value of one dimension after the other.
    """
    found: dict[str, Any] = {"preset": draw(_PRESET) if free_preset else base.preset}
    if base.hidden is None:
        found["hidden"] = (draw(_WIDTH),) * draw(_DEPTH)
    if not base.dropout:
        found["dropout"] = draw(_DROPOUT)
    if base.batch_size is None:
        found["batch_size"] = min(draw(_BATCH_SIZE), max(1, rows // 4))
    if base.learning_rate is None:
        found["learning_rate"] = draw(_RATE[found["preset"]])
    if base.l2 is None and found["preset"] == "plain":
        found["l2"] = draw(_L2)
    return dataclasses.replace(base, **found)
