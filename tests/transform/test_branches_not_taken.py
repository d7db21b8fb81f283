"""What a branch that np.where does not take is made of leaves no trace in derivatives, of any order and mode.

The oracle is the program of those rows alone that are taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from wengert.ir.program import Program
from wengert.ir.verify import verify
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient
from wengert.transform.inline import inline
from wengert.transform.simplify import simplify

HARMLESS = np.array([0.5, 1.0, 2.0, 0.75])
HARMFUL = np.array([0.0, np.inf, -np.inf, np.nan])

# Each step takes the values of rows and a constant for each row, harmful where the row is not taken.
STEPS: dict[str, Any] = {
    "divided": lambda v, k: v / k,
    "multiplied": lambda v, k: v * k,
    "dividing": lambda v, k: k / v,
    "power": lambda v, k: v**k,
    "base": lambda v, k: k**v,
    "square": lambda v, k: np.square(v),
    "three halves": lambda v, k: (v / k) ** 1.5,
    "root": lambda v, k: np.sqrt(v * k),
    "logarithm": lambda v, k: np.log(k + v),
    "exponential": lambda v, k: np.exp(v / k - 1),
    "smooth": lambda v, k: np.logaddexp(v, k),
    "bounded": lambda v, k: np.tanh(v) * np.where(k > 0.9, v, k),
    "turned": lambda v, k: np.reshape(v[::-1], v.shape)[::-1] * k,
}
# The first step makes rows of three arguments, with a matrix of constants of the same kind.
ROWS: dict[str, Any] = {
    "matrix on the left": lambda x, m: m @ x,
    "matrix on the right": lambda x, m: x @ m.T,
    "product with a computed matrix": lambda x, m: (m * x[0]) @ np.sqrt(x),
    "product of matrices": lambda x, m: ((m / x) @ np.stack([x, x**2], axis=1)).sum(axis=1),
    "batch of products": lambda x, m: (m[:, None, :] @ x[:, None])[:, 0, 0],
    "einsum": lambda x, m: np.einsum("ij,j,k->i", m, x, x),
    "sum": lambda x, m: (m * x).sum(axis=1),
    "mean": lambda x, m: (x / m).mean(axis=1),
    "product": lambda x, m: np.prod(m * x, axis=1),
    "maximum": lambda x, m: np.max(m * x, axis=1) if m.shape[0] else m[:, 0],
    "norm": lambda x, m: np.linalg.norm(m * x, axis=1),
}


def written(
    taken: np.ndarray, first: str, steps: list[str], tables: np.ndarray, power: int
) -> tuple[Any, Any]:
    """Return the sum over taken rows written with where, and written for those rows alone."""

    def rows(x: Any, tables: np.ndarray) -> Any:
        value = ROWS[first](x, tables[0])
        for step, table in zip(steps, tables[1:], strict=True):
            value = STEPS[step](value, table[:, 0])
        return value

    weights = np.arange(1.0, len(taken) + 1)

    def chosen(x: Any) -> Any:
        return (weights * np.where(taken, rows(x, tables), 0.0) ** power).sum() + x.sum()

    def alone(x: Any) -> Any:
        return (weights[taken] * rows(x, tables[:, taken]) ** power).sum() + x.sum()

    return chosen, alone


def applied(program: Program, x: Any) -> Any:
    return inline(program, [x], x.recorder)[0]


def programs(function: Any, x: np.ndarray, direction: np.ndarray) -> dict[str, Program]:
    """Return first and second derivatives along a direction, in both modes."""
    first = simplify(gradient(trace(function, x)))
    along = trace(lambda x: (applied(first, x) * direction).sum(), x)
    forward = pushforward(trace(function, x), [0])

    def pushed(x: Any) -> Any:
        return inline(forward, [x, x * 0 + direction], x.recorder)[1]

    def twice(x: Any) -> Any:
        return inline(pushforward(trace(pushed, x), [0]), [x, x * 0 + direction], x.recorder)[1]

    def bent(x: Any) -> Any:
        return inline(pushforward(first, [0]), [x, x * 0 + direction], x.recorder)[1]

    return {
        "reverse": first,
        "reverse over reverse": gradient(along),
        "forward": trace(pushed, x),
        "forward over reverse": trace(bent, x),
        "reverse over forward": gradient(trace(pushed, x)),
        "forward over forward": trace(twice, x),
    }


@st.composite
def cases(draw: Any) -> tuple[Any, ...]:
    taken = np.array(draw(st.lists(st.booleans(), min_size=2, max_size=4)))
    steps = draw(st.lists(st.sampled_from(list(STEPS)), max_size=2))
    shape = (len(steps) + 1, len(taken), 3)
    indices = np.array(
        draw(st.lists(st.integers(0, 3), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    )
    tables = np.where(taken[:, None], HARMLESS[indices.reshape(shape)], HARMFUL[indices.reshape(shape)])
    return taken, draw(st.sampled_from(list(ROWS))), steps, tables, draw(st.sampled_from([1, 2]))


SOME = np.array([True, False])
ZEROS = np.where(SOME[:, None], 1.0, np.zeros((2, 2, 3)))


def compare(case: tuple[Any, ...], executor: Any) -> None:
    x = np.array([0.7, 1.3, 0.4])
    direction = np.array([1.0, -0.5, 0.25])
    chosen, alone = (programs(function, x, direction) for function in written(*case))
    with np.errstate(all="ignore"):
        for mode, program in chosen.items():
            (wanted,) = NumpyExecutor().compile(verify(alone[mode]))([x])
            scale = np.max(np.abs(wanted), initial=1.0)
            for one in (program, simplify(program)):
                (got,) = executor.compile(verify(one))([x])
                np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9 * scale, err_msg=mode)


@settings(max_examples=40)
@given(case=cases())
@example(case=(SOME, "sum", ["divided"], ZEROS, 1))
@example(case=(SOME, "sum", ["divided"], ZEROS, 2))
@example(case=(SOME, "sum", ["three halves"], ZEROS, 1))
@example(case=(SOME, "matrix on the left", ["square"], np.where(ZEROS == 0, np.inf, 1.0), 1))
def test_only_rows_that_are_taken_count(case: tuple[Any, ...]) -> None:
    compare(case, NumpyExecutor())


@settings(max_examples=4)  # which take seconds to compile
@given(case=cases())
@example(case=(SOME, "matrix on the left", ["divided"], np.where(ZEROS == 0, np.inf, 1.0), 2))
def test_only_rows_that_are_taken_count_in_machine_code(case: tuple[Any, ...]) -> None:
    compare(case, LLVMExecutor())


def test_a_cotangent_that_happens_to_be_zero_has_a_derivative() -> None:
    # At 0 the square has slope 0, and its cotangent is 0; the second derivative is 2.
    square = lambda x: np.where(x > -1, np.expm1(x), 0.0) ** 2  # noqa: E731
    for mode, program in programs(square, np.array(0.0), np.array(1.0)).items():
        (found,) = NumpyExecutor().compile(program)([np.array(0.0)])
        assert found == (2 if "over" in mode else 0), mode


def test_elements_turned_between_two_branches_are_told_apart() -> None:
    # Element 2 is read under the condition of element 0 only, and not there.
    taken = np.array([True, False, False])

    def function(x: Any) -> Any:
        root = np.sqrt(x)
        return (np.where(taken, root, 0) + np.where(taken, 0, root[::-1])).sum()

    np.testing.assert_allclose(
        gradient(trace(function, np.ones(3)))(np.array([1.0, 4.0, 0.0]))[0], [1, 0.25, 0]
    )


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (3,), ()])
@pytest.mark.parametrize("condition", [(3, 3), (3, 1), (3,), ()])
def test_branches_that_are_broadcast(shape: tuple[int, ...], condition: tuple[int, ...]) -> None:
    x, taken = np.ones(shape), np.arange(np.prod(condition)).reshape(condition) % 2 == 1
    divisor = np.where(taken, 2.0, 0.0)
    safe = np.where(taken, divisor, 1.0)
    program = gradient(trace(lambda x: np.where(taken, x / divisor, 3 * x).sum(), x))
    wanted = gradient(trace(lambda x: (x * np.where(taken, 1 / safe, 3)).sum(), x))
    np.testing.assert_array_equal(program(x)[0], wanted(x)[0])
