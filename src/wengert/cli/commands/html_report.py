"""`wengert report`: a saved model and a table as one HTML page."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from wengert.cli.console import Text, result_console
from wengert.cli.model_rows import read_labelled
from wengert.errors import ConfigurationError
from wengert.io.report.run_report import run_report
from wengert.io.table_models import load_table_model
from wengert.storage import refuse_unwritable, write_file
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.table_model import TableModel

_SUFFIXES = (".html", ".htm")


def run(model: str, data: str, out: str | None, given: TextFormat) -> int:
    """Write a report; see `wengert.cli.app.report`."""
    path = Path(f"{Path(model).resolve().name}.html" if out is None else out)
    check_report(path)
    loaded = load_table_model(model)
    frame = read_labelled(loaded, data, given)
    source = "standard input" if data == "-" else Path(data).name
    write_report(loaded, frame, f"{frame.height:,} rows of {source}", path)
    result_console().print(Text(f"Report written to {path}."), soft_wrap=True)
    return 0


def check_report(path: Path) -> None:
    """Find out before long work whether a report can be written.

    Raises
    ------
    ConfigurationError, ModelFileError
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(f"a report is a page of HTML, and {str(path)!r} does not end in .html.")
    refuse_unwritable(path)


def write_report(model: TableModel, frame: pl.DataFrame, rows: str, path: Path) -> None:
    """Write the report of a model on rows whose target is known."""
    write_file(path, run_report(model, frame, rows).encode("utf-8"))
