"""check_grad finds wrong derivatives and passes right ones."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError


def network(W, b, X):
    return np.tanh(X @ W + b)


def test_right_derivatives_pass(rng):
    report = wg.check_grad(network, rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(4, 3)))
    assert report
    assert [(one.argument, one.order) for one in report.comparisons] == [
        ("W", 1), ("W", 2), ("b", 1), ("b", 2), ("X", 1), ("X", 2),
    ]  # fmt: skip
    assert all(one.method == "complex step" for one in report.comparisons if one.order == 1)
    assert max(one.error for one in report.comparisons if one.order == 1) < 1e-13
    assert "WRONG" not in str(report)


def test_functions_that_are_not_analytic_are_compared_with_differences():
    report = wg.check_grad(lambda x: np.sum(np.abs(x) + np.maximum(x, 0)), np.array([1.5, -2.0]))
    assert report
    assert report.comparisons[0].method == "differences"


@pytest.mark.parametrize("factor", [1.0001, 0.999, -1.0])
def test_a_wrong_rule_is_found_and_named(factor):
    # stop_gradient hides a part of the derivative: just what a wrong factor in a rule does.
    def wrong(x, y):
        return np.sum(factor * np.sin(x) + wg.stop_gradient((1 - factor) * np.sin(x)) + y)

    report = wg.check_grad(wrong, np.array([0.3, 0.7]), np.array([1.0, 2.0]))
    assert not report
    assert [one.passed for one in report.comparisons if one.argument == "y"] == [True, True]
    assert not next(one for one in report.comparisons if one.argument == "x").passed
    assert "WRONG" in str(report)


def test_keywords_trees_and_single_precision(rng):
    def f(parameters, *, scale):
        return np.sum(parameters["w"] * scale)

    report = wg.check_grad(
        f, {"w": np.ones(3, np.float32)}, scale=2.0, argnums=0, argnames=("scale",), order=1
    )
    assert report
    assert [one.argument for one in report.comparisons] == ["parameters.w", "scale"]


def test_integer_arguments_are_left_alone():
    report = wg.check_grad(lambda x, index: np.sum(x[index] ** 2), np.arange(4.0), np.array([0, 2]))
    assert report
    assert {one.argument for one in report.comparisons} == {"x"}


def test_nan_never_passes():
    with np.errstate(invalid="ignore"):
        assert not wg.check_grad(lambda x: np.sum(np.log(x)), np.array([-1.0]), order=1)


def test_order_is_checked():
    with pytest.raises(ConfigurationError, match="order"):
        wg.check_grad(np.sin, 1.0, order=3)


def test_whole_numbers_among_the_arguments_stay_python_numbers() -> None:
    x = np.array([[0.3, -1.0, 2.0], [0.7, 0.1, -0.4]])
    assert wg.check_grad(np.max, x, axis=1)
    assert wg.check_grad(np.tensordot, x, x.T, axes=((1,), (0,)))
