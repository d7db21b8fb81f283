from dataclasses import replace

import numpy as np
import pytest

import wengert as wg
from wengert.errors import (
    ConfigurationError,
    DerivationError,
    GradientError,
    NonFiniteError,
    ShapeError,
    UnsupportedFunctionError,
)
from wengert.explain.checking import check_tree
from wengert.explain.index.construction import multiply
from wengert.explain.index.expressions import TWO
from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable
from wengert.primitives.trigonometric import tanh


def product(W: np.ndarray, x: np.ndarray) -> float:
    return np.sum(np.tanh(x @ W) ** 2)


W, X = np.ones((3, 2)), np.array([0.1, 0.2, -0.4])


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint"])
def test_a_line_that_is_wrong_is_named_and_never_shown(view: str) -> None:
    derivation = wg.explain(product, W, X, view=view)
    checked = 0
    for at, section in enumerate(derivation.tree.sections):
        for place, step in enumerate(section.steps):
            if not np.any(step.value):
                continue
            wrong = replace(step, after=multiply(TWO, step.after))
            steps = (*section.steps[:place], wrong, *section.steps[place + 1 :])
            sections = list(derivation.tree.sections)
            sections[at] = replace(section, steps=steps)
            tree = replace(derivation.tree, sections=tuple(sections))
            with pytest.raises(DerivationError, match=section.title):
                check_tree(tree, derivation._problem.points, np.random.default_rng(0))
            checked += 1
    assert checked > 5


def test_a_primitive_that_declares_a_wrong_derivative_is_found_out() -> None:
    wrong = replace(tanh, derivative=("1 + out**2",))

    with pytest.raises(DerivationError, match="derivative of tanh"):
        wg.explain(lambda x: wrong(x), 0.5)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, primitive in REGISTRY.items()
        if primitive.kind is Kind.ELEMENTWISE
        and not isinstance(primitive.vjp, NotDifferentiable)
        and name not in ("astype", "where", "polygamma")  # a condition, an order: no variables
    ],
)
def test_the_notation_of_every_differentiable_primitive_is_right(name: str) -> None:
    primitive = REGISTRY[name]
    rng = np.random.default_rng(3)
    operands = [rng.uniform(one.low, one.high, size=4) for one in primitive.domain]

    derivation = wg.explain(lambda *values: np.sum(primitive(*values)), *operands)

    assert derivation.verify(points=3).points == 3


def test_verify_counts_lines_and_points() -> None:
    derivation = wg.explain(product, W, X)

    found = derivation.verify(points=4, seed=7)

    assert (found.lines, found.points) == (len(list(derivation.tree.steps)), 4)
    assert str(found) == f"{found.lines} lines agree with the engine at 4 points, to 1e-08"


def test_an_unknown_argument_gets_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match=r"wrt='w'.*did you mean 'W'"):
        wg.explain(lambda W, weights: np.sum(W * weights), W, W, wrt="w")


@pytest.mark.parametrize(("option", "value"), [("view", "indx"), ("notation", "row"), ("layout", "numer")])
def test_an_unknown_option_gets_a_suggestion(option: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}={value!r} is not one of .*did you mean"):
        wg.explain(product, W, X, **{option: value})


def test_a_claim_is_about_a_scalar_and_the_jacobian_is_offered() -> None:
    with pytest.raises(GradientError, match="jacobian"):
        wg.check_work(lambda x: x * 2, X, claims={"x": "2"})


@pytest.mark.parametrize("view", ["index", "matrix", "adjoint"])
def test_the_identity_has_the_derivative_one(view: str) -> None:
    derivation = wg.explain(lambda x: x, 2.0, view=view)

    (result,) = derivation.tree.sections[-1].steps
    assert result.value == 1


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "numbers"])
def test_a_constant_function_has_gradient_zero(view: str) -> None:
    derivation = wg.explain(lambda x: np.sum(np.ones(3)), X, view=view)

    assert derivation.verification.points == 3
    if view != "delta":
        assert result_of(wg.explain(lambda x: 3.0, 1.0, view=view)) == 0
    assert "does not depend on x: the gradient by x is 0" in str(derivation)


def result_of(derivation: wg.Derivation) -> float:
    (section,) = [one for one in derivation.tree.sections if one.title == "Result"]
    (step,) = section.steps
    assert step.value is not None
    return float(step.value.reshape(()))


def test_arrays_without_elements_and_single_precision_inside_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(0, 3\) has no elements"):
        wg.explain(lambda x: np.sum(x), np.zeros((0, 3)))
    with pytest.raises(GradientError, match="converts to float32"):
        wg.explain(lambda x: np.sum(x.astype(np.float32)), X)


def test_integers_cannot_be_differentiated_by() -> None:
    with pytest.raises(GradientError, match="'n' is i64"):
        wg.explain(lambda x, n: np.sum(x * n), X, np.arange(3), wrt="n")


def test_what_the_output_does_not_depend_on_has_gradient_zero_and_the_reason_is_given() -> None:
    text = str(wg.explain(lambda x, idle: np.sum(x**2), X, W))

    assert "L does not depend on idle: the gradient by idle is 0." in text


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "numbers"])
def test_every_view_says_why_a_gradient_is_zero(view: str) -> None:
    text = str(wg.explain(lambda x, idle: np.sum(x**2), X, W, wrt="idle", view=view))
    assert "L does not depend on idle: the gradient by idle is 0. No line that leads to it uses" in text

    text = str(wg.explain(lambda x: np.sum(np.sign(x)), X, view=view)).replace("\n", " ")
    assert "L depends on x through sign only, whose derivative is 0 wherever it has one" in text

    text = str(wg.explain(lambda x: np.sum(x**0) + 0 * np.sum(np.tanh(np.tanh(x))), X, view=view))
    text = " ".join(text.split())
    assert "x stands in no formula once these are simplified (0 · x is 0, x⁰ is 1)" in text
    assert "element itself" not in text


def test_a_constant_value_is_no_name_for_a_derivative_that_equals_it() -> None:
    text = str(wg.explain(lambda x, w: np.sum(x**2) + 0 * np.sum(w), X, X, wrt="w", view="adjoint"))

    assert "∂L/∂v3 += 0  " in text
    assert "· v4" not in text


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"names": {"w": "Q"}}, r"names\['w'\]: there is no such name; did you mean 'W'"),
        ({"names": "Q"}, "a mapping of names to names"),
        ({"step_size": float("nan")}, "step_size=nan: a positive number"),
        ({"step_size": "big"}, "step_size='big': a positive number"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        wg.explain(product, W, X, **options)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="explain takes a function, got int: 3"):
        wg.explain(3, X)


def test_an_unsupported_function_and_shapes_that_do_not_fit_are_named_with_the_place() -> None:
    with pytest.raises(UnsupportedFunctionError, match=r"np\.roots has no rule.*test_checking\.py"):
        wg.explain(lambda x: np.roots(x), np.ones(2))
    with pytest.raises(ShapeError, match=r"\(3,\) and \(2, 2\) do not fit"):
        wg.explain(product, np.ones((2, 2)), X)


def test_a_point_where_nothing_is_finite_is_refused() -> None:
    with pytest.raises(NonFiniteError, match="not finite"):
        wg.explain(lambda x: np.log(x), 0.0)


def test_formulas_that_overflow_at_the_point_are_checked_where_they_do_not() -> None:
    def loss(z, t):
        p = wg.softmax(z)
        return -np.sum(t * np.log(p))

    derivation = wg.explain(loss, np.array([800.0, 790.0]), np.array([0.0, 1.0]), wrt="z")

    assert derivation.verification.lines > 5
    (result,) = derivation.tree.sections[-1].steps
    np.testing.assert_allclose(result.value, wg.grad(loss)(np.array([800.0, 790.0]), np.array([0.0, 1.0])))


def test_formulas_that_underflow_to_a_finite_result_are_checked_where_they_do_not() -> None:
    def function(x, y):
        return np.arctan(np.logaddexp(x, y))

    derivation = wg.explain(function, -1000.0, -1100.0)

    assert derivation.verification.lines > 3
    np.testing.assert_allclose(derivation.tree.sections[-1].steps[0].value, 1 / (1 + 1e6), rtol=1e-6)


def test_a_network_of_ordinary_size_is_explained() -> None:
    rng = np.random.default_rng(0)
    arguments = [rng.normal(size=shape) * 0.05 for shape in ((784, 128), (128,), (128, 10), (10,))]
    images, targets = rng.uniform(size=(4, 784)), np.eye(10)[[3, 1, 4, 1]]

    def loss(W1, b1, W2, b2, x, t):
        p = wg.softmax(np.maximum(0, x @ W1 + b1) @ W2 + b2)
        return -np.mean(np.sum(t * np.log(p), axis=1))

    text = str(wg.explain(loss, *arguments, images, targets, wrt=["W1", "b1", "W2", "b2"], view="delta"))

    assert "…" in text


def test_minus_infinity_may_stand_where_it_has_no_effect():
    def masked(S, c):
        A = np.where(np.tri(3, dtype=bool), S, -np.inf)
        return np.sum(c * wg.softmax(A, axis=1))

    arguments = np.arange(9.0).reshape(3, 3), np.arange(9.0, 0, -1).reshape(3, 3)
    assert "−∞" in str(wg.explain(masked, *arguments))
    with pytest.raises(NonFiniteError, match=r"^L is not finite"):
        wg.explain(lambda S: np.sum(np.where(np.tri(3, dtype=bool), S, -np.inf)), arguments[0])
