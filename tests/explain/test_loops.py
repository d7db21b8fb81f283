"""Derivations of loops and branches: back-propagation through time, each line held to the loop's gradient."""

import numpy as np
import pytest
from tests.drawn import random_examples

import wengert as wg
from wengert.errors import ConfigurationError, GradientError, LimitError
from wengert.explain.loops import scans_only
from wengert.explain.printers.blocks import plain

PROGRAMS = random_examples(8, explore=1_000)
IN_A_TEST = 4
VIEWS = ("index", "matrix", "adjoint", "numbers")
FUNCTIONS = (np.tanh, np.sin, wg.sigmoid, lambda x: x * x / 4, lambda x: x / (2 + np.cos(x)))


def random_loop(seed):
    """A scan with a random body: numbers or vectors, one carry or two, forwards or back, nested or not."""
    rng = np.random.default_rng(seed)
    length = int(rng.choice([1, 2, 3, 5]))
    width = int(rng.choice([0, 2, 3]))
    shape = (width,) if width else ()
    first, second = (FUNCTIONS[place] for place in rng.integers(len(FUNCTIONS), size=2))
    two, reverse, nested, emits = rng.integers(2, size=4).astype(bool)
    branches = rng.random() < 0.3
    weight = rng.normal(size=(width, width)) / 2 if width else rng.normal()

    def times(x, W):
        return x @ W if width else W * x

    def function(W, b, x, init):
        def inner(r, e):
            r = second(r * b + e)
            return r, r

        def body(carry, entry):
            u, v = carry if two else (carry, entry)
            z = times(u, W) + entry * b
            new = wg.cond(z.sum() > 0, first, lambda z: z / 2, z) if branches else first(z)
            if nested:
                new = wg.scan(inner, new, np.stack([entry, v]))[0]
            other = second(u + v * b)
            return ((new, other) if two else new), (other * new if emits else None)

        carry, ys = wg.scan(body, (init, init + 1) if two else init, x, reverse=bool(reverse))
        ends = carry[0] * carry[1] if two else carry
        return np.sum(ends) + (np.sum(ys**2) if emits else 0.0)

    return function, (
        weight,
        rng.normal(size=shape),
        rng.normal(size=(length, *shape)),
        rng.normal(size=shape),
    )


@pytest.mark.parametrize("first", range(0, PROGRAMS, IN_A_TEST))
def test_every_line_of_a_random_loop_agrees_with_the_gradient_of_the_loop(first):
    for seed in range(first, first + IN_A_TEST):
        function, arguments = random_loop(seed)
        derivation = wg.explain(
            function, *arguments, view=VIEWS[seed % 4], notation=("rows", "columns")[seed % 2]
        )
        (result,) = [one for one in derivation.tree.sections if one.title == "Result"]
        found = [step.value for step in result.steps[-4:]]
        expected = wg.grad(function, argnums=(0, 1, 2, 3))(*arguments)
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine.reshape(np.shape(theirs)), theirs, rtol=1e-9, atol=1e-11)
        assert str(derivation)


def test_a_wrong_recursion_cannot_pass():
    """The adjoints come from the loop, so that a carry taken for constant is found out."""
    derivation = wg.explain(lambda a, x: wg.scan(lambda s, e: (s * a + e, None), 0.0, x)[0], 0.5, np.ones(4))
    (recursion,) = [one for one in derivation.tree.sections if one.title == "Recursion"]
    values = derivation._problem.points[0]
    (carry,) = derivation._problem.carries
    np.testing.assert_allclose(values.adjoint(carry.node), 0.5 ** np.arange(3, -1, -1))
    assert [plain(step.after) for step in recursion.steps] == ["[t = T] + ∂L/∂s_{t+1} · a [t ≤ T − 1]", "1"]


def test_a_long_loop_is_derived_at_a_length_without_a_value():
    x = np.random.default_rng(0).normal(size=100_000)

    def function(a, x):
        def step(s, e):
            s = np.tanh(a * s + e)
            return s, s

        return np.mean(wg.scan(step, 0.0, x)[1] ** 2)

    derivation = wg.explain(function, 0.3, x, wrt="a")
    assert derivation.verification.lines < 30
    assert "t counts the iterations of a loop, 1 to T = 100000." in str(derivation)


@pytest.mark.parametrize(("length", "slope"), [(0, 1.0), (1, 3.0)])
def test_a_loop_of_no_or_one_iteration_has_no_index(length, slope):
    derivation = wg.explain(lambda a: wg.scan(lambda s, x: (3 * s + x, None), a, np.ones(length))[0], 2.0)
    assert derivation.tree.sections[-1].steps[-1].value == slope
    assert "iterations" not in str(derivation)


@pytest.mark.parametrize("reverse", [False, True])
def test_short_loops_have_the_formulas_of_long_ones(reverse):
    def function(a, xs):
        return wg.scan(lambda c, x: (a * c + x, None), a, xs, reverse=reverse)[0]

    def formulas(length):
        derivation = wg.explain(function, 0.5, np.ones(length))
        return [plain(step.after) for step in derivation.tree.sections[-1].steps]

    assert formulas(2) == formulas(3) == formulas(7)
    ends = "[t = 1] + ∂L/∂c_{t−1} · a [2 ≤ t]" if reverse else "[t = T] + ∂L/∂c_{t+1} · a [t ≤ T − 1]"
    assert formulas(2)[0] == ends


def test_a_branch_is_two_cases_with_both_derivatives():
    derivation = wg.explain(lambda x: wg.cond(x > 0, np.sin, lambda u: u * u, x), 0.4)
    assert plain(derivation.tree.sections[-1].steps[-1].after) == "{cos(x) if [x > 0], else 2 x}"


def test_a_while_loop_has_as_many_iterations_as_it_makes():
    derivation = wg.explain(lambda a: wg.while_loop(lambda s: s < 10.0, lambda s: s * a, 1.0), 2.0)
    assert "t counts the iterations of a loop, 1 to T = 4." in str(derivation)
    assert derivation.tree.sections[-1].steps[-1].value == 4 * 2.0**3


def test_a_written_loop_that_is_long_is_rolled():
    def function(a):
        s = 1.0
        for _ in range(2500):
            s = np.sin(s * a) + 0.1
        return s

    assert "[t ≤ T − 1]" in str(wg.explain(function, 0.3))


def test_two_loops_share_the_index_of_what_goes_from_one_to_the_other():
    def function(x, a):
        _, s = wg.scan(lambda s, e: (s * a + e, s * a + e), 0.0, x)
        return wg.scan(lambda r, e: (np.sin(r * e), None), 1.0, s)[0]

    derivation = wg.explain(function, np.array([0.3, -1.0, 0.5]), 0.3)
    np.testing.assert_allclose(
        derivation.tree.sections[-1].steps[-1].value,
        wg.grad(function, argnums=1)(np.array([0.3, -1.0, 0.5]), 0.3),
    )


def sums(x):
    return wg.scan(lambda s, e: (s + e * e, s + e * e), 0.0, x)[1]


def nested_while(x):
    return wg.scan(lambda s, e: (wg.while_loop(lambda u: u < 3.0, lambda u: 2 * u, s + e), None), 1.0, x)[0]


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (sums, {}, GradientError, "the Jacobian through a loop .*wg.jacobian"),
        (lambda x: np.sum(sums(x)), {"order": 2}, GradientError, "the Hessian through a loop .*wg.hessian"),
        (lambda x: np.sum(sums(x)), {"view": "delta"}, ConfigurationError, "layers .*index, matrix, adjoint"),
        (nested_while, {}, GradientError, "another number of iterations each time.*fori_loop or scan"),
        (
            lambda x: wg.while_loop(lambda s: s > 0.0, lambda s: s + 1.0, x[0]),
            {}, LimitError, "more than 1,000 iterations",
        ),
        (lambda x: sums(x * 1j)[0].real, {}, GradientError, "derivations and drawings are of real numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_a_loop_is_refused_by_name(function, options, error, message, monkeypatch):
    monkeypatch.setattr(scans_only, "MOST_ITERATIONS", 1_000)
    with pytest.raises(error, match=message):
        wg.explain(function, np.array([1.0, 2.0, 3.0]), **options)
