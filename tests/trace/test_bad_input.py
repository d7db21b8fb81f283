"""What a traced function may not do: each is refused by name, with the user's line, eagerly and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import DTypeError, GradientError, TraceError, UnsupportedFunctionError

X, Z, SINGULAR = np.array([1.0, 2.0, 3.0]), np.array([1 + 2j, 3.0]), np.zeros((2, 2))
KEPT: list[Any] = []
wg.trace(lambda x: KEPT.append(x) or x, X)


def _to_repeated_rows(x: Any) -> Any:
    rows = np.broadcast_to(np.zeros(3), (2, 3))
    rows[0] = x
    return np.sum(rows)


def _to_a_view_of_unknown_order(x: Any) -> Any:
    turned = np.reshape(x, (3, 1)).T * np.ones((3, 3)).T
    turned.ravel()[0] = 9
    return np.sum(turned)


CASES: dict[str, tuple[Callable[..., Any], Any, type[Exception], str]] = {
    "a view that is read-only": (_to_repeated_rows, X, TraceError, "cannot be assigned to; copy it first"),
    "a view of unknown order": (_to_a_view_of_unknown_order, X, TraceError, "order in memory is not known"),
    "a kept tensor": (lambda x: np.sum(x * KEPT[0]), X, TraceError, "a tensor of a trace that has ended"),
    "a singular matrix": (
        lambda a: np.sum(np.linalg.solve(a, np.ones(2))),
        SINGULAR,
        np.linalg.LinAlgError,
        "Singular matrix",
    ),
    "an indefinite matrix": (
        lambda a: np.sum(np.linalg.cholesky(a)),
        np.diag([1.0, -1.0]),
        np.linalg.LinAlgError,
        "not positive definite",
    ),
    "arctan2 of complex": (
        lambda z: np.sum(np.real(np.arctan2(z, 1.0))),
        Z,
        DTypeError,
        "arctan2 has no meaning for complex128",
    ),
    "sigmoid of complex": (
        lambda z: np.real(np.sum(wg.sigmoid(z))),
        Z,
        DTypeError,
        "sigmoid has no rule for complex numbers",
    ),
    "a histogram of complex": (
        lambda z: np.sum(np.histogram(z, 2, weights=np.abs(z))[0]),
        Z,
        DTypeError,
        "has no meaning for complex128",
    ),
    "an option of a function": (
        lambda x: np.sum(np.sort(x, order="a")),
        X,
        UnsupportedFunctionError,
        r"np.sort: the option order= has no rule; axis=, kind=.* have one",
    ),
    "an option of a universal function": (
        lambda x: np.sum(np.add(x, x, signature="dd->d")),
        X,
        UnsupportedFunctionError,
        r"np.add: the option signature= has no rule; dtype=, .* have one",
    ),
    "an option of reduceat": (
        lambda x: np.sum(np.add.reduceat(x, [0, 1], dtype=np.float32)),
        X,
        UnsupportedFunctionError,
        r"np.add.reduceat: the option dtype= has no rule; axis= has one",
    ),
    "an option of accumulate": (
        lambda x: np.sum(np.maximum.accumulate(x, dtype=np.float32)),
        X,
        UnsupportedFunctionError,
        r"np.maximum.accumulate: the option dtype= has no rule; axis= has one",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_the_users_line(name: str) -> None:
    function, given, error, message = CASES[name]
    for call in (wg.grad(function), wg.compile(wg.grad(function))):
        with pytest.raises(error, match=message) as caught:
            call(given)
        assert "test_bad_input.py:" in str(caught.value)


def test_a_kept_tensor_is_refused_outside_of_any_trace() -> None:
    with pytest.raises(TraceError, match="a tensor of a trace that has ended"):
        KEPT[0] + 1


def test_a_complex_output_is_refused_by_grad_with_what_takes_it() -> None:
    for call in (wg.grad, lambda function: wg.compile(wg.grad(function))):
        with pytest.raises(GradientError, match=r"output is c128\[\]: take np.real, .* holomorphic=True"):
            call(lambda z: np.sum(z**2))(Z)


def test_draws_of_numpys_own_generator_are_drawn_anew_or_refused() -> None:
    def function(x: Any) -> Any:
        return np.sum(x * np.random.normal(size=3))  # noqa: NPY002 - what is tried

    slope = wg.grad(function)
    assert not np.array_equal(slope(X), slope(X))
    with pytest.raises(TraceError, match="drew random numbers"):
        wg.compile(slope)(X)
