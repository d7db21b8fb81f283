"""`wengert predict`: a table in, predictions as CSV out."""

from __future__ import annotations

from pathlib import Path

from wengert.cli.console import write
from wengert.errors import ConfigurationError
from wengert.io.reading.text_format import TextFormat
from wengert.io.table_model import TableModel
from wengert.storage import refuse_unwritable, write_file


def run(model: str, file: str, output: str, probabilities: bool, given: TextFormat) -> int:
    """Predict the rows of a file; see `wengert.cli.app.predict`."""
    if output != "-" and Path(output).suffix.lower() != ".csv":
        raise ConfigurationError(
            f"predictions are written as CSV, and {output!r} does not end in .csv. Name it so, or - for "
            "standard output."
        )
    if output != "-":
        refuse_unwritable(Path(output))
    loaded = TableModel.load(model)
    frame = loaded.read(file, given)
    text = loaded.predict(frame, probabilities=probabilities).write_csv()
    if output == "-":
        write(text, verbatim=True)
    else:
        write_file(Path(output), text.encode("utf-8"))
    return 0
