"""What leaves a scan: lines that no iteration changes, products with what is not carried, sums of products.

A product whose operands are known before the loop is one larger product before it: W·xₜ for all t is X·Wᵀ.
A carry that only adds up products, as the cotangent of a matrix does in the sweep back, is one contraction
after it: Σₜ δₜhₜᵀ = ΔᵀH. Sums of elements stay: a loop that adds up in place reads less than one after it.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.trace.tensor import Trace
from wengert.transform.batching import batch
from wengert.transform.inline import inline
from wengert.transform.regions.bodies import reached, recorder_of, split
from wengert.transform.regions.residuals import reading

# Elements of what is computed at once, as many as a batch of a Jacobian has: 64 MB in float64.
_MOST = 2**23

# The source of a line that adds.
_SUM = "{0} + {1}"

# Lines that give what they gave in the loop, without an error that would name the iteration.
_PLAIN = (Kind.ELEMENTWISE, Kind.MOVEMENT, Kind.REDUCTION, Kind.CONTRACTION)


def leaving(
    record: Callable[..., tuple[Any, ...]],
    wanted: Sequence[int],
    *operands: Any,
    body: Program,
    fixed: int,
    carried: int,
    length: int,
    reverse: bool,
) -> tuple[Any, ...] | None:
    """Return the results of a scan that is left with less to do, None where nothing leaves it.

    Parameters
    ----------
    record : callable
        Records a scan: ``record(body, constants, inits, streams, length, reverse)``.
    wanted : sequence of int
        Positions of the results that some line reads and that may be computed after the loop.
    *operands : Tensor
    body, fixed, carried, length, reverse
        Parameters of the scan.
    """
    same = _same_in_all_iterations(body, fixed)
    products = _products_before(body, fixed, carried, length)
    zero = [place for place in range(carried) if _is_zero(operands[fixed + place].node)]
    sums = _sums(
        body, [place for place in wanted if place in zero or place >= carried], fixed, carried, length
    )
    if not same and not products and not sums:
        return None
    trace = recorder_of(operands)
    constants, inits, streams = split(operands, fixed, carried)
    if same:
        once = Program(body.inputs[:fixed], same, body.provenance)
        constants = [*inline(once, constants, trace), *constants]
        taking = reading(body, same)
        inputs = [*taking.inputs[len(operands) :], *taking.inputs[: len(operands)]]
        body = Program(inputs, taking.outputs, taking.provenance)
        return record(body, constants, inits, streams, length, reverse)
    if products:
        of_body = [*body.inputs[:fixed], *body.inputs[fixed + carried :]]
        mapped = range(fixed, len(of_body))
        at_once = batch(Program(of_body, products, body.provenance), mapped, length)
        streams = [*streams, *inline(at_once, [*constants, *streams], trace)]
        body = reading(body, products)
    return _summed_after(record, body, sums, (constants, inits, streams), length, reverse, trace)


def adds_up_products(node: Node) -> bool:
    """Whether a scan is left with less to do where all its last carries, and no others, are read."""
    params = dict(node.params)
    fixed, carried = params["fixed"], params["carried"]
    zero = [place for place in range(carried) if _is_zero(node.inputs[fixed + place])]
    return bool(_sums(params["body"], zero, fixed, carried, params["length"]))


def _is_zero(node: Node) -> bool:
    while node.primitive.kind is Kind.MOVEMENT and len(node.inputs) == 1:
        (node,) = node.inputs
    return node.value is not None and not node.value.any()


def _same_in_all_iterations(body: Program, fixed: int) -> list[Node]:
    """Return the lines that depend on constants alone; a movement costs nothing where it is read."""
    known = set(body.inputs[:fixed])
    found = []
    for node in body.nodes:
        inner = [one for one in node.inputs if one.primitive.kind is not Kind.CONSTANT]
        if inner and node.primitive.kind in _PLAIN and known.issuperset(inner):
            known.add(node)
            if node.primitive.kind is not Kind.MOVEMENT:
                found.append(node)
    return found


def _products_before(body: Program, fixed: int, carried: int, length: int) -> list[Node]:
    """Return the products of entries with constants or other entries."""
    entries = set(body.inputs[fixed + carried :])
    free = {*body.inputs[:fixed], *entries}
    late: set[Node] = set()
    varying = reached(body.nodes, entries)
    found = []
    for node in body.nodes:
        if node in free or (not node.inputs and node.primitive.kind is Kind.CONSTANT):
            continue
        if node.primitive.kind not in _PLAIN or not late.isdisjoint(node.inputs) or not node.inputs:
            late.add(node)
        elif node.primitive.kind is Kind.CONTRACTION and node in varying and _fits([node], length):
            found.append(node)
    return found


def _fits(nodes: Sequence[Node], length: int) -> bool:
    size = sum(node.type.size for node in nodes)
    return length > 1 and length * size <= _MOST and all(node.type.is_inexact for node in nodes)


def _sums(body: Program, wanted: Sequence[int], fixed: int, carried: int, length: int) -> dict[int, Node]:
    """Return the products that carries add up, by the position of the carry."""
    reads: dict[Node, int] = {}
    for node in body.nodes:
        for operand in node.inputs:
            reads[operand] = reads.get(operand, 0) + 1
    found = {}
    for place in range(carried):
        total, carry = body.outputs[place], body.inputs[fixed + place]
        alone = total not in reads and body.outputs.count(total) == 1 and reads.get(carry) == 1
        is_last = place in wanted and len(body.outputs) + place not in wanted and carry not in body.outputs
        if not alone or not is_last or total.primitive.python != _SUM or carry not in total.inputs:
            continue
        (product,) = (one for one in total.inputs if one is not carry)
        is_small = sum(one.type.size for one in product.inputs) <= product.type.size
        is_product = product.primitive.kind is Kind.CONTRACTION and product.type is carry.type
        if is_product and is_small and _fits(product.inputs, length):
            found[place] = product
    return found


def _summed_after(
    record: Callable[..., tuple[Any, ...]],
    body: Program,
    sums: dict[int, Node],
    operands: tuple[Sequence[Any], Sequence[Any], Sequence[Any]],
    length: int,
    reverse: bool,
    trace: Trace,
) -> tuple[Any, ...]:
    """Record a scan that gives the factors of products in place of their sum, and the sums after it."""
    constants, inits, streams = operands
    count, carried = len(body.outputs), len(inits)
    fixed = len(constants)
    known = dict(zip(body.inputs[:fixed], constants, strict=True))
    known |= dict(zip(body.inputs[fixed + carried :], streams, strict=True))
    free = set(body.inputs[:fixed])
    factors = dict.fromkeys(one for node in sums.values() for one in node.inputs)
    given = [one for one in factors if one not in known and one not in body.outputs[carried:]]
    carries = [place for place in range(carried) if place not in sums]
    inputs = [
        *body.inputs[:fixed],
        *[body.inputs[fixed + place] for place in carries],
        *body.inputs[fixed + carried :],
    ]
    outputs = [body.outputs[place] for place in (*carries, *range(carried, count))]
    found = record(
        Program(inputs, [*outputs, *given], body.provenance),
        constants,
        [inits[place] for place in carries],
        streams,
        length,
        reverse,
    )
    places = [*carries, *range(carried, count), *given, *[count + place for place in carries]]
    values: dict[Any, Any] = {**known, **dict(zip(places, found, strict=True))}
    for place in range(carried, count):
        values.setdefault(body.outputs[place], values[place])
    for place, product in sums.items():
        values[place] = _sum_of_products(product, values, free)
    return tuple([values.get(place) for place in range(count + carried)])


def _sum_of_products(product: Node, values: dict[Any, Any], free: set[Node]) -> Any:
    """Return the sum over all iterations as one contraction."""
    rule = product.primitive.letters
    assert rule is not None
    terms, result = rule(*[one.type for one in product.inputs], **dict(product.params))
    iteration = next(one for one in string.ascii_letters if one not in "".join([*terms, result]))
    marked = [
        term if one in free else iteration + term for term, one in zip(terms, product.inputs, strict=True)
    ]
    return np.einsum(f"{','.join(marked)}->{result}", *[values[one] for one in product.inputs])
