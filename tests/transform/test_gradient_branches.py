"""A branch that np.where does not take contributes nothing, whatever happens in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.derivatives import bend, pushed, slope, slopes

from wengert.primitives.composites import logsumexp
from wengert.trace.tracing import trace
from wengert.transform.branches import branch_only
from wengert.transform.gradient import gradient

X = np.array([0.0, 4.0])


def root(x: Any) -> Any:
    return np.where(x > 0, np.sqrt(x), 0)


def shared_between_two_branches(x: Any) -> Any:
    s = np.sqrt(x)
    return np.where(x > 0, s, 0) + np.where(x > 1, 2 * s, x)


def read_by_its_condition(x: Any) -> Any:
    s = np.sqrt(x)
    return np.where(s > 0, s, 0)


def nested(x: Any) -> Any:
    return np.where(x >= 0, np.where(x > 0, np.sqrt(x), 0), -x)


def deep_in_the_branch(x: Any) -> Any:
    return np.where(x > 0, np.exp(np.log(x) * 0.5) * (1 / x) * x, 0)


CASES = [
    # function, gradient at 0 and 4, second derivative at 0 and 4
    (root, [0, 0.25], [0, -1 / 32]),
    (lambda x: np.where(x == 0, 0, np.sqrt(x)), [0, 0.25], [0, -1 / 32]),
    (shared_between_two_branches, [1, 0.75], [0, -3 / 32]),
    (read_by_its_condition, [0, 0.25], [0, -1 / 32]),
    (nested, [0, 0.25], [0, -1 / 32]),
    (deep_in_the_branch, [0, 0.25], [0, -1 / 32]),
    (lambda x: np.where(x > 0, x * np.log(x), 0), [0, 1 + np.log(4)], [0, 0.25]),
    (lambda x: np.where(x > 0, np.sin(x) / x, 1), [0, (4 * np.cos(4) - np.sin(4)) / 16], None),
    (lambda x: np.where(x > 0, 1 / x, 0).sum() ** 2, [0, -1 / 32], None),
    (lambda x: np.where(x < 1, np.exp(300 * x), x), [300, 1], [90000, 0]),
]


@pytest.mark.parametrize(("function", "first", "second"), CASES)
def test_elementwise_branches(function: Any, first: list, second: list | None) -> None:
    np.testing.assert_allclose(slope(function, X), first, rtol=1e-12)
    np.testing.assert_allclose(np.sum(pushed(function, X)), np.sum(first), rtol=1e-12)
    if second is None:
        assert np.all(np.isfinite(bend(function, X)))
    else:
        np.testing.assert_allclose(bend(function, X), second, rtol=1e-12, atol=1e-15)


def test_third_order() -> None:
    from wengert.transform.inline import inline

    program = trace(lambda x: root(x).sum(), X)
    for _ in range(3):
        program = gradient(trace(lambda x, step=program: inline(step, [x], x.recorder)[0].sum(), X))
    np.testing.assert_allclose(program(X)[0], [0, 3 / 256], rtol=1e-12)


def test_forward_over_reverse_and_reverse_over_forward() -> None:
    from wengert.transform.forward import pushforward
    from wengert.transform.inline import inline

    first = gradient(trace(lambda x: root(x).sum(), X))
    over = pushforward(first, [0])(X, np.ones(2))[1]
    np.testing.assert_allclose(over, [0, -1 / 32], rtol=1e-12)
    forward = pushforward(trace(root, X), [0])
    under = gradient(trace(lambda x: inline(forward, [x, x * 0 + 1], x.recorder)[1].sum(), X))(X)[0]
    np.testing.assert_allclose(under, [0, -1 / 32], rtol=1e-12)


def test_a_use_outside_of_the_branch_is_not_guarded() -> None:
    # Here the infinite slope is the user's own.
    assert slope(lambda x: root(x) + np.sqrt(x), 0.0) == np.inf


def test_reductions_in_a_branch() -> None:
    rows = np.array([[1.0, 2.0], [np.inf, 1.0]])
    taken = np.array([True, False])
    np.testing.assert_allclose(
        slope(lambda x: np.where(taken, logsumexp(x, axis=1), 0), rows),
        [np.exp([1, 2]) / np.exp([1, 2]).sum(), [0, 0]],
    )
    np.testing.assert_allclose(
        slope(lambda x: np.where(taken[:, None], np.prod(x, axis=1, keepdims=True), 0), rows),
        [[2, 1], [0, 0]],
    )
    x = np.zeros(3)
    np.testing.assert_array_equal(slope(lambda x: np.where(x.sum() > 0, np.prod(1 / x), 0), x), 0)


def test_contractions_in_a_branch() -> None:
    x, w = np.zeros((2, 3)), np.ones((3, 2))
    for one in slopes(lambda x, w: np.where(x.sum() > 0, (1 / x) @ w, 0), x, w):
        np.testing.assert_array_equal(one, 0)
    vector = np.zeros(3)
    np.testing.assert_array_equal(slope(lambda v: np.where(v.sum() > 0, (1 / v) @ np.log(v), 0), vector), 0)


def test_the_guard_is_there_only_where_it_is_needed() -> None:
    plain = trace(lambda x: np.tanh(x).sum(), X)
    assert branch_only(plain.outputs) == set()
    names = [node.primitive.name for node in gradient(plain).nodes]
    assert "where" not in names
    taken = trace(lambda x: (root(np.tanh(x)) + np.exp(x)).sum(), X)
    guarded = {node.primitive.name for node in branch_only(taken.outputs) if node.inputs}
    assert guarded == {"tanh", "sqrt"}


def names_of(f: Any) -> set[str]:
    return {node.primitive.name for node in branch_only(trace(f, X).outputs) if node.inputs}


def test_what_either_branch_uses_always_counts() -> None:
    def selu(x: Any) -> Any:
        return np.where(x > 0, x, np.expm1(np.where(x > 0, 0, x)))

    assert names_of(lambda x: np.where(np.tanh(x) > 0, np.tanh(x), 0.01 * np.tanh(x)).sum()) == {"mul"}
    assert names_of(lambda x: selu(np.tanh(x)).sum()) == {"expm1", "where"}
    # One of three cases is always taken, whichever way they are nested.
    assert names_of(lambda x: nested(np.exp(x)).sum()) == {"where"}
    # The same value behind two different conditions may not count at all.
    assert names_of(lambda x: (np.where(X > 1, np.exp(x), 0) + np.where(X > 2, np.exp(x), 0)).sum()) == {
        "exp"
    }


def test_every_combination_of_three_conditions_is_always() -> None:
    def every(x: Any, combinations: int) -> Any:
        root = np.sqrt(x)
        total = 0.0
        for number in range(combinations):
            value = root
            for place, level in enumerate((1.0, 2.0, 3.0)):
                taken = level < X
                value = np.where(taken, value, 0) if number >> place & 1 else np.where(taken, 0, value)
            total = total + value.sum()
        return total

    assert "sqrt" not in names_of(lambda x: every(x, 8))
    assert "sqrt" in names_of(lambda x: every(x, 7))


def nested(y: Any) -> Any:
    return np.where(X > 1, np.where(X > 2, y, y), y)


def test_many_masked_steps_one_after_the_other() -> None:
    def masked(x: Any) -> Any:
        for step in range(2000):
            x = np.where(step < X, np.tanh(x), x)
        return x.sum()

    assert names_of(masked) == {"tanh"}


def test_many_conditions_on_one_value_stay_guarded() -> None:
    def switched(x: Any) -> Any:
        root = np.sqrt(x)
        return sum(np.where(level < X, root, 0).sum() for level in range(40))

    assert names_of(switched) == {"sqrt"}
    taken = (X[:, None] > np.arange(40)).sum(axis=1)
    expected = [count / (2 * np.sqrt(x)) if count else 0 for count, x in zip(taken, X, strict=True)]
    np.testing.assert_allclose(slope(switched, X), expected, rtol=1e-14)
