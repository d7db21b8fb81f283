"""custom_vjp, custom_jvp and implicit: rules that are given, in every mode, checked and explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError, GradientError, ShapeError, WengertError

X = np.array([-1.0, 0.5, 2.0])


@wg.custom_vjp
def softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x))


softplus.defvjp(lambda x: (softplus(x), x), lambda x, ct: (ct / (1 + np.exp(-x)),))


@wg.custom_jvp
def product(x: Any, y: Any) -> Any:
    return np.sin(x) * y


@product.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x, y), (dx, dy) = primals, tangents
    return product(x, y), np.cos(x) * dx * y + np.sin(x) * dy


@wg.custom_vjp
def pair(x: Any, parts: Any) -> Any:
    return x**2, {"scaled": parts["k"] * x}


def _pair_backward(residuals: Any, ct: Any) -> Any:
    x, k = residuals
    first, second = ct[0], ct[1]["scaled"]
    out = np.zeros(3)
    out[:] = 2 * x * first + k * second
    return out, {"k": np.sum(x * second)}


pair.defvjp(lambda x, parts: (pair(x, parts), (x, parts["k"])), _pair_backward)


def of_pair(x: Any, k: Any) -> Any:
    square, parts = pair(x, {"k": k})
    return np.sum(square * parts["scaled"])


def solver(a: Any, b: Any) -> Any:
    x = np.zeros(len(b))
    for _ in range(300):
        x = x - 0.1 * (a @ x - b + 0.1 * x**3)
    return x


solution = wg.implicit(solver, lambda x, a, b: a @ x - b + 0.1 * x**3)
A, B = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0])

_CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "custom_vjp": (lambda x: np.sum(softplus(x) ** 2), (X,)),
    "custom_jvp": (lambda x, y: np.sum(product(x, y) * x), (X, X[::-1].copy())),
    "trees": (of_pair, (X, 3.0)),
    "implicit": (lambda a, b: np.sum(solution(a, b) ** 2), (A, B)),
}


@pytest.mark.parametrize("name", _CASES)
def test_right_to_second_order_and_compiled(name: str) -> None:
    function, arguments = _CASES[name]
    report = wg.check_grad(function, *arguments)
    assert report, str(report)
    compiled = wg.compile(wg.grad(function))(*arguments)
    np.testing.assert_allclose(compiled, wg.grad(function)(*arguments), rtol=1e-12)
    curvature = wg.hessian(function)(*arguments)
    slope = wg.jacobian(wg.grad(function))(*arguments)
    np.testing.assert_allclose(curvature, slope, rtol=1e-9, atol=1e-12)


def test_the_rule_decides_and_is_checked() -> None:
    @wg.custom_vjp
    def straight_through(x: Any) -> Any:
        return np.where(x > 0, 1.0, 0.0)

    straight_through.defvjp(lambda x: (straight_through(x), None), lambda residuals, ct: (ct,))
    assert wg.grad(lambda x: np.sum(straight_through(x)))(X).tolist() == [1.0, 1.0, 1.0]
    assert straight_through(X).tolist() == [0.0, 1.0, 1.0]

    @wg.custom_vjp
    def wrong(x: Any) -> Any:
        return x**2

    wrong.defvjp(lambda x: (wrong(x), x), lambda x, ct: (3 * x * ct,))
    assert not wg.check_grad(wrong, 2.0)
    text = str(wg.explain(wrong, 3.0))
    assert "derivative of wrong" in text
    assert "3 x = 9" in text


def test_rules_for_each_argument() -> None:
    @wg.custom_jvp
    def power(x: Any, y: Any) -> Any:
        return x**y

    power.defjvps(lambda t, ans, x, y: t * y * ans / x, None)
    assert wg.grad(power, argnums=(0, 1))(2.0, 3.0) == (12.0, 0.0)


def test_arguments_without_a_derivative() -> None:
    def scaled(kind: Any, x: Any) -> Any:
        return x * (2.0 if kind == "double" else 1.0)

    own = wg.custom_vjp(scaled, nondiff_argnums=(0,))
    own.defvjp(
        lambda kind, x: (own(kind, x), None), lambda kind, residuals, ct: (ct * (2.5 if kind else 0.0),)
    )
    assert wg.grad(lambda x: own("double", x))(1.0) == 2.5


def test_batches_of_functions_with_rules() -> None:
    slopes = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(wg.vmap(wg.grad(softplus))(X), slopes, rtol=1e-14)
    np.testing.assert_allclose(wg.grad(lambda x: np.sum(wg.vmap(softplus)(x)))(X), slopes, rtol=1e-14)


def test_a_solver_that_is_no_numpy() -> None:
    def bisected(a: Any) -> Any:
        low, high = 0.0, max(1.0, float(a))
        while high - low > 1e-15 * high:
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (middle, high) if middle**3 < float(a) else (low, middle)
        return low

    root = wg.implicit(bisected, lambda x, a: x**3 - a)
    assert wg.grad(root)(8.0) == pytest.approx(1 / 12, rel=1e-12)
    assert wg.compile(wg.grad(root))(np.asarray(27.0)) == pytest.approx(1 / 27, rel=1e-12)


def test_what_is_refused() -> None:
    without = wg.custom_vjp(lambda x: x)
    with pytest.raises(ConfigurationError, match="has no rule yet: call defvjp"):
        wg.grad(without)(1.0)

    @wg.custom_vjp
    def bad(x: Any) -> Any:
        return x**2

    for rule, message in (
        (lambda r, ct: (ct, ct), "gives 2 cotangents; it has 1 arguments"),
        (lambda r, ct: ct, "gives no tuple of cotangents"),
        (lambda r, ct: (np.ones(3),), r"of shape \(3,\); the argument has \(\)"),
        (lambda r, ct: ([ct],), "of structure"),
    ):
        bad.defvjp(lambda x: (bad(x), None), rule)
        with pytest.raises(GradientError, match=message):
            wg.grad(lambda x: bad(x))(1.0)
    bad.defvjp(lambda x: bad(x), lambda r, ct: (ct,))
    with pytest.raises(GradientError, match=r"returns a pair \(value, residuals\)"):
        wg.grad(lambda x: bad(x))(1.0)
    with pytest.raises(ShapeError, match=r"residual .* has shape \(2,\); the solution has \(\)"):
        wg.grad(wg.implicit(lambda a: a, lambda x, a: np.array([x, a])))(1.0)
    with pytest.raises(WengertError, match="no formula or source"):
        wg.trace(wg.implicit(lambda a: a, lambda x, a: x - a), 1.0).to_python()
