"""A program as the source of a NumPy function, written as one would write it on the board."""

from __future__ import annotations

import ast
from collections import Counter

import numpy as np

from wengert.ir.emitted_functions import called, sources
from wengert.ir.node import CONSTANT, INPUT, ITEM, Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, read_items
from wengert.ir.python_expressions import (
    bare_number,
    fill,
    index_literal,
    own_template,
    strong_literal,
    uniform_array,
)
from wengert.ir.python_idioms import idioms
from wengert.ir.python_names import Names, identifier
from wengert.ir.types import TensorType, TupleType

_LONGEST = 60  # characters of an expression that is still read at one glance
_VIEW = 12  # a view as short as this (`W.T`) is written out at each use
_FEW = 8  # elements of a constant that stands where it is used
_COLUMN = 36  # of the shapes, unless a line is longer
_WIDTH = 88


def python_source(program: Program, name: str = "program") -> str:
    """Return the source of a function that computes what `program` does with NumPy alone.

    Parameters
    ----------
    program : Program
    name : str
        The function's.

    Returns
    -------
    str
        A module: imports, the helpers the function calls, large constants, the function. Its parameters are
        the inputs in order, its result the outputs in order: an array where the traced function returns one,
        else a tuple.
    """
    return _Writer(program, name).module()


class _Writer:
    """Walks the program once; short values that are read once wait to be written into their reader's line."""

    def __init__(self, program: Program, name: str, is_body: bool = False) -> None:
        self.program = program
        self.function = identifier(name)
        self.is_body = is_body  # of a loop or branch, whose result is always a tuple
        self.items = read_items(program)
        self.functions: dict[Program, str] = {}
        self.definitions: list[str] = []
        self.idioms = idioms(program)
        self.absorbed = {node for idiom in self.idioms.values() for node in idiom.absorbed}
        self.called: dict[str, None] = {}
        self.constants: list[str] = []
        self.lines: list[tuple[str, TensorType | None]] = []
        self.waiting: dict[Node, ast.expr] = {}
        self.written = [
            node
            for node in program.nodes
            if node.primitive not in (INPUT, CONSTANT) and node not in self.absorbed
        ]
        reads = [operand for node in self.written for operand in self._inputs(node)]
        self.reads = Counter([*reads, *program.outputs])
        self.names = Names(program, self.function, f"{self.function}_C" if is_body else "C")
        dtypes = Counter(node.type.dtype for node in self._typed())
        self.usual = dtypes.most_common(1)[0][0] if dtypes else None

    def _inputs(self, node: Node) -> tuple[Node, ...]:
        return self.idioms[node].operands if node in self.idioms else node.inputs

    def module(self) -> str:
        """Return the whole source."""
        definition = self.definition()
        parts = ["import numpy as np", *sources(self.called)]
        if self.constants:
            parts.append("\n".join(self.constants))
        return "\n\n\n".join([*parts, *self.definitions, definition]) + "\n"

    def definition(self) -> str:
        """Return the function alone."""
        for node in self.written:
            self._visit(node)
        results = [self._result(node) for node in self.program.outputs]
        parameters = [self.names.known[node] for node in self.program.inputs]
        types = [
            f"{self.names.known[node]} {self._type(node.type)}"
            if node.type.shape
            else f"{self._type(node.type)} {self.names.known[node]}"
            for node in self.program.inputs
        ]
        lines = [
            *_enclosed(f"def {self.function}", parameters, ":", ""),
            *([] if not types else _wrapped('    """Take ', types, f'; {self._usual_note()}."""', "    ")),
            *self._body(),
            *self._return(results),
        ]
        return "\n".join(lines)

    def _typed(self) -> list[Node]:
        """Return the values of the function that have a dtype."""
        return [node for node in (*self.program.inputs, *self.written) if node.primitive.region is None]

    def _return(self, results: list[str]) -> list[str]:
        """Return the last statement; a result that is a tree of one array is a tuple of one."""
        signature = self.program.signature
        is_tree = self.is_body or (signature is not None and not signature.is_single)
        if len(results) == 1 and is_tree:
            return [f"    return ({results[0]},)"]
        line = ", ".join(results) or "()"
        return (
            [f"    return {line}"]
            if len(line) < _WIDTH - 11
            else _enclosed("    return ", results, "", "    ")
        )

    def _usual_note(self) -> str:
        mixed = any(node.type.dtype not in (self.usual, np.bool_) for node in self._typed())
        return f"{self.usual} where nothing else is said" if mixed else f"all {self.usual}"

    def _type(self, type_: TensorType) -> str:
        shape = str(type_.shape) if type_.shape else "scalar"
        return shape if type_.dtype == self.usual else f"{shape} {type_.dtype.name}"

    def _body(self) -> list[str]:
        """Return the lines, each with the shape of its value after it."""
        widest = max([len(text) for text, _ in self.lines if len(text) <= _LONGEST], default=0)
        column = max(_COLUMN, widest)
        return [
            text if type_ is None else f"{text:<{column}}  # {self._type(type_)}"
            for text, type_ in self.lines
        ]

    def _visit(self, node: Node) -> None:
        """Give a node a line, or let it wait for its reader."""
        if node.primitive is ITEM:
            return
        if node.primitive.region is not None:
            self._region(node)
            return
        tree = self._tree(node)
        pending = [operand for operand in dict.fromkeys(self._inputs(node)) if operand in self.waiting]
        # Too long for one glance: the longest part gets a line of its own, then the next.
        pending.sort(key=lambda operand: len(ast.unparse(self.waiting[operand])))
        while pending and len(ast.unparse(tree)) > _LONGEST:
            longest = pending.pop()
            self._assign(longest, self.waiting.pop(longest))
            tree = self._tree(node)
        if self._waits(node, tree):
            self.waiting[node] = tree
        else:
            self._assign(node, tree)

    def _region(self, node: Node) -> None:
        """Write a loop or a branch as a statement, which gives the results names."""
        region = node.primitive.region
        assert region is not None
        assert isinstance(node.type, TupleType)
        for operand in dict.fromkeys(node.inputs):
            if operand in self.waiting:
                self._assign(operand, self.waiting.pop(operand))
        operands = [self._result(operand) for operand in node.inputs]
        items = self.items[node]
        results = [
            self.names.give(items[place]) if place in items else None for place in range(len(node.type.items))
        ]
        lines = region.statements(
            results, operands, self._function, node.type.items, self.names.fresh, **dict(node.params)
        )
        self.lines += [(f"    {line}", None) for line in lines]

    def _function(self, body: Program) -> str:
        """Return the name of the function of a body, which is written now if it is new."""
        if body not in self.functions:
            name = self.functions[body] = self.names.fresh(f"{self.function}_body")
            inner = _Writer(body, name, is_body=True)
            definition = inner.definition()
            self.definitions += [*inner.definitions, definition]
            self.constants += inner.constants
            self.called.update(inner.called)
        return self.functions[body]

    def _waits(self, node: Node, tree: ast.expr) -> bool:
        if node in self.program.outputs:
            return self.reads[node] == 1 and len(self.program.outputs) == 1
        if self.names.wanted(node) is not None:
            return False
        short_view = (
            node.primitive.kind is Kind.MOVEMENT
            and len(ast.unparse(tree)) <= _VIEW
            and node.inputs[0] in self.names.known
        )
        return self.reads[node] == 1 or short_view

    def _tree(self, node: Node) -> ast.expr:
        """Return the expression of a node: names for what has a line, the whole of what waits."""
        if node in self.idioms:
            idiom = self.idioms[node]
            return fill(idiom.template, [self._value(operand) for operand in idiom.operands])
        uniform = uniform_array(node)
        if uniform is not None:
            return uniform
        return fill(own_template(node), [self._operand(node, place) for place in range(len(node.inputs))])

    def _assign(self, node: Node, tree: ast.expr) -> None:
        """Give a value a line and a name."""
        self.called.update(dict.fromkeys(called(tree)))
        self.lines.append((f"    {self.names.give(node)} = {ast.unparse(tree)}", node.type))

    def _operand(self, node: Node, place: int) -> ast.expr:
        operand = node.inputs[place]
        number = bare_number(node, place)
        if number is not None:
            return number
        is_index = node.primitive.kind is Kind.INDEXING and place > 0
        if is_index and operand.primitive is CONSTANT and operand.type.size <= _FEW:
            return index_literal(operand)
        return self._value(operand)

    def _value(self, node: Node) -> ast.expr:
        if node.primitive is CONSTANT:
            return self._constant(node)
        return self.waiting[node] if node in self.waiting else ast.Name(self.names.known[node], ast.Load())

    def _constant(self, node: Node) -> ast.expr:
        """Return a constant with its dtype; a large one gets a name and stands above the function."""
        if node not in self.names.known:
            tree = strong_literal(node)
            text = ast.unparse(tree)
            if len(text) <= _LONGEST:
                return tree
            self.constants.append(_array_text(self.names.constant(node), text))
        return ast.Name(self.names.known[node], ast.Load())

    def _result(self, node: Node) -> str:
        tree = self._value(node)
        self.called.update(dict.fromkeys(called(tree)))
        return ast.unparse(tree)


def _wrapped(start: str, items: list[str], end: str, indent: str) -> list[str]:
    """Return comma-separated items on lines of the usual width; none is cut."""
    lines = [start]
    for position, item in enumerate(items):
        piece = item + (", " if position < len(items) - 1 else end)
        if len(lines[-1]) + len(piece) > _WIDTH and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += piece
    return lines


def _enclosed(start: str, items: list[str], end: str, indent: str) -> list[str]:
    """Return items in parentheses, on one line where they fit."""
    line = f"{start}({', '.join(items)}){end}"
    if len(line) <= _WIDTH:
        return [line]
    inner = indent + "    "
    return [f"{start}(", *_wrapped(inner, items, ",", inner), f"{indent}){end}"]


def _array_text(name: str, text: str) -> str:
    """Return the assignment of a large array, broken between elements."""
    head, _, rest = f"{name} = {text}".partition("(")
    return "\n".join(_enclosed(head, rest.removesuffix(")").split(", "), "", ""))
