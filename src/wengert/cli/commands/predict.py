"""`wengert predict`: a table in, predictions as CSV out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from wengert.cli.console import write
from wengert.cli.model_rows import model_threshold
from wengert.errors import ConfigurationError
from wengert.io.model_directory import models_of_group
from wengert.io.table_models import load_table_model, read_as_in_training
from wengert.storage import refuse_unwritable, write_file
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.table_model import TableModel


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked for beside the predictions; see `TableModel.predict` and `threshold_of`."""

    probabilities: bool
    interval: float | None
    threshold: str | None


def run(model: str, file: str, output: str, wanted: Wanted, given: TextFormat) -> int:
    """Predict the rows of a file; see `wengert.cli.app.predict`."""
    if output != "-" and Path(output).suffix.lower() != ".csv":
        raise ConfigurationError(
            f"predictions are written as CSV, and {output!r} does not end in .csv. Name it so, or - for "
            "standard output."
        )
    if output != "-":
        refuse_unwritable(Path(output))
    group = models_of_group(model)
    predictions = pl.concat(
        [_predictions(load_table_model(one), file, wanted, given) for one in group or [Path(model)]],
        how="horizontal",
    )
    # Spelled as everywhere else: in the names of the columns, in reports, in exported programs.
    spelled = pl.selectors.boolean().replace_strict({True: "True", False: "False"}, return_dtype=pl.String)
    text = predictions.with_columns(spelled).write_csv()
    if output == "-":
        write(text, verbatim=True)
    else:
        write_file(Path(output), text.encode("utf-8"))
    return 0


def _predictions(model: TableModel, file: str, wanted: Wanted, given: TextFormat) -> pl.DataFrame:
    threshold = model_threshold(model, wanted.threshold)
    if wanted.interval is not None:
        model.bound(wanted.interval)  # refused before a long table is read
    frame = read_as_in_training(model, file, given)
    return model.predict(
        frame, probabilities=wanted.probabilities, interval=wanted.interval, threshold=threshold
    )
