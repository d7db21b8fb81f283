"""`wengert explain`: the derivation of a formula's gradient, or of a trained model's at rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wengert.cli.derivation_output import Output
from wengert.cli.formula_options import draw_arguments, read_function, read_names, read_rows
from wengert.errors import ConfigurationError, DataError
from wengert.explain.derivation import Derivation
from wengert.explain.entry import explain
from wengert.explain.formula_program import check_names


def run(subject: str, sources: dict[str, Any], output: Output, options: dict[str, Any]) -> int:
    """Print or write a derivation; see `wengert.cli.app.explain`."""
    output.check()
    if subject.strip() and Path(subject).is_dir():
        _refuse(sources, ("shape", "seed"), "is for formulas; a model has its own weights")
        derivation = _of_model(subject, sources, options)
    else:
        _refuse(sources, ("data", "row"), f"is for a trained model, and there is no directory {subject!r}")
        derivation = _of_formula(subject, sources, options)
    output.write(derivation)
    return 0


def _refuse(sources: dict[str, Any], names: tuple[str, ...], reason: str) -> None:
    for name in names:
        if sources[name] is not None:
            raise ConfigurationError(f"--{name} {reason}")


def _of_formula(formula: str, sources: dict[str, Any], options: dict[str, Any]) -> Derivation:
    function = read_function(formula)
    names = read_names(sources["wrt"])
    check_names("--wrt", names, function.names)
    arguments = draw_arguments(function, sources["shape"], sources["seed"] or 0)
    return explain(function, *arguments, wrt=names or None, **options)


def _of_model(directory: str, sources: dict[str, Any], options: dict[str, Any]) -> Derivation:
    from wengert.io.explanation import explain_rows
    from wengert.io.table_model import TableModel
    from wengert.io.tables import read_table

    model = TableModel.load(directory)
    rows = read_rows(sources["row"])
    file = sources["data"] or model.training.get("file")
    if not isinstance(file, str) or (file == "-" and not sources["data"]):
        raise ConfigurationError("--data: name the table that --row counts in")
    if not sources["data"] and not Path(file).exists():
        raise DataError(f"{directory} was trained on {file}, which is not here. Name the table with --data.")
    frame = read_table(file, text_columns=model.preprocessor.text_columns)
    return explain_rows(model, frame, rows, wrt=read_names(sources["wrt"]) or None, **options)
