"""`wengert draw`: the graph of a formula, or of a trained model with its loss at rows of a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from wengert.cli.console import write
from wengert.cli.formula_options import (
    draw_arguments,
    note_missing_directory,
    read_function,
    read_names,
    refuse_options,
)
from wengert.errors import ConfigurationError
from wengert.explain.drawing.drawing import Drawing, check_suffix
from wengert.explain.drawing.entry import draw
from wengert.explain.formula.parser import nearest
from wengert.explain.formula.traced_formula import check_names
from wengert.storage import refuse_unwritable

_FORMATS = ("svg", "dot")
_FOLDS = ("composites", "layers", "nothing")


def run(subject: str, sources: dict[str, Any], form: str, out: str | None) -> int:
    """Print or write a drawing; see `wengert.cli.app.draw`."""
    if out is not None:
        check_suffix(out)
        refuse_unwritable(Path(out))
    if form not in _FORMATS:
        hint = "; a PNG goes to a file: --out graph.png" if form == "png" else nearest(form, _FORMATS)
        raise ConfigurationError(f"--format {form} is not one of {', '.join(_FORMATS)}{hint}")
    if subject.strip() and os.path.isdir(subject):
        refuse_options(sources, ("shape", "seed", "at"), "is for formulas; a model has its own weights")
        drawing = _of_model(subject, sources)
    else:
        refuse_options(
            sources, ("data", "row"), f"is for a trained model, and there is no directory {subject!r}"
        )
        note_missing_directory(subject, sources)
        drawing = _of_formula(subject, sources)
    if out is None:
        write(drawing.to_svg() if form == "svg" else drawing.to_dot(), verbatim=True)
    else:
        drawing.save(out)
        write(f"written to {out}: {len(drawing.contents.values)} values\n")
    return 0


def _options(sources: dict[str, Any]) -> dict[str, Any]:
    fold = sources["fold"]
    chosen = fold if fold in _FOLDS else read_names(fold)
    return {"wrt": read_names(sources["wrt"]) or None, "fold": chosen, "view": sources["view"]}


def _of_formula(formula: str, sources: dict[str, Any]) -> Drawing:
    function = read_function(formula, sources["shape"], sources["at"] or ())
    check_names("--wrt", read_names(sources["wrt"]), function.names)
    arguments = draw_arguments(function, sources["shape"], sources["seed"] or 0, sources["at"])
    return draw(function, *arguments, **_options(sources))


def _of_model(directory: str, sources: dict[str, Any]) -> Drawing:
    from wengert.cli.model_rows import load_rows
    from wengert.tabular.explanation import draw_rows

    model, frame, rows = load_rows(directory, sources["data"], sources["row"])
    return draw_rows(model, frame, rows, **_options(sources))
