"""The rules every program obeys, checked."""

from __future__ import annotations

from typing import Any

from wengert.errors import VerificationError
from wengert.ir.node import INPUT, Node
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Program, bodies
from wengert.ir.types import TensorType, TupleType


def _line(position: int, node: Node) -> str:
    return f"line {position} ({node.primitive.name} {node.type})"


def _verify_regions(program: Program) -> None:
    """Check the programs that are parameters of lines, by the same rules."""
    for position, node in enumerate(program.nodes):
        for body in bodies(node):
            try:
                verify(body)
            except VerificationError as error:
                raise VerificationError(f"{_line(position, node)}, in its body: {error}") from None


def verify(program: Program) -> Program:
    """Check types, order and completeness; return the program itself.

    Raises
    ------
    VerificationError
        Naming the line: an operand that comes later or is missing, a type that its rule does not give,
        operands of dtypes that the primitive converts, a primitive that is not registered, an input declared
        twice, or a value of an enclosing trace.
    """
    _verify_regions(program)
    declared = set(program.inputs)
    if len(declared) != len(program.inputs):
        raise VerificationError("an input is declared twice")
    defined: set[Node] = set()
    known: dict[tuple[Any, ...], TensorType] = {}  # lines alike have one type
    for position, node in enumerate(program.nodes):
        if REGISTRY.get(node.primitive.name) is not node.primitive:
            raise VerificationError(f"{_line(position, node)}: primitive is not in the registry")
        if node.primitive is INPUT:
            if node not in declared:
                where = _line(position, node)
                raise VerificationError(f"{where}: reads an input that the program does not declare")
        else:
            for operand in node.inputs:
                if operand not in defined:
                    where = _line(position, node)
                    raise VerificationError(f"{where}: operand {operand!r} is not computed before it")
            types = tuple([operand.type for operand in node.inputs])
            key = (node.primitive, types, node.params)
            inferred = known.get(key)
            if inferred is None:
                given = [operand.dtype for operand in types]
                if given and list(node.primitive.operand_dtypes(given)) != given:
                    raise VerificationError(f"{_line(position, node)}: computes in other dtypes than {given}")
                inferred = known[key] = node.primitive.infer(*types, **dict(node.params))
            if inferred is not node.type:
                raise VerificationError(f"{_line(position, node)}: its rule gives {inferred}")
        defined.add(node)
    parts = [node for node in program.outputs if isinstance(node.type, TupleType)]
    if parts:
        raise VerificationError(f"output {parts[0]!r} is several values: a program returns its items")
    missing = [node for node in program.outputs if node not in defined]
    if missing:
        raise VerificationError(f"output {missing[0]!r} is never computed")
    return program
