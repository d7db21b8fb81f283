"""The source of a program runs without wengert and gives the same numbers."""

import ast

import numpy as np
import pytest
from tests.transform.examples import DIFFERENTIABLE, PRIMITIVES, arguments_for, program_of, run_source

from wengert.trace.tracing import abstract, trace
from wengert.transform.gradient import gradient, pullback
from wengert.transform.simplify import simplify

SCIPY = {f"from scipy import {part}" for part in ("linalg", "special", "fft", "signal")}


def outputs_of(source, arguments, name="program"):
    with np.errstate(all="ignore"):
        result = run_source(source, name)(*arguments)
    return result if isinstance(result, tuple) else (result,)


def assert_same(program, arguments, rtol):
    source = program.to_python()
    assert "wengert" not in source
    imported = [line.strip() for line in source.splitlines() if line.strip().startswith(("import ", "from "))]
    assert imported[0] == "import numpy as np"
    assert set(imported[1:]) <= {*SCIPY, "import math"}
    got = outputs_of(source, arguments)
    with np.errstate(all="ignore"):
        expected = program(*arguments)
    expected = expected if isinstance(expected, list) else [expected]
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert np.asarray(one).dtype == other.dtype
        assert np.shape(one) == other.shape
        np.testing.assert_allclose(one, other, rtol=rtol, atol=0)


TOLERANCES = {np.float64: 1e-13, np.float32: 2e-6}


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
def test_every_primitive(primitive, dtype, rng):
    program = program_of(primitive, dtype)
    assert_same(program, arguments_for(program, primitive, rng), TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("primitive", DIFFERENTIABLE, ids=lambda primitive: primitive.name)
def test_every_derivative(primitive, dtype, rng):
    program = program_of(primitive, dtype)
    floating = [place for place, node in enumerate(program.inputs) if node.type.is_float]
    derivative = pullback(program, floating)
    arguments = arguments_for(derivative, primitive, rng)
    assert_same(derivative, arguments, TOLERANCES[dtype])
    assert_same(simplify(derivative), arguments, TOLERANCES[dtype])


def two_layers(W1, b1, W2, b2, X, T):
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    P = np.exp(Z2) / np.sum(np.exp(Z2), axis=1, keepdims=True)
    return -np.mean(np.sum(T * np.log(P), axis=1))


BLACKBOARD = """\
def gradient(W1, b1, W2, b2, X, T):
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    P = softmax(Z2)
    dZ2 = (np.sum(T, axis=1, keepdims=True) * P - T) / 8
    dW2 = A1.T @ dZ2
    db2 = np.sum(dZ2, axis=0)
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1 ** 2)
    dW1 = X.T @ dZ1
    db1 = np.sum(dZ1, axis=0)
    return (dW1, db1, dW2, db2)"""


def body(source, name):
    """Return a function of some source without comments and docstring."""
    (function,) = [one for one in ast.parse(source).body if getattr(one, "name", None) == name]
    function.body = [one for one in function.body if not isinstance(one, ast.Expr)]
    return ast.unparse(function)


def test_gradient_of_two_layers_stands_as_on_the_board():
    shapes = [(5, 4), (4,), (4, 3), (3,), (8, 5), (8, 3)]
    program = simplify(trace(two_layers, *[abstract(shape) for shape in shapes]))
    source = simplify(gradient(program, [0, 1, 2, 3])).to_python("gradient")
    assert body(source, "gradient") == BLACKBOARD
    assert "dA1 = dZ2 @ W2.T" in source
    assert "# (8, 4)" in source


def test_names_hide_nothing():
    program = trace(lambda sum, np_, softmax: np.tanh(sum) * np_ - softmax, 1.0, 2.0, 3.0)
    source = program.to_python("tanh")
    assert "def tanh(sum_, np_, softmax_):" in source  # np_ is a name of its own
    assert run_source(source, "tanh")(np.float64(0.5), np.float64(2), np.float64(1)) == np.tanh(0.5) * 2 - 1


def test_names_of_trees_and_of_loops():
    def loop(parameters, x):
        for layer in parameters:
            x = np.tanh(x @ layer["weight"])
        return x.sum()

    matrix = np.eye(2)
    source = trace(loop, [{"weight": matrix}, {"weight": matrix}], np.ones((3, 2))).to_python()
    assert "def program(parameters_0_weight, parameters_1_weight, x):" in source
    assert "x1 = np.tanh(x @ parameters_0_weight)" in source
    assert "x2 = np.tanh(x1 @ parameters_1_weight)" in source


def test_numbers_are_short_and_exact():
    source = trace(lambda x: 0.1 * x + 2 * x - 1e-30, np.ones(3, np.float32)).to_python()
    assert "0.1 * x + 2 * x - 1e-30" in source
    assert outputs_of(source, [np.ones(3, np.float32)])[0].dtype == np.float32


def test_special_numbers():
    program = trace(lambda x: np.where(x > 0, -np.inf, np.nan) + x * -0.0, np.ones(2))
    assert_same(program, [np.array([1.0, -1.0])], 0)
    assert np.signbit(outputs_of(program.to_python(), [np.array([1.0, 1.0])])[0]).all()


def test_negative_base_keeps_its_parentheses():
    program = trace(lambda x: (-2.0) ** x - (-3.0 - x), np.ones(2))
    assert_same(program, [np.array([2.0, 3.0])], 1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.bool_])
def test_large_constants_are_exact(dtype, rng):
    table = (rng.normal(size=(7, 9)) * 100).clip(0, None).astype(dtype)
    program = trace(lambda x: x * table, np.ones((7, 9), dtype))
    source = program.to_python()
    assert "C1 = np.array(" in source
    assert max(map(len, source.splitlines())) <= 110
    np.testing.assert_array_equal(
        outputs_of(source, [np.ones((7, 9), dtype)])[0], program(np.ones((7, 9), dtype))
    )


def test_many_parameters_and_results_are_wrapped():
    program = trace(lambda *parameters: parameters, *map(float, range(30)))
    source = program.to_python()
    assert max(map(len, source.splitlines())) <= 88
    assert outputs_of(source, range(30)) == tuple(range(30))


def test_a_long_chain_is_written_in_linear_time_without_recursion():
    def chain(x):
        for _ in range(5_000):
            x = np.sin(x) + 1
        return x

    program = trace(chain, 1.0)
    assert_same(program, [1.0], 1e-12)


def test_erf_takes_scipy():
    from wengert.primitives.exponential import erf

    source = trace(lambda x: erf(x), np.ones(2)).to_python()
    assert "from scipy import special" in source


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: (x * 2,), tuple),
        (lambda x: [x * 2], tuple),
        (lambda x: {"a": x * 2}, tuple),
        (lambda x: x * 2, np.ndarray),
        (lambda x: (x * 2, x), tuple),
        (lambda x: (), tuple),
        (lambda x: (x,), tuple),
    ],
)
def test_the_source_returns_a_tuple_where_the_function_returns_a_tree(function, wanted):
    scope = {}
    x = np.ones(2)
    program = trace(function, x)
    exec(program.to_python(), scope)
    got = scope["program"](x)
    assert type(got) is wanted
    if isinstance(got, tuple):
        assert len(got) == len(program.outputs)
