"""`wengert evaluate`: the scores of a model on a labelled table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from wengert.cli.console import result_console
from wengert.cli.report import describe_task, heading, print_scores
from wengert.io.table_model import TableModel
from wengert.io.tables import read_table


def run(model: str, file: str, *, as_json: bool) -> int:
    """Score a model; see `wengert.cli.app.evaluate`."""
    loaded = TableModel.load(model)
    frame = read_table(file, text_columns=loaded.preprocessor.text_columns)
    scores = loaded.score(frame)
    target = loaded.preprocessor.target
    if as_json:
        document = {
            "model": model,
            "file": file,
            "target": target.name,
            "rows": frame.height,
            "scores": scores,
        }
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        return 0
    console = result_console()
    source = "standard input" if file == "-" else Path(file).name
    heading(
        console,
        f"{source}: {frame.height:,} rows, {target.name}, {describe_task(target.kind, len(target.classes))}",
    )
    print_scores(console, scores)
    console.print()
    return 0
