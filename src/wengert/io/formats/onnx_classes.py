"""What the graph of a classifier of another program says of its classes: the labels, and how one is chosen.

skl2onnx ends a graph in a label, looked up by the position of the largest probability, and in the
probabilities, by default as a sequence of dictionaries (ZipMap). Both start from the same value, which is the
output of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import ModelFileError
from wengert.io.formats.onnx_tensors import Tensors

_FLOATS = (1, 10, 11)  # the data types of float32, float16 and float64
# They move or rename labels and positions; a Cast changes their type besides.
_SHAPING = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten")
_CASTS: dict[int, Any] = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
_TEXT = 8
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")

Makers = Mapping[str, tuple[int, Any]]


@dataclass(frozen=True)
class Decision:
    """How a graph decides.

    Attributes
    ----------
    scores : str
        The value that the decision is made of: a score for each class.
    labels : tuple or None
        Of the classes, in the order of the scores; None where they are their positions.
    several : bool
        Whether each class is there or not by itself; otherwise the class of the largest score holds.
    """

    scores: str
    labels: tuple[Any, ...] | None
    several: bool = False


class Undecided(ModelFileError):
    """A graph has an output of labels, and where they come from is not understood."""


def decision_of(
    graph: Any, makers: Makers, tensors: Tensors, where: str, *, labelled: bool
) -> Decision | None:
    """Return how a graph decides between classes; None where it has no output of labels.

    Parameters
    ----------
    graph : onnx.GraphProto
    makers : mapping of str to (position in the graph, node)
        By the values that they make.
    tensors : Tensors
    where : str
        The file, for error messages.
    labelled : bool
        Whether the labels are read; else they are None, and may be damaged.

    Raises
    ------
    Undecided
        When there is such an output, and it cannot be followed to a choice among scores.
    ModelFileError
        When the labels are damaged.
    """
    for output in graph.output:
        kind = output.type.tensor_type.elem_type
        if output.type.HasField("tensor_type") and kind not in _FLOATS:
            return _followed(output.name, makers, tensors, where, labelled)
    for output in graph.output:
        node = makers[output.name][1] if output.name in makers else None
        if node is not None and node.op_type == "ZipMap" and len(node.input) == 1:
            return Decision(node.input[0], _keys(node) if labelled else None)
    return None


def _followed(value: str, makers: Makers, tensors: Tensors, where: str, labelled: bool) -> Decision:
    """Follow an output of labels back to the scores."""
    labels: np.ndarray | None = None
    casts: list[int] = []
    for _ in range(len(makers) + 1):
        node = makers[value][1] if value in makers else None
        if node is None or not node.input or node.domain not in _DOMAINS:
            break
        if node.op_type in _SHAPING:
            value = node.input[0]
        elif node.op_type == "Cast":
            casts += [attribute.i for attribute in node.attribute if labels is None]
            value = node.input[0]
        elif node.op_type in ("ArrayFeatureExtractor", "Gather") and node.input[0] in tensors:
            if labels is not None or len(node.input) != 2:
                break
            labels, value = tensors.labels(node.input[0]) if labelled else None, node.input[1]
        elif node.op_type == "ArgMax":
            axis = next((one.i for one in node.attribute if one.name == "axis"), 0)
            if axis not in (1, -1):
                break
            return Decision(node.input[0], None if labels is None else _converted(labels, casts[::-1], where))
        elif node.op_type == "Binarizer":
            threshold = next((one.f for one in node.attribute if one.name == "threshold"), 0.0)
            if labels is not None or threshold != 0.5:
                break
            return Decision(node.input[0], None, several=True)
        else:
            break
    name = f"the operator {node.op_type[:80]}" if node is not None else f"the value {value[:80]!r}"
    raise Undecided(
        f"{where} has an output of labels that comes from {name}, and not from the largest of scores, so its "
        "classes are not known. Name them with classes=[…], in the order of the scores."
    )


def _converted(labels: np.ndarray, casts: list[int], where: str) -> tuple[Any, ...]:
    for kind in casts:
        if kind == _TEXT and labels.dtype.kind == "O":
            continue
        if kind not in _CASTS or labels.dtype.kind == "O":
            raise Undecided(
                f"{where} converts its labels to the data type {kind}, which is not supported. Name the "
                "classes with classes=[…], in the order of the scores."
            )
        labels = labels.astype(_CASTS[kind])
    return tuple(labels.tolist())


def _keys(node: Any) -> tuple[Any, ...] | None:
    """Return the labels that a ZipMap holds."""
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings:
            return tuple(text.decode("utf-8") for text in attribute.strings)
        if attribute.name == "classlabels_int64s" and attribute.ints:
            return tuple(attribute.ints)
    return None
