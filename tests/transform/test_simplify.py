"""Simplification: fewer lines, the same values, the same again when done twice."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.drawn import random_examples

from wengert.errors import VerificationError
from wengert.ir.node import make_constant, make_input, make_node
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.ir.verify import verify
from wengert.trace.tracing import abstract, trace
from wengert.transform.gradient import gradient
from wengert.transform.rules import RULES
from wengert.transform.simplify import simplify

UNARY = [
    np.negative,
    np.exp,
    np.tanh,
    np.sin,
    np.square,
    np.abs,
    lambda x: 2 * x,
    lambda x: x / 8,
    lambda x: x * -0.3,
    lambda x: 1 - x,
    lambda x: x + 0,
    lambda x: 1 * x,
    lambda x: x**2,
    lambda x: np.log(1 + np.exp(x)),
    lambda x: 1 / (1 + np.exp(-x)),
    lambda x: np.maximum(0, x),
    lambda x: np.sqrt(np.abs(x) + 1),
    lambda x: x.sum(),
    lambda x: x.mean(axis=-1, keepdims=True) if x.ndim else x,
    lambda x: x.sum(axis=0) if x.ndim else x,
    lambda x: x.max(axis=-1) if x.ndim else x,
    lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True) if x.ndim else x,
    lambda x: x.T.T,
    lambda x: np.expand_dims(x, 0).squeeze(0),
    lambda x: x.reshape(-1).reshape(x.shape),
    lambda x: x[::-1] if x.ndim else x,
    lambda x: np.where(x > 0.1, np.where(x > 0.1, x, 2), -x),
]
BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    lambda x, y: x / (1 + y * y),
    lambda x, y: 3 * x - y * 3,
    lambda x, y: x * 0.5 + x * y,
    lambda x, y: -x - y,
    lambda x, y: x * np.broadcast_to(2.0, y.shape) + y,
    np.logaddexp,
    np.hypot,
]
SHAPES = [(), (3,), (2, 3), (2, 1)]


def fitting(values):
    """Return the values; of two whose shapes do not broadcast the second summed."""
    try:
        np.broadcast_shapes(*[value.shape for value in values])
    except ValueError:
        return [values[0], np.sum(values[1])]
    return values


@st.composite
def functions(draw):
    """Return a function of four arrays that applies drawn operations to values drawn before."""
    steps = []
    for length in range(len(SHAPES), len(SHAPES) + draw(st.integers(1, 10))):
        places = st.integers(0, length - 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(UNARY)), (draw(places),)))
        else:
            steps.append((draw(st.sampled_from(BINARY)), (draw(places), draw(places))))

    def function(*arguments):
        values = list(arguments)
        for operation, places in steps:
            # Squashed, so that towers of exponentials stay in range.
            operands = [np.arctan(values[place]) if place > 3 else values[place] for place in places]
            values.append(operation(*fitting(operands)))
        last, other = fitting([values[-1], values[-2]])
        return np.sum(last * other)

    return function


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@given(function=functions(), seed=st.integers(0, 2**32 - 1))
def test_random_programs_keep_their_values(function, seed, dtype):
    generator = np.random.default_rng(seed)
    arguments = [generator.normal(size=shape).astype(dtype) for shape in SHAPES]
    tolerance = 1e-9 if dtype is np.float64 else 2e-3
    program = trace(function, *arguments)
    simple = verify(simplify(program))
    assert_close(simple(*arguments), program(*arguments), tolerance)
    derivative = gradient(program, range(4))
    lean = verify(simplify(gradient(simple, range(4))))
    for one, other in zip(lean(*arguments), derivative(*arguments), strict=True):
        assert_close(one, other, tolerance)
    for result in (simple, lean):
        again = simplify(result)
        assert again.nodes == result.nodes
        assert again.outputs == result.outputs
    namespace = {}
    exec(lean.to_python("derivative"), namespace)
    with np.errstate(all="ignore"):
        emitted = namespace["derivative"](*arguments)
    for one, other in zip(emitted, lean(*arguments), strict=True):
        assert np.asarray(one).dtype == dtype
        assert_close(one, other, tolerance)


def assert_close(one, other, tolerance):
    scale = 1 + np.max(np.abs(other), initial=0)
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * scale)


x23, y23, z3, s = abstract((2, 3)), abstract((2, 3)), abstract((3,)), abstract()
FORMS = {
    "add zero": (lambda x: -0.0 + x + -0.0, lambda x: x, [x23]),
    "add zero to whole numbers": (lambda x: 0 + x + 0, lambda x: x, [abstract((2, 3), np.int64)]),
    "subtract zero": (lambda x: -0.0 - (x - 0), lambda x: -x, [x23]),
    "a zero that takes a sign away": (lambda x: 0 - (x + 0), lambda x: 0.0 - (x + 0.0), [x23]),
    "one times": (lambda x: 1 * x / 1.0, lambda x: x, [x23]),
    "double sign": (lambda x: np.negative(-x), lambda x: x, [x23]),
    "sign of a difference": (lambda x, y: -(x - y), lambda x, y: y - x, [x23, y23]),
    "sum of negatives": (lambda x, y: -x - y, lambda x, y: -(x + y), [x23, y23]),
    "negative first": (lambda x, y: -x + y, lambda x, y: y - x, [x23, y23]),
    "minus minus": (lambda x, y: x - -y, lambda x, y: x + y, [x23, y23]),
    "negative factor": (lambda x, y: y + -3 * x, lambda x, y: y - 3 * x, [x23, y23]),
    "factors": (lambda x: 2 * (x * 3), lambda x: 6.0 * x, [x23]),
    "factor and divisor": (lambda x: 2 * x / 8, lambda x: x / 4, [x23]),
    "common factor": (lambda x, y: 3 * x - y * 3, lambda x, y: 3 * (x - y), [x23, y23]),
    "common divisor": (lambda x, y: x / 4 + y / 4, lambda x, y: (x + y) / 4, [x23, y23]),
    "shared factor": (lambda x, y: x * y + y * np.sin(x), lambda x, y: y * (x + np.sin(x)), [x23, y23]),
    "factor out of a product": (lambda x, y: (2 * x) * y, lambda x, y: 2 * (x * y), [x23, y23]),
    "factor of a smaller operand": (lambda x, y: (2 * x) * y, lambda x, y: (2 * x) * y, [z3, y23]),
    "sign out of a quotient": (lambda x, y: -x / -y, lambda x, y: x / y, [x23, y23]),
    "sign inside a product": (lambda x, y: y + (-x) * y, lambda x, y: y - x * y, [z3, y23]),
    "square": (lambda x: x * x, lambda x: np.square(x), [x23]),
    "powers": (lambda x: x**1 + x**2.0 + x**-1, lambda x: x + np.square(x) + np.reciprocal(x), [x23]),
    "power of a half": (lambda x: x**0.5, lambda x: np.sqrt(x), [x23]),
    "zeroth power": (lambda x: x**0, lambda x: np.broadcast_to(1.0, x.shape), [x23]),
    "broadcast in arithmetic": (lambda x, y: np.broadcast_to(x, (2, 3)) + y, lambda x, y: x + y, [z3, y23]),
    "broadcast late": (
        lambda x: np.exp(np.broadcast_to(x, (2, 3))),
        lambda x: np.broadcast_to(np.exp(x), (2, 3)),
        [z3],
    ),
    "transpose twice": (lambda x: x.T.T, lambda x: x, [x23]),
    "reshape twice": (lambda x: x.reshape(6).reshape(3, 2), lambda x: x.reshape(3, 2), [x23]),
    "axis there and back": (lambda x: np.squeeze(x[:, None], 1), lambda x: x, [x23]),
    "flip twice": (lambda x: np.flip(np.flip(x, 0), 0), lambda x: x, [x23]),
    "slice of everything": (lambda x: x[:, :3], lambda x: x, [x23]),
    "float64 there and back": (
        lambda x: x.astype(np.float64).astype(np.float32),
        lambda x: x,
        [abstract((2,), np.float32)],
    ),
    "sum and squeeze": (lambda x: np.squeeze(x.sum(1, keepdims=True), 1), lambda x: x.sum(1), [x23]),
    "sum and expand": (lambda x: x.sum(1)[:, None], lambda x: x.sum(1, keepdims=True), [x23]),
    "sum and reshape": (lambda x: x.sum(1).reshape(2, 1), lambda x: x.sum(1, keepdims=True), [x23]),
    "sum of sums": (lambda x: x.sum(1).sum(), lambda x: x.sum(), [x23]),
    "sum of kept sums": (lambda x: x.sum(1).sum(0), lambda x: x.sum((0, 1)), [x23]),
    "sum over one": (lambda x: x.sum(1), lambda x: np.squeeze(x, 1), [abstract((3, 1))]),
    "sum of moved": (lambda x: np.sum(x.T), lambda x: np.sum(x), [x23]),
    "sum of scaled input": (lambda x: np.sum(2 * x), lambda x: 2 * np.sum(x), [x23]),
    "sum of copies": (lambda x: np.broadcast_to(x, (4, 3)).sum(0), lambda x: 4.0 * x, [z3]),
    "sum of all copies": (lambda x: np.broadcast_to(x, (4, 3)).sum(), lambda x: 12.0 * x, [s]),
    "rows of a product": (
        lambda x, y: (x @ y).sum(0, keepdims=True),
        lambda x, y: x.sum(0, keepdims=True) @ y,
        [x23, abstract((3, 4))],
    ),
    "columns of a product": (
        lambda x, y: (x @ y).sum(2, keepdims=True),
        lambda x, y: x @ y.sum(1, keepdims=True),
        [abstract((5, 4, 3)), abstract((3, 2))],
    ),
    "rows of a large matrix": (
        lambda x, y: (x @ y).sum(0, keepdims=True),
        lambda x, y: np.sum(x @ y, axis=0, keepdims=True),
        [x23, abstract((3, 1))],
    ),
    "mean of negatives": (lambda x: np.mean(-np.exp(x)), lambda x: -np.mean(np.exp(x)), [x23]),
    "known choice": (lambda x: np.where(True, x, 2.0), lambda x: x, [x23]),
    "the same choice": (lambda x, y: np.where(x > 0, y, y), lambda x, y: y, [x23, y23]),
    "nested choice": (
        lambda x, y: np.where(x > 0, np.where(x > 0, y, 3), 2),
        lambda x, y: np.where(x > 0, y, 2),
        [x23, y23],
    ),
    "constants": (
        lambda x: x + np.exp(2.0) * np.arange(3.0),
        lambda x: x + np.exp(2.0) * np.arange(3.0),
        [z3],
    ),
    "uniform constants": (lambda x: x * np.ones((2, 3)), lambda x: x, [x23]),
    "moved uniform constant": (lambda x: x + np.full((3, 2), 5.0).T, lambda x: x + 5, [x23]),
}


@pytest.mark.parametrize("name", FORMS)
def test_form(name):
    written, expected, types = FORMS[name]
    program = simplify(trace(written, *types))
    wanted = trace(expected, *types)
    assert str(program) == str(simplify(wanted))
    assert program.flops <= trace(written, *types).flops
    # The expected form is a final one.
    assert str(wanted) == str(simplify(wanted)) or not wanted.lines


def test_zero_times_x_stays():
    program = simplify(trace(lambda x: 0 * x, np.ones(2)))
    np.testing.assert_array_equal(program(np.array([np.nan, np.inf])), [np.nan, np.nan])


def test_whole_numbers_keep_their_sign_rules():
    program = trace(lambda x: 0 - x + 1 * x, np.array([3, 4]))
    np.testing.assert_array_equal(simplify(program)(np.array([3, 4])), [0, 0])


def test_factors_that_would_overflow_are_not_joined():
    program = simplify(trace(lambda x: 1e200 * (1e200 * x), 1.0))
    assert program(1e-300) == 1e200 * (1e200 * 1e-300)


def test_names_survive_and_come_back():
    def loss(Z, T):
        P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
        return -np.sum(T * np.log(P))

    program = simplify(trace(loss, x23, y23))
    derivative = simplify(gradient(program, [0]))
    names = {origin.name for node, origin in derivative.provenance.items() if node in derivative.nodes}
    assert "P" in names


def test_rewritten_lines_know_their_source():
    program = simplify(trace(lambda x: np.log(1 + np.exp(x)) + 1, 1.0))
    for node in program.lines:
        assert program.provenance[node].source.file == __file__


def test_a_rule_that_undoes_another_is_an_error(monkeypatch):
    there = [lambda node: make_node(REGISTRY["cos"], node.inputs)]
    back = [lambda node: make_node(REGISTRY["sin"], node.inputs)]
    monkeypatch.setitem(RULES, "sin", there)
    monkeypatch.setitem(RULES, "cos", back)
    with pytest.raises(VerificationError, match="does not come to an end"):
        simplify(trace(np.sin, 1.0))


def test_a_rule_that_changes_the_type_is_an_error(monkeypatch):
    monkeypatch.setitem(RULES, "sin", [lambda node: make_constant(np.zeros(7))])
    with pytest.raises(VerificationError, match="turns f64"):
        simplify(trace(np.sin, 1.0))


@pytest.mark.no_cover  # each line of the walk is passed thousands of times
def test_a_chain_of_many_operations():
    length = random_examples(20_000, explore=200_000)
    x = make_input("x", tensor_type((), np.dtype(np.float64)))
    node = x
    for _ in range(length // 2):
        node = make_node(REGISTRY["neg"], [make_node(REGISTRY["sin"], [node])])
    program = simplify(Program([x], [node]))
    assert len(program.nodes) == length + 1


def test_order_does_not_depend_on_what_was_made_before():
    def function(x, y):
        return np.sum(np.tanh(x @ y) * np.sin(y @ x))

    matrix = abstract((3, 3))
    fresh = str(simplify(gradient(trace(function, matrix, matrix))))
    kept = [trace(lambda x, y: [np.cos(y @ x), np.sin(y @ x), x.T], matrix, matrix)]
    assert str(simplify(gradient(trace(function, matrix, matrix)))) == fresh
    assert kept
