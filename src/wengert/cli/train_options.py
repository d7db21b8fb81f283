"""The options of `wengert train`, put together from the command line, a file and the defaults."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wengert.cli.config_file import read_config
from wengert.errors import ConfigurationError
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.row_roles import RowRoles
from wengert.tabular.training_settings import TrainingSettings

_TEST_FRACTION = 0.2
_WAYS_TO_SCORE = ("test_fraction", "cv", "test")


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """What `wengert train` is to do with a table.

    Attributes
    ----------
    targets : tuple of str
        Each is learnt by a model of its own, which does not see the others.
    drop : tuple of str
    test_fraction : float
        0 where all rows are to be trained on.
    folds : int or None
        Of the cross-validation, if one is wanted.
    directory : Path
        Where the model goes; of several, where the directories of the models go.
    settings : TrainingSettings
    text : TextFormat
        What is said of the file.
    roles : RowRoles
        Columns that say how rows are used.
    test : str or None
        A table to score on.
    seeds : int
        How many networks are trained, with a seed each, and averaged.
    """

    targets: tuple[str, ...]
    drop: tuple[str, ...]
    test_fraction: float
    folds: int | None
    directory: Path
    settings: TrainingSettings
    text: TextFormat
    roles: RowRoles
    test: str | None
    seeds: int

    @property
    def target(self) -> str:
        """The only target.

        Raises
        ------
        ConfigurationError
            If there are several.
        """
        if len(self.targets) > 1:
            raise ConfigurationError(
                f"there are several targets: {', '.join(self.targets)}. Name one of them."
            )
        return self.targets[0]

    def of_each_target(self) -> list[TrainOptions]:
        """Return what is to be done for each target: its model has the others dropped.

        The directory of each is named after it, or after its place where the name is not that of a file.
        """
        if len(self.targets) == 1:
            return [self]
        return [
            dataclasses.replace(
                self,
                targets=(target,),
                drop=(*self.drop, *(other for other in self.targets if other != target)),
                directory=self.directory
                / (target if re.fullmatch(r"\w[\w .-]*", target) else f"target {place}"),
            )
            for place, target in enumerate(self.targets, start=1)
        ]


def train_options(file: str, given: Mapping[str, Any], config: str | None) -> TrainOptions:
    """Put the options together.

    Parameters
    ----------
    file : str
        The table, after which the model is named where ``out`` is not given.
    given : mapping
        The options of the command line by name: those given only.
    config : str or None
        A file with others; what is in both is taken from the command line.

    Raises
    ------
    ConfigurationError
        If no target is named, a value is out of range, or options contradict each other.
    """
    options: dict[str, Any] = read_config(config) if config is not None else {}
    # What the command line says about scoring replaces what the file says, be it another way to do it.
    if any(name in given for name in _WAYS_TO_SCORE):
        options = {name: value for name, value in options.items() if name not in _WAYS_TO_SCORE}
    options.update(given)
    if isinstance(options.get("hidden"), str):
        options["hidden"] = parse_hidden(options["hidden"])
    if str(options.get("mesh")).isdecimal():
        options["mesh"] = int(options["mesh"])
    targets = _targets(options.pop("target", None))
    drop = tuple(options.pop("drop", ()))
    out = options.pop("out", None)
    directory = Path(out) if out is not None else default_directory(file)
    test_fraction, folds, test = _scoring(*(options.pop(name, None) for name in _WAYS_TO_SCORE))
    seeds = _seeds(options.pop("seeds", None), folds)
    if options.get("time_limit") is not None:
        # Each fold, and the model itself.
        options["time_limit"] /= ((folds or 0) + 1) * len(targets) * seeds
    text = text_format(
        **{name: options.pop(name) for name in ("sep", "decimal", "encoding", "na") if name in options}
    )
    roles = RowRoles(**{name: options.pop(name) for name in ("group", "time", "weights") if name in options})
    settings = TrainingSettings(**options)
    settings.runner()  # which says what is missing before a table is read
    return TrainOptions(targets, drop, test_fraction, folds, directory, settings, text, roles, test, seeds)


def _targets(given: str | Sequence[str] | None) -> tuple[str, ...]:
    targets = (given,) if isinstance(given, str) else tuple(given or ())
    if not targets:
        raise ConfigurationError("which column is to be predicted? Name it with --target COLUMN.")
    twice = next((name for name in targets if targets.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"the target {twice!r} is named twice. Name it once.")
    return targets


def text_format(
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
) -> TextFormat:
    """Return what options say of a text file; the separator may be named, ``tab`` or ``space``."""
    named = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "bar": "|"}
    missing = tuple(word.strip() for item in na or () for word in item.split(",") if word.strip())
    return TextFormat(named.get(sep or "", sep or ""), encoding or "", decimal or "", missing)


def parse_hidden(text: str) -> tuple[int, ...]:
    """Read the units of the hidden layers: ``128,64``, or ``none``."""
    if text.strip().lower() == "none":
        return ()
    if not re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", text):
        raise ConfigurationError(
            f"--hidden takes whole numbers separated by commas, such as 128,64, or none; got {text!r}."
        )
    return tuple(int(units) for units in text.split(","))


def dropped_columns(drop: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Split lists of names at their commas, but not a name of the table that has commas itself."""
    split: list[str] = []
    for item in drop:
        split.extend([item] if item in names else [name.strip() for name in item.split(",")])
    return tuple(name for name in split if name)


def default_directory(file: str) -> Path:
    """Return the directory for the model of a table: ``digits-model`` here for ``…/digits.csv``."""
    stem = "table" if file == "-" else Path(os.path.abspath(file)).stem
    return Path(f"{stem}-model")


def _seeds(seeds: int | None, folds: int | None) -> int:
    if seeds is None:
        return 1
    if seeds < 2:
        raise ConfigurationError(f"seeds is a number of networks, 2 or more, got {seeds}.")
    if folds is not None:
        raise ConfigurationError(
            "seeds and cv both say how far scores spread: over networks on the same rows, or over rows. Give "
            "one of them."
        )
    return seeds


def _scoring(
    test_fraction: float | None, folds: int | None, test: str | None
) -> tuple[float, int | None, str | None]:
    given = [
        name
        for name, value in zip(_WAYS_TO_SCORE, (test_fraction, folds, test), strict=True)
        if value is not None
    ]
    if len(given) > 1:
        raise ConfigurationError(
            f"{given[1]} and {given[0]} are two ways to score: rows held out, each row held out once by "
            "cross-validation, or a table of their own. Give one of them."
        )
    if test is not None:
        return 0.0, None, test
    if folds is not None:
        if folds < 2:
            raise ConfigurationError(f"cv is a number of folds, 2 or more, got {folds}.")
        return 0.0, folds, None
    fraction = _TEST_FRACTION if test_fraction is None else test_fraction
    if not 0 <= fraction < 1:
        raise ConfigurationError(f"test_fraction is at least 0 and less than 1, got {fraction}.")
    return fraction, None, None
