"""Derivatives by complex numbers, in the convention of JAX and autograd: ∂L/∂x − i ∂L/∂y by z = x + iy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import wengert as wg
from wengert.errors import DTypeError, GradientError, UnsupportedFunctionError
from wengert.ir.verify import verify
from wengert.run.llvm import LLVMExecutor
from wengert.transform.simplify import simplify

Z = np.array([0.3 + 0.7j, -1.2 + 0.4j, 0.8 - 0.9j])
M = np.random.default_rng(4).normal(size=(3, 3, 2)) @ np.array([1, 1j])

REAL_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "squared modulus": lambda z: np.sum(np.abs(z) ** 2),
    "modulus": lambda z: np.sum(np.abs(z * (1 + 2j))),
    "angle": lambda z: np.sum(np.angle(z) * np.angle(z, deg=True)),
    "parts": lambda z: np.sum(z.real[1:] * z.imag[:-1] + np.real(z[0]) ** 3),
    "conjugate": lambda z: np.real(np.sum(z * np.conj(M @ z))),
    "exponential": lambda z: np.sum(np.abs(np.exp(1j * z)) + np.real(np.log(z))),
    "circular": lambda z: np.abs(np.sum(np.sin(z) + np.cos(z) * np.tan(z / 2))),
    "hyperbolic": lambda z: np.abs(np.sum(np.sinh(z) + np.cosh(z) * np.tanh(z))),
    "inverse circular": lambda z: np.sum(np.abs(np.arcsin(z) * np.arccos(z) * np.arctan(z / 2))),
    "inverse hyperbolic": lambda z: np.sum(np.abs(np.arcsinh(z / 2) * np.arccosh(z) * np.arctanh(z / 2))),
    "powers": lambda z: np.sum(np.abs(z**3 + z**0.5 + 2j**z + z ** (1 - 0.5j) + 1 / z)),
    "logarithms": lambda z: np.sum(np.imag(np.log1p(z) + np.expm1(z) * np.log2(z) + np.log10(z))),
    "quotients": lambda z: np.abs(np.sum(z / (z + 2) + 1 / z + np.reciprocal(z))),
    "products": lambda z: np.real(np.prod(z) + np.sum(np.cumprod(z)) + np.cumsum(z)[1] * np.mean(z)),
    "contractions": lambda z: np.abs(np.sum(M @ z + np.einsum("ij,j->i", M, z) + np.outer(z, z) @ z)),
    "moved": lambda z: np.sum(np.abs(np.concatenate([z[::-1], np.stack([z, z * z]).T.ravel()]) ** 2)),
    "gathered": lambda z: np.real(np.sum(z[[0, 2, 2]] ** 2) * z[1]),
    "chosen": lambda z: np.sum(np.abs(np.where(np.abs(z) > 1, z * z, np.exp(z)))),
    "signs": lambda z: np.sum(np.real(np.sign(z) * (1 - 2j))),
    "spread": lambda z: np.var(z) + np.std(z) + np.linalg.norm(z) + np.real(np.vdot(z, M @ z)),
    "mixed": lambda z: np.sum(np.real(z) * np.abs(z)) ** 2,
}
EVERY = pytest.mark.parametrize("name", REAL_FUNCTIONS)


def by_differences(function: Callable[[Any], Any], z: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """∂L/∂x − i ∂L/∂y, element by element."""
    found = np.zeros(z.shape, complex)
    for place in np.ndindex(z.shape):
        for direction in (1, 1j):
            moved = np.zeros_like(z)
            moved[place] = step * direction
            slope = (function(z + moved) - function(z - moved)) / (2 * step)
            found[place] += slope * np.conj(direction)
    return found


@EVERY
def test_the_gradient_is_that_of_both_parts(name: str) -> None:
    function = REAL_FUNCTIONS[name]
    np.testing.assert_allclose(wg.grad(function)(Z), by_differences(function, Z), rtol=1e-7, atol=1e-7)
    assert wg.check_grad(function, Z), wg.check_grad(function, Z)


@EVERY
def test_forward_and_reverse_mode_agree(name: str) -> None:
    function = REAL_FUNCTIONS[name]
    direction = np.array([0.2 - 1j, 1.5j, -0.7])
    value, tangent = wg.jvp(function, (Z,), (direction,))
    np.testing.assert_allclose(value, function(Z))
    np.testing.assert_allclose(tangent, np.real(np.sum(wg.grad(function)(Z) * direction)), rtol=1e-11)


@EVERY
def test_a_batch_is_its_entries(name: str) -> None:
    function = REAL_FUNCTIONS[name]
    batch = np.stack([Z, Z * (1 - 0.3j)])
    for mapped in (function, wg.grad(function)):
        np.testing.assert_allclose(
            wg.vmap(mapped)(batch), np.stack([mapped(one) for one in batch]), rtol=1e-11
        )


@EVERY
def test_programs_print_compile_and_pickle(name: str) -> None:
    program = wg.trace_gradient(REAL_FUNCTIONS[name], Z)
    verify(program)
    wanted = program(Z)
    names: dict[str, Any] = {}
    exec(program.to_python("derivative"), names)
    np.testing.assert_allclose(names["derivative"](Z), wanted, rtol=1e-12)
    np.testing.assert_allclose(LLVMExecutor().compile(program)([Z])[0], wanted, rtol=1e-12)
    again = pickle.loads(pickle.dumps(program))
    assert again == program
    np.testing.assert_array_equal(again(Z), wanted)


def test_the_convention_is_stated_right() -> None:
    assert wg.grad(lambda z: abs(z) ** 2)(0.3 + 0.7j) == pytest.approx(0.6 - 1.4j)
    assert wg.grad(lambda z: np.imag(z))(0.3 + 0.7j) == -1j
    # A step along the conjugate makes the function smaller.
    z, loss = 0.3 + 0.7j, lambda z: abs(z**2 - 2j) ** 2
    assert loss(z - 0.01 * np.conj(wg.grad(loss)(z))) < loss(z)
    # A pullback multiplies with the transpose, not with the conjugate transpose.
    _, pull = wg.vjp(lambda z: M @ z, Z)
    np.testing.assert_allclose(pull(Z)[0], M.T @ Z)
    np.testing.assert_allclose(wg.vjp(np.conj, Z)[1](Z)[0], np.conj(Z))


def test_holomorphic_functions() -> None:
    for function, derivative in (
        (np.sin, np.cos), (lambda z: z**3, lambda z: 3 * z**2), (np.log, lambda z: 1 / z),
        (np.arctan, lambda z: 1 / (1 + z**2)), (np.sqrt, lambda z: 0.5 / np.sqrt(z)),
    ):  # fmt: skip
        got = wg.grad(function, holomorphic=True)(Z[0])
        np.testing.assert_allclose(got, derivative(Z[0]), rtol=1e-12)
        jacobian = wg.jacobian(function, holomorphic=True)(Z)
        np.testing.assert_allclose(jacobian, np.diag(derivative(Z)), rtol=1e-12)
    second = wg.grad(wg.grad(np.exp, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose(second(Z[0]), np.exp(Z[0]), rtol=1e-12)
    value, slope = wg.value_and_grad(np.sin, holomorphic=True)(Z[0])
    assert (value, slope) == (np.sin(Z[0]), np.cos(Z[0]))


def test_jacobians_between_real_and_complex_numbers() -> None:
    x = np.array([0.3, -1.0, 2.0])
    by_real = wg.jacobian(lambda x: M @ np.exp(1j * x))(x)
    np.testing.assert_allclose(by_real, M * (1j * np.exp(1j * x)), rtol=1e-12)
    of_real = wg.jacobian(lambda z: np.abs(M @ z) ** 2)(Z)
    rows = [wg.grad(lambda z, row=row: np.abs(M @ z)[row] ** 2)(Z) for row in range(3)]
    np.testing.assert_allclose(of_real, np.stack(rows), rtol=1e-12)
    with pytest.raises(GradientError, match="say holomorphic=True"):
        wg.jacobian(np.conj)(Z)
    with pytest.raises(GradientError, match=r"take wg.hvp along a direction.*holomorphic=True"):
        wg.hessian(REAL_FUNCTIONS["squared modulus"])(Z)


def test_the_hessian_of_a_holomorphic_function() -> None:
    def function(z: Any) -> Any:
        return np.sum(z[0] ** 2 * np.exp(z)) + z @ M @ z

    second = wg.hessian(function, holomorphic=True)(Z)
    step = 1e-5
    slope = wg.grad(function, holomorphic=True)
    columns = [(slope(Z + one) - slope(Z - one)) / (2 * step) for one in step * np.eye(3)]
    np.testing.assert_allclose(second, np.stack(columns, axis=-1), rtol=1e-8, atol=1e-9)


def test_the_derivative_of_a_complex_root() -> None:
    def solver(a: Any, b: Any) -> Any:
        return np.sqrt(a + 1j * b)

    holomorphic = wg.implicit(solver, lambda z, a, b: z * z - a - 1j * b)
    # The same root, by a residual that is not holomorphic.
    mixed = wg.implicit(
        solver, lambda z, a, b: z * z * (1 + np.conj(z) * z) - (a + 1j * b) * (1 + np.abs(z) ** 2)
    )
    a, b = Z, np.array([0.4, 2.0, -1.0])
    for root in (holomorphic, mixed):

        def value(a: Any, b: Any, root: Any = root) -> Any:
            return np.sum(np.abs(root(a, b) - (0.3 - 1j)) ** 2)

        by_formula = wg.grad(lambda a, b: np.sum(np.abs(np.sqrt(a + 1j * b) - (0.3 - 1j)) ** 2), (0, 1))(a, b)
        for got, wanted in zip(wg.grad(value, (0, 1))(a, b), by_formula, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-10)
            assert got.dtype == wanted.dtype
    with pytest.raises(DTypeError, match=r"residual of .* is float64; the solution is complex128"):
        wg.grad(lambda a: np.abs(wg.implicit(np.sqrt, lambda z, a: np.abs(z * z - a))(a)))(Z[0])


def test_products_with_second_derivatives() -> None:
    function = REAL_FUNCTIONS["quotients"]
    direction = np.array([0.2 - 1j, 1.5j, -0.7])
    step = 1e-6
    ahead, behind = (wg.grad(function)(Z + sign * step * direction) for sign in (1, -1))
    got = wg.hvp(function, (Z,), direction)
    np.testing.assert_allclose(got, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "function", [lambda z: np.abs(z), lambda z: np.real(np.sign(z)), lambda z: np.angle(z)]
)
def test_at_the_origin_the_derivative_is_zero(function: Callable[[Any], Any]) -> None:
    assert wg.grad(function)(0j) == 0
    assert wg.grad(lambda z: function(z) ** 2)(0j) == 0


def test_real_arguments_have_real_gradients() -> None:
    x = np.array([0.3, -1.0, 2.0], np.float32)
    slope = wg.grad(lambda x: np.abs(np.sum(np.exp(1j * x))) ** 2)(x)
    assert slope.dtype == np.float32
    z, a = 1 + 2j, 3.0
    assert wg.grad(lambda z, a: np.abs(z * a), argnums=1)(z, a) == pytest.approx(abs(z))
    assert isinstance(wg.grad(lambda z, a: np.abs(z * a), argnums=(0, 1))(z, a), tuple)


# Equal real parts are told apart by the imaginary ones; the derivative of each goes where its value is from.
_ORDERED = {
    "max": lambda z, w: np.max(z * w),
    "min": lambda z, w: np.min(z * w, axis=0),
    "maximum": lambda z, w: np.maximum(z, w),
    "minimum": lambda z, w: np.minimum(z, w),
    "clip": lambda z, w: np.clip(z, w, w + 1),
    "clip from above": lambda z, w: np.clip(z, None, w),
    "<": lambda z, w: np.where(z < w, z**2, w),
    ">=": lambda z, w: np.where(z >= w, z**2, w),
}


@pytest.mark.parametrize("name", _ORDERED)
def test_complex_numbers_are_ordered_by_the_real_part_and_then_by_the_imaginary_one(name: str) -> None:
    function = _ORDERED[name]
    z, w = np.array([1 + 2j, 1 - 1j, 0.5 + 3j, 2.0]), np.array([1 + 1j, 2 - 1j, 0.5 + 3.5j, 1 + 9j])
    value = wg.trace(function, z, w)(z, w)
    np.testing.assert_array_equal(value, function(z, w))
    turn = np.exp(1j * np.arange(np.size(value)).reshape(np.shape(value)))

    def total(z: Any, w: Any) -> Any:
        return np.sum(np.real(turn * function(z, w)))

    # Along the imaginary axis: a step of a real part would part the equal ones.
    step = 1e-6
    moved = [(total(z + 1j * one, w) - total(z - 1j * one, w)) / (2 * step) for one in step * np.eye(4)]
    np.testing.assert_allclose(-np.imag(wg.grad(total)(z, w)), moved, atol=1e-8)


def test_equal_complex_numbers_share_the_derivative_as_real_ones_do() -> None:
    z = np.array([1 + 2j, 1 + 2j, 1 - 2j])
    assert wg.grad(lambda z: np.real(np.max(z)))(z).tolist() == [0.5, 0.5, 0]
    assert wg.grad(lambda z: np.real(np.maximum(z[0], z[1])))(z).tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_the_error_function_of_complex_numbers(name: str) -> None:
    special = pytest.importorskip("scipy.special")
    function = getattr(special, name)
    z = np.array([0.3 - 0.2j, -1 + 2j, 31 + 31j])  # the last where |exp(−z²)| is 1, far out
    slope = {"erf": 1, "erfc": -1}[name] * 2 / np.sqrt(np.pi) * np.exp(-(z**2))
    np.testing.assert_array_equal(wg.trace(function, z)(z), function(z))

    def total(z: Any) -> Any:
        return np.sum(function(z))

    np.testing.assert_allclose(wg.grad(total, holomorphic=True)(z), slope, rtol=1e-12)
    twice = wg.grad(lambda z: np.sum(wg.grad(total, holomorphic=True)(z)), holomorphic=True)
    np.testing.assert_allclose(twice(z), -2 * z * slope, rtol=1e-12)
    np.testing.assert_allclose((function(z + 1e-6) - function(z - 1e-6)) / 2e-6, slope, rtol=1e-4)


@pytest.mark.parametrize("z", [np.array([1 + 2j, 3.0]), np.array([1 + 1e-16j, 3.0]), np.array([2.0, 3.0])])
def test_real_if_close(z: Any) -> None:
    wanted = np.real_if_close(z)
    got = wg.compile(np.real_if_close)(z)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)
    wanted = 2 * np.conj(z) if wanted.dtype.kind == "c" else 2 * np.real(z)
    found = wg.grad(lambda z: np.sum(np.abs(np.real_if_close(z)) ** 2))(z)
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_what_is_refused() -> None:
    with pytest.raises(GradientError, match=r"output is c128\[\]: take np.real, np.imag or np.abs"):
        wg.grad(lambda z: z * z)(1j)
    with pytest.raises(
        GradientError, match=r"argument 'x' is f64\[\], and holomorphic functions are of complex"
    ):
        wg.grad(lambda x: x * 1j, holomorphic=True)(1.0)
    with pytest.raises(
        GradientError, match=r"this output is f64\[\], and a holomorphic function gives complex"
    ):
        wg.grad(np.abs, holomorphic=True)(1.0 + 1.0j)
    with pytest.raises(DTypeError, match="argmax has no rule for complex numbers"):
        wg.trace(np.argmax, np.array([1j]))
    with pytest.raises(DTypeError, match="sigmoid has no rule for complex numbers"):
        wg.sigmoid(np.array([1j]))
    with pytest.raises(GradientError, match="cotangent of complex numbers where float64 is needed"):
        wg.vjp(lambda z: np.abs(z), 1j)[1](1j)
    with pytest.raises(GradientError, match="derivations and drawings are of real numbers"):
        wg.explain(lambda x: np.abs(np.sum(np.exp(1j * x))), np.ones(2))

    def function(x: Any) -> Any:
        w = x * 1j
        return np.sum(np.abs(w))

    with pytest.raises(GradientError, match=r"is c128\[2\]: derivations and drawings are of real numbers"):
        wg.draw(function, np.ones(2))


def test_onnx_is_refused_by_name() -> None:
    backend = pytest.importorskip("tests.contract.onnx_backend")
    with pytest.raises(UnsupportedFunctionError, match="computes mul of c128"):
        backend.run(wg.trace(lambda z: z * z, Z), [Z])


def test_the_reason_for_numpy_is_given() -> None:
    compiled = wg.compile(wg.grad(REAL_FUNCTIONS["squared modulus"]))
    compiled(Z)
    assert "of complex numbers" in str(compiled.programs[0].kernels())


def test_a_step_of_simplification_never_takes_a_rule_of_real_numbers() -> None:
    # Beyond ±π the logarithm of an exponential is not the exponent.
    z = np.array([1 + 5j, 2 - 4j])
    for function in (
        lambda z: np.log(np.exp(z)),
        lambda z: np.log(1 + np.exp(z)),
        lambda z: np.log(np.exp(z).sum()),
        lambda z: np.exp(z) / np.exp(z).sum(),
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.sqrt(z**2),
        lambda z: np.log1p(np.exp(z)),
    ):
        np.testing.assert_allclose(wg.compile(function)(z), function(z), rtol=1e-12)


STEPS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a - b * 1j, lambda a, b: a * b, lambda a, b: a / (2 + np.abs(b)),
    lambda a, b: np.conj(a) * (1 - 2j), lambda a, b: a.real + 1j * b.imag, lambda a, b: np.sin(a) * 0.5,
    lambda a, b: np.exp(0.3j * a), lambda a, b: a @ b * np.ones(3), lambda a, b: np.where(a.real > 0, a, b),
    lambda a, b: np.concatenate([a[1:], b[:1]]), lambda a, b: np.cumsum(a) / 3, lambda a, b: -a,
    lambda a, b: (1 + 0j) * a + 0, lambda a, b: a * a - 0j, lambda a, b: np.sum(a) * b, lambda a, b: a**2,
    lambda a, b: np.abs(a) + b, lambda a, b: -(a - b), lambda a, b: 2 * (3 * a), lambda a, b: -a + -b,
]  # fmt: skip


@settings(max_examples=20)
@given(st.lists(st.tuples(*[st.integers(0, 99)] * 3), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_random_programs(steps: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    x = rng.normal(size=3)

    def function(z: Any, x: Any) -> Any:
        values = [z, x]
        for step, left, right in steps:
            made = STEPS[step % len(STEPS)](values[left % len(values)], values[right % len(values)])
            values.append(made / (1 + np.mean(np.abs(made))))
        return np.sum(np.real(values[-1]) * np.imag(values[-1] * (2 - 1j)))

    program = verify(wg.trace(function, z, x))
    np.testing.assert_allclose(program(z, x), function(z, x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(simplify(program)(z, x), function(z, x), rtol=1e-10, atol=1e-12)
    direction = rng.normal(size=3) + 1j * rng.normal(size=3), rng.normal(size=3)
    slopes = wg.grad(function, argnums=(0, 1))(z, x)
    along = np.real(sum(np.sum(slope * one) for slope, one in zip(slopes, direction, strict=True)))
    step = 1e-6
    ahead, behind = (function(z + s * direction[0], x + s * direction[1]) for s in (step, -step))
    kinks = any(number % len(STEPS) == 9 for number, _, _ in steps)  # a choice may jump between the points
    if not kinks:
        np.testing.assert_allclose(along, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(wg.jvp(function, (z, x), direction)[1], along, rtol=1e-9, atol=1e-11)


LOOPS: list[Callable[[Any], Any]] = [
    lambda z: np.abs(wg.scan(lambda c, x: (c * x * 1j + np.sin(c), np.abs(c)), z[0], z)[0]),
    lambda z: np.abs(wg.cond(np.abs(z[0]) > 0.1, lambda z: z[0] * z[1], lambda z: z[0], z)),
    lambda z: np.abs(wg.fori_loop(0, 4, lambda i, c: c * z[0] + z[1] * 1j, z[0])),
    lambda z: np.abs(wg.while_loop(lambda c: np.abs(c) < 5, lambda c: c * 2j + z[1], z[0])),
]


@pytest.mark.parametrize("function", LOOPS)
def test_loops_and_branches_carry_complex_numbers(function: Callable[[Any], Any]) -> None:
    assert wg.check_grad(function, Z), wg.check_grad(function, Z)


def test_against_jax() -> None:
    jax = pytest.importorskip("jax")
    # Of arccosh left of the imaginary axis JAX's derivative is wrong: it disagrees with differences.
    names = ("squared modulus", "angle", "parts", "conjugate", "contractions", "chosen", "inverse circular")
    functions = [REAL_FUNCTIONS[name] for name in names]
    with jax.enable_x64(True):
        theirs = [_in_jax(function, jax) for function in functions]
        wanted = jax.jit(jax.jacobian(lambda z: jax.numpy.stack([one(z) for one in theirs])))(Z)
    for name, function, slope in zip(names, functions, np.asarray(wanted), strict=True):
        np.testing.assert_allclose(wg.grad(function)(Z), slope, rtol=1e-9, atol=1e-9, err_msg=name)


def _in_jax(function: Callable[[Any], Any], jax: Any) -> Callable[[Any], Any]:
    """Return the function with jax.numpy in place of NumPy."""
    import types

    names = {**function.__globals__, "np": jax.numpy}
    return types.FunctionType(function.__code__, names, "in_jax", function.__defaults__, function.__closure__)
