"""Contractions: sums of products over shared indices."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.primitive import Kind, Primitive, register
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.batching import batched_einsum, batched_matmul, batched_outer
from wengert.primitives.kinds import REAL_LINE, common_dtype
from wengert.primitives.reference import WIDER


def _matmul_type(x: TensorType, y: TensorType) -> TensorType:
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: a scalar is not a matrix (shapes {x.shape} and {y.shape}); use *")
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        raise ShapeError(
            f"matmul: shapes {x.shape} and {y.shape} do not fit: "
            f"{x.shape[-1]} columns on the left, {inner} rows on the right"
        )
    try:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2]) if max(x.ndim, y.ndim) > 2 else ()
    except ValueError:
        raise ShapeError(f"matmul: the leading axes of {x.shape} and {y.shape} do not broadcast") from None
    rows = x.shape[-2:-1] if x.ndim > 1 else ()
    columns = y.shape[-1:] if y.ndim > 1 else ()
    return tensor_type((*batch, *rows, *columns), x.dtype)


def _matmul_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """For matrices ct·yᵀ and xᵀ·ct; a vector operand is a row on the left and a column on the right."""
    if x.ndim > 1 and y.ndim > 1:
        return ct @ np.swapaxes(y, -1, -2), np.swapaxes(x, -1, -2) @ ct
    if x.ndim == 1 and y.ndim == 1:
        return ct * y, ct * x
    if x.ndim == 1 and y.ndim == 2:
        return y @ ct, np.outer(x, ct)
    if x.ndim == 2 and y.ndim == 1:
        return np.outer(ct, y), ct @ x
    if x.ndim == 1:
        row, grown = x[None, :], ct[..., None, :]
        by_x, by_y = grown @ np.swapaxes(y, -1, -2), np.swapaxes(row, -1, -2) @ grown
        return by_x[..., 0, :], by_y
    grown = ct[..., None]
    return grown * y, (np.swapaxes(x, -1, -2) @ grown)[..., 0]


def _matmul_flops(out: TensorType, operands: list[TensorType], params: dict[str, Any]) -> int:
    return 2 * out.size * operands[0].shape[-1]


def _matmul_letters(x: TensorType, y: TensorType) -> tuple[list[str], str]:
    """…RK, …KC → …RC; a vector has neither rows nor columns."""
    batch = string.ascii_lowercase[: max(x.ndim, y.ndim, 2) - 2]
    rows, columns = ("R" if x.ndim > 1 else ""), ("C" if y.ndim > 1 else "")
    of_x, of_y = (batch[len(batch) - max(one.ndim - 2, 0) :] for one in (x, y))
    return [f"{of_x}{rows}K", f"{of_y}K{columns}"], f"{batch}{rows}{columns}"


matmul = register(
    Primitive(
        name="matmul",
        kind=Kind.CONTRACTION,
        numpy=np.matmul,
        infer=_matmul_type,
        promote=common_dtype,
        vjp=_matmul_vjp,
        python="{0} @ {1}",
        flops=_matmul_flops,
        domain=(REAL_LINE, REAL_LINE),
        complex=True,
        source="lecture 004, task 2; Giles 2008, 2.2.2",
        implements=(np.matmul,),
        letters=_matmul_letters,
        batch=batched_matmul,
    )
)


def _outer_type(x: TensorType, y: TensorType) -> TensorType:
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"outer: takes two vectors, got shapes {x.shape} and {y.shape}")
    return tensor_type((*x.shape, *y.shape), x.dtype)


outer = register(
    Primitive(
        name="outer",
        kind=Kind.CONTRACTION,
        numpy=np.outer,
        infer=_outer_type,
        promote=common_dtype,
        vjp=lambda ct, out, x, y: (ct @ y, x @ ct),
        python="np.outer({0}, {1})",
        flops=lambda out, operands, params: out.size,
        domain=(REAL_LINE, REAL_LINE),
        complex=True,
        source="lecture 004, task 2",
        letters=lambda x, y: (["a", "b"], "ab"),
        decomposition=lambda x, y: x[:, None] * y[None, :],
        batch=batched_outer,
    )
)


def _letters(subscripts: str) -> tuple[list[str], str]:
    terms, result = subscripts.split("->")
    return terms.split(","), result


def index_extents(subscripts: str, operands: tuple[TensorType, ...]) -> dict[str, int]:
    """Return the extent of each index letter.

    Raises
    ------
    ShapeError
        When an operand has another number of axes than letters, or a letter two extents.
    """
    extents: dict[str, int] = {}
    terms = subscripts.split("->")[0].split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"einsum {subscripts!r}: {len(terms)} terms for {len(operands)} operands")
    for position, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        if len(term) != operand.ndim:
            raise ShapeError(
                f"einsum {subscripts!r}: {term!r} does not fit operand {position}, {operand.shape}"
            )
        if len(set(term)) != len(term):
            raise ShapeError(f"einsum {subscripts!r}: {term!r} repeats an index")
        for letter, extent in zip(term, operand.shape, strict=True):
            if extents.setdefault(letter, extent) != extent:
                raise ShapeError(
                    f"einsum {subscripts!r}: index {letter} is both {extents[letter]} and {extent}"
                )
    return extents


def _einsum_type(*operands: TensorType, subscripts: str) -> TensorType:
    extents = index_extents(subscripts, operands)
    result = subscripts.split("->")[1]
    if len(set(result)) != len(result):
        raise ShapeError(f"einsum {subscripts!r}: the output repeats an index")
    unknown = [letter for letter in result if letter not in extents]
    if unknown:
        raise ShapeError(f"einsum {subscripts!r}: output index {unknown[0]} is in no operand")
    return tensor_type(tuple(extents[letter] for letter in result), operands[0].dtype)


LONG = 2**14  # terms that float32 may add up before rounding shows in the sixth digit


def _einsum(*operands: Any, subscripts: str) -> Any:
    """np.einsum; long float32 sums are added up in float64."""
    terms, result = subscripts.split("->")
    extents = dict(zip(terms.replace(",", ""), [n for one in operands for n in one.shape], strict=True))
    summed = math.prod(extent for letter, extent in extents.items() if letter not in result)
    dtype = operands[0].dtype
    wide = WIDER.get(dtype)
    if wide is not None and summed > LONG:
        operands = tuple(operand.astype(wide) for operand in operands)
    # optimize= contracts pairs by matrix products where it can.
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1).astype(dtype, copy=False)


def _einsum_vjp(ct: Any, out: Any, *operands: Any, subscripts: Any) -> tuple[Any, ...]:
    """Swap each operand with the cotangent; an index that only this operand has is filled with ones."""
    terms, result = _letters(subscripts)
    contributions = []
    for position, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        others = [(terms[i], operands[i]) for i in range(len(terms)) if i != position]
        present = set(result).union(*[set(other) for other, _ in others])
        alone = [letter for letter in term if letter not in present]
        ones = [(letter, np.ones(operand.shape[term.index(letter)], operand.dtype)) for letter in alone]
        parts = [(result, ct), *others, *ones]
        swapped = ",".join(part for part, _ in parts) + "->" + term
        contributions.append(np.einsum(swapped, *[value for _, value in parts]))
    return tuple(contributions)


def _einsum_flops(out: TensorType, operands: list[TensorType], params: dict[str, Any]) -> int:
    extents = index_extents(params["subscripts"], tuple(operands))
    return max(2, len(operands)) * math.prod(extents.values())


def _pairwise(*operands: Any, subscripts: str) -> Any:
    """Products of matrices, of two operands after the other."""
    terms, result = _letters(subscripts)
    value, letters = operands[0], terms[0]
    for place in range(1, len(operands)):
        later = set(result).union(*terms[place + 1 :])
        value, letters = _pair(value, letters, operands[place], terms[place], later)
    value, letters = _summed(value, letters, set(result))
    return np.transpose(value, [letters.index(letter) for letter in result]) if result else value


def _summed(value: Any, letters: str, kept: set[str]) -> tuple[Any, str]:
    """Sum over the indices that nobody reads any more."""
    axes = tuple(axis for axis, letter in enumerate(letters) if letter not in kept)
    if axes:
        value = np.sum(value, axis=axes)
    return value, "".join(letter for letter in letters if letter in kept)


def _pair(x: Any, of_x: str, y: Any, of_y: str, later: set[str]) -> tuple[Any, str]:
    """Contract two operands: indices of both that are wanted later repeat the product, others are summed."""
    x, of_x = _summed(x, of_x, later | set(of_y))
    y, of_y = _summed(y, of_y, later | set(of_x))
    shared = [letter for letter in of_x if letter in of_y]
    batch = [letter for letter in shared if letter in later]
    inner = [letter for letter in shared if letter not in later]
    rows = [letter for letter in of_x if letter not in of_y]
    columns = [letter for letter in of_y if letter not in of_x]
    extents = {**dict(zip(of_x, x.shape, strict=True)), **dict(zip(of_y, y.shape, strict=True))}

    def arranged(value: Any, letters: str, groups: Sequence[Sequence[str]]) -> Any:
        order = [letters.index(letter) for group in groups for letter in group]
        ordered = np.transpose(value, order) if order else value
        merged = [math.prod(extents[letter] for letter in group) for group in groups[1:]]
        return np.reshape(ordered, [*[extents[letter] for letter in groups[0]], *merged])

    product = arranged(x, of_x, [batch, rows, inner]) @ arranged(y, of_y, [batch, inner, columns])
    letters = [*batch, *rows, *columns]
    return np.reshape(product, [extents[letter] for letter in letters]), "".join(letters)


einsum = register(
    Primitive(
        name="einsum",
        kind=Kind.CONTRACTION,
        numpy=_einsum,
        infer=_einsum_type,
        promote=common_dtype,
        vjp=_einsum_vjp,
        python=lambda *operands, subscripts: (
            f"np.einsum({subscripts!r}, " + ", ".join(f"{{{i}}}" for i in range(len(operands))) + ")"
        ),
        flops=_einsum_flops,
        domain=(REAL_LINE, REAL_LINE),
        complex=True,
        source="lecture 004, task 1",
        letters=lambda *operands, subscripts: _letters(subscripts),
        decomposition=_pairwise,
        batch=batched_einsum,
    )
)
