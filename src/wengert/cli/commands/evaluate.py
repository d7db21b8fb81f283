"""`wengert evaluate`: the scores of a model on a labelled table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import polars as pl
from rich.padding import Padding

from wengert.cli.console import Text, result_console, write
from wengert.cli.model_rows import model_threshold, read_labelled
from wengert.cli.report import describe_task, heading, print_calibration, print_scores
from wengert.errors import ConfigurationError
from wengert.io.report.run_report import evaluation_figures
from wengert.io.report.svg import standalone
from wengert.io.table_models import load_table_model
from wengert.storage import why_not_writable, write_file
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.table_model import TableModel


def run(
    model: str,
    file: str,
    plots: str | None,
    given: TextFormat,
    interval: float | None,
    threshold: str | None,
    *,
    as_json: bool,
) -> int:
    """Score a model; see `wengert.cli.app.evaluate`."""
    if plots is not None and (reason := why_not_writable(Path(plots).absolute(), "figure.svg")):
        raise ConfigurationError(f"--plots {plots}: no figures can be written there: {reason}.")
    loaded = load_table_model(model)
    decision = model_threshold(loaded, threshold)
    if interval is not None:
        loaded.bound(interval)
    frame = read_labelled(loaded, file, given)
    scores, seen = loaded.score(frame, threshold=decision), loaded.seen(frame)
    covered = None if interval is None else loaded.coverage(frame, interval)
    if plots is not None:
        _write_plots(Path(plots), loaded, frame, scores)
    target = loaded.preprocessor.target
    if as_json:
        document = {
            "model": model,
            "file": file,
            "target": target.name,
            "rows": frame.height,
            "trained_on": None if seen is None else dataclasses.asdict(seen),
            "scores": scores,
            **({} if decision is None else {"threshold": decision}),
            **({} if covered is None else {"interval": covered}),
        }
        write(json.dumps(document, allow_nan=False) + "\n", verbatim=True)
        return 0
    console = result_console()
    source = "standard input" if file == "-" else Path(file).name
    heading(
        console,
        f"{source}: {frame.height:,} rows, {target.name}, {describe_task(target.kind, len(target.classes))}",
    )
    print_scores(console, scores)
    if decision is not None:
        console.print(Text(f"  Predicted is {target.classes[1]} from a probability of {decision:.4g} on."))
    if covered is not None:
        console.print()
        console.print(Padding(Text(_coverage_text(covered)), (0, 0, 0, 2)))
    if seen is not None and (sentence := seen.sentence()):
        console.print()
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    if loaded.is_classifier:
        print_calibration(console, scores)
    if plots is not None:
        console.print()
        console.print(Text(f"  Figures written to {plots}."), soft_wrap=True)
    console.print()
    return 0


def _coverage_text(covered: dict[str, float]) -> str:
    what = f"Of the intervals of {covered['level']:.4g}, {covered['covered']:.1%} hold the truth; "
    if "width" in covered:
        return f"{what}they are {covered['width']:.4g} wide."
    return f"{what}they have {covered['classes']:.3g} classes on average."


def _write_plots(directory: Path, model: TableModel, frame: pl.DataFrame, scores: dict[str, Any]) -> None:
    """Write each figure as an SVG file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, (svg, _) in evaluation_figures(model, frame, scores).items():
        write_file(directory / f"{name}.svg", standalone(svg).encode("utf-8"))
