"""Short formulas that ask for much are refused before anything is computed; long ones end soon."""

import cProfile
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.drawn import random_examples

import wengert as wg
from wengert.errors import FormulaError, LimitError
from wengert.explain.formula.parser import parse
from wengert.explain.formula.traced_formula import FormulaFunction
from wengert.explain.work_limits import MAX_ELEMENTS, budget, spend

X = np.linspace(0.1, 1, 120)


@pytest.fixture
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("claim", "part"),
    [
        (
            "sum(outer(outer(x,x),outer(x,x)))*x",
            "outer would have 207,360,000 elements; 4,000,000 are allowed",
        ),
        ("sum(diag(dot(outer(outer(x,x),x), x)))*x", "diag would have 207,360,000 elements"),
        (
            "sum(outer(outer(x,x),x)[:,0] + outer(outer(x,x),x)[:,:1])*x",
            r"\+ would have 207,360,000 elements",
        ),
        ("sum(outer(outer(x,x),x) @ outer(x,outer(x,x)))*x", "@ would have 207,360,000 elements"),
    ],
)
def test_claims_and_formulas_that_would_fill_the_memory_are_refused_before(claim: str, part: str) -> None:
    with pytest.raises(LimitError, match=part):
        wg.check_work(lambda x: np.sum(x * x), X, claims={"x": claim})
    with pytest.raises(LimitError, match=part):
        wg.explain(FormulaFunction(parse(f"sum({claim})")), X)


def test_a_product_of_matrices_is_counted_by_its_operations() -> None:
    with pytest.raises(LimitError, match="@ would take 1,000,000,000 operations"):
        spend("@", [np.ones((1000, 1000))] * 2)
    with budget(2500):
        spend("@", [np.ones((10, 10))] * 2)
        spend("@", [np.ones((10, 10))] * 2)
        with pytest.raises(LimitError, match="used up"):
            spend("@", [np.ones((10, 10))] * 2)


@settings(max_examples=random_examples(25, explore=1000))
@given(
    names=st.lists(st.sampled_from(["outer", "diag", "@", "+", "dot", "maximum"]), min_size=1, max_size=6),
    size=st.integers(1, 300),
)
def test_no_value_of_a_formula_is_larger_than_allowed(names: list[str], size: int) -> None:
    text = "x"
    for name in names:
        binary = f"({text}) {name} ({text})" if name in "@+" else f"{name}({text}, {text})"
        text = f"diag({text})" if name == "diag" else binary
    x = np.ones(size)
    try:
        value = FormulaFunction(parse(text))(x)
    except (FormulaError, LimitError):
        return
    assert np.size(value) <= MAX_ELEMENTS


TOWERS = {
    "powers": lambda levels: "x**(" * levels + "x" + ")" * levels,
    "squares": lambda levels: "(" * levels + "x" + "**2)" * levels,
    "sines": lambda levels: "sin(" * levels + "x" + ")" * levels,
    "fractions": lambda levels: "1/(1+" * levels + "x" + ")" * levels,
    "roots": lambda levels: "sqrt(1+" * levels + "x" + ")" * levels,
    "exponentials": lambda levels: "exp(0.3*" * levels + "x" + ")" * levels,
}


def derived(kind: str, levels: int, view: str) -> wg.Derivation:
    return wg.explain(FormulaFunction(parse(TOWERS[kind](levels))), np.asarray(0.9), view=view)


def calls(kind: str, levels: int, view: str) -> int:
    """Count the functions that a derivation and its printers call: work that no busy machine changes."""
    counter = cProfile.Profile(builtins=False)
    with counter:
        derivation = derived(kind, levels, view)
        _ = str(derivation), derivation.to_latex(), derivation.to_html()
    return sum(one.callcount for one in counter.getstats())


@pytest.mark.parametrize("kind", TOWERS)
@pytest.mark.parametrize("view", ["index", "matrix", "adjoint", "numbers"])
def test_a_tower_of_functions_ends_in_every_view(kind: str, view: str) -> None:
    """What doubles with every level would take 16 times the work for 8 levels as for 4."""
    assert calls(kind, 8, view) < 8 * calls(kind, 4, view)
    derivation = derived(kind, 16, view)
    assert len(str(derivation)) < 200_000
    assert len(derivation.to_latex()) < 400_000
    assert len(derivation.to_html()) < 2_000_000


def test_high_powers_of_sums_are_not_multiplied_out() -> None:
    text = str(wg.explain(lambda x: (x + 1) ** 60 + (2 * x + 1) ** 20_000_000, -0.999))
    assert "60 (x + 1)⁵⁹ + 40000000 (2 x + 1)¹⁹⁹⁹⁹⁹⁹⁹" in text


def test_the_jacobian_of_long_vectors_is_never_built() -> None:
    x = np.random.default_rng(0).normal(size=20_000)

    def function(x):
        p = x / np.sum(x * x)
        return np.sum(p**2)

    tracemalloc.start()
    text = str(wg.explain(function, x, view="matrix"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "is of shape 20000×20000: 400000000 entries. It is never built." in " ".join(text.split())
    assert peak < 100e6


def test_a_derivation_that_nobody_would_read_is_refused() -> None:
    def function(x):
        for _ in range(500):
            x = np.tanh(x + 0.1)
        return x

    with pytest.raises(LimitError, match="derivatives of one value by another; a derivation may have 400"):
        wg.explain(function, 0.5)


@pytest.mark.parametrize("view", ["graph", "units"])
def test_a_drawing_at_which_nobody_would_look_is_refused(view: str) -> None:
    def function(x):
        for _ in range(1000):
            x = np.tanh(x)
        return x

    with pytest.raises(LimitError, match="the drawing would have 1,001 boxes; 1,000 are allowed"):
        wg.draw(function, 0.5, view=view)


def test_more_axes_than_letters_have_an_index_each() -> None:
    arguments = [np.full((2, 3), 0.1 * (place + 1)) for place in range(30)]

    def function(*tensors):
        return sum(np.sum(one**2) for one in tensors)

    derivation = wg.explain(function, *arguments)
    indices = {index for symbol in derivation._problem.inputs for index in symbol.indices}
    assert len({str(index) for index in indices}) == 60
    assert derivation.to_latex().isascii()
