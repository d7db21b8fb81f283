"""Every rewriting rule, for every dtype it can meet: the same dtype and value with and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wengert.errors import DTypeError
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.ir.verify import verify
from wengert.primitives import indexing, movement
from wengert.primitives.composites import logsumexp
from wengert.primitives.functions import scatter_add, sigmoid
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import Tensor, as_tensor
from wengert.trace.tracing import trace
from wengert.transform.inline import inline
from wengert.transform.rules import EXACT, OF_COMPLEX, RULES
from wengert.transform.simplify import simplify

DTYPES = [np.dtype(one) for one in ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]]
SHAPE = (2, 3)


def constant(x: Any, value: Any) -> Any:
    """Return a constant of the program that x belongs to, which NumPy does not compute with by itself."""
    x.recorder.rule = "pattern"  # what a rule computes of constants is recorded
    return as_tensor(np.asarray(value), x.recorder)


def places(x: Any, y: Any) -> Any:
    """Return two indices, which the values decide."""
    return (x[:, 0] == y[:, 0]).astype(np.int64)


def spread(x: Any, shape: tuple[int, ...] = SHAPE) -> Any:
    return movement.broadcast_to(x, shape=shape) if isinstance(x, Tensor) else np.broadcast_to(x, shape)


# What each rule looks for, with arrays x and y and a number k, all of one dtype.
PATTERNS: dict[str, list[Callable[[Any, Any, Any], Any]]] = {
    "implicit_broadcast": [
        lambda x, y, k: spread(x[0]) + y,
        lambda x, y, k: spread(k) * y,
        lambda x, y, k: np.where(x == y, spread(x[:, :1]), y),
        lambda x, y, k: np.maximum(x, spread(k)) / spread(y[0]),
    ],
    "late_broadcast": [
        lambda x, y, k: np.negative(spread(x[0])),
        lambda x, y, k: np.sign(spread(x[:, :1])),
        lambda x, y, k: np.sqrt(spread(x[0])),
        lambda x, y, k: np.square(spread(x[0])),
        lambda x, y, k: spread(x[0]).astype(np.int16),
        lambda x, y, k: ~spread(x[0] == y[0]),
    ],
    "add_zero": [
        lambda x, y, k: x + k,
        lambda x, y, k: k + x,
        lambda x, y, k: x + 0,
        lambda x, y, k: x + spread(-0.0),
    ],
    "subtract_zero": [
        lambda x, y, k: x - k,
        lambda x, y, k: k - x,
        lambda x, y, k: 0 - x,
        lambda x, y, k: -0.0 - x,
    ],
    "square_of": [
        lambda x, y, k: x * x,
        lambda x, y, k: (x * x) * (x * x),
        lambda x, y, k: (x == y) * (x == y),
    ],
    "small_power": [
        lambda x, y, k: x**k,
        lambda x, y, k: np.power(x, k),
        lambda x, y, k: x**0.5,
        lambda x, y, k: np.power(x, 0.5),
        lambda x, y, k: x**-1.0,
        lambda x, y, k: x**2,
        lambda x, y, k: x**0 + x**1,
    ],
    "square_of_hypot": [lambda x, y, k: np.square(np.hypot(x, y))],
    "real_of_converted": [
        lambda x, y, k: np.real(x.astype(complex)) + y,
        lambda x, y, k: np.real(np.conj(x.astype(complex) * 1j)),
    ],
    "conjugate_twice": [lambda x, y, k: np.imag(np.conj(np.conj(x.astype(complex) * 2j)))],
    "nested_where": [
        lambda x, y, k: np.where(x > y, np.where(x > y, x, k), y),
        lambda x, y, k: np.where(x > y, x, np.where(x > y, k, y)),
        lambda x, y, k: np.where(x > y, np.where(x > y, x == y, True), y),
    ],
    "uniform_constant": [lambda x, y, k: np.full(SHAPE, k) + x, lambda x, y, k: x * np.full(3, k)],
    "uniform_movement": [
        lambda x, y, k: spread(constant(x, k)).T + x.T,
        lambda x, y, k: x - np.flip(spread(constant(x, k))),
    ],
    "fold": [
        lambda x, y, k: x + constant(x, [k, k]).sum(),
        lambda x, y, k: x * constant(x, k) ** 2,
        lambda x, y, k: np.where(x == y, -constant(x, k), x),
        lambda x, y, k: x + constant(x, k).astype(np.int16),
        lambda x, y, k: x / constant(x, [1, 0, k]).max(),
    ],
    "fold_uniform": [
        lambda x, y, k: x + np.sqrt(spread(constant(x, k))),
        lambda x, y, k: x + (spread(constant(x, k)) + spread(constant(x, k * k))),
    ],
    "where_known": [
        lambda x, y, k: np.where(True, x, y),
        lambda x, y, k: np.where(k, x, y[0]),
        lambda x, y, k: np.where(x > y, x, x),
        lambda x, y, k: np.where(np.zeros(SHAPE, bool), x == y, y),
    ],
    "by_one": [
        lambda x, y, k: x * k,
        lambda x, y, k: k * x,
        lambda x, y, k: x / k,
        lambda x, y, k: 1 * x / 1,
        lambda x, y, k: x * np.ones(SHAPE, x.dtype),
    ],
    "negate": [lambda x, y, k: -(x - y), lambda x, y, k: -(x - k)],
    "join_factors": [
        lambda x, y, k: k * (k * x),
        lambda x, y, k: -(k * x),
        lambda x, y, k: (x * k) / k,
        lambda x, y, k: np.negative(-x),
        lambda x, y, k: 2 * x / 8,
    ],
    "factor_outside": [
        lambda x, y, k: (k * x) * y,
        lambda x, y, k: (-x) * y,
        lambda x, y, k: (k * x) / y,
        lambda x, y, k: -x / -y,
    ],
    "collect": [
        lambda x, y, k: k * x + k * y,
        lambda x, y, k: k * x - y * k,
        lambda x, y, k: -x - y,
        lambda x, y, k: -x + y,
        lambda x, y, k: x - np.negative(y),
        lambda x, y, k: x + np.negative(k * y),
    ],
    "shared_factor": [lambda x, y, k: x * y + x * (x - k), lambda x, y, k: x * y - (y + k) * x],
    "sum_of_copies": [
        lambda x, y, k: spread(x[0]).sum(0),
        lambda x, y, k: spread(x[0, 0]).sum(),
        lambda x, y, k: spread(x[:, :1]).sum(1, keepdims=True),
        lambda x, y, k: np.broadcast_to(x, (0, *SHAPE)).sum(0),
    ],
    "nothing_reduced": [
        lambda x, y, k: x[:1].sum(0),
        lambda x, y, k: x[:, :1].max(1, keepdims=True),
        lambda x, y, k: x[:1].mean(0),
        lambda x, y, k: x[:1].prod(0),
        lambda x, y, k: x[:1].min(0),
    ],
    "squeeze_reduced": [
        lambda x, y, k: np.squeeze(x.sum(1, keepdims=True), 1),
        lambda x, y, k: np.squeeze(x.mean(0, keepdims=True), 0),
    ],
    "expand_reduced": [lambda x, y, k: x.sum(1)[:, None], lambda x, y, k: x.mean(0)[None]],
    "reshape_reduced": [
        lambda x, y, k: x.sum(1).reshape(2, 1),
        lambda x, y, k: x.mean(0, keepdims=True).reshape(3),
    ],
    "reduced_twice": [
        lambda x, y, k: x.sum(1).sum(),
        lambda x, y, k: x.max(1).max(),
        lambda x, y, k: x.min(0, keepdims=True).min(1, keepdims=True),
        lambda x, y, k: x.prod(1).prod(0),
    ],
    "of_moved_elements": [
        lambda x, y, k: x.T.sum(),
        lambda x, y, k: np.flip(x).max(),
        lambda x, y, k: x.reshape(3, 2).min(),
        lambda x, y, k: x[None].mean(),
        lambda x, y, k: x.T.prod(),
    ],
    "sign_of_mean": [lambda x, y, k: (-x).mean(1)],
    "factor_of_scatter": [
        lambda x, y, k: scatter_add(x, (np.arange(2), places(x, y)), np.full(2, k)),
        lambda x, y, k: scatter_add(x, places(x, y), np.full((2, 3), k)),
    ],
    "sum_of_one_hot": [
        lambda x, y, k: indexing.scatter_add(
            np.full(2, k), constant(x, [0, 1]), places(x, y), axes=(0, 1), shape=(2, 3)
        ).sum(1)
    ],
    "factor_of_sum": [lambda x, y, k: (k * x).sum(1, keepdims=True), lambda x, y, k: (x / k).sum(0)],
    "sum_of_product": [
        lambda x, y, k: (x @ y.T).sum(0, keepdims=True),
        lambda x, y, k: (x.T @ y).sum(1, keepdims=True),
    ],
    # Stable forms.
    "log_exp": [lambda x, y, k: np.log(np.exp(x))],
    "log_one_plus_exp": [
        lambda x, y, k: np.log(1 + np.exp(x)),
        lambda x, y, k: np.log(np.exp(x) + np.exp(y)),
    ],
    "log1p_exp": [lambda x, y, k: np.log1p(np.exp(x))],
    "log_sum_exp": [lambda x, y, k: np.log(np.exp(x).sum(1)), lambda x, y, k: np.log(np.exp(x).sum())],
    "log_sigmoid": [lambda x, y, k: np.log(sigmoid(x)), lambda x, y, k: np.log(1 - sigmoid(x))],
    "log1p_sigmoid": [lambda x, y, k: np.log1p(-sigmoid(x))],
    "log_moved": [lambda x, y, k: np.log(np.exp(x)[1]), lambda x, y, k: np.log(sigmoid(x).T)],
    "log_guarded": [
        lambda x, y, k: np.log(np.maximum(sigmoid(x), 1e-12)),
        lambda x, y, k: np.log(np.clip(sigmoid(x), 1e-9, 1 - 1e-9)),
    ],
    "naive_sigmoid": [
        lambda x, y, k: 1 / (1 + np.exp(-x)),
        lambda x, y, k: k / (1 + np.exp(x)),
        lambda x, y, k: np.exp(x) / (1 + np.exp(x)),
        lambda x, y, k: np.reciprocal(1 + np.exp(x)),
    ],
    "naive_softmax": [
        lambda x, y, k: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        lambda x, y, k: np.exp(x) / np.exp(x).sum(0),
        lambda x, y, k: np.exp(x / 2 - (x / 2).max()) / np.exp(x / 2 - (x / 2).max()).sum(),
    ],
    "logsumexp_shifted": [lambda x, y, k: logsumexp(x / 2 - (x / 2).max(1, keepdims=True), 1)],
    "add_back": [lambda x, y, k: (logsumexp(x, 1) - y[:, 0]) + y[:, 0]],
    # Movements.
    "no_change": [
        lambda x, y, k: x.reshape(SHAPE),
        lambda x, y, k: spread(x),
        lambda x, y, k: x.astype(x.dtype),
    ],
    "no_axes": [lambda x, y, k: np.flip(x, ()), lambda x, y, k: movement.squeeze(x, axes=())],
    "transpose_in_place": [lambda x, y, k: movement.transpose(x, axes=(0, 1))],
    "slice_everything": [lambda x, y, k: movement.slice_(x, start=(0, 0), stop=(2, 3), step=(1, 1))],
    "reshape_twice": [lambda x, y, k: x.reshape(6).reshape(3, 2), lambda x, y, k: x[None].reshape(6)],
    "of_a_reshape": [lambda x, y, k: x.reshape(3, 2)[None], lambda x, y, k: np.squeeze(x.reshape(1, 6), 0)],
    "transpose_twice": [lambda x, y, k: x[None].transpose(1, 2, 0).transpose(1, 0, 2)],
    "broadcast_twice": [lambda x, y, k: spread(np.broadcast_to(x[0, 0], (3,)))],
    "flip_twice": [lambda x, y, k: np.flip(np.flip(x, 0), 0)],
    "squeeze_expanded": [lambda x, y, k: np.squeeze(x[:, None], 1)],
    "expand_squeezed": [lambda x, y, k: np.squeeze(x[:1], 0)[None]],
    "convert_twice": [
        lambda x, y, k: x.astype(np.float64).astype(np.float32),
        lambda x, y, k: x.astype(np.int8).astype(x.dtype),
    ],
    "slice_of_padding": [lambda x, y, k: np.pad(x, 1)[1:3, 1:4]],
    "slice_of_joined": [lambda x, y, k: np.concatenate([x, y + 1, y])[2:4, ::2]],
    "slice_of_zeros_around": [
        lambda x, y, k: np.pad(x, 1)[3:, 1:3],
        lambda x, y, k: np.pad(x, 2)[::2, :2],
    ],
}

RULE_NAMES = {one.__name__ for rules in RULES.values() for one in rules}
EXACT_NAMES = {one.__name__ for one in EXACT}
# NumPy adds to 0.0, so that the sum of one −0.0 is 0.0; which zero a sum of zeros is, is left open.
EITHER_ZERO = {"nothing_reduced", "squeeze_reduced", "expand_reduced", "reshape_reduced"}


def values_of(dtype: np.dtype, special: bool) -> list[Any]:
    """Return numbers of a dtype: those at which its arithmetic is peculiar, or some to compute with."""
    if dtype.kind == "b":
        return [False, True]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return [0, 1, 2, 3, int(limits.max), int(limits.min), 7] if special else [0, 1, 2, 3]
    if special:
        return [0.0, -0.0, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan, 0.5, 3.0]
    return [0.25, -1.5, 2.0, 1.0, 3.0, -0.75, 0.5]


def written(rule: str, x: np.ndarray, y: np.ndarray, k: Any) -> list[Program]:
    """Return a program for each pattern of a rule that has a meaning for the dtype."""
    programs = []
    for pattern in PATTERNS[rule]:
        try:
            with np.errstate(all="ignore"):
                programs.append(verify(trace(lambda x, y, pattern=pattern: pattern(x, y, k), x, y)))
        except DTypeError:  # −x of booleans, x + 0.5 of float16, which int8 divided by int8 is
            continue
    return programs


def same(got: np.ndarray, wanted: np.ndarray, exact: bool, either_zero: bool, what: str) -> None:
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), what
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted, err_msg=what)
    elif exact:
        np.testing.assert_array_equal(got, wanted, err_msg=what)
        signs = np.signbit(got) == np.signbit(wanted)
        assert np.all(signs | np.isnan(wanted) | ((wanted == 0) & either_zero)), (
            f"{what}: a sign, {got}, {wanted}"
        )
    else:
        eps = float(np.finfo(got.dtype).eps)
        scale = float(np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0))
        np.testing.assert_allclose(got, wanted, rtol=64 * eps, atol=16 * eps * scale, err_msg=what)


def test_every_rule_has_patterns() -> None:
    assert set(PATTERNS) == RULE_NAMES


@pytest.mark.parametrize("rule", PATTERNS)
def test_the_patterns_are_what_the_rule_looks_for(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = []
    of_complex = set()

    def watched(function: Any) -> Any:
        def watch(node: Node) -> Node | None:
            result = function(node)
            if result is not None and result is not node:
                answered.append(function.__name__)
            return result

        if function in OF_COMPLEX:
            of_complex.add(watch)
        return watch

    for name, rules in RULES.items():
        monkeypatch.setitem(RULES, name, [watched(one) for one in rules])
    monkeypatch.setattr("wengert.transform.simplify.OF_COMPLEX", of_complex)

    def is_answered(program: Program) -> bool:
        simplify(program)
        return rule in answered

    assert any(
        is_answered(program)
        for dtype in reversed(DTYPES)  # most rules are of floating-point numbers
        for k in values_of(dtype, special=True)
        for program in written(rule, np.ones(SHAPE, dtype), np.ones(SHAPE, dtype), dtype.type(k))
    )


@st.composite
def operands(draw: Any) -> dict[bool, tuple[np.ndarray, np.ndarray, Any]]:
    """Return x, y and k of a drawn dtype: of special values, and of others."""
    dtype = draw(st.sampled_from(DTYPES))

    def some(special: bool) -> tuple[np.ndarray, np.ndarray, Any]:
        numbers = st.sampled_from(values_of(dtype, special))
        x, y = (np.array(draw(st.lists(numbers, min_size=6, max_size=6)), dtype).reshape(SHAPE) for _ in "xy")
        return x, y, dtype.type(draw(numbers))

    return {special: some(special) for special in (False, True)}


def is_exact(rule: str, program: Program) -> bool:
    return rule in EXACT_NAMES or not any(node.type.is_float for node in program.nodes)


@pytest.mark.parametrize("rule", PATTERNS)
@settings(max_examples=12)
@given(given=operands())
def test_simplified_is_the_same(rule: str, given: dict[bool, tuple[np.ndarray, np.ndarray, Any]]) -> None:
    for special, (x, y, k) in given.items():
        for program in written(rule, x, y, k):
            exact = is_exact(rule, program)
            if special and not exact:
                continue
            (wanted,) = NumpyExecutor().compile(program)([x, y])
            simple = verify(simplify(program))
            (got,) = NumpyExecutor().compile(simple)([x, y])
            same(got, wanted, exact, rule in EITHER_ZERO, f"{program}\n{simple}")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_simplified_is_the_same_in_machine_code(dtype: np.dtype, rng: np.random.Generator) -> None:
    for special in (False, True):
        values = np.array(values_of(dtype, special), dtype)
        x, y = (rng.choice(values, SHAPE) for _ in range(2))
        k = rng.choice(values)
        singles = [(rule, one) for rule in PATTERNS for one in written(rule, x, y, k)]
        singles = [(rule, one) for rule, one in singles if not special or is_exact(rule, one)]
        together = trace(
            lambda x, y, all=singles: [inline(one, [x, y], x.recorder)[0] for _, one in all], x, y
        )
        results = LLVMExecutor().compile(simplify(together))([x, y])
        for (rule, one), got in zip(singles, results, strict=True):
            (wanted,) = NumpyExecutor().compile(one)([x, y])
            same(got, wanted, False, rule in EITHER_ZERO, str(one))
