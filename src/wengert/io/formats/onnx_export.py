"""A model as an ONNX graph, preprocessing included."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError
from wengert.io.formats.file_format import Format
from wengert.io.formats.model_description import describe
from wengert.io.formats.onnx_graph import Graph
from wengert.io.formats.onnx_operators import add_program, written_out
from wengert.io.formats.portable_model import PortableModel, trace_model
from wengert.io.formats.row_program import RowProgram
from wengert.storage.checksum import PLACEHOLDER, seal
from wengert.tabular.number_columns import NumbersAndGaps
from wengert.tabular.reading.cells import MISSING, spellings
from wengert.tabular.task import class_array
from wengert.trace.tree import flatten, leaf_paths

SEAL = "wengert.sha256"
# Begins the names of what `describe` says of the model.
DESCRIPTION = "wengert."
# The element type of the labels, and the dtype that the package onnx makes it of.
_CLASSES: dict[str, tuple[str, Any]] = {
    "U": ("STRING", object),
    "b": ("BOOL", np.bool_),
    "i": ("INT64", np.int64),
    "u": ("UINT64", np.uint64),
    "f": ("DOUBLE", np.float64),
}
# Rounding a number to float32 may move its standardised value by so much.
_ROUNDING = 1e-5
_FEW = 8  # columns that are listed


def to_onnx(model: PortableModel) -> bytes:
    """Return an ONNX model (opset 13, IR version 8) that predicts like ``model``, in float32.

    Inputs: ``X``, float32 ``[None, columns]``, with NaN for a missing value; integers where the network takes
    integers. A model with columns of words, or of numbers that float32 cannot tell apart, has an input
    ``[None, 1]`` for each column instead, named after it: float64 for numbers, dates (days since 1970-01-01)
    and booleans (0 and 1), with NaN where missing; strings for words, with ``""`` where missing.

    Outputs: ``variable`` (float32, or float64 where float32 cannot tell the values of a table's target apart)
    for numbers; ``label`` and ``probabilities`` (float32 ``[None, classes]``) for classes, under the names
    that `output_names` gives. There is no ZipMap.

    The bytes are the same each time. The metadata hold a checksum over them and, where all parts of the
    network have names, its description, so that `model_from_onnx` reads back all of the model.

    Raises
    ------
    ConfigurationError
        If the package onnx is not installed.
    UnsupportedFunctionError
        If the network computes what ONNX has no operator for, or what depends on the number of rows.
    """
    names = output_names(model)
    graph = Graph(names.values())
    leaves = [np.asarray(leaf, _dtype_of(model, np.asarray(leaf))) for leaf in flatten(model.network)[0]]
    arrays = {f"array{place}": leaf for place, leaf in enumerate(leaves)}
    program = trace_model(model, arrays, written_out)
    arguments = _columns(graph, model) if model.columns else [_features(graph, model, program)]
    paths = leaf_paths(model.network)
    initialisers = [graph.initialiser(path, leaf) for path, leaf in zip(paths, leaves, strict=True)]
    results = _lowered(graph, program, initialisers, arguments)
    outputs = _outputs(graph, model, program, results, names)
    metadata = {
        SEAL: PLACEHOLDER,
        "classes": json.dumps(model.target.classes, ensure_ascii=False),
        "feature_names": json.dumps(model.feature_names, ensure_ascii=False),
        "target": model.target.name,
        **(_description(model) if initialisers == paths else {}),
    }
    return seal(graph.model(outputs, metadata).SerializeToString(deterministic=True))


def output_names(model: PortableModel) -> dict[str, str]:
    """Return the names of the outputs ``label``, ``probabilities`` and ``variable``, as far as there are any.

    They are the names themselves, but for those that a column has: its input is called after it, and names in
    a graph are unique, so the output is then ``label_2`` and so on.
    """
    wanted = ("variable",) if model.target.kind == "regression" else ("label", "probabilities")
    taken = set() if takes_float32(model) else {column.name for column in model.columns}
    names = {}
    for one in wanted:
        candidates = (one if number == 1 else f"{one}_{number}" for number in itertools.count(1))
        names[one] = next(name for name in candidates if name not in taken)
        taken.add(names[one])
    return names


def takes_float32(model: PortableModel) -> bool:
    """Whether one input of float32 numbers can carry all columns."""
    statistics = [column.statistics for column in model.numeric_columns]
    if model.word_columns or any(column.kind == "date" for column in model.numeric_columns):
        return False
    return all(_float32_holds(center, scale) for _, center, scale, *_ in statistics)


def _float32_holds(center: float, scale: float) -> bool:
    """Whether float32 tells numbers apart that lie about a center."""
    return (abs(center) + scale) * float(np.finfo(np.float32).epsneg) / 2 <= _ROUNDING * scale


def _dtype_of(model: PortableModel, leaf: np.ndarray) -> np.dtype[Any]:
    return np.dtype(np.float64 if leaf.dtype == np.float64 and _is_far_from_zero(model) else np.float32)


def _is_far_from_zero(model: PortableModel) -> bool:
    """Whether a network of float32 gives numbers in its last layer that only float64 tells apart.

    The estimators make such layers. How far the numbers spread, the limits of a `Clip` say, or else the
    weights, since what they multiply is about 1.
    """
    layers = [layer for _, layer in model.network.walk() if isinstance(layer, nn.Dense | nn.NTKDense)]
    last = [one for one in layers if one.bias is not False and np.asarray(one.weight).dtype == np.float64]
    if not last or len(last) == len(layers):
        return False
    clip = model.network.layers[-1] if isinstance(model.network, nn.Sequential) else None
    if isinstance(clip, nn.Clip):
        return not _float32_holds(max(-clip.lowest, clip.highest), (clip.highest - clip.lowest) / 2)
    centers = [np.abs(layer.bias).reshape(-1, layer.outputs).max(axis=0) for layer in last]
    scales = [np.sqrt(np.square(layer.weight).reshape(-1, layer.outputs).mean(axis=0)) for layer in last]
    pairs = zip(np.max(centers, axis=0), np.max(scales, axis=0), strict=True)
    return not all(_float32_holds(float(center), float(scale)) for center, scale in pairs)


def _output_dtype(model: PortableModel) -> np.dtype[Any]:
    holds = _float32_holds(model.target.mean, model.target.scale) and not _is_far_from_zero(model)
    return np.dtype(np.float32 if holds else np.float64)


def _description(model: PortableModel) -> dict[str, str]:
    """Return what the reader makes the model of again; nothing where the network has parts without names."""
    try:
        return {f"{DESCRIPTION}{name}": text for name, text in describe(model).items()}
    except ConfigurationError:
        return {}


def _features(graph: Graph, model: PortableModel, program: RowProgram) -> str:
    whole = program.program.inputs[-1].type.dtype.kind == "i"
    return graph.input("X", "INT64" if whole else "FLOAT", (None, model.inputs))


def _columns(graph: Graph, model: PortableModel) -> list[str]:
    """Declare the inputs of a table; return numbers and codes, each if there are any."""
    if takes_float32(model):
        return [graph.cast(graph.input("X", "FLOAT", (None, len(model.columns))), np.float64)]
    kinds = ["DOUBLE" if isinstance(column, NumbersAndGaps) else "STRING" for column in model.columns]
    # All of them before any other value takes the name of one.
    inputs = [
        graph.input(column.name, kind, (None, 1)) for column, kind in zip(model.columns, kinds, strict=True)
    ]
    numbers, codes = [], []
    for column, name in zip(model.columns, inputs, strict=True):
        if isinstance(column, NumbersAndGaps):
            numbers.append(name)
            continue
        spelled = {spelling: code for name, code in column.codes.items() for spelling in spellings(name)}
        spelled.update(dict.fromkeys(MISSING, column.codes[""]))
        tables: dict[str, Any] = {
            "keys_strings": list(spelled),
            "values_int64s": list(spelled.values()),
            "default_int64": column.other,
        }
        codes.append(graph.add("LabelEncoder", name, domain="ai.onnx.ml", **tables))
    return [graph.add("Concat", *group, axis=1) for group in (numbers, codes) if group]


def _lowered(graph: Graph, program: RowProgram, initialisers: list[str], arguments: list[str]) -> list[str]:
    """Add the lines of a program to the graph; return the names of its outputs."""

    @functools.cache
    def rows() -> str:
        shape = graph.add("Shape", arguments[0])
        return graph.add("Gather", shape, graph.constant([0], np.int64), axis=0)

    return add_program(graph, program.program, program, [*initialisers, *arguments], rows)


def _outputs(
    graph: Graph, model: PortableModel, program: RowProgram, results: list[str], names: dict[str, str]
) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Give the outputs their names and types."""

    def shape(place: int) -> tuple[Any, ...]:
        return tuple(
            extent if isinstance(extent, int) else None
            for extent in program.shape(program.program.outputs[place])
        )

    def numbers(wanted: str, place: int) -> tuple[str, str, tuple[Any, ...]]:
        dtype = _output_dtype(model)
        graph.cast(results[place], dtype, result=names[wanted])
        return names[wanted], "FLOAT" if dtype == np.float32 else "DOUBLE", shape(place)

    if model.target.kind == "regression":
        return [numbers("variable", 0)]
    if model.target.kind == "multilabel":
        graph.add("Identity", results[0], result=names["label"])
        return [(names["label"], "INT64", shape(0)), numbers("probabilities", 1)]
    element, dtype = _CLASSES[class_array(model.target.classes).dtype.kind]
    classes = graph.constant(model.target.classes, dtype)
    graph.add("Gather", classes, results[0], axis=0, result=names["label"])
    return [(names["label"], element, shape(0)), numbers("probabilities", 1)]


def _description_of_file(model: PortableModel, path: Path) -> list[str]:
    if takes_float32(model):
        inputs = f"X, float32 [rows, {len(model.columns)}]: {_listed(model.feature_names)}; NaN where missing"
    else:
        numbers = _listed(tuple(column.name for column in model.numeric_columns))
        words = _listed(tuple(column.name for column in model.word_columns))
        kinds = [f"float64 for {numbers}"] * bool(numbers) + [f"string for {words}"] * bool(words)
        inputs = f"one [rows, 1] a column: {'; '.join(kinds)}"
    names, classes = output_names(model), len(model.target.classes)
    shape = f" [rows, {classes}]" if classes else f", {_output_dtype(model)} [rows, 1]"
    outputs = f"{', '.join(names.values())}{shape}"
    return [f"inputs: {inputs}", f"outputs: {outputs}"]


def _listed(names: tuple[str, ...]) -> str:
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{', '.join(names[:2])}, … {names[-1]} ({len(names)} columns)"


ONNX = Format(".onnx", to_onnx, _description_of_file)
