"""What a program cannot hold is refused: what, where in the user's code, and what to write instead."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

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
    ("function", "named", "nearest"),
    [
        (lambda x: np.linalg.inv(x), "np.linalg.inv", "np."),
        (lambda x: np.fft.fft(x), "np.fft.fft", ""),
        (lambda x: np.nancumprod(x), "np.nancumprod", "np."),
        (lambda x: np.argsort(x), "np.argsort", "np.argmax"),
        (lambda x: np.nansum(x), "np.nansum", "np.nan_to_num"),
        (lambda x: np.fmax(x, 0), "np.fmax", "np.maximum"),
        (lambda x: np.cbrt(x), "np.cbrt", "np.sqrt"),
        (lambda x: np.floor(x), "np.floor", "np."),
        (lambda x: x % 2, "np.remainder", ""),
        (lambda x: 2 % x, "np.remainder", ""),
        (lambda x: x // 2, "np.floor_divide", ""),
        (lambda x: 2 // x, "np.floor_divide", ""),
        (lambda x: round(x), "np.round", ""),
        (lambda x: round(x, 2), "np.round", ""),
        (lambda x: np.subtract.reduce(x), "np.subtract.reduce", ""),
        (lambda x: np.maximum.accumulate(x), "np.maximum.accumulate", ""),
        (lambda x: np.add.reduceat(x, [0]), "np.add.reduceat", ""),
    ],
)
def test_unsupported_functions_name_the_nearest(function: Any, named: str, nearest: str) -> None:
    text = refused(function, M)
    assert text.startswith(f"{named} has no rule")
    if nearest:
        assert f"; the nearest that has one is {nearest}" in text
    with pytest.raises(UnsupportedFunctionError):
        trace(function, M)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.sum(x, initial=3), "np.sum: the option initial= has no rule"),
        (lambda x: np.sum(x, where=np.ones((3, 4), bool)), "np.sum: the option where= has no rule"),
        (lambda x: np.add(x, 1, where=np.ones((3, 4), bool)), "np.add(where=…) leaves elements undefined"),
        (lambda x: np.pad(x, 1, mode="edge"), "np.pad: mode='edge' has no rule; 'constant' has"),
        (lambda x: np.pad(x, 1, constant_values=(1, 2)), "one constant for all sides"),
        (lambda x: np.pad(x, -1), "widths -1 cannot be negative"),
        (lambda x: np.repeat(x, [1, 2, 3], axis=0), "np.repeat: one count for all elements"),
        (lambda x: np.reshape(x, (4, 3), order="F"), "order='F' has no rule; transpose first"),
        (lambda x: x.reshape(5, -1), "12 elements of shape (3, 4) do not fill shape (5, -1)"),
        (lambda x: x.reshape(-1, -1), "only one extent"),
        (lambda x: x.reshape(5, 5), "do not fill shape (5, 5)"),
        (lambda x: np.linalg.norm(x, 2), "np.linalg.norm: ord=2 of a matrix has no rule"),
        (lambda x: np.einsum(x, [0, 1], [1]), "lists of integers has no rule"),
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
        (lambda x: np.allclose(x, 0), "comparing traced values for equality gives no number"),
        (lambda x: np.where(x > 0), "write np.where(condition, x, y)"),
        (lambda x: x > 0 if (x > 0) & 3 else 0, "np.bitwise_and is for booleans"),
        (lambda x: logsumexp(x[:, :0], axis=1), "logsumexp over axes (1,)"),
    ],
)
def test_options_and_shapes(function: Any, message: str) -> None:
    assert message in refused(function, M)


def test_item_assignment() -> None:
    def user_function(x: Any) -> Any:
        x[0] = 1
        return x

    text = refused(user_function, V)
    for instead in ("np.where", "np.concatenate", "np.stack", "wengert.scatter_add"):
        assert instead in text


def test_arrays_of_tensors() -> None:
    for function in (
        lambda x: np.array([x[0], x[1]]),
        lambda x: np.asarray(x) + 1,
        lambda x: np.array(x, dtype=np.float32),
    ):
        assert "np.stack" in refused(function, V)


def test_python_numbers() -> None:
    assert "np.exp instead of math.exp" in refused(lambda x: math.exp(x), abstract())
    assert "float() would cut the derivative" in refused(lambda x: float(x), 1.0)
    assert "int() of a floating tensor would cut" in refused(lambda x: int(x), 1.0)
    for function in (lambda x: divmod(x, 2.0), lambda x: divmod(2.0, x)):
        assert "np.floor_divide has no rule; the nearest that has one is np.divide" in refused(function, 1.0)
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
    assert "np.where(mask, x, 0)" in text
    assert "np.where(mask" in refused(lambda x: x[np.array([True, False, True])], V)
    assert "a boolean is no index" in refused(lambda x: x[True], V)
    assert "indices are integers, not float64" in refused(lambda x: x[x], V)
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


def test_writing_into_arrays() -> None:
    def user_function(x: Any) -> Any:
        total = np.zeros(3)
        total += x
        return total

    assert "write x = x + y in place of x += y" in refused(user_function, V)
    assert "out=" in refused(lambda x: np.add(x, 1, out=np.zeros(3)), V)
    assert "np.sum: the option out= has no rule" in refused(lambda x: np.sum(x, out=np.zeros(())), V)


def test_attributes_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"'sort' is not supported on a traced value.*test_errors"):
        trace(lambda x: x.sort(), V)
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
    with pytest.raises(DTypeError, match=r"argument 'x': a program holds .* not complex128"):
        trace(lambda x: x, np.ones(2) * 1j)
    with pytest.raises(DTypeError, match=r"argument 'x': .* got str"):
        trace(lambda x: x, "text")
    with pytest.raises(DTypeError, match=r"argument 'x': .* not object; got ndarray"):
        trace(lambda x: x, np.array([None]))
    with pytest.raises(DTypeError, match="not complex128"):
        trace(lambda x: x * 1j, V)
    with pytest.raises(DTypeError, match="add has no meaning for float64, str"):
        trace(lambda x: add(x, np.array("a")), V)


def test_results_that_a_program_cannot_hold() -> None:
    with pytest.raises(TraceError, match=r"a traced function returns numbers, arrays.*; it returned str"):
        trace(lambda x: "text", V)
    with pytest.raises(TraceError, match="it returned object"):
        trace(lambda x: object(), V)


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
