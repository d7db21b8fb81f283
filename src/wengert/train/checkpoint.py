"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from wengert.errors import ConfigurationError, ModelFileError
from wengert.storage import dump_json, load_tensors, parse_json, refuse_unwritable, save_tensors
from wengert.train.callbacks import Stop
from wengert.train.history import Epoch, History
from wengert.train.moment import Moment

_VERSION = 1
_ENTRY = "training"


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept, and how often.

    Attributes
    ----------
    path : path-like
        A file. Where it exists, `fit` goes on from it.
    seconds : float
        Time between two saves; 0 saves after every step. The end of the run is always saved.
    """

    path: str | os.PathLike[str]
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < math.inf:
            raise ConfigurationError(f"checkpoint: seconds is a number, 0 or more, got {self.seconds!r}")

    def save(self, moment: Moment, names: tuple[str, ...], identity: dict[str, str]) -> None:
        """Write a moment of training; the file is replaced as a whole.

        Raises
        ------
        ModelFileError
            When the system refuses (disk full); the checkpoint before is intact.
        """
        past = moment.past
        arrays = _named("now", names, moment.carry)
        if past.best is not None:
            arrays |= _named("best", names, past.best)
        plain = {
            "version": _VERSION,
            "identity": identity,
            "epochs": past.history.to_records(),
            "has_best": past.best is not None,
            "seconds": past.seconds,
            "stop": None if past.stop is None else asdict(past.stop),
            "batch": moment.batch,
            "loss_sum": moment.loss_sum,
            "first_loss": moment.first_loss,
        }
        save_tensors(self.path, arrays, {_ENTRY: dump_json(plain, str(self.path)).decode()})

    def load(self, initial: Moment, names: tuple[str, ...], identity: dict[str, str]) -> Moment | None:
        """Return the moment that was saved, or None where there is no file.

        Raises
        ------
        ModelFileError
            When the file is damaged, or belongs to another run: says what differs; and when none can be
            written there, which is better known before the training than after it.
        """
        path = Path(self.path)
        refuse_unwritable(path)
        if not os.path.exists(path):
            return None
        arrays, metadata = load_tensors(path)
        if _ENTRY not in metadata:
            raise ModelFileError(f"{path} is a model and no checkpoint of a training run; name another file")
        plain = parse_json(metadata[_ENTRY].encode(), str(path))
        if plain.get("version") != _VERSION:
            raise ModelFileError(
                f"{path} was written by another version of wengert; delete it to start again"
            )
        self._compare(plain["identity"], identity)
        history = History(Epoch(**record) for record in plain["epochs"])
        past = replace(
            initial.past,
            history=history,
            best=_carry("best", names, arrays) if plain["has_best"] else None,
            best_loss=min((epoch.monitored for epoch in history), default=math.inf),
            seconds=plain["seconds"],
            stop=None if plain["stop"] is None else Stop(**plain["stop"]),
        )
        carry = _carry("now", names, arrays)
        return Moment(past, carry, plain["batch"], plain["loss_sum"], plain["first_loss"])

    def _compare(self, before: dict[str, str], now: dict[str, str]) -> None:
        differing = [name for name in now if before.get(name) != now[name]]
        if differing:
            details = "; ".join(f"{name}: {before.get(name)} there, {now[name]} here" for name in differing)
            raise ModelFileError(
                f"{self.path} is the checkpoint of another run; what differs: {details}. "
                "Resume with the same data and settings, or name another file"
            )


def _named(group: str, names: tuple[str, ...], carry: tuple[Any, ...]) -> dict[str, Any]:
    # Best weights are a carry cut short: they have the network's arrays and not the optimiser's.
    return {
        f"{group}/{place}/{name}": leaf for place, (name, leaf) in enumerate(zip(names, carry, strict=False))
    }


def _carry(group: str, names: tuple[str, ...], arrays: dict[str, Any]) -> tuple[Any, ...]:
    wanted = [f"{group}/{place}/{name}" for place, name in enumerate(names)]
    return tuple(arrays[name] for name in wanted if name in arrays)
