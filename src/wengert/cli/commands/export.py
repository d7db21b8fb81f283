"""`wengert export`: a saved model as a file for other programs."""

from __future__ import annotations

from pathlib import Path

from wengert.checks import unknown_name
from wengert.cli.console import Text, result_console
from wengert.errors import ConfigurationError
from wengert.io.formats.export import FORMATS, export_model, format_of
from wengert.io.table_models import load_table_model, portable
from wengert.storage import refuse_unwritable


def run(model: str, format: str | None, out: str | None) -> int:
    """Export a model; see `wengert.cli.app.export`."""
    if format is None and out is None:
        raise ConfigurationError(f"which format? Name it with --format: {', '.join(FORMATS)}.")
    if format is not None and format not in FORMATS:
        raise unknown_name("export", "format", format, FORMATS)
    path = Path(out) if out is not None else _default_path(model, str(format))
    format = format or format_of(path)
    refuse_unwritable(path)
    exported = portable(load_table_model(model))
    export_model(exported, path, format)
    console = result_console()
    console.print(Text(f"Written to {path} ({path.stat().st_size:,} bytes)."), soft_wrap=True)
    for line in FORMATS[format].description(exported, path):
        console.print(Text(f"  {line}"), soft_wrap=True)
    return 0


def _default_path(model: str, format: str) -> Path:
    """Return a file here that is called after the model."""
    name = Path(model).resolve().name
    return Path(FORMATS[format].file_name(name) + FORMATS[format].suffix)
