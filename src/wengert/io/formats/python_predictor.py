"""A model as one Python file that predicts with NumPy alone."""

from __future__ import annotations

import base64
import inspect
import keyword
import re
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np

from wengert import nn
from wengert.errors import UnsupportedFunctionError
from wengert.io import text_rows
from wengert.io.formats import predictor_template
from wengert.io.formats.file_format import Format
from wengert.io.formats.portable_model import PortableModel, readings, trace_model
from wengert.io.formats.row_program import ROWS, RowProgram
from wengert.ir.program import Program
from wengert.ir.python_names import identifier
from wengert.tabular.reading import cells
from wengert.trace.tree import flatten, leaf_paths
from wengert.version import __version__

_WIDTH = 100
# What the file calls otherwise.
_TAKEN = {
    *keyword.kwlist, *vars(cells), *vars(text_rows), "np", "base64", "csv", "gzip", "os", "sys", "answer",
    "predict", "predict_probabilities", "X", "numbers", "codes", "CLASSES", "TARGET", "NUMBERS", "WORDS",
    "FEATURES", "ENCODINGS", "SEPARATOR",
}  # fmt: skip
_IMPORTS = {"import base64", "import csv", "import gzip", "import os", "import sys", "import numpy as np"}


def to_python(model: PortableModel) -> str:
    """Return the source of a module that predicts like ``model`` and needs NumPy only.

    It has ``predict(table)`` and, for classes, ``predict_probabilities(table)``. ``table`` maps the names of
    columns to lists of values (None where missing), or is an array ``X`` where there is no preprocessing.
    Run as a program, it reads a CSV file and prints predictions. The network is written out as NumPy code;
    the weights stand at the end, in base64.

    Raises
    ------
    UnsupportedFunctionError
        If what is computed for a row depends on the number of rows.
    """
    leaves = [np.asarray(leaf) for leaf in flatten(model.network)[0]]
    arrays = dict(zip(_array_names(model.network), leaves, strict=True))
    program = trace_model(model, arrays)
    rows = [name for name in ("X", "numbers", "codes") if name in _input_names(program.program)]
    # One number a row where a table has one target, else an array (rows, outputs).
    single = bool(model.columns) and program.program.outputs[0].type.shape[1:] == (1,)
    dtype = str(program.program.inputs[-1].type.dtype)
    read_as, file_imports = _source(text_rows)
    cell, cell_imports = _source(cells) if model.columns else ("", set())
    parts = [
        _introduction(model),
        "from __future__ import annotations",
        "\n".join(sorted({*_IMPORTS, *file_imports, *cell_imports}, key=lambda line: line.split()[1])),
        _network_source(program, rows[0]),
        _facts(model),
        *([cell] if cell else []),
        *predictor_template.functions(model, [*arrays], rows, dtype, single=single),
        _weights(arrays),
        read_as,
        predictor_template.main(model, single=single),
    ]
    return "\n\n\n".join(parts) + "\n"


def _introduction(model: PortableModel) -> str:
    wanted = f"{model.target.name} " if model.columns else ""
    shown = ", ".join(model.feature_names[:8]) + (", …" if len(model.feature_names) > 8 else "")
    text = (
        f"Predict {wanted}from {shown}.\n\n"
        f"Written by wengert {__version__} from a trained model; needs Python and NumPy. Run as a program,\n"
        "it reads a CSV file with these columns and prints predictions: python THIS_FILE table.csv\n"
    )
    # Names come from the table, and must not end the docstring.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'


def _source(module: ModuleType) -> tuple[str, set[str]]:
    """Return the source of a module without its docstring and imports, and these."""
    lines = inspect.getsource(module).split('"""\n', 1)[1].splitlines()
    imports = {line for line in lines if line.startswith(("import ", "from ")) and "__future__" not in line}
    rest = [line for line in lines if line not in imports and "from __future__" not in line]
    return "\n".join(rest).strip("\n"), imports


def _array_names(network: nn.Module) -> list[str]:
    """Return a name for each array: W1, b1, … in dense layers, elsewhere its path."""
    modules = dict(network.walk())
    layers = [path for path, module in modules.items() if isinstance(module, (nn.Dense, nn.NTKDense))]
    dense = {path: number for number, path in enumerate(layers, start=1)}
    names: list[str] = []
    for path in leaf_paths(network):
        owner, _, field = path.rpartition(".")
        short = {"weight": "W", "bias": "b"}.get(field)
        name = f"{short}{dense[owner]}" if owner in dense and short else identifier(path)
        while name in names or name in _TAKEN:
            name += "_"
        names.append(name)
    return names


def _input_names(program: Program) -> list[str]:
    return [node.param("name") for node in program.inputs]


def _network_source(program: RowProgram, first: str) -> str:
    """Return the function ``answer`` for any number of rows.

    Its source for two numbers of rows differs in just these numbers and their multiples.
    """
    source, twin_source = (one.to_python("answer") for one in (program.program, program.twin))
    pieces, twins = (re.split(r"(?<![\w.])(\d+)(?![\w.])", one) for one in (source, twin_source))
    rows = "rows"
    while re.search(rf"\b{rows}\b", source):  # a value of the user's
        rows += "_"
    if pieces[::2] != twins[::2]:
        raise UnsupportedFunctionError(
            "the operations of the network depend on the number of rows. Compute each row by itself."
        )
    for place, (piece, twin) in enumerate(zip(pieces, twins, strict=True)):
        if piece != twin:
            factor = int(piece) // ROWS[0]
            if (factor * ROWS[0], factor * ROWS[1]) != (int(piece), int(twin)):
                raise UnsupportedFunctionError(
                    f"the network computes with a number ({piece}) that depends on the number of rows. "
                    "Compute each row by itself."
                )
            pieces[place] = rows if factor == 1 else f"{factor} * {rows}"
    *parts, answer = "".join(pieces).removeprefix("import numpy as np").strip().split("\n\n\n")
    bodies = [part for part in parts if part.startswith("def answer_body")]
    if any(_reads(rows, one) for one in bodies):  # which then stand where the number is known
        parts = [part for part in parts if part not in bodies]
    else:
        bodies = []
    if bodies or _reads(rows, answer):
        head, end, statements = answer.rpartition('."""')  # the end of the docstring
        inner = [f"\n{textwrap.indent(one, '    ')}\n" for one in bodies]
        answer = "\n".join([f"{head}{end}", f"    {rows} = len({first})", *inner]) + statements
    return "\n\n\n".join([*parts, answer])


def _reads(name: str, function: str) -> bool:
    """Whether the statements of a function, docstring and comments apart, have a name in them."""
    statements = function.rpartition('."""')[2]
    return any(re.search(rf"\b{name}\b", line.split("#")[0]) for line in statements.splitlines())


def _facts(model: PortableModel) -> str:
    """Return the constants of the preprocessing and of the target."""
    lines = []
    if model.target.kind != "regression":
        lines.append(f"CLASSES = {list(model.target.classes)!r}")
    if model.columns:
        lines.append(f"TARGET = {model.target.name!r}")
        read = {one.name: one for one in readings(model)}
        how = {
            column.name: (one.kind, one.decimal, one.order, one.missing)
            for column in model.numeric_columns
            if (one := read[column.name])
        }
        lines.append("# For each column of numbers: kind, decimal mark, order of dates, what means missing.")
        lines.append(f"NUMBERS = {how!r}")
        lines.append(
            "# For each column of words: the feature of each, that of others (-1: none), what means missing."
        )
        words = {
            column.name: (column.codes, column.other, read[column.name].missing)
            for column in model.word_columns
        }
        lines.append(f"WORDS = {words!r}")
    else:
        lines.append(f"FEATURES = {list(model.feature_names)!r}")
    said = model.reading.format
    lines.append("# Of text files: what the bytes may mean, and what stands between cells if that is known.")
    lines.append(f"ENCODINGS = {('utf-8', said.encoding) if said.encoding else ('utf-8',)!r}")
    lines.append(f"SEPARATOR = {said.separator or None!r}")
    return "\n".join(line for text in lines for line in _folded(text))


def _folded(line: str) -> list[str]:
    """Break a long list of constants between elements."""
    if len(line) <= _WIDTH or line.startswith("#"):
        return [line]
    name, _, value = line.partition(" = ")
    pieces = re.split(r"(?<=,) (?=['\"\d(])", value)
    filled, current = [], ""
    for piece in pieces:
        if current and len(current) + len(piece) > _WIDTH - 6:
            filled.append(current)
            current = ""
        current = f"{current} {piece}".strip()
    return [f"{name} = (", *(f"    {text}" for text in [*filled, current]), ")"]


def _weights(arrays: dict[str, np.ndarray]) -> str:
    texts = [
        "def _array(shape, dtype, text):\n"
        '    """Return an array from its bytes in base64."""\n'
        "    data = base64.b64decode(text)\n"
        "    return np.frombuffer(data, dtype).reshape(shape)"
    ]
    assignments = []
    for name, array in arrays.items():
        little = array.astype(array.dtype.newbyteorder("<"))
        encoded = textwrap.wrap(base64.b64encode(little.tobytes()).decode("ascii"), _WIDTH) or [""]
        lines = "\n".join(f'    "{line}"' for line in encoded)
        assignments.append(f"{name} = _array({array.shape}, {little.dtype.str!r}, (\n{lines}\n))")
    return "\n\n\n".join([*texts, "\n".join(assignments)]) if arrays else "# The network has no arrays."


def _description(model: PortableModel, path: Path) -> list[str]:
    imported = [f"or in Python: from {path.stem} import predict"] if path.stem.isidentifier() else []
    return [f"python {path} table.csv", *imported]


NUMPY = Format(".py", lambda model: to_python(model).encode("utf-8"), _description, identifier)
