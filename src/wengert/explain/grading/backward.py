"""Gradients of parts of a function, as nodes of its program: their values at points, and their NumPy code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.errors import WengertError
from wengert.explain.engine import Array
from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.letters import renames_axes
from wengert.ir.node import CONSTANT, Node, make_input, make_node
from wengert.ir.program import Program
from wengert.ir.python_expressions import fill, own_template, parsed
from wengert.ir.python_idioms import idioms
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.gradient import backpropagate
from wengert.transform.simplify import simplify

_LONGEST = 240  # characters of code that still help a reader


def traced(compute: Callable[..., Any], *nodes: Node) -> Node:
    """Return the node of what a function makes of the values of nodes."""
    trace = Trace(rule="claims")
    with trace.recording():
        result: Node = as_tensor(compute(*(Tensor(node, trace) for node in nodes)), trace).node
    return result


def sent_back(of: Node, by: Node, cotangent: Node | None = None) -> Node:
    """Return what a cotangent of a value, 1 by default, contributes to the adjoint of another."""
    trace = Trace(rule="claims")
    with trace.recording():
        seed = as_tensor(np.ones(of.type.shape), trace) if cotangent is None else Tensor(cotangent, trace)
        (adjoint,) = backpropagate([of], [seed], [by], trace)
        result: Node = as_tensor(adjoint, trace).node
    return result


def values_of(
    nodes: Sequence[Node], program: Program, points: Sequence[Sequence[Array]]
) -> list[list[Array]]:
    """Return the values of nodes at each of the points, which are arguments of a program."""
    run = NumpyExecutor().compile(Program(program.inputs, nodes))
    with np.errstate(all="ignore"):
        found = [[np.asarray(value, np.float64) for value in run(list(point))] for point in points]
    return [list(column) for column in zip(*found, strict=True)]


def code_of(node: Node, names: Mapping[Node, str]) -> str | None:
    """Return a node as NumPy code over named values, None where that is long or reads unnamed inputs."""
    cut = _cut(node, names)
    if cut is None:
        return None
    try:
        tree = _expression(simplify(cut))
    except WengertError:
        return None
    if tree is None:
        return None
    text = ast.unparse(_Tidied().visit(ast.parse(ast.unparse(tree), mode="eval").body)).replace("np.", "")
    return text if len(text) <= _LONGEST else None


def _cut(node: Node, names: Mapping[Node, str]) -> Program | None:
    """Return the computation of a node as a program whose inputs are the named values it reads."""
    stack, seen = [node], set()
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        if one not in names:
            if not one.inputs and one.primitive is not CONSTANT:
                return None
            stack += one.inputs
    new: dict[Node, Node] = {}
    for one in sorted(seen, key=lambda each: each.serial):
        if one in names:
            new[one] = make_input(names[one], one.type)
        elif one.inputs:
            new[one] = make_node(one.primitive, [new[operand] for operand in one.inputs], dict(one.params))
        else:
            new[one] = one
    return Program([new[one] for one in seen if one in names], [new[node]])


def _stretches(node: Node) -> bool:
    """Whether a line only repeats a value along new axes, or gives axes to a number."""
    rank, size = (node.inputs[0].type.ndim, node.inputs[0].type.size) if node.inputs else (0, 0)
    return renames_axes(node) and (rank == 0 or node.type.size > size)


def _expression(program: Program) -> ast.expr | None:
    """Return a program's output as one expression."""
    known = idioms(program)
    trees: dict[Node, ast.expr] = {}
    for node in program.nodes:
        number = uniform_value(node)
        if number is not None and np.isfinite(number):
            trees[node] = parsed(repr(int(number) if number == int(number) else number))
        elif node.primitive is CONSTANT:
            return None
        elif not node.inputs:
            trees[node] = ast.Name(str(dict(node.params)["name"]), ast.Load())
        elif node in known:
            trees[node] = fill(known[node].template, [trees[one] for one in known[node].operands])
        elif _stretches(node):
            trees[node] = trees[node.inputs[0]]  # NumPy stretches it where it is used
        else:
            trees[node] = fill(own_template(node), [trees[one] for one in node.inputs])
        if len(ast.unparse(trees[node])) > 2 * _LONGEST:
            return None
    return trees[program.outputs[0]]


class _Tidied(ast.NodeTransformer):
    """x / 6 for 0.1666… * x."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
            value = node.left.value
            if isinstance(value, float) and 0 < value < 1 and 1 / round(1 / value) == value:
                return ast.BinOp(node.right, ast.Div(), ast.Constant(round(1 / value)))
        return node
