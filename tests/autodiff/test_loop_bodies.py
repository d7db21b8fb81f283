"""What the bodies of loops and branches may do beside computing: assign to arrays, draw random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contract.test_regions import close

import wengert as wg
from wengert.errors import ConcreteValueError, IndexRangeError, TraceError


def test_a_body_assigns_to_its_own_arrays() -> None:
    xs = np.arange(1.0, 4.0)

    def function(a: Any, loop: Any) -> Any:
        def iteration(c: Any, x: Any) -> Any:
            c[0] = c[1] * x
            copied = a.copy()
            copied[1] += x
            return c + copied, None

        return np.sum(loop(iteration, np.ones(2), xs)[0] ** 2)

    def plain(iteration: Any, carry: Any, xs: Any) -> Any:
        for x in xs:
            carry, _ = iteration(carry, x)
        return carry, None

    a = np.array([0.3, -0.2])
    close(wg.grad(lambda a: function(a, wg.scan))(a), wg.grad(lambda a: function(a, plain))(a))


def put(a: Any, c: Any) -> Any:
    a[0] += c  # plain Python would keep this from iteration to iteration
    return c + a[0]


@pytest.mark.parametrize(
    "body",
    [
        lambda a, c: wg.scan(lambda c, x: (put(a, c), None), c, np.arange(3.0))[0],
        lambda a, c: wg.scan(lambda c, x: (put(a[:1], c), None), c, np.arange(3.0))[0],
        lambda a, c: wg.while_loop(lambda c: c < 5, lambda c: put(a, c), c),
        lambda a, c: wg.while_loop(lambda c: put(a, c) < 5, lambda c: c + 1, c),
        lambda a, c: wg.cond(c > 0, lambda: put(a, c), lambda: c),
        lambda a, c: wg.fori_loop(0, 2, lambda i, c: wg.grad(lambda d: put(a, d))(c), c),
    ],
)
def test_a_body_does_not_assign_to_arrays_from_outside(body: Any) -> None:
    with pytest.raises(TraceError, match="made outside of the body of a loop or branch cannot be assigned"):
        wg.grad(lambda a: body(a * 1.0, np.sum(a)))(np.ones(2))


@pytest.mark.parametrize("draw", [np.random.default_rng(0).normal, np.random.rand])
def test_a_body_of_a_loop_draws_no_random_numbers(draw: Any) -> None:
    with pytest.raises(TraceError, match=r"drew random numbers .* once for all iterations"):
        wg.scan(lambda c, x: (c + draw(), None), 0.0, np.ones(3))
    with pytest.raises(TraceError, match="drew random numbers"):
        wg.while_loop(lambda c: c < 5, lambda c: c + 1 + draw(), 0.0)
    drawn = np.array([draw(), draw()])
    close(wg.scan(lambda c, x: (c + x, None), 0.0, drawn)[0], drawn.sum())


def fibonacci(i: Any, c: Any) -> Any:
    c = c.copy()
    c[i + 1, 0] = 0.7 * c[i, 0] + np.sin(c[i, -1])
    return c


def rows_and_columns(i: Any, c: Any) -> Any:
    c = c.copy()
    c[i] = np.tanh(c[i - 1]) + i
    c[:, 0] = c[i, 1] * 2
    c[..., i] = c[0, 1]
    return c


def elements_in_place(i: Any, c: Any) -> Any:
    c = c.copy()
    c[i, -1] *= 2
    c[0, i] += c[i, i]
    c[-1] = 3 * c[i]
    return c


@pytest.mark.parametrize("body", [fibonacci, rows_and_columns, elements_in_place])
def test_the_number_of_a_iteration_says_where_is_assigned(body: Any) -> None:
    start = np.arange(12.0).reshape(4, 3) / 7

    def plain(a: Any) -> Any:
        for iteration in range(3):
            a = body(iteration, a)
        return np.sum(np.cos(a))

    def looped(a: Any) -> Any:
        return np.sum(np.cos(wg.fori_loop(0, 3, body, a)))

    expected = wg.value_and_grad(plain)(start)
    assert np.isclose(expected[0], plain(start.copy()), rtol=1e-12)
    for found in (wg.value_and_grad(looped)(start), wg.compile(wg.value_and_grad(looped))(start)):
        close(found[0], expected[0])
        close(found[1], expected[1])


def test_a_iteration_that_assigns_outside_of_an_axis_is_named() -> None:
    def body(i: Any, c: Any) -> Any:
        c = c.copy()
        c[i + 3] = 1.0
        return c

    with pytest.raises(IndexRangeError, match=r"index 4 is outside axis 0, .* in iteration 1"):
        wg.fori_loop(0, 3, body, np.ones(4))


def test_a_view_whose_place_only_the_iteration_knows_is_not_written_to() -> None:
    def body(i: Any, c: Any) -> Any:
        c = c.copy()
        c[i] += 1.0
        return c

    with pytest.raises(ConcreteValueError, match=r"write c\[i\] = c\[i\] \+ y"):
        wg.fori_loop(0, 3, body, np.ones((3, 2)))


def test_a_row_by_the_number_of_the_iteration_is_read_further() -> None:
    rows = np.arange(15.0).reshape(5, 3)

    def iteration(i: Any, h: Any) -> Any:
        outer = np.outer(h, h)
        outer[1] = h + 1
        return 0.1 * h + rows[i][::-1] + rows[:4][i].reshape(3)[1:][0] + outer[i][::-1] / 100

    expected = h = np.ones(3)
    for number in range(3):
        expected = iteration(number, expected)
    np.testing.assert_allclose(wg.fori_loop(0, 3, iteration, h), expected, rtol=1e-14)
