"""Kernels of equal structure share one function, and compute what NumPy does."""

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.kernel_dedup import distinct_lines, pattern
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan

rng = np.random.default_rng(3)


def patterns(program):
    return [pattern(kernel) for kernel in plan(expand(program)).kernels]


def compared(function, *arguments):
    """Compile, compare with NumPy, and return the program and the code."""
    program = wg.simplify(wg.trace(function, *arguments))
    run = LLVMExecutor().compile(program)
    for mine, known in zip(run(arguments), program(*arguments), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-12)
    return program, run.llvm()


def recurrence(x, weight):
    """A row after the other, each with a product of its own: x read at other places in every iteration."""
    state = np.zeros(weight.shape[0])
    states = []
    for row in x:
        state = np.tanh(state @ weight + row)
        states.append(state)
    return (np.stack(states),)


def test_iterations_of_a_loop_share_their_code():
    program, code = compared(recurrence, rng.normal(size=(30, 5)), rng.normal(size=(5, 5)))
    found = [one for one in patterns(program) if one is not None]
    assert len(found) >= 30
    assert len({one.key for one in found}) <= 6
    assert code.count('define void @"kernel') <= 6
    assert distinct_lines(plan(expand(program)).kernels) < 30


def test_numbers_computed_with_after_a_product_are_part_of_its_code():
    """A Kalman filter over 3 observations: each iteration subtracts from another number."""
    turned, seen = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[1.0, 0.0]])

    def surprises(gain, mean):
        found = []
        for observed in (0.3, 0.8, -1.3):
            mean = turned @ mean
            surprise = observed - seen @ mean
            mean = mean + gain @ surprise
            found.append(surprise)
        return tuple(found)

    compared(surprises, np.array([[0.5], [0.2]]), np.array([1.0, 2.0]))


@pytest.mark.no_cover  # each line is passed thousands of times
def test_gradient_of_a_long_loop_runs_as_machine_code():
    def loss(x, weight):
        return np.sum(recurrence(x, weight)[0] ** 2)

    x, weight = rng.normal(size=(700, 3)), 0.3 * rng.normal(size=(3, 3))
    with wg.rolling(False):
        program = wg.trace_gradient(loss, x, weight, argnums=(0, 1))
    assert len(program.lines) > 4000
    run = LLVMExecutor().compile(program)
    assert len(run.llvm()) > 0  # not NumPy's executor, which has no code
    for mine, known in zip(run([x, weight]), program(x, weight), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-10)


@pytest.mark.parametrize(
    "function",
    [
        # Other constants, other offsets between two views of a buffer, other strides: not the same code.
        lambda x: (np.sin(x[0]) * 2, np.sin(x[1]) * 3, np.sin(x[2]) * 2),
        lambda x: (x[0] * x[1] + 1, x[1] * x[3] + 1, x[2] * x[3] + 1),
        lambda x: (x[0, ::2] ** 2, x[1, :3] ** 2, x[2, ::-1][:3] ** 2, x[3, ::2] ** 2),
        # One buffer read and written, or two.
        lambda x: (np.sum(x[0] * x[0]), np.sum(x[1] * x[2]), np.sum(x[3] * x[3])),
        lambda x: (np.concatenate([x[0], x[1]]), np.concatenate([x[2], x[3]]), np.concatenate([x[1], x[1]])),
        lambda x: (x[:2] @ x[:2].T, x[2:] @ x[2:].T, x[:2] @ x[2:].T, x[1:3] @ x[2:].T),
    ],
)
def test_kernels_that_differ_are_kept_apart(function):
    compared(function, rng.normal(size=(4, 6)))


def test_equal_kernels_have_equal_keys_and_others_have_not():
    def keys(function):
        return [one.key for one in patterns(wg.trace(function, rng.normal(size=(4, 6))))]

    first, second = keys(lambda x: (np.sin(x[0]) * x[1], np.sin(x[2]) * x[3]))
    assert first == second
    first, second = keys(lambda x: (np.sin(x[0]) * x[1], np.sin(x[2]) * x[2]))
    assert first != second
    first, second = keys(lambda x: (np.sin(x[0]) * 2, np.sin(x[2]) * 3))
    assert first != second
