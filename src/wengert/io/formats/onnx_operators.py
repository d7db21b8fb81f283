"""What each primitive is in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import UnsupportedFunctionError
from wengert.io.formats.onnx_graph import Graph
from wengert.io.formats.row_program import RowProgram, Rows
from wengert.ir.node import Node

_END = 2**63 - 1
_SAME = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "pow": "Pow", "abs": "Abs",
    "sign": "Sign", "sqrt": "Sqrt", "reciprocal": "Reciprocal", "exp": "Exp", "log": "Log",
    "sigmoid": "Sigmoid", "softplus": "Softplus", "erf": "Erf", "sin": "Sin", "cos": "Cos", "tan": "Tan",
    "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan",
    "arcsinh": "Asinh", "arctanh": "Atanh",
    "eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not", "isnan": "IsNaN",
    "isinf": "IsInf", "minimum": "Min", "where": "Where", "stop_gradient": "Identity", "matmul": "MatMul",
}  # fmt: skip
_REDUCTIONS = {"mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}
_POSITIONS = {"argmax": "ArgMax", "argmin": "ArgMin"}


class Line:
    """One line of a program on its way into a graph.

    Attributes
    ----------
    graph : Graph
    node : Node
    operands : list of str
        The names of their ONNX values.
    params : dict
        With `Rows` for sizes that depend on the number of rows.
    rows : callable
        Gives the name of the ONNX value of the number of rows, an int64 vector of one element.
    """

    def __init__(
        self, graph: Graph, program: RowProgram, node: Node, operands: list[str], rows: Callable[[], str]
    ) -> None:
        self.graph = graph
        self.node = node
        self.operands = operands
        self.params = program.params(node)
        self.rows = rows
        self.shapes = [program.shape(operand) for operand in node.inputs]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the result."""
        return self.node.type.dtype

    def number(self, value: float) -> str:
        """Return a constant of the dtype of the result."""
        return self.graph.constant(value, self.dtype)


def lower(line: Line) -> str:
    """Add the operators for a line of a program; return the name of its value.

    Raises
    ------
    UnsupportedFunctionError
        If ONNX has no operators for it, naming it.
    """
    name, graph, operands = line.node.primitive.name, line.graph, line.operands
    if name in _SAME:
        return graph.add(_SAME[name], *operands)
    if name in _REDUCTIONS:
        return _reduce(line, _REDUCTIONS[name])
    if name in _POSITIONS:
        (axis,) = line.params["axes"] if len(line.params["axes"]) == 1 else (_refuse(line, "several axes"),)
        return graph.add(_POSITIONS[name], *operands, axis=axis, keepdims=int(line.params["keepdims"]))
    if name not in _RULES:
        _refuse(line)
    return _RULES[name](line)


def _refuse(line: Line, how: str = "") -> Any:
    described = f"{line.node.primitive.name} {f'over {how} ' if how else ''}of {line.node.type}"
    raise UnsupportedFunctionError(
        f"the network computes {described}, for which there is no ONNX operator here. Export it as a NumPy "
        "program (--format numpy), or build it of other operations."
    )


def _axes(line: Line) -> str:
    return line.graph.constant(line.params["axes"], np.int64)


def _reduce(line: Line, operator: str) -> str:
    axes, keepdims = line.params["axes"], int(line.params["keepdims"])
    if not axes:
        return line.graph.add("Identity", *line.operands)
    return line.graph.add(operator, *line.operands, axes=list(axes), keepdims=keepdims)


def _sum(line: Line) -> str:
    if not line.params["axes"]:
        return line.graph.add("Identity", *line.operands)
    keepdims = int(line.params["keepdims"])
    return line.graph.add("ReduceSum", *line.operands, _axes(line), keepdims=keepdims)


def _truth(operator: str) -> Callable[[Line], str]:
    def rule(line: Line) -> str:
        whole = line.graph.cast(line.operands[0], np.int32)
        axes, keepdims = list(line.params["axes"]), int(line.params["keepdims"])
        reduced = line.graph.add(operator, whole, axes=axes, keepdims=keepdims) if axes else whole
        return line.graph.cast(reduced, np.bool_)

    return rule


def _logsumexp(line: Line) -> str:
    graph, axes = line.graph, line.params["axes"]
    largest = graph.add("ReduceMax", *line.operands, axes=list(axes), keepdims=1)
    shifted = graph.add("Exp", graph.add("Sub", *line.operands, largest))
    total = graph.add("ReduceSum", shifted, _axes(line), keepdims=1)
    kept = graph.add("Add", graph.add("Log", total), largest)
    return kept if line.params["keepdims"] else graph.add("Squeeze", kept, _axes(line))


def _exp_difference(line: Line) -> str:
    """exp(x − logsumexp x) is the softmax; anything else as it stands."""
    x, total = line.node.inputs
    if total.primitive.name == "logsumexp" and total.inputs[0] is x:
        params = dict(total.params)
        if params["keepdims"] and len(params["axes"]) == 1:
            return line.graph.add("Softmax", line.operands[0], axis=params["axes"][0])
    return line.graph.add("Exp", line.graph.add("Sub", *line.operands))


def _maximum(line: Line) -> str:
    for place, operand in enumerate(line.node.inputs):
        value = operand.value
        if value is not None and value.ndim == 0 and value == 0:
            return line.graph.add("Relu", line.operands[1 - place])
    return line.graph.add("Max", *line.operands)


def _logaddexp(line: Line) -> str:
    graph = line.graph
    apart = graph.add("Neg", graph.add("Abs", graph.add("Sub", *line.operands)))
    return graph.add("Add", graph.add("Max", *line.operands), graph.add("Softplus", apart))


def _xlogy(line: Line) -> str:
    graph, (x, y) = line.graph, line.operands
    product = graph.add("Mul", x, graph.add("Log", y))
    return graph.add("Where", graph.add("Equal", x, line.number(0)), line.number(0), product)


def _hypot(line: Line) -> str:
    squares = [line.graph.add("Mul", operand, operand) for operand in line.operands]
    return line.graph.add("Sqrt", line.graph.add("Add", *squares))


def _isfinite(line: Line) -> str:
    graph, (x,) = line.graph, line.operands
    return graph.add("Not", graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x)))


def _reshape(line: Line) -> str:
    shape = line.params["shape"]
    if sum(isinstance(extent, Rows) for extent in shape) > 1:
        _refuse(line)
    sizes = [-1 if isinstance(extent, Rows) else extent for extent in shape]
    return line.graph.add("Reshape", *line.operands, line.graph.constant(sizes, np.int64))


def _broadcast_to(line: Line) -> str:
    graph, shape = line.graph, line.params["shape"]
    given = (1,) * (len(shape) - len(line.shapes[0])) + line.shapes[0]
    # An extent that the operand has already need not be named: Expand broadcasts both ways.
    wanted = [1 if extent == has else extent for extent, has in zip(shape, given, strict=True)]
    if not any(isinstance(extent, Rows) for extent in wanted):
        return graph.add("Expand", *line.operands, graph.constant(wanted, np.int64))
    parts = [
        graph.add("Mul", line.rows(), graph.constant([extent.factor], np.int64))
        if isinstance(extent, Rows)
        else graph.constant([extent], np.int64)
        for extent in wanted
    ]
    return graph.add("Expand", *line.operands, graph.add("Concat", *parts, axis=0))


def _pad(line: Line) -> str:
    if any(line.params["interior"]) or line.dtype.kind == "b":
        _refuse(line)
    pads = line.graph.constant([*line.params["low"], *line.params["high"]], np.int64)
    return line.graph.add("Pad", *line.operands, pads)


def _flip(line: Line) -> str:
    graph, count = line.graph, len(line.params["axes"])
    starts, ends, steps = [-1] * count, [-_END] * count, [-1] * count
    places = [graph.constant(values, np.int64) for values in (starts, ends, line.params["axes"], steps)]
    return graph.add("Slice", *line.operands, *places)


def _slice(line: Line) -> str:
    graph, params = line.graph, line.params
    if any(isinstance(one, Rows) for one in (*params["start"], *params["step"])):
        _refuse(line)
    ends = []
    for stop, extent in zip(params["stop"], line.shapes[0], strict=True):
        if isinstance(stop, Rows) and stop != extent:
            _refuse(line)
        ends.append(_END if stop == extent else stop)
    axes = range(len(ends))
    places = [
        graph.constant(list(values), np.int64) for values in (params["start"], ends, axes, params["step"])
    ]
    return graph.add("Slice", *line.operands, *places)


def _gather(line: Line) -> str:
    if len(line.params["axes"]) != 1:
        _refuse(line, "several axes")
    return line.graph.add("Gather", *line.operands, axis=line.params["axes"][0])


def _one_hot(line: Line) -> str:
    graph = line.graph
    column = graph.add("Unsqueeze", *line.operands, graph.constant([-1], np.int64))
    known = graph.constant(np.arange(line.params["count"]), np.int64)
    return graph.cast(graph.add("Equal", column, known), line.params["dtype"])


def _outer(line: Line) -> str:
    graph, (x, y) = line.graph, line.operands
    column = graph.add("Unsqueeze", x, graph.constant([1], np.int64))
    return graph.add("Mul", column, graph.add("Unsqueeze", y, graph.constant([0], np.int64)))


_RULES: dict[str, Callable[[Line], str]] = {
    "square": lambda line: line.graph.add("Mul", line.operands[0], line.operands[0]),
    "expm1": lambda line: line.graph.add("Sub", line.graph.add("Exp", *line.operands), line.number(1)),
    "log1p": lambda line: line.graph.add("Log", line.graph.add("Add", *line.operands, line.number(1))),
    "ne": lambda line: line.graph.add("Not", line.graph.add("Equal", *line.operands)),
    "clip": lambda line: line.graph.add("Min", line.graph.add("Max", *line.operands[:2]), line.operands[2]),
    "astype": lambda line: line.graph.cast(line.operands[0], line.params["dtype"]),
    "sum": _sum,
    "any": _truth("ReduceMax"),
    "all": _truth("ReduceMin"),
    "logsumexp": _logsumexp,
    "exp_difference": _exp_difference,
    "maximum": _maximum,
    "logaddexp": _logaddexp,
    "xlogy": _xlogy,
    "hypot": _hypot,
    "isfinite": _isfinite,
    "cumsum": lambda line: line.graph.add(
        "CumSum", *line.operands, line.graph.constant(line.params["axis"], np.int64)
    ),
    "reshape": _reshape,
    "transpose": lambda line: line.graph.add("Transpose", *line.operands, perm=list(line.params["axes"])),
    "expand_dims": lambda line: line.graph.add("Unsqueeze", *line.operands, _axes(line)),
    "squeeze": lambda line: line.graph.add("Squeeze", *line.operands, _axes(line)),
    "broadcast_to": _broadcast_to,
    "concatenate": lambda line: line.graph.add("Concat", *line.operands, axis=line.params["axis"]),
    "pad": _pad,
    "flip": _flip,
    "slice": _slice,
    "gather": _gather,
    "one_hot": _one_hot,
    "outer": _outer,
    "einsum": lambda line: line.graph.add("Einsum", *line.operands, equation=line.params["subscripts"]),
}
