"""The gradient transformation: what it accepts, how it names what it makes, what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.derivatives import slope

from wengert.errors import GradientError, VerificationError
from wengert.ir.primitive import REGISTRY
from wengert.ir.provenance import region
from wengert.ir.verify import verify
from wengert.trace.tracing import abstract, trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient, pullback


def test_integers_and_booleans_have_no_derivative() -> None:
    program = trace(lambda weights, count: (weights * count).sum(), np.ones(2), np.array([1, 2]))
    with pytest.raises(
        GradientError, match=r"argument 'count' is i64\[2\]; derivatives need floating or complex numbers"
    ):
        gradient(program)
    np.testing.assert_array_equal(gradient(program, [0])(np.ones(2), np.array([1, 2]))[0], [1, 2])
    with pytest.raises(GradientError, match="argument 'count'"):
        pushforward(program, [1])
    with pytest.raises(GradientError, match="input 'count'"):
        pullback(program, [1])
    with pytest.raises(GradientError, match=r"the output is i64\[\]"):
        gradient(trace(lambda x: np.argmax(x), np.ones(2)))


def test_the_output_is_a_scalar() -> None:
    with pytest.raises(GradientError, match=r"this output has shape \(2,\): sum it, or take the jacobian"):
        gradient(trace(lambda x: x * 2, np.ones(2)))


def test_further_outputs_are_passed_through() -> None:
    program = trace(lambda x: ((x * x).sum(), x + 1), np.ones(2))
    value, more, slopes = gradient(program, with_value=True)(np.ones(2))
    assert value == 2
    np.testing.assert_array_equal(more, 2)
    np.testing.assert_array_equal(slopes, 2)


def test_arguments_that_nothing_depends_on() -> None:
    got = gradient(trace(lambda x, y: x.sum(), np.ones(2), np.ones((2, 3), np.float32)))
    one, other = verify(got)(np.ones(2), np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(one, 1)
    np.testing.assert_array_equal(other, np.zeros((2, 3)))
    assert other.dtype == np.float32
    assert gradient(trace(lambda x: 3.0, 1.0))(1.0)[0] == 0


def test_the_output_may_be_an_input() -> None:
    assert gradient(trace(lambda x: x, 5.0))(5.0)[0] == 1
    assert pushforward(trace(lambda x: x, 5.0), [0])(5.0, 2.0)[1] == 2


def test_a_value_used_twice_collects_both_contributions() -> None:
    np.testing.assert_allclose(slope(lambda x: x * x + x, np.array([3.0])), 7)


def test_dtypes_of_contributions_are_matched() -> None:
    def function(narrow: Any, wide: Any) -> Any:
        return (narrow * wide).sum() + narrow.sum()

    program = trace(function, np.ones(2, np.float32), np.full(2, 3.0))
    one, other = verify(gradient(program))(np.ones(2, np.float32), np.full(2, 3.0))
    assert (one.dtype, other.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(one, 4)


def test_pullback_of_several_outputs() -> None:
    program = trace(lambda x: (x**2, x.sum(), x > 0), np.array([1.0, 2.0]))
    back = verify(pullback(program, [0]))
    got = back(np.array([1.0, 2.0]), np.array([1.0, 10.0]), np.array(100.0), np.zeros(2, bool))
    np.testing.assert_allclose(got[0], [102, 140])


def test_pushforward_of_several_inputs_and_outputs() -> None:
    program = trace(lambda x, y: (x * y, x > 0, np.argmax(y)), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    pushed = verify(pushforward(program, [0, 1]))
    x, y, dx, dy = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    product, positive, place, dproduct, dpositive, dplace = pushed(x, y, dx, dy)
    np.testing.assert_allclose(product, x * y)
    np.testing.assert_allclose(dproduct, dx * y + x * dy)
    assert positive.all()
    assert place == 1
    assert (dpositive.dtype, dplace.dtype) == (bool, np.int64)
    assert not dpositive.any()
    assert dplace == 0


def test_a_rule_that_is_not_linear_in_its_cotangent_is_found() -> None:
    primitive = REGISTRY["cosh"]
    right = primitive.vjp
    object.__setattr__(primitive, "vjp", lambda ct, out, x: (ct * ct * np.sinh(x),))
    try:
        with pytest.raises(VerificationError, match="a vjp rule is not linear in its cotangent"):
            pushforward(trace(np.cosh, 1.0), [0])
    finally:
        object.__setattr__(primitive, "vjp", right)


def test_adjoints_are_named_after_their_values() -> None:
    def function(W: Any, x: Any) -> Any:
        with region("layer", "layers.0"):
            z = x @ W
            h = np.tanh(z)
        return (h * h).sum()

    program = trace(function, abstract((3, 2)), abstract(3))
    slopes = gradient(program)
    named = {origin.name: node for node, origin in slopes.provenance.items() if origin.adjoint_of is not None}
    assert {"dW", "dx", "dz", "dh"} <= set(named)
    origin = slopes.provenance[named["dz"]]
    assert origin.adjoint_of is not None
    assert program.provenance[origin.adjoint_of].name == "z"
    assert origin.rule == "vjp of tanh"
    assert [one.name for one in origin.regions] == ["layers.0"]
    # The forward values keep their own names.
    assert "h" in {origin.name for node, origin in slopes.provenance.items() if node in slopes.nodes}


def test_unread_inputs_stay_arguments() -> None:
    slopes = gradient(trace(lambda x, y: (x * 2 + y * 0).sum(), np.ones(2), np.ones(2)))
    assert [node.param("name") for node in slopes.inputs] == ["x", "y"]
    np.testing.assert_array_equal(slopes(np.ones(2), np.ones(2))[0], 2)


def test_comparisons_and_positions_stop_derivatives() -> None:
    np.testing.assert_array_equal(slope(lambda x: np.where(x > 1, x, 2 * x), np.array([1.0, 2.0])), [2, 1])
    np.testing.assert_array_equal(slope(lambda x: x[np.argmax(x)] * 3, np.array([1.0, 2.0])), [0, 3])
