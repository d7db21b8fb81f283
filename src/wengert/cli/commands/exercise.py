"""`wengert exercise`: a worksheet in back-propagation, or its solution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wengert.cli.console import write
from wengert.errors import ConfigurationError
from wengert.explain.exercises.entry import exercise
from wengert.explain.exercises.exercise import Exercise
from wengert.explain.formula.parser import nearest
from wengert.explain.printers.text import WIDTH
from wengert.storage import refuse_unwritable, write_file

_FORMATS = {"text": Exercise.to_text, "latex": Exercise.to_latex, "html": Exercise.to_html}
_SUFFIXES = {".txt": "text", ".tex": "latex", ".html": "html", ".htm": "html"}


def run(options: dict[str, Any], form: str | None, out: str | None, solution: bool) -> int:
    """Print or write an exercise; see `wengert.cli.app.exercise`."""
    form = form or (_SUFFIXES.get(Path(out).suffix.lower(), "text") if out else "text")
    if form not in _FORMATS:
        raise ConfigurationError(
            f"--format {form} is not one of {', '.join(_FORMATS)}{nearest(form, _FORMATS)}"
        )
    if out is not None:
        refuse_unwritable(Path(out))
    task = exercise(**options)
    text = task.to_text(solution, WIDTH) if form == "text" and out else _FORMATS[form](task, solution)
    text = text.rstrip("\n")
    if out is None:
        write(f"{text}\n", verbatim=form != "text")
    else:
        write_file(Path(out), f"{text}\n".encode())
        write(f"written to {out}\n")
    return 0
