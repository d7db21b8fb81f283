"""`wengert lr-find` and `wengert doctor`: the rate to begin with, and what is wrong with a model."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wengert.cli.console import Text, result_console, write
from wengert.cli.model_rows import read_labelled
from wengert.cli.report import heading, listing
from wengert.cli.train_options import dropped_columns, train_options
from wengert.errors import ConfigurationError
from wengert.io.report.svg import Chart, standalone
from wengert.io.table_models import load_table_model
from wengert.io.tables import read_table
from wengert.storage import refuse_unwritable, write_file
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.training_checks import examine, find_rate
from wengert.tabular.training_table import TrainingTable
from wengert.train.learning_rate_finder import LearningRateCurve


def find(file: str, given: Mapping[str, Any], config: str | None, plot: str | None, *, as_json: bool) -> int:
    """Find a learning rate; see `wengert.cli.app.lr_find`."""
    options = train_options(file, given, config)
    if plot is not None:
        if Path(plot).suffix.lower() != ".svg":
            raise ConfigurationError(f"the plot is written as SVG, and {plot!r} does not end in .svg.")
        refuse_unwritable(Path(plot))
    frame = read_table(file, given=options.text, as_text=True)
    drop = dropped_columns(options.drop, frame.columns)
    table = TrainingTable.infer(
        frame, options.target, drop, options.text, options.roles, loss=options.settings.loss
    )
    curve = find_rate(table, options.settings)
    if plot is not None:
        write_file(Path(plot), standalone(rate_chart(curve)).encode("utf-8"))
    if as_json:
        document = {
            "suggestion": curve.suggestion,
            "highest": curve.highest,
            "rates": curve.rates.tolist(),
            "losses": curve.losses.tolist(),
            "smoothed": curve.smoothed.tolist(),
        }
        write(json.dumps(document, allow_nan=False) + "\n", verbatim=True)
        return 0
    console = result_console()
    heading(console, f"Learning rate for {table.target}, {len(curve.rates)} steps with growing rates")
    every = max(1, len(curve.rates) // 12)
    rows = (
        (f"{rate:.1e}", f"{loss:.4g}")
        for rate, loss in zip(curve.rates[::every], curve.smoothed[::every], strict=True)
    )
    console.print(listing(("rate", "loss"), rows, numbers=("rate", "loss")))
    console.print()
    console.print(Text(f"  {curve}"), soft_wrap=True)
    console.print(Text(f"  wengert train … --learning-rate {curve.suggestion:.2g}"), soft_wrap=True)
    if plot is not None:
        console.print(Text(f"  Plot written to {plot}."), soft_wrap=True)
    console.print()
    return 0


def rate_chart(curve: LearningRateCurve) -> str:
    """Return the losses by rate as SVG."""
    low, high = float(curve.smoothed.min()), float(curve.smoothed[0])
    margin = max(high - low, 1e-3 * abs(high), 1e-12)
    top = high + 0.7 * margin
    powers = [math.log10(rate) for rate in curve.rates]
    chart = Chart(
        (powers[0], powers[-1]),
        (low - 0.3 * margin, top),
        ("learning rate, as a power of ten", "loss"),
        "Loss by learning rate",
    )
    chosen = math.log10(curve.suggestion)
    chart.mark((chosen, low - 0.3 * margin), (chosen, top), f"to try: {curve.suggestion:.2g}")
    points = [(power, min(loss, top)) for power, loss in zip(powers, curve.smoothed.tolist(), strict=True)]
    chart.curve(points, 0, "smoothed")
    return chart.svg()


def doctor(model: str, data: str, given: TextFormat, *, as_json: bool) -> int:
    """Examine a model; see `wengert.cli.app.doctor`."""
    loaded = load_table_model(model)
    frame = read_labelled(loaded, data, given)
    diagnosis = examine(loaded, frame)
    if as_json:
        # A model that is ill may give numbers that JSON has not: null in their place.
        plain = json.loads(json.dumps(dataclasses.asdict(diagnosis)), parse_constant=lambda _: None)
        write(json.dumps(plain, allow_nan=False) + "\n", verbatim=True)
        return 0
    console = result_console()
    heading(
        console, f"{model} at {frame.height:,} rows of {'standard input' if data == '-' else Path(data).name}"
    )
    for line in str(diagnosis).splitlines():
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print()
    return 0
