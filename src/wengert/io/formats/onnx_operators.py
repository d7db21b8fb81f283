"""What each primitive is in ONNX operators.

`OPERATORS` has those with operators of their own. Others are first written out as their primitives declare,
and what is left then is refused by name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from wengert.errors import UnsupportedFunctionError
from wengert.io.formats.onnx_graph import Graph, Line, Sizes
from wengert.io.formats.onnx_regions import cond, scan, while_loop
from wengert.io.formats.row_program import Rows
from wengert.ir.node import INPUT, ITEM, Node
from wengert.ir.program import Program, read_items
from wengert.transform.decomposition import declared, decompose
from wengert.transform.regions.bodies import with_bodies

_END = 2**63 - 1


def _refuse(line: Line, how: str = "") -> NoReturn:
    is_complex = any(one.type.is_complex for one in (line.node, *line.node.inputs))
    reason = " (ONNX computes with real numbers)" if is_complex else ""
    raise UnsupportedFunctionError(
        f"the network computes {line.node.primitive.name} {how}of {line.node.type}, for which there is no "
        f"ONNX operator here{reason}. Export it as a NumPy program (--format numpy), or build it of other "
        "operations."
    )


def _same(operator: str) -> Callable[[Line], str]:
    return lambda line: line.graph.add(operator, *line.operands)


def _axes(line: Line) -> str:
    return line.graph.constant(line.params["axes"], np.int64)


def _reduction(operator: str) -> Callable[[Line], str]:
    def rule(line: Line) -> str:
        axes, keepdims = list(line.params["axes"]), int(line.params["keepdims"])
        if not axes:
            return line.graph.add("Identity", *line.operands)
        return line.graph.add(operator, *line.operands, axes=axes, keepdims=keepdims)

    return rule


def _position(operator: str) -> Callable[[Line], str]:
    def rule(line: Line) -> str:
        if len(line.params["axes"]) != 1:
            _refuse(line, "over several axes ")
        keepdims = int(line.params["keepdims"])
        return line.graph.add(operator, *line.operands, axis=line.params["axes"][0], keepdims=keepdims)

    return rule


def _sum(line: Line) -> str:
    if not line.params["axes"]:
        return line.graph.add("Identity", *line.operands)
    keepdims = int(line.params["keepdims"])
    return line.graph.add("ReduceSum", *line.operands, _axes(line), keepdims=keepdims)


def _maximum(line: Line) -> str:
    for place, operand in enumerate(line.node.inputs):
        value = operand.value
        if value is not None and value.ndim == 0 and value == 0:
            return line.graph.add("Relu", line.operands[1 - place])
    return line.graph.add("Max", *line.operands)


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
    parts = [line.extent(one) for one in wanted]
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
    graph, axes = line.graph, list(line.params["axes"])
    value, *indices = line.operands
    if len(axes) == 1:
        return graph.add("Gather", value, *indices, axis=axes[0])
    zeros = functools.reduce(
        functools.partial(graph.add, "Add"), [graph.add("Sub", one, one) for one in indices]
    )
    last = graph.constant([-1], np.int64)
    columns = [graph.add("Unsqueeze", graph.add("Add", one, zeros), last) for one in indices]
    rest = [axis for axis in range(len(line.shapes[0])) if axis not in axes]
    first = graph.add("Transpose", value, perm=[*axes, *rest])
    found = graph.add("GatherND", first, graph.add("Concat", *columns, axis=-1))
    if axes[0] == 0 or axes != list(range(axes[0], axes[0] + len(axes))):
        return found  # as NumPy has it, the axes of indices that are not adjacent come first
    own = line.node.type.ndim - len(rest)
    order = [*range(own, own + axes[0]), *range(own), *range(own + axes[0], own + len(rest))]
    return graph.add("Transpose", found, perm=order)


def _scatter_add(line: Line) -> str:
    """One place, where indices are numbers: further ones may be the same, and opset 13 does not add there."""
    graph, shape, axes = line.graph, line.params["shape"], list(line.params["axes"])
    if any(isinstance(shape[axis], Rows) for axis in axes):
        _refuse(line, "over rows ")
    value, *indices = line.operands
    marks = []
    for axis, index in zip(axes, indices, strict=True):
        places = np.arange(shape[axis]).reshape(-1, *[1] * (len(shape) - axis - 1))
        from_either_end = [
            graph.add("Equal", graph.constant(one, np.int64), index) for one in (places, places - shape[axis])
        ]
        marks.append(graph.add("Or", *from_either_end))
    there = functools.reduce(functools.partial(graph.add, "And"), marks)
    spread = graph.add("Unsqueeze", value, graph.constant(axes, np.int64))
    return graph.add("Where", there, spread, line.number(0))


def _one_hot(line: Line) -> str:
    graph = line.graph
    column = graph.add("Unsqueeze", *line.operands, graph.constant([-1], np.int64))
    known = graph.constant(np.arange(line.params["count"]), np.int64)
    return graph.cast(graph.add("Equal", column, known), line.params["dtype"])


_SAME = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "pow": "Pow", "abs": "Abs",
    "floor": "Floor", "ceil": "Ceil", "rint": "Round", "sign": "Sign", "sqrt": "Sqrt",
    "reciprocal": "Reciprocal", "exp": "Exp", "log": "Log",
    "sigmoid": "Sigmoid", "softplus": "Softplus", "erf": "Erf", "sin": "Sin", "cos": "Cos", "tan": "Tan",
    "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan",
    "arcsinh": "Asinh", "arctanh": "Atanh",
    "eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not", "isnan": "IsNaN",
    "isinf": "IsInf", "minimum": "Min", "where": "Where", "stop_gradient": "Identity", "matmul": "MatMul",
}  # fmt: skip

# What adds the operators of a line, by its primitive; a loop or branch gives the values of its results.
OPERATORS: dict[str, Callable[[Line], Any]] = {
    **{name: _same(operator) for name, operator in _SAME.items()},
    "maximum": _maximum,
    "astype": lambda line: line.graph.cast(line.operands[0], line.params["dtype"]),
    "exp_difference": lambda line: line.graph.add(
        "Softmax", line.operands[0], axis=line.node.inputs[1].param("axes")[0]
    ),
    "sum": _sum,
    "mean": _reduction("ReduceMean"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "prod": _reduction("ReduceProd"),
    "logsumexp": _reduction("ReduceLogSumExp"),
    "argmax": _position("ArgMax"),
    "argmin": _position("ArgMin"),
    "cumsum": lambda line: line.graph.add(
        "CumSum", *line.operands, line.graph.constant(line.params["axis"], np.int64)
    ),
    "einsum": lambda line: line.graph.add("Einsum", *line.operands, equation=line.params["subscripts"]),
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
    "scatter_add": _scatter_add,
    "one_hot": _one_hot,
    "scan": scan,
    "while_loop": while_loop,
    "cond": cond,
}


def is_native(node: Node) -> bool:
    """Whether a line has operators of its own."""
    if any(one.type.is_complex for one in (node, *node.inputs)):
        return False  # ONNX's arithmetic is of real numbers
    if node.primitive.name == "scatter_add":
        return all(not one.type.shape for one in node.inputs[1:])
    if node.primitive.name != "exp_difference":
        return node.primitive.name in OPERATORS
    x, total = node.inputs  # exp(x − logsumexp x) is the softmax
    if total.primitive.name != "logsumexp" or total.inputs[0] is not x:
        return False
    return bool(total.param("keepdims")) and len(total.param("axes")) == 1


def written_out(program: Program) -> Program:
    """Return a program with the same values, of lines that have operators of their own as far as possible."""
    expanded = decompose(program, lambda node, trace: None if is_native(node) else declared(node, trace))
    return with_bodies(expanded, written_out)


def add_program(
    graph: Graph, program: Program, sizes: Sizes, arguments: list[str], rows: Callable[[], str]
) -> list[str]:
    """Add the operators for a program.

    Parameters
    ----------
    graph : Graph
    program : Program
        As `written_out` gives it.
    sizes : Sizes
        Of the program.
    arguments : list of str
        The names of the values of its inputs.
    rows : callable
        See `Line`.

    Returns
    -------
    list of str
        The names of its outputs.

    Raises
    ------
    UnsupportedFunctionError
        If ONNX has no operators for a line, naming it.
    """
    values: dict[Node, Any] = dict(zip(program.inputs, arguments, strict=True))
    read = read_items(program)

    def body(inner: Graph, its_program: Program, its_arguments: list[str]) -> list[str]:
        return add_program(inner, its_program, sizes, its_arguments, rows)

    for node in program.nodes:
        constant = node.value
        if constant is not None:
            values[node] = graph.constant(constant)
        elif node.primitive is ITEM:
            values[node] = values[node.inputs[0]][node.param("index")]
        elif node.primitive is not INPUT:
            operands = [values[operand] for operand in node.inputs]
            line = Line(graph, sizes, node, operands, rows, body, sorted(read.get(node, ())))
            values[node] = OPERATORS[node.primitive.name](line) if is_native(node) else _refuse(line)
    return [values[node] for node in program.outputs]
