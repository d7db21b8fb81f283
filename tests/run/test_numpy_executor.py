"""The NumPy executor agrees with plain evaluation, and finds the first value that is not finite."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import wengert as wg
from wengert.errors import DTypeError, ShapeError, WengertError
from wengert.ir.evaluate import evaluate
from wengert.run import NumpyExecutor
from wengert.run.numpy import first_non_finite

OPERATIONS = [
    lambda x, y: x + y,
    lambda x, y: x * y - x,
    lambda x, y: np.tanh(x),
    lambda x, y: x.T @ y,
    lambda x, y: np.maximum(x, y)[::-1],
    lambda x, y: np.exp(-(x**2)),
    lambda x, y: wg.stop_gradient(x) * 2,
    lambda x, y: np.sum(x, axis=0, keepdims=True) + y,
    lambda x, y: np.einsum("ij->ji", x),
    lambda x, y: np.where(x > y, x, -y),
]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, len(OPERATIONS) - 1), min_size=1, max_size=12))
def test_same_numbers_as_line_by_line(seed, choices):
    rng = np.random.default_rng(seed)
    arguments = [rng.normal(size=(3, 3)), rng.normal(size=(3, 3))]

    def f(x, y):
        values = [x, y]
        for step, choice in enumerate(choices):
            values.append(OPERATIONS[choice](values[-1], values[step % len(values)]))
        return values[2:]

    program = wg.trace(f, *arguments)
    before = [value.copy() for value in arguments]
    results = NumpyExecutor().compile(program)(arguments)
    for mine, theirs in zip(results, evaluate(program, arguments), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    for value, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(value, copy)
    for position, one in enumerate(results):
        assert one.flags.writeable
        assert not any(np.shares_memory(one, other) for other in [*results[:position], *arguments])


def test_a_compiled_program_can_run_again():
    run = NumpyExecutor().compile(wg.trace(lambda x: (x * 2 + 1) * x, np.ones(4)))
    assert np.array_equal(run([np.ones(4)])[0], run([np.ones(4)])[0])


def test_constants_come_out_as_copies():
    run = NumpyExecutor().compile(wg.trace(lambda x: np.arange(3.0), np.ones(1)))
    run([np.ones(1)])[0][:] = -1
    assert np.array_equal(run([np.ones(1)])[0], [0, 1, 2])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.ones(3), ShapeError, r"'x' has shape \(3,\); the program takes \(2,\)"),
        (np.ones(2, np.float32), DTypeError, "'x' is float32"),
        (np.ma.masked_array(np.ones(2)), DTypeError, "masked"),
    ],
)
def test_arguments_are_checked(value, error, text):
    with pytest.raises(error, match=text):
        NumpyExecutor().compile(wg.trace(lambda x: x + 1, np.ones(2)))([value])


@pytest.mark.parametrize(
    "value",
    [np.ones(4)[::-2], np.ones(2, ">f8"), np.broadcast_to(1.0, (2,))],
    ids=["negative stride", "big-endian", "read-only broadcast"],
)
def test_unusual_layouts_are_taken(value):
    run = NumpyExecutor().compile(wg.trace(lambda x: x + 1, np.ones(2)))
    assert np.array_equal(run([value])[0], [2, 2])


def test_a_program_inside_another_trace_cannot_run_alone():
    def outer(x):
        program = wg.trace(lambda y: y * 2, np.ones(2))
        inner = wg.Program([], [(x * 2).node])
        with pytest.raises(WengertError, match="enclosing"):
            NumpyExecutor().compile(inner)
        with pytest.raises(WengertError, match="enclosing"):
            inner()
        return x + program(np.ones(2))

    assert np.array_equal(wg.trace(outer, np.ones(2))(np.ones(2)), [3, 3])


def test_first_non_finite_names_line_variable_and_operands():
    def f(x):
        shifted = x - 1
        logarithm = np.log(shifted)
        return np.sum(logarithm)

    program = wg.trace(f, np.ones(3))
    assert first_non_finite(program, [np.array([2.0, 3.0, 4.0])]) is None
    found = first_non_finite(program, [np.array([2.0, 1.0, 0.5])])
    assert found is not None
    assert (found.operation, found.name, found.kind, found.count, found.size) == (
        "log",
        "logarithm",
        "NaN",
        2,
        3,
    )
    assert found.operands == (("shifted", -0.5, 1.0),)
    assert found.source is not None
    assert found.source.function == "f"
    assert str(found).startswith("log (called logarithm) gave NaN in 2 of 3 elements")


def test_an_input_that_is_not_finite_is_the_finding():
    program = wg.trace(lambda x: x + 1, np.ones(2))
    found = first_non_finite(program, [np.array([1.0, np.inf])])
    assert found is not None
    assert (found.operation, found.name, found.kind) == ("input", "x", "Inf")


def test_an_infinite_constant_is_no_finding():
    program = wg.trace(lambda x: np.minimum(x, np.inf), np.ones(2))
    assert first_non_finite(program, [np.ones(2)]) is None
