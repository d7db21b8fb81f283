"""Functions that are bodies of loops and branches: traced, and closed over what they capture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from wengert.autodiff.application import enclosing_trace
from wengert.errors import DTypeError, ShapeError, TraceError
from wengert.ir.node import CONSTANT, INPUT, Node, items_of, make_input, make_node, with_operands
from wengert.ir.primitive import NUMBERS, Primitive
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN
from wengert.ir.types import TensorType
from wengert.run.numpy import NumpyExecutor
from wengert.trace.outside_names import with_outside_names
from wengert.trace.promotion import WEAK_OF_KIND
from wengert.trace.recorder import here
from wengert.trace.static import is_static
from wengert.trace.tensor import Tensor, as_tensor
from wengert.trace.tracing import Recording, no_draws
from wengert.trace.tree import TreeSignature, described, flatten, leaf_paths, leaf_type, unflatten
from wengert.transform.simplify import simplify


class Leaves:
    """The leaves of an operand of a loop or branch: arrays, numbers, tensors.

    Attributes
    ----------
    values : list
    structure : optree.PyTreeSpec
    names : list of str
    types : list of TensorType

    Raises
    ------
    DTypeError
        When a leaf is no array; names it.
    """

    def __init__(self, tree: Any, name: str) -> None:
        values, self.structure = flatten(tree)
        self.names = leaf_paths(tree, name)
        for value, leaf in zip(values, self.names, strict=True):
            if is_static(value):
                kind = f"an array of {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
                raise DTypeError(f"{leaf!r} is {kind}, and no array of numbers{here()}")
        self.values: list[Any] = [
            one if isinstance(one, (Tensor, TensorType)) else np.asarray(one) for one in values
        ]
        self.weak = [
            one.weak is not None if isinstance(one, Tensor) else type(one) in NUMBERS for one in values
        ]
        self.types = [leaf_type(one, leaf) for one, leaf in zip(values, self.names, strict=True)]

    def tree(self, leaves: Sequence[Any]) -> Any:
        """Return the tree with other leaves."""
        return unflatten(self.structure, list(leaves))

    def converted(self, types: Sequence[TensorType]) -> bool:
        """Give numbers, which do not decide a dtype, the dtypes of `types`; say whether one changed."""
        changed = False
        for place, (mine, wanted) in enumerate(zip(self.types, types, strict=True)):
            if (
                self.weak[place]
                and mine is not wanted
                and mine.shape == wanted.shape
                and np.can_cast(mine.dtype, wanted.dtype, "same_kind")
            ):
                self.values[place] = self.values[place].astype(wanted.dtype)
                self.types[place], self.weak[place] = wanted, False
                changed = True
        return changed


class Body:
    """A traced function.

    Parameters
    ----------
    function : callable
    arguments : sequence of trees of TensorType
    weak : sequence of bool
        Which leaves come from a Python number, which takes the dtype of what it meets; the others do not.
    is_loop : bool
        Whether it is run many times, so that it must not draw random numbers while it is traced.

    Attributes
    ----------
    recording : Recording
    program : Program
        May read values of enclosing traces.
    result : optree.PyTreeSpec
    types : list of TensorType
        Of the results.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        weak: Sequence[bool],
        is_loop: bool = False,
    ) -> None:
        @functools.wraps(function, updated=())
        def called(*tensors: Any) -> Any:
            for one, is_weak in zip(flatten(tensors)[0], weak, strict=False):
                if is_weak:
                    one.weak = WEAK_OF_KIND.get(one.dtype.kind)
            # An index that is traced may read arrays from outside.
            return with_outside_names(function, arrays=True)(*tensors)

        message = (
            "the body of a loop drew random numbers while it was traced, once for all iterations: draw them "
            "outside and go over them, or draw with wengert.random and a key for each iteration"
        )
        with no_draws(function, message) if is_loop else nullcontext():
            self.recording = Recording(called, tuple(arguments), {}, is_body=True)
        self.program = self.recording.program
        signature = self.program.signature
        assert isinstance(signature, TreeSignature)
        self.result = signature.result
        self.types = [node.type for node in self.program.outputs]

    def names(self, root: str) -> list[str]:
        """Return a name for each leaf of the result."""
        return leaf_paths(unflatten(self.result, list(self.types)), root)


def same_carry(before: Leaves, after: Sequence[TensorType], structure: Any, what: str) -> None:
    """Refuse a carry that comes out of an iteration otherwise than it went in.

    Raises
    ------
    TraceError
        When it is another tree; shows both.
    ShapeError, DTypeError
        Names the leaf, shows both types.
    """
    if structure != before.structure:
        raise TraceError(
            f"{what}: the carry is {described(before.structure)} before an iteration and "
            f"{described(structure)} after it; it must stay the same tree{here()}"
        )
    for name, mine, other in zip(before.names, before.types, after, strict=True):
        if mine is not other:
            error = ShapeError if mine.shape != other.shape else DTypeError
            advice = "" if mine.shape != other.shape else _conversion(mine, other)
            raise error(
                f"{what}: {name!r} is {mine} before an iteration and {other} after it{advice}{here()}"
            )


def _conversion(before: TensorType, after: TensorType) -> str:
    """Return the advice for a carry whose dtype changes: what loses no part of the numbers."""
    if np.can_cast(before.dtype, after.dtype, "same_kind") and before.dtype.kind != after.dtype.kind:
        return f": begin with {after.dtype}, as with .astype(np.{after.dtype})"
    return f": convert one, as with .astype(np.{before.dtype})"


def closed(program: Program, leaves_loop: bool, mark: int = 0) -> tuple[Program, list[Node]]:
    """Return a body as a program that reads its inputs alone, and what it captures of enclosing traces.

    Parameters
    ----------
    program : Program
    leaves_loop : bool
        Whether lines that depend on no input of the body are computed once, outside, and captured; else
        only values are captured that were there before the body was traced, since a branch that is not
        taken computes nothing.
    mark : int
        Serial number at which the tracing of the body began.
    """
    own: set[Node] = set(program.inputs)
    outer: set[Node] = set()
    for node in program.nodes:
        if node in own or node.primitive is CONSTANT:
            continue
        is_outer = node.primitive is INPUT or not outer.isdisjoint(node.inputs)
        inside = not leaves_loop and node.serial >= mark and node.primitive is not INPUT
        if inside or not own.isdisjoint(node.inputs):
            own.add(node)
        elif is_outer:
            outer.add(node)
    reads = [operand for node in program.nodes if node in own for operand in node.inputs]
    captured = list(dict.fromkeys(one for one in (*reads, *program.outputs) if one in outer))
    inputs = [_input_for(node, program, place) for place, node in enumerate(captured)]
    new: dict[Node, Node] = {
        **dict(zip(captured, inputs, strict=True)),
        **{one: one for one in program.inputs},
    }
    for node in program.nodes:
        if node not in new and node not in outer:
            new[node] = with_operands(node, *[new[one] for one in node.inputs]) if node.inputs else node
    origins = {new[node]: origin for node, origin in program.provenance.items() if node in new}
    body = Program([*program.inputs, *inputs], [new[node] for node in program.outputs], origins)
    return simplify(body), captured


def _input_for(node: Node, program: Program, place: int) -> Node:
    name = node.param("name") if node.primitive is INPUT else program.provenance.get(node, UNKNOWN).name
    return make_input(str(name or f"captured{place}"), node.type)


def applied(
    primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], bodies: Sequence[Body], count: int
) -> list[Any]:
    """Return the first `count` results of a region: recorded in an enclosing trace, or computed now.

    Parameters
    ----------
    primitive : Primitive
    operands : sequence of array or Tensor or Node
        A node is a captured value.
    params : dict
    bodies : sequence of Body
        What was traced for it.
    count : int
    """
    traces = [enclosing_trace(operands, body.recording.trace) for body in bodies]
    enclosing = max((one for one in traces if one is not None), key=lambda one: one.level, default=None)
    if enclosing is None:
        nodes = [make_input(f"x{place}", leaf_type(one, "")) for place, one in enumerate(operands)]
        region = make_node(primitive, nodes, params)
        return NumpyExecutor().compile(Program(nodes, items_of(region)[:count]))(operands)
    for body in bodies:
        trace = body.recording.trace
        enclosing.captured |= {other for other in trace.captured if other is not enclosing}
        enclosing.adopt(trace)
        enclosing.questions.update(trace.questions)
    tensors = [
        Tensor(one, enclosing) if isinstance(one, Node) else as_tensor(one, enclosing) for one in operands
    ]
    return list(primitive(*tensors, **params)[:count])
