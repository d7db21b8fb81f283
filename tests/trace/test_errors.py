"""What a program cannot hold is refused: what, where in the user's code, and what to write instead."""

from __future__ import annotations

import pickle
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert
from wengert.errors import (
    ConcreteValueError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    TraceError,
    UnsupportedFunctionError,
    WengertError,
)
from wengert.ir.provenance import region
from wengert.primitives.arithmetic import add
from wengert.primitives.composites import logsumexp
from wengert.primitives.functions import scatter_add
from wengert.trace.tracing import abstract, trace

M = abstract((3, 4))
V = abstract(3)


def refused(function: Any, *args: Any) -> str:
    """Return the text of the error; it names this file and the function, where the mistake is."""
    with pytest.raises(WengertError) as caught:
        trace(function, *args)
    text = str(caught.value)
    assert "test_errors.py:" in text
    assert "in <lambda>" in text or "in user_function" in text
    return text


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: np.histogramdd(x), "np.histogramdd has no rule ("),
        (lambda x: np.packbits(x), "np.packbits has no rule ("),
        (lambda x: np.roots(x), "np.roots has no rule ("),
        (lambda x: np.subtract.reduce(x), "np.subtract.reduce has no rule"),
        (lambda x: np.subtract.accumulate(x), "np.subtract.accumulate has no rule"),
        (lambda x: np.add.reduceat(x, [0], dtype=np.float32), "np.add.reduceat has no rule"),
    ],
)
def test_unsupported_functions_are_named(function: Any, named: str) -> None:
    assert named in refused(function, M)
    with pytest.raises(UnsupportedFunctionError):
        trace(function, M)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.max(x, where=np.ones((3, 4), bool)), "the max of nothing needs initial="),
        (lambda x: x >> 1, "right_shift has no meaning for float64"),
        (lambda x: np.add(x, 1, where=np.ones((3, 4), bool)), "np.add(where=…) leaves elements undefined"),
        (lambda x: np.pad(x, 1, mode="sideways"), "np.pad: mode='sideways' has no rule"),
        (lambda x: np.pad(x, -1), "widths -1 cannot be negative"),
        (lambda x: np.reshape(x, (4, 3), order="A"), "order='A' depends on memory"),
        (lambda x: x.reshape(5, -1), "12 elements of shape (3, 4) do not fill shape (5, -1)"),
        (lambda x: x.reshape(-1, -1), "only one extent"),
        (lambda x: x.reshape(5, 5), "do not fill shape (5, 5)"),
        (lambda x: np.sum(x, dtype="foo"), "'foo' is no dtype"),
        (lambda x: x[[[0], [1, 2]]], "the index [[0], [1, 2]] is no array of integers or booleans"),
        (lambda x: (x > 0).astype(int) ** -1, "integers have no negative powers"),
        (
            lambda x: np.full_like(x, 1, shape=(-1,)),
            "of a new array cannot be negative, got (-1,)",
        ),
        (lambda x: np.linalg.norm(x, 3), "np.linalg.norm: ord=3 is no norm of matrices"),
        (lambda x: np.linalg.norm(x[0], "fro"), "np.linalg.norm: ord='fro' is no norm over 1 axes"),
        (lambda x: np.linalg.norm(x, "nuc", 1), "np.linalg.norm: ord='nuc' is no norm over 1 axes"),
        (lambda x: np.linalg.svd(x), "np.linalg.svd: the vectors that full_matrices=True adds"),
        (lambda x: np.linalg.qr(x, "raw"), "np.linalg.qr: mode='raw' has no derivative"),
        (lambda x: np.linalg.det(x), "det: takes square matrices over the last two axes, got shape"),
        (lambda x: x[::0], "the step of slice(None, None, 0) is zero"),
        (lambda x: x[:2.0], "the bounds of slice(None, 2.0, None) are no integers"),
        (lambda x: x[x[0, 0] :], "a float64 tensor is no index"),
        (lambda x: np.repeat(x, [1, 2], axis=0), "repeat: counts of shape (2,) for 3 entries"),
        (lambda x: np.repeat(x, -1), "counts cannot be negative"),
        (lambda x: np.einsum(x, [0, 1], y := [1], y, x), "a list of integers from 0 to 51"),
        (lambda x: np.einsum("ii", x), "index i, twice in 'ii', is both 3 and 4"),
        (lambda x: np.tensordot(x, x[:1], 1), "axis 1 of (3, 4) and axis 0 of (1, 4) are summed"),
        (lambda x: np.inner(x, x[:, :1]), "are summed together and differ"),
        (lambda x: np.einsum("ij", x, x), "1 terms for 2 operands"),
        (lambda x: np.einsum("ijk", x), "'ijk' does not fit an operand of shape (3, 4)"),
        (lambda x: np.einsum("...ijk->k", x), "'...ijk' does not fit an operand of shape (3, 4)"),
        (lambda x: np.einsum("ij,ij->i", x, np.ones((3, 5))), "index j is both 4 and 5"),
        (lambda x: np.einsum("ij->ik", x), "output index k is in no operand"),
        (lambda x: np.einsum("ij->ii", x), "the output repeats an index"),
        (lambda x: np.sum(x, axis=2), "there is no axis 2 in an array of 2 axes"),
        (lambda x: np.sum(x, axis=(0, -2)), "names an axis twice"),
        (lambda x: np.squeeze(x, 0), "squeeze: axes (0,) of shape (3, 4) are not all of extent 1"),
        (lambda x: np.broadcast_to(x, (3, 5)), "shape (3, 4) does not broadcast to (3, 5)"),
        (lambda x: np.concatenate([x, x[0]]), "shapes (3, 4), (4,); all need the same number of axes"),
        (lambda x: np.concatenate([x, x[:, :2]]), "differ beside axis 0"),
        (lambda x: np.stack([x, x.T]), "stack: arrays of shapes (3, 4), (4, 3); all must be equal"),
        (lambda x: x + np.ones(5), "add: shapes (3, 4) and (5,) do not broadcast"),
        (lambda x: x @ x, "4 columns on the left, 3 rows on the right"),
        (lambda x: x @ 2.0, "a scalar is not a matrix"),
        (
            lambda x: np.broadcast_to(x, (2, 3, 4)) @ np.ones((3, 4, 2)),
            "leading axes of (2, 3, 4) and (3, 4, 2)",
        ),
        (lambda x: np.where(x > 0), "np.where: the shape of the result depends on values that are not known"),
        (lambda x: logsumexp(x[:, :0], axis=1), "logsumexp over axes (1,)"),
    ],
)
def test_options_and_shapes(function: Any, message: str) -> None:
    assert message in refused(function, M)


def test_item_assignment() -> None:
    def user_function(x: Any, view: Any, place: int) -> Any:
        x = np.broadcast_to(x, (2, 3)) if view else x
        x[place] = 1
        return x

    text = refused(user_function, V, False, 3)
    assert "assignment to an array of shape (3,): index 3 is out of bounds" in text
    assert "cannot be assigned to; copy it first" in refused(user_function, V, True, 0)


def test_arrays_of_another_dtype() -> None:
    def user_function(x: Any) -> Any:
        counts = np.zeros(3, int)
        counts[0] = x[0]
        return counts

    assert "would cut the derivative: make the array with dtype=float" in refused(user_function, V)
    assert "would cut the derivative" in refused(lambda x: np.array(x, dtype=int), V)


def test_python_numbers() -> None:
    with pytest.raises(TraceError, match=r"np\.mean instead of statistics\.mean"):
        trace(lambda x: statistics.fmean([x, 1.0]), abstract())
    assert "float() would cut the derivative" in refused(lambda x: float(x), 1.0)
    assert "int() of a floating tensor would cut" in refused(lambda x: int(x), 1.0)
    text = refused(lambda x: f"{x:.2f}", abstract())
    assert "no digits yet that '.2f' could format; print it without a format, or the result after" in text
    assert trace(lambda x: [x, f"{x}"][0], 1.0)(2.0) == 2.0
    with pytest.raises(TypeError, match="a float64 tensor is no index"):
        trace(lambda x: range(x), 1.0)


def test_a_value_dependent_if_in_an_abstract_trace() -> None:
    text = refused(lambda x: x if x.sum() > 0 else -x, V)
    assert "the value of 'x' is not known: it was traced from its type alone" in text
    assert "np.where" in text
    with pytest.raises(ConcreteValueError):
        trace(lambda x: x if x[0] else -x, V)


def test_a_truth_value_of_many() -> None:
    assert "bool() of an array of shape (3,) is ambiguous" in refused(
        lambda x: x if x > 0 else -x, np.ones(3)
    )


def test_boolean_masks() -> None:
    text = refused(lambda x: x[x > 0], V)
    assert "a boolean mask selects a number of elements that depends on its values" in text
    assert "np.where(mask, x, 0)" in text
    assert "a boolean mask of shape (2,) selects from axes (3,)" in refused(lambda x: x[[True, False]], V)
    assert "selects from axes (4,)" in refused(lambda x: x[:, [True, False]], M)
    assert "selects from axes ()" in refused(lambda x: x[0, 0, [True]], M)
    assert "a single boolean is no index" in refused(lambda x: x[True], V)
    assert "indices are integers, not float64" in refused(lambda x: x[x], V)
    assert "indices are integers, not float64" in refused(lambda x: x[np.ones(2)], V)
    assert "at most one ..." in refused(lambda x: x[..., ...], M)
    assert "3 indices for an array of 2 axes" in refused(lambda x: x[0, 0, 0], M)


def test_indices_out_of_range_are_found_while_tracing() -> None:
    assert "index 5 is outside axis 1, which has 4 entries" in refused(lambda x: x[0, 5], M)
    with pytest.raises(IndexRangeError, match=r"index -4 at row 1 is outside axis 0, which has 3 entries"):
        trace(lambda x: x[[0, -4]], M)
    with pytest.raises(ShapeError, match=r"index arrays of shapes \(2,\) and \(3,\) do not broadcast"):
        trace(lambda x: x[[0, 1], [0, 1, 2]], M)


def test_a_tensor_that_outlives_its_trace() -> None:
    kept: list[Any] = []
    trace(lambda x: kept.append(x) or x, np.ones(3))
    with pytest.raises(TraceError, match="a tensor of a trace that has ended was used"):
        kept[0] + 1
    with pytest.raises(TraceError, match="a tensor of a trace that has ended was used"):
        trace(lambda x: x + kept[0], np.ones(3))


OUTSIDE = np.zeros(3)


def test_writing_into_arrays_from_outside() -> None:
    def user_function(x: Any) -> Any:
        total = OUTSIDE
        total += x
        return total

    assert "made outside of the traced function" in refused(user_function, V)
    held = [OUTSIDE]
    with pytest.raises(TraceError, match=r"write x = x \+ y in place of x \+= y"):
        trace(lambda x: held[0].__iadd__(x), V)
    assert "out=" in refused(lambda x: np.add(x, 1, out=OUTSIDE), V)
    assert "np.sum: the option out= has no rule" in refused(lambda x: np.sum(x, out=OUTSIDE[0:1]), V)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_items_of_arrays_from_outside_are_not_assigned(dtype: Any) -> None:
    vector, matrix = np.zeros(3, dtype), np.zeros((2, 3), dtype)

    def scalar(x: Any) -> Any:
        out = vector
        out[1] = x[0] ** 2  # here
        return out

    def row(x: Any) -> Any:
        out = matrix
        out[0] = x  # here
        return out

    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    for function in (scalar, row):
        with pytest.raises(TraceError) as caught:
            trace(function, np.ones(3))
        text = str(caught.value)
        assert "an array that was made outside of the traced function" in text
        assert "copy it first" in text
        number = int(re.search(r"test_errors.py:(\d+)", text)[1])  # type: ignore[index]
        assert lines[number - 1].endswith("# here")


def test_an_error_of_the_users_is_not_exchanged_for_its_cause() -> None:
    def function(x: Any) -> Any:
        try:
            return float(x)
        except TraceError as error:
            raise ValueError("mine") from error

    with pytest.raises(ValueError, match="mine"):
        trace(function, 1.0)


def test_operators_and_methods_that_are_not_there() -> None:
    def delete(x: Any) -> None:
        del x[0]

    with pytest.raises(WengertError, match="cannot be deleted"):
        trace(delete, V)
    assert "complex() would cut the derivative" in refused(lambda x: complex(x), 1.0)
    assert "cannot be pickled" in refused(lambda x: pickle.dumps(x), V)
    with pytest.raises(WengertError, match=r"len\(\) of a scalar"):
        trace(lambda x: len(x), 1.0)
    assert "a float64 tensor is no index" in refused(lambda x: range(x), 1.0)
    for method in ("partition", "setflags"):
        assert f"{method!r} is not supported" in refused(lambda x, m=method: getattr(x, m)(), V)
    assert trace(lambda x: x * (2.0 in x), np.array([1.0, 2.0]))(np.ones(2)).tolist() == [1.0, 1.0]


def test_attributes_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"'partition' is not supported on a traced value.*test_errors"):
        trace(lambda x: x.partition(1), V)
    with pytest.raises(AttributeError, match="'summ' is no attribute of arrays"):
        trace(lambda x: x.summ(), V)
    assert not hasattr(np.ndarray, "__wengert__")
    trace(lambda x: x if not hasattr(x, "__wengert__") else None, V)


def test_lengths_of_scalars() -> None:
    with pytest.raises(TypeError, match=r"len\(\) of a scalar"):
        trace(lambda x: len(x), 1.0)
    with pytest.raises(TypeError, match=r"len\(\) of a scalar"):
        trace(lambda x: list(x), 1.0)


def test_the_layer_is_named() -> None:
    def user_function(x: Any) -> Any:
        with region("layer", "layers.1"):
            return x @ np.ones((3, 3))

    text = refused(user_function, abstract((2, 4)))
    assert "(in layer layers.1, at " in text


def test_dtypes_that_a_program_cannot_hold() -> None:
    with pytest.raises(DTypeError, match="add has no meaning for float64, str"):
        trace(lambda x: add(x, np.array("a")), V)
    extended = [(np.longdouble, "float64"), (np.clongdouble, "complex128")]
    for kind, instead in ((np.float16, "float32"), *extended):
        if np.dtype(kind) in (np.float64, np.complex128):
            continue  # a long double is a double on this machine
        with pytest.raises(DTypeError, match=rf"convert with .astype\(np.{instead}\)"):
            trace(lambda x: x, np.ones(2, kind))


def test_results_that_a_program_cannot_hold() -> None:
    with pytest.raises(TraceError, match=r"a traced function returns numbers, arrays.*; it returned str"):
        trace(lambda x: "text", V)
    with pytest.raises(TraceError, match="it returned object"):
        trace(lambda x: object(), V)
    with pytest.raises(TraceError, match=r"it returned ndarray of float16 \(a program computes"):
        trace(lambda x: np.ones(2, np.float16), V)


def test_arguments_of_another_structure() -> None:
    program = trace(lambda pair: pair["a"] + pair["b"], {"a": np.ones(2), "b": np.ones(2)})
    with pytest.raises(TraceError, match=r"arguments of structure .* the program was traced with"):
        program({"a": np.ones(2)})
    with pytest.raises(ShapeError, match=r"argument 'pair.a' has shape \(3,\); the program takes \(2,\)"):
        program({"a": np.ones(3), "b": np.ones(2)})
    with pytest.raises(DTypeError, match=r"argument 'pair.b' is int64; the program takes float64"):
        program({"a": np.ones(2), "b": np.ones(2, int)})


def test_a_program_cannot_read_an_enclosing_trace() -> None:
    def outer(x: Any) -> Any:
        return trace(lambda y: x + y, 1.0)(1.0)

    with pytest.raises(TraceError, match="cannot read tensors of an enclosing trace; pass them as arguments"):
        trace(outer, 1.0)


def test_scatter_add_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"updates of shape \(3,\) do not fit \(2, 4\)"):
        trace(lambda x: scatter_add(x, np.array([0, 1]), np.ones(3)), M)
    with pytest.raises(ShapeError, match=r"updates of shape \(5, 2, 4\) do not fit \(2, 4\)"):
        trace(lambda x: scatter_add(x, np.array([0, 1]), np.ones((5, 2, 4))), M)
    with pytest.raises(ShapeError, match="3 indices for an array of shape"):
        scatter_add(np.ones((2, 2)), (0, 0, 0), 1.0)
    with pytest.raises(ShapeError, match=r"there is no axis 5 in an array of shape \(2, 2\)"):
        logsumexp(np.ones((2, 2)), axis=5)


def test_what_is_no_function() -> None:
    for name in ("trace", "draw", "grad", "compile"):
        with pytest.raises(WengertError, match="takes a function, got int: 3"):
            getattr(wengert, name)(3)


def test_fill_of_an_array_from_outside() -> None:
    outside = [np.zeros(3)]
    with pytest.raises(TraceError, match=r"fill\(\) of an array made outside"):
        trace(lambda x: outside[0].fill(x), 1.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda i: np.zeros(i),
        lambda i: np.ones(4).reshape(i, -1),
        lambda i: np.roll(np.ones(4) * i, i),
        lambda i: np.repeat(np.ones(2), i),
    ],
)
def test_an_extent_without_a_value_is_said_to_have_none(function: Any) -> None:
    with pytest.raises(ConcreteValueError, match="value of 'i' is not known"):
        trace(function, abstract((), np.int64))
