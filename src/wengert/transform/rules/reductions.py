"""Reductions: over no axis, of reductions, with the axes kept in the first place."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from wengert.ir.node import INPUT, Node, with_operands
from wengert.transform.rules.scaling import representable, scaled, split
from wengert.transform.rules.table import build, filled, is_a, rule, uniform_element

# Only cheap ones change their form: where both forms are read, a logsumexp would be computed twice.
_CHEAP = ("sum", "mean")


@rule("sum", "mean", "max", "min", "prod", exact=True)
def nothing_reduced(node: Node) -> Node | None:
    """A reduction over axes of extent 1, or none → the elements themselves."""
    (x,) = node.inputs
    if x.type.dtype != node.type.dtype or any(x.type.shape[axis] != 1 for axis in node.param("axes")):
        return None
    return x if node.param("keepdims") else build("squeeze", x, axes=node.param("axes"))


@rule("squeeze", exact=True)
def squeeze_reduced(node: Node) -> Node | None:
    """squeeze(sum(x, keepdims)) → sum(x)."""
    (x,) = node.inputs
    if not is_a(x, *_CHEAP) or not x.param("keepdims") or x.param("axes") != node.param("axes"):
        return None
    return build(x.primitive.name, x.inputs[0], axes=x.param("axes"), keepdims=False)


@rule("expand_dims", exact=True)
def expand_reduced(node: Node) -> Node | None:
    """expand_dims(sum(x)) → sum(x, keepdims) over the same axes."""
    (x,) = node.inputs
    if not is_a(x, *_CHEAP) or x.param("keepdims") or x.param("axes") != node.param("axes"):
        return None
    return build(x.primitive.name, x.inputs[0], axes=x.param("axes"), keepdims=True)


@rule("reshape", exact=True)
def reshape_reduced(node: Node) -> Node | None:
    """A reshape that gives the reduced axes back, or takes them away → the reduction that does so."""
    (x,) = node.inputs
    if not is_a(x, *_CHEAP):
        return None
    other = build(x.primitive.name, x.inputs[0], axes=x.param("axes"), keepdims=not x.param("keepdims"))
    return other if other.type is node.type else None


@rule("sum", "max", "min", "prod", exact=False, complex=True)
def reduced_twice(node: Node) -> Node | None:
    """Σ Σ x → Σ x over both sets of axes; likewise for a maximum of maxima, …"""
    (x,) = node.inputs
    outer, keepdims = node.param("axes"), node.param("keepdims")
    if x.primitive is not node.primitive or x.inputs[0].type.dtype != x.type.dtype:
        return None
    inner = x.param("axes")
    if x.param("keepdims") != keepdims:
        return None
    if not keepdims:
        left = [axis for axis in range(x.inputs[0].type.ndim) if axis not in inner]
        outer = tuple(left[axis] for axis in outer)
    return build(node.primitive.name, x.inputs[0], axes=tuple(sorted({*inner, *outer})), keepdims=keepdims)


@rule("sum", "max", "min", "prod", "mean", exact=False, complex=True)
def of_moved_elements(node: Node) -> Node | None:
    """A reduction of all elements does not ask where they stand."""
    (x,) = node.inputs
    everything = len(node.param("axes")) == x.type.ndim and not node.param("keepdims")
    if not everything or not is_a(x, "reshape", "transpose", "expand_dims", "squeeze", "flip"):
        return None
    inner = x.inputs[0]
    return build(node.primitive.name, inner, axes=tuple(range(inner.type.ndim)), keepdims=False)


@rule("mean", exact=False)
def sign_of_mean(node: Node) -> Node | None:
    """mean(−x) → −mean(x)."""
    (x,) = node.inputs
    if not is_a(x, "neg") or not node.type.is_float:
        return None
    return build("neg", build("mean", x.inputs[0], **dict(node.params)))


@rule("scatter_add", exact=False)
def factor_of_scatter(node: Node) -> Node | None:
    """Adding copies of c at some places → c times adding ones there: a one-hot matrix, scaled."""
    updates, *indices = node.inputs
    element = uniform_element(updates)
    if element is None or not node.type.is_float or not np.isfinite(element) or element in (0, 1):
        return None
    factor = Fraction(element.item())
    if not representable(factor, node):
        return None
    return scaled(with_operands(node, filled(1, updates), *indices), factor)


@rule("sum", exact=True)
def sum_of_one_hot(node: Node) -> Node | None:
    """Σ over the columns of ones added at one place in each row → ones."""
    (x,) = node.inputs
    if not is_a(x, "scatter_add") or x.type.ndim != 2 or x.param("axes") != (0, 1) or not node.type.size:
        return None
    updates, rows, _ = x.inputs
    known = rows.value
    each_row_once = known is not None and np.array_equal(known.reshape(-1), np.arange(x.type.shape[0]))
    if node.param("axes") != (1,) or not each_row_once or updates.type.size != x.type.shape[0]:
        return None
    return build("reshape", updates, shape=node.type.shape)


@rule("sum", exact=False)
def factor_of_sum(node: Node) -> Node | None:
    """Σ c·x → c·Σ x, where nobody else is likely to need c·x.

    Those are sums over the last axis of a layer's values and sums of inputs. A sum over the rows stays: it
    is the derivative of a bias, and c·x is the derivative of its layer, a line of its own that the weights
    need too.
    """
    (x,) = node.inputs
    if not node.type.is_float:
        return None
    factor, base = split(x)
    if factor == 1 or not (node.param("keepdims") or base.primitive is INPUT):
        return None
    return scaled(build("sum", base, **dict(node.params)), factor)


@rule("sum", exact=False)
def sum_of_product(node: Node) -> Node | None:
    """Σ over the rows of A·B → (Σ over the rows of A)·B; over the columns → A·(Σ over the columns of B).

    Only with the axis kept: a sum without is more often the derivative of a bias, where the weights need the
    product itself as well. And only where no more elements are summed up than before.
    """
    (product,) = node.inputs
    if not is_a(product, "matmul") or not node.param("keepdims") or not node.type.is_float:
        return None
    x, y = product.inputs
    if min(x.type.ndim, y.type.ndim) < 2 or node.type.dtype != product.type.dtype:
        return None
    rows, columns = product.type.ndim - 2, product.type.ndim - 1
    if node.param("axes") == (rows,) and x.type.size <= product.type.size:
        return build("matmul", build("sum", x, axes=(x.type.ndim - 2,), keepdims=True), y)
    if node.param("axes") == (columns,) and y.type.size <= product.type.size:
        return build("matmul", x, build("sum", y, axes=(y.type.ndim - 1,), keepdims=True))
    return None
