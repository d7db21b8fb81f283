"""The functions beyond NumPy's: on lists, arrays and tensors alike, with documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
from tests.derivatives import slope, slopes

from wengert.errors import ShapeError
from wengert.ir.primitive import REGISTRY
from wengert.ir.types import tensor_type
from wengert.primitives import composites, functions
from wengert.trace.tracing import trace

X = [[-1.5, 0.0, 2.5], [0.5, 1.0, -3.0]]
ORACLES = {
    functions.sigmoid: scipy.special.expit,
    functions.softplus: scipy.special.softplus,
    functions.erf: scipy.special.erf,
    functions.stop_gradient: np.asarray,
    composites.logsumexp: scipy.special.logsumexp,
    composites.softmax: lambda x: scipy.special.softmax(x, axis=-1),
    composites.log_softmax: lambda x: scipy.special.log_softmax(x, axis=-1),
}


@pytest.mark.parametrize("function", ORACLES, ids=lambda function: function.__name__)
def test_values(function: Any) -> None:
    wanted = ORACLES[function](np.array(X))
    np.testing.assert_allclose(function(X), wanted, rtol=1e-13)
    np.testing.assert_allclose(function(np.array(X)), wanted, rtol=1e-13)
    np.testing.assert_allclose(trace(function, np.array(X))(np.array(X)), wanted, rtol=1e-13)
    assert function(np.array(X, np.float32)).dtype == np.float32
    assert function.__doc__ is not None
    for part in ("Parameters", "Returns"):
        assert part in function.__doc__


def test_two_operands() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 4.0])
    np.testing.assert_allclose(functions.xlogy(x, y), scipy.special.xlogy(x, y))
    np.testing.assert_allclose(trace(functions.xlogy, x, y)(x, y), scipy.special.xlogy(x, y))
    assert functions.xlogy(0, 5) == 0


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), None])
def test_axes(axis: Any) -> None:
    x = np.array(X)
    for function in (composites.softmax, composites.log_softmax):
        wanted = getattr(scipy.special, function.__name__)(x, axis=axis)
        np.testing.assert_allclose(function(x, axis), wanted, rtol=1e-13)
    for keepdims in (False, True):
        wanted = scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(composites.logsumexp(x, axis, keepdims), wanted, rtol=1e-13)


@pytest.mark.parametrize(
    ("shape", "indices", "update"),
    [
        ((4,), np.array([0, 2, 0]), (3,)),
        ((4, 3), np.array([[0, 1], [1, -1]]), (2, 2, 3)),
        ((4, 3), (np.array([0, 0]), np.array([2, 2])), (2,)),
        ((4, 3), (np.array([0, 0]), 1), (2,)),
        ((4, 3), 2, (3,)),
        ((4, 3), np.array([0, 1]), ()),
        ((4, 3), np.array([0, 1]), (3,)),
    ],
)
def test_scatter_add_is_numpys_add_at(
    shape: Any, indices: Any, update: Any, rng: np.random.Generator
) -> None:
    x, updates = rng.normal(size=shape), np.asarray(rng.normal(size=update))
    wanted = x.copy()
    np.add.at(wanted, indices, updates)
    np.testing.assert_allclose(functions.scatter_add(x, indices, updates), wanted)
    program = trace(lambda x, updates: functions.scatter_add(x, indices, updates), x, updates)
    np.testing.assert_allclose(program(x, updates), wanted)
    weights = rng.normal(size=shape)
    by_x, by_updates = slopes(
        lambda x, updates: weights * functions.scatter_add(x, indices, updates), x, updates
    )
    np.testing.assert_allclose(by_x, weights)
    picked = weights[indices]
    extra = tuple(range(picked.ndim - updates.ndim))
    np.testing.assert_allclose(by_updates, picked.sum(axis=extra))


def test_scatter_add_of_a_number_keeps_the_dtype() -> None:
    x = np.zeros(3, np.float32)
    got = functions.scatter_add(x, np.array([1, 1]), 2.0)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [0, 4, 0])
    np.testing.assert_array_equal(functions.scatter_add([1, 1], [0], 5), [6, 1])
    np.testing.assert_array_equal(
        slope(lambda x: functions.scatter_add(x, [0], 5) ** 2, np.array([1.0, 2])), [12, 4]
    )


WRONG = [
    ("matmul", ((), (3,)), {}, "a scalar is not a matrix"),
    ("outer", ((2, 2), (3,)), {}, "takes two vectors"),
    ("einsum", ((2, 2),), {"subscripts": "ii->i"}, "'ii' repeats an index"),
    ("einsum", ((2, 2),), {"subscripts": "ij,jk->ik"}, "2 terms for 1 operands"),
    ("einsum", ((2, 2),), {"subscripts": "ijk->i"}, "'ijk' does not fit operand 0"),
    ("sum", ((2, 2),), {"axes": (2,), "keepdims": False}, r"no axis 2 in an array of shape \(2, 2\)"),
    ("cumsum", ((2, 2),), {"axis": 2}, "cumsum: no axis 2"),
    ("transpose", ((2, 2),), {"axes": (0, 0)}, "no permutation"),
    ("expand_dims", ((2,),), {"axes": (0, 0)}, "do not fit"),
    ("flip", ((2,),), {"axes": (1,)}, "do not fit"),
    ("concatenate", ((2,), (2,)), {"axis": 1}, "no axis 1"),
    ("scatter_add", ((3,), (2,)), {"axes": (0,), "shape": (4,)}, r"these indices take \(2,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shapes", "params", "message"), WRONG)
def test_type_rules_refuse(name: str, shapes: Any, params: Any, message: str) -> None:
    types = [tensor_type(shape, np.dtype(np.float64)) for shape in shapes]
    with pytest.raises(ShapeError, match=message):
        REGISTRY[name].infer(*types, **params)
