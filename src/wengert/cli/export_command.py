"""`wengert export`: a saved model as a file for other programs."""

from __future__ import annotations

from pathlib import Path

from wengert.checks import unknown_name
from wengert.cli.console import Text, result_console
from wengert.errors import ConfigurationError
from wengert.io.formats.export import FORMATS, export_model, format_of
from wengert.io.formats.onnx_export import output_names, takes_float32
from wengert.io.formats.portable_model import PortableModel
from wengert.io.table_model import TableModel
from wengert.ir.python_names import identifier
from wengert.storage import refuse_unwritable

_FEW = 8  # columns that are listed


def run(model: str, format: str | None, out: str | None) -> int:
    """Export a model; see `wengert.cli.app.export`."""
    if format is None and out is None:
        raise ConfigurationError(f"which format? Name it with --format: {', '.join(FORMATS)}.")
    if format is not None and format not in FORMATS:
        raise unknown_name("export", "format", format, FORMATS)
    path = Path(out) if out is not None else _default_path(model, str(format))
    format = format or format_of(path)
    refuse_unwritable(path)
    portable = TableModel.load(model).portable()
    export_model(portable, path, format)
    console = result_console()
    console.print(Text(f"Written to {path} ({path.stat().st_size:,} bytes)."), soft_wrap=True)
    for line in _DESCRIPTIONS[format](portable, path):
        console.print(Text(f"  {line}"), soft_wrap=True)
    return 0


def _default_path(model: str, format: str) -> Path:
    """Return a file here that is called after the model; source that can be imported."""
    name = Path(model).resolve().name
    return Path(f"{identifier(name) if format == 'numpy' else name}{FORMATS[format][0]}")


def _onnx(model: PortableModel, path: Path) -> list[str]:
    if takes_float32(model):
        inputs = f"X, float32 [rows, {len(model.columns)}]: {_listed(model.feature_names)}; NaN where missing"
    else:
        numbers = _listed(tuple(column.name for column in model.numeric_columns))
        words = _listed(tuple(column.name for column in model.word_columns))
        kinds = [f"float64 for {numbers}"] * bool(numbers) + [f"string for {words}"] * bool(words)
        inputs = f"one [rows, 1] a column: {'; '.join(kinds)}"
    names, classes = output_names(model), len(model.target.classes)
    shape = f" [rows, {classes}]" if classes else ", float32 [rows, 1]"
    outputs = f"{', '.join(names.values())}{shape}"
    return [f"inputs: {inputs}", f"outputs: {outputs}"]


def _python(model: PortableModel, path: Path) -> list[str]:
    imported = [f"or in Python: from {path.stem} import predict"] if path.stem.isidentifier() else []
    return [f"python {path} table.csv", *imported]


def _safetensors(model: PortableModel, path: Path) -> list[str]:
    return [f"wengert.io.from_safetensors({str(path)!r}) reads it back"]


_DESCRIPTIONS = {"onnx": _onnx, "numpy": _python, "safetensors": _safetensors}


def _listed(names: tuple[str, ...]) -> str:
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{', '.join(names[:2])}, … {names[-1]} ({len(names)} columns)"
