"""`wengert explain`: the derivation of a formula's gradient, or of a trained model's at rows of a table."""

from __future__ import annotations

import os
from typing import Any

from wengert.cli.derivation_output import Output
from wengert.cli.formula_options import (
    draw_arguments,
    note_missing_directory,
    read_function,
    read_names,
    refuse_options,
)
from wengert.explain.derivation import Derivation
from wengert.explain.entry import explain
from wengert.explain.formula.traced_formula import check_names


def run(subject: str, sources: dict[str, Any], output: Output, options: dict[str, Any]) -> int:
    """Print or write a derivation; see `wengert.cli.app.explain`."""
    output.check()
    if subject.strip() and os.path.isdir(subject):
        refuse_options(sources, ("shape", "seed", "at"), "is for formulas; a model has its own weights")
        derivation = _of_model(subject, sources, options)
    else:
        refuse_options(
            sources, ("data", "row"), f"is for a trained model, and there is no directory {subject!r}"
        )
        note_missing_directory(subject, sources)
        derivation = _of_formula(subject, sources, options)
    output.write(derivation)
    return 0


def _of_formula(formula: str, sources: dict[str, Any], options: dict[str, Any]) -> Derivation:
    function = read_function(formula, sources["shape"], sources["at"] or ())
    names = read_names(sources["wrt"])
    check_names("--wrt", names, function.names)
    arguments = draw_arguments(function, sources["shape"], sources["seed"] or 0, sources["at"] or ())
    return explain(function, *arguments, wrt=names or None, **options)


def _of_model(directory: str, sources: dict[str, Any], options: dict[str, Any]) -> Derivation:
    from wengert.cli.model_rows import load_rows
    from wengert.tabular.explanation import explain_rows

    model, frame, rows = load_rows(directory, sources["data"], sources["row"])
    return explain_rows(model, frame, rows, wrt=read_names(sources["wrt"]) or None, **options)
