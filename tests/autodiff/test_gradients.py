"""grad and value_and_grad: arguments, trees, composition, refusals."""

import threading

import numpy as np
import pytest
from hypothesis import given, strategies as st

import wengert as wg
from wengert.errors import ConfigurationError, GradientError

STEP = 1e-200


def lecture_function(x):
    return np.cos(np.sin(x**2) + 3 * x**2)


def lecture_slope(x):
    return -np.sin(np.sin(x**2) + 3 * x**2) * (np.cos(x**2) + 3) * 2 * x


@given(st.floats(-2, 2, allow_subnormal=False))
def test_gradient_is_that_of_complex_step(x):
    value, slope = wg.value_and_grad(lecture_function)(x)
    assert value == lecture_function(x)
    assert slope == pytest.approx(lecture_function(x + 1j * STEP).imag / STEP, rel=1e-12, abs=1e-100)
    assert slope == pytest.approx(lecture_slope(x), rel=1e-12, abs=1e-100)


def test_result_has_the_type_and_shape_of_the_argument():
    for dtype in (np.float32, np.float64):
        x = np.ones((2, 3), dtype)
        slope = wg.grad(lambda x: np.sum(np.exp(x)))(x)
        assert slope.dtype == dtype
        assert slope.shape == x.shape


def test_trees_in_and_out():
    parameters = {"layers": [(np.ones((2, 3)), np.zeros(3)), (np.ones((3, 1)), np.zeros(1))]}

    def loss(parameters, x):
        for weight, bias in parameters["layers"]:
            x = np.tanh(x @ weight + bias)
        return np.sum(x)

    slopes = wg.grad(loss)(parameters, np.ones((5, 2)))
    assert [[leaf.shape for leaf in pair] for pair in slopes["layers"]] == [[(2, 3), (3,)], [(3, 1), (1,)]]
    moved = {
        "layers": [
            (parameters["layers"][0][0] + 1j * STEP, parameters["layers"][0][1]),
            parameters["layers"][1],
        ]
    }
    assert np.sum(slopes["layers"][0][0]) == pytest.approx(
        loss(moved, np.ones((5, 2))).imag / STEP, rel=1e-12
    )


def test_argnums_and_argnames_select():
    def f(x, y, *, z):
        return np.sum(x * y + z**2)

    x, y, z = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])
    assert np.array_equal(wg.grad(f)(x, y, z=z), y)
    assert np.array_equal(wg.grad(f, argnums=1)(x, y, z=z), x)
    assert np.array_equal(wg.grad(f, argnums=-1)(x, y, z=z), x)
    assert np.array_equal(wg.grad(f, argnames="z")(x, y, z=z), 2 * z)
    assert np.array_equal(wg.grad(f, argnames="y")(x, y, z=z), x)
    both = wg.grad(f, argnums=(0,), argnames=("z",))(x, y, z=z)
    assert isinstance(both, tuple)
    assert np.array_equal(both[0], y)
    assert np.array_equal(both[1], 2 * z)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"argnums": 2}, "argnums=2"),
        ({"argnames": "w"}, "argnames='w'.*there are: x, y"),
        ({"argnums": (0,), "argnames": "x"}, "selected twice"),
    ],
)
def test_selecting_what_is_not_there(options, text):
    with pytest.raises(ConfigurationError, match=text):
        wg.grad(lambda x, y: x * y, **options)(1.0, 2.0)


def test_auxiliary_results_pass_through():
    def f(x):
        return np.sum(x**2), {"largest": np.max(x), "count": x.size}

    (value, aux), slope = wg.value_and_grad(f, has_aux=True)(np.array([1.0, 3.0]))
    assert (value, aux["largest"], aux["count"]) == (10, 3, 2)
    assert np.array_equal(slope, [2, 6])
    slope, aux = wg.grad(f, has_aux=True)(np.array([1.0, 3.0]))
    assert np.array_equal(slope, [2, 6])
    assert aux["largest"] == 3
    with pytest.raises(GradientError, match="pair"):
        wg.grad(lambda x: np.sum(x), has_aux=True)(np.ones(2))


def test_refusals_name_the_argument():
    with pytest.raises(GradientError, match=r"'x' is int64.*pass 3\.0"):
        wg.grad(lambda x: x**2)(3)
    with pytest.raises(GradientError, match=r"'parameters\.w' is int"):
        wg.grad(lambda parameters: parameters["w"].sum())({"w": np.arange(3)})
    with pytest.raises(GradientError, match=r"shape \(3,\).*jacobian"):
        wg.grad(lambda x: x**2)(np.ones(3))
    with pytest.raises(GradientError, match="one scalar"):
        wg.grad(lambda x: (x, x))(1.0)
    with pytest.raises(GradientError, match=r"the output is i64"):
        wg.grad(lambda x: np.argmax(x))(np.ones(3))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_any_order(order):
    function = lambda x: np.exp(2 * x)  # noqa: E731  one expression is the clearest here
    for _ in range(order):
        function = wg.grad(function)
    assert function(0.3) == pytest.approx(2**order * np.exp(0.6), rel=1e-12)


def test_inner_and_outer_variables_are_kept_apart():
    # d/dx (x · d/dy (x y²) at y = 2) = d/dx 4x² = 8x
    assert wg.grad(lambda x: x * wg.grad(lambda y: x * y * y)(2.0))(3.0) == 24
    # The same variable at both levels: d/dx (x · d/dx x²) = d/dx 2x² = 4x
    assert wg.grad(lambda x: x * wg.grad(lambda x: x * x)(x))(3.0) == 12
    # Three levels, the innermost closing over both others: x·∂y(x²·∂z(xyz)) = x·∂y(x³y) = x⁴
    deep = wg.grad(lambda x: x * wg.grad(lambda y: x**2 * wg.grad(lambda z: x * y * z)(1.0))(2.0))
    assert deep(3.0) == pytest.approx(4 * 3.0**3)


def test_branches_on_values_specialise_also_below_another_gradient():
    def f(x):
        return x if x > 1 else x**3

    assert wg.grad(f)(2.0) == 1
    assert wg.grad(f)(0.5) == 0.75
    assert wg.grad(wg.grad(f))(0.5) == 3
    assert wg.grad(lambda x: wg.grad(f)(x) * 2)(0.5) == 6


def test_a_variable_that_does_not_matter_has_gradient_zero():
    slopes = wg.grad(lambda x, y: np.sum(x), argnums=(0, 1))(np.ones(2), np.ones((2, 3)))
    assert np.array_equal(slopes[1], np.zeros((2, 3)))


def test_arguments_are_not_written_and_results_are_fresh():
    x = np.ones(3)
    x.flags.writeable = False
    slope = wg.grad(lambda x: np.sum(x * x))(x)
    slope[:] = 0
    assert np.array_equal(x, np.ones(3))
    identity = wg.value_and_grad(lambda x: (np.sum(x), x), has_aux=True)(x)[0][1]
    assert not np.shares_memory(identity, x)


def test_threads_differentiate_independently():
    results = {}

    def work(number):
        results[number] = [float(wg.grad(wg.grad(lambda x: np.sin(number * x)))(0.1)) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(1, 5):
        assert results[number] == pytest.approx([-(number**2) * np.sin(0.1 * number)] * 20, rel=1e-12)


def test_gradient_as_a_program():
    program = wg.trace_gradient(lambda W, x: np.sum(np.tanh(x @ W)), np.ones((3, 2)), np.ones(3))
    wg.verify(program)
    assert [str(node.type) for node in program.outputs] == ["f64[3,2]"]
    expected = wg.grad(lambda W, x: np.sum(np.tanh(x @ W)))(np.ones((3, 2)), np.ones(3))
    assert np.array_equal(program(np.ones((3, 2)), np.ones(3)), expected)
