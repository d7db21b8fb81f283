"""Values and derivatives where formulas break: at zeros, ties, infinities and the ends of a number format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.derivatives import bend, bends, pushed, slope, slopes

from wengert.errors import DTypeError, IndexRangeError, ShapeError
from wengert.primitives.composites import log_softmax, logsumexp, softmax
from wengert.primitives.functions import one_hot, scatter_add, sigmoid, softplus, xlogy
from wengert.trace.tracing import trace

INF = float("inf")


def value(function: Any, *args: Any) -> Any:
    return trace(function, *args)(*args)


def test_softplus_and_sigmoid_far_out() -> None:
    x = np.array([-1e4, 0.0, 1e4])
    np.testing.assert_allclose(value(softplus, x), [0, np.log(2), 1e4])
    np.testing.assert_allclose(slope(softplus, x), [0, 0.5, 1])
    np.testing.assert_allclose(bend(softplus, x), [0, 0.25, 0])
    np.testing.assert_allclose(value(sigmoid, x), [0, 0.5, 1])
    np.testing.assert_allclose(slope(sigmoid, x), [0, 0.25, 0])


def test_logsumexp_and_softmax_of_nothing_possible() -> None:
    x = np.full(3, -INF)
    assert value(logsumexp, x) == -INF
    np.testing.assert_array_equal(slope(logsumexp, x), 0)
    np.testing.assert_array_equal(bend(logsumexp, x), 0)
    np.testing.assert_array_equal(pushed(logsumexp, x), 0)
    np.testing.assert_array_equal(value(softmax, x), 0)
    np.testing.assert_array_equal(slope(softmax, x), 0)
    np.testing.assert_array_equal(bend(softmax, x), 0)
    rows = np.array([[0.0, 0.0], [-INF, -INF], [-INF, 5.0]])
    np.testing.assert_allclose(value(softmax, rows), [[0.5, 0.5], [0, 0], [0, 1]])
    np.testing.assert_allclose(slope(lambda x: logsumexp(x, axis=1), rows), [[0.5, 0.5], [0, 0], [0, 1]])


def test_logits_far_apart() -> None:
    x = np.array([1e4, 0.0])
    np.testing.assert_allclose(value(log_softmax, x), [0, -1e4])
    np.testing.assert_allclose(slope(lambda x: -log_softmax(x)[1], x), [1, -1])


def test_square_root_at_zero() -> None:
    assert slope(np.sqrt, 0.0) == INF
    assert slope(lambda x: x**0.5, 0.0) == INF
    assert bend(np.sqrt, 0.0) == -INF
    assert bend(lambda x: x**0.5, 0.0) == -INF
    assert pushed(np.sqrt, 0.0) == INF


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, INF])
def test_norm_at_zero(order: Any) -> None:
    function = lambda x: np.linalg.norm(x, order)  # noqa: E731
    x = np.zeros(3)
    assert value(function, x) == 0
    np.testing.assert_array_equal(slope(function, x), 0)
    np.testing.assert_array_equal(bend(function, x), 0)
    np.testing.assert_array_equal(pushed(function, x), 0)


def test_norm_of_rows_of_which_one_is_zero() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    function = lambda x: np.linalg.norm(x, axis=1)  # noqa: E731
    np.testing.assert_allclose(slope(function, x), [[0.6, 0.8], [0, 0]])
    assert np.all(np.isfinite(bend(function, x)))
    np.testing.assert_allclose(pushed(function, x), [1.4, 0])


def test_standard_deviation_of_a_constant() -> None:
    x = np.full(4, 2.5)
    for function in (np.std, lambda x: np.std(x, ddof=1)):
        assert value(function, x) == 0
        np.testing.assert_array_equal(slope(function, x), 0)
        np.testing.assert_array_equal(bend(function, x), 0)
        np.testing.assert_array_equal(pushed(function, x), 0)


def test_absolute_value_and_sign_at_zero() -> None:
    assert slope(np.abs, 0.0) == 0
    assert slope(np.abs, -0.0) == 0
    assert bend(np.abs, 0.0) == 0
    assert slope(np.sign, 0.0) == 0
    assert slope(lambda x: np.heaviside(x, 0.5), 0.0) == 0  # the lectures' step


@pytest.mark.parametrize("function", [np.maximum, np.minimum])
def test_ties_of_maximum_and_minimum(function: Any) -> None:
    x = np.array([1.0, 2.0])
    for one in slopes(function, x, x.copy()):
        np.testing.assert_array_equal(one, 0.5)
    for one in bends(function, x, x.copy()):
        np.testing.assert_array_equal(one, 0)
    # Against a constant the constant wins, on either side.
    np.testing.assert_array_equal(slope(lambda z: function(0, z), 0.0), 0)
    np.testing.assert_array_equal(slope(lambda z: function(z, 0.0), 0.0), 0)
    np.testing.assert_array_equal(slope(lambda z: function(z, np.zeros(2)), np.zeros(2)), 0)
    np.testing.assert_array_equal(pushed(lambda z: function(z, 0), 0.0), 0)


def test_relu_of_the_lectures() -> None:
    np.testing.assert_array_equal(slope(lambda z: np.maximum(0, z), [-1.0, 0.0, 2.0]), [0, 0, 1])


@pytest.mark.parametrize("function", [np.max, np.min])
def test_ties_of_max_and_min_over_an_axis(function: Any) -> None:
    x = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 2.0, 0.0]])
    wanted = [[0.25] * 4, [0, 0.5, 0.5, 0] if function is np.max else [0.5, 0, 0, 0.5]]
    np.testing.assert_array_equal(slope(lambda x: function(x, axis=1), x), wanted)
    np.testing.assert_array_equal(bend(lambda x: function(x, axis=1), x), 0)
    np.testing.assert_array_equal(pushed(lambda x: function(x, axis=1), x), 1)


def test_many_ties_are_counted_in_a_wide_type() -> None:
    count = 2**24 + 2  # float32 cannot count to it one by one
    x = np.zeros(count, np.float32)
    got = slope(np.max, x)
    assert got.dtype == np.float32
    assert got[0] == np.float32(1 / count)
    np.testing.assert_allclose(np.sum(got, dtype=np.float64), 1, rtol=1e-6)


def test_clip_at_its_bounds() -> None:
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(slope(lambda x: np.clip(x, -1, 1), x), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(bend(lambda x: np.clip(x, -1, 1), x), 0)
    np.testing.assert_array_equal(slope(lambda x: np.clip(x, None, 1), x), [1, 1, 1, 1, 0])
    np.testing.assert_array_equal(slope(lambda x: np.clip(x, -1, None), x), [0, 1, 1, 1, 1])
    by_x, by_low, by_high = slopes(np.clip, x, np.array(-1.0), np.array(1.0))
    np.testing.assert_array_equal(by_x, [0, 1, 1, 1, 0])
    assert by_low == 1
    assert by_high == 1


def test_angle_and_radius_at_the_origin() -> None:
    zero = np.array(0.0)
    for function in (np.arctan2, np.hypot):
        assert value(function, zero, zero) == 0
        for one in (*slopes(function, zero, zero), *bends(function, zero, zero)):
            assert one == 0
    np.testing.assert_allclose(slopes(np.arctan2, np.array(3e200), np.array(4e200)), [1.6e-201, -1.2e-201])
    np.testing.assert_allclose(slopes(np.hypot, np.array(3e200), np.array(4e200)), [0.6, 0.8])


def test_xlogy_at_the_axes() -> None:
    x, y = np.array([0.0, 0.0, 0.0, 2.0]), np.array([0.0, 3.0, INF, 3.0])
    np.testing.assert_allclose(value(xlogy, x, y)[[0, 1, 2]], 0)
    by_x, by_y = slopes(xlogy, x, y)
    np.testing.assert_allclose(by_x, [0, np.log(3), INF, np.log(3)])
    np.testing.assert_allclose(by_y, [0, 0, 0, 2 / 3])
    # ∂²/∂x∂y = 1/y holds at x = 0 too.
    along_x, along_y = bends(xlogy, x[[0, 1]], y[[0, 1]])
    assert np.all(np.isfinite([along_x[0], along_y[0]]))
    np.testing.assert_allclose([along_x[1], along_y[1]], 1 / 3)


def test_logaddexp_of_infinities_and_equals() -> None:
    x, y = np.array([-INF, INF, 1.0, -INF, 1e4]), np.array([-INF, INF, 1.0, 0.0, -1e4])
    np.testing.assert_allclose(value(np.logaddexp, x, y), [-INF, INF, 1 + np.log(2), 0, 1e4])
    by_x, by_y = slopes(np.logaddexp, x, y)
    np.testing.assert_allclose(by_x, [0, 0.5, 0.5, 0, 1])
    np.testing.assert_allclose(by_y, [0, 0.5, 0.5, 1, 0])
    both = np.array([1.0])
    np.testing.assert_allclose(bend(lambda x: np.logaddexp(x, both), both), 0.25)
    np.testing.assert_array_equal(bend(lambda x: np.logaddexp(x, -INF), np.array([-INF, INF])), 0)


def test_products_with_zeros() -> None:
    none, one, two = [2.0, 3.0, 5.0], [2.0, 0.0, 5.0], [0.0, 0.0, 5.0]
    np.testing.assert_allclose(slope(np.prod, none), [15, 10, 6])
    np.testing.assert_allclose(slope(np.prod, one), [0, 10, 0])
    np.testing.assert_array_equal(slope(np.prod, two), 0)
    # Rows of the Hessian added up: for each i the sum over j of the product of the others.
    np.testing.assert_allclose(bend(np.prod, none), [8, 7, 5])
    np.testing.assert_allclose(bend(np.prod, one), [5, 7, 2])
    np.testing.assert_allclose(bend(np.prod, two), [5, 5, 0])
    np.testing.assert_allclose(pushed(np.prod, one), 10)
    assert value(np.prod, np.zeros((0,))) == 1
    assert slope(np.prod, np.zeros((0,))).shape == (0,)
    assert bend(np.prod, [7.0]) == 0


def test_powers_at_zero() -> None:
    zero = np.array(0.0)
    assert value(np.power, zero, zero) == 1
    np.testing.assert_array_equal(slopes(np.power, zero, zero), [0, 0])
    np.testing.assert_array_equal(bends(np.power, zero, zero), [0, 0])
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(slope(lambda x: x**0, x), 0)
    np.testing.assert_array_equal(slope(lambda x: x**1, x), 1)
    np.testing.assert_array_equal(slope(lambda x: x**2, x), 2 * x)
    np.testing.assert_array_equal(bend(lambda x: x**2, x), 2)
    np.testing.assert_array_equal(bend(lambda x: x**3, x), 6 * x)
    np.testing.assert_array_equal(slope(lambda x: x**-1, [2.0, -4.0]), [-0.25, -1 / 16])
    np.testing.assert_array_equal(slope(lambda y: 0.0**y, [1.0, 2.0]), 0)
    np.testing.assert_allclose(slope(lambda y: 2.0**y, [0.0, 3.0]), [np.log(2), 8 * np.log(2)])


def test_variance_of_too_few_values() -> None:
    with pytest.raises(ShapeError, match=r"var of 1 values with ddof=1 divides by 0.*test_corner_values"):
        trace(lambda x: np.var(x, ddof=1), np.ones(1))
    with pytest.raises(ShapeError, match="var of 1 values with ddof=2"):
        trace(lambda x: np.std(x, axis=1, ddof=2), np.ones((3, 1)))
    for function in (np.var, np.std, np.median, np.nanmedian, lambda x: np.var(x, ddof=1)):
        assert np.isnan(trace(function, np.ones(0))(np.ones(0)))


@pytest.mark.parametrize("function", [np.max, np.min, np.argmax, np.argmin, logsumexp])
def test_an_extreme_of_nothing_is_refused(function: Any) -> None:
    with pytest.raises(ShapeError, match="no elements"):
        trace(lambda x: function(x, axis=0), np.ones((0, 3)))
    assert value(lambda x: function(x, axis=1), np.ones((0, 3))).shape == (0,)


LONG = 2**25


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("function", [np.sum, np.mean])
def test_long_float32_sums(function: Any, axis: int) -> None:
    # Stride 0 costs no memory, and NumPy adds it up like any other array.
    x = np.broadcast_to(np.float32(0.1), (LONG, 1) if axis == 0 else (1, LONG))
    got = value(lambda x: function(x, axis=axis), x)
    wanted = float(np.float32(0.1)) * (LONG if function is np.sum else 1)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_long_float32_running_sum() -> None:
    x = np.broadcast_to(np.float32(0.1), (LONG, 1))
    got = trace(lambda x: np.cumsum(x, axis=0)[-1], x)(x)
    np.testing.assert_allclose(got, float(np.float32(0.1)) * LONG, rtol=1e-5)


def test_other_long_float32_sums() -> None:
    x = np.broadcast_to(np.float32(0.1), (2**22, 3))
    squares = float(np.float32(0.1)) ** 2 * 2**22
    np.testing.assert_allclose(value(lambda x: np.linalg.norm(x, axis=0), x), np.sqrt(squares), rtol=1e-5)
    np.testing.assert_allclose(value(lambda x: logsumexp(x, axis=0), x), 0.1 + 22 * np.log(2), rtol=1e-6)
    shifted = np.broadcast_to(np.array([[0.1], [0.3]], np.float32), (2, 2**21)).reshape(2**22, 1)
    np.testing.assert_allclose(value(lambda x: np.var(x, axis=0), shifted), 0.01, rtol=1e-5)


def test_long_float32_sums_of_products() -> None:
    count = 2**22
    tenth, ones = np.full(count, 0.1, np.float32), np.ones(count, np.float32)
    wanted = float(np.float32(0.1)) * count
    for function in (
        lambda x, y: np.einsum("i,i->", x, y),
        lambda x, y: np.einsum("ij->j", x[:, None]) + 0 * y[:1],
    ):
        got = value(function, tenth, ones)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_the_gradient_of_a_long_broadcast_is_added_up_wide() -> None:
    count = 2**22
    ones = np.broadcast_to(np.float32(0.1), (count, 1))
    got = slope(lambda bias: (ones * bias).sum(), np.ones(1, np.float32))
    np.testing.assert_allclose(got, float(np.float32(0.1)) * count, rtol=1e-5)


def test_subnormal_numbers_are_kept() -> None:
    tiny = np.array([5e-324, 1e-310])
    np.testing.assert_array_equal(value(lambda x: x * 1.0 + 0.0, tiny), tiny)
    np.testing.assert_array_equal(slope(lambda x: x * 5e-324, np.ones(2)), 5e-324)
    small = np.array([1e-45, 1e-40], np.float32)
    np.testing.assert_array_equal(value(lambda x: x.sum(), small), small.sum(dtype=np.float64).astype("f4"))


def test_labels_out_of_range_name_the_row() -> None:
    labels = np.array([0, 2, 3, 1])
    program = trace(lambda labels: one_hot(labels, 3), labels)
    with pytest.raises(IndexRangeError, match=r"label 3 at row 2 is outside 0 … 2"):
        program(labels)
    with pytest.raises(IndexRangeError, match=r"label -1 at row 0"):
        one_hot(np.array([-1]), 3)
    with pytest.raises(IndexRangeError, match=r"label 9 at position \(1, 0\)"):
        one_hot([[0], [9]], 3)
    with pytest.raises(IndexRangeError, match=r"label 4 is outside"):
        one_hot(4, 3)
    picked = trace(lambda x, i: x[i], np.ones(3), np.array([0]))
    with pytest.raises(IndexRangeError, match=r"index 3 at row 0 is outside axis 0, which has 3 entries"):
        picked(np.ones(3), np.array([3]))
    with pytest.raises(IndexRangeError, match=r"index -4 at row 0"):
        picked(np.ones(3), np.array([-4]))
    added = trace(lambda x, i: scatter_add(x, i, 1.0), np.ones(3), np.array([0]))
    with pytest.raises(IndexRangeError, match=r"index 7 at row 0 is outside axis 0"):
        added(np.ones(3), np.array([7]))


def test_one_hot_vectors() -> None:
    got = value(lambda i: one_hot(i, 3, np.float32), np.array([2, 0]))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[0, 0, 1], [1, 0, 0]])
    with pytest.raises(DTypeError, match="indices are integers"):
        one_hot(np.array([0.5]), 3)


def test_masked_arrays_are_refused() -> None:
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    with pytest.raises(DTypeError, match="masked arrays are refused"):
        sigmoid(masked)
    with pytest.raises(DTypeError, match="masked arrays are refused"):
        trace(lambda x: x + masked, np.ones(2))
    with pytest.raises(DTypeError, match="argument 'x': masked arrays are refused"):
        trace(lambda x: x, masked)
    with pytest.raises(DTypeError, match="argument 'x': masked arrays are refused"):
        trace(lambda x: x, np.ones(2))(masked)
