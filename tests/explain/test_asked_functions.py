"""Derivations that people ask for: each line is checked, read letter by letter, and the end is closed."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.drawn import random_examples
from tests.explain.asked_functions import CASES
from tests.explain.reading import adjoints_in, letters_of, misread, read

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.explain.index.expressions import Partial, Sum, walk

VIEWS = ("index", "matrix", "delta", "adjoint", "numbers", "batch")
WAYS = tuple(itertools.product(("rows", "columns", "mit"), ("denominator", "numerator"), (False, True)))


def derived(function: Callable[..., Any], arguments: tuple[Any, ...], **options: Any) -> wg.Derivation | None:
    """Return a derivation; None for a batch of examples where there is none."""
    try:
        return wg.explain(function, *arguments, **options)
    except ConfigurationError:
        if options.get("view") != "batch":
            raise
        return None


def assert_letters_have_one_role(derivation: wg.Derivation) -> None:
    for section in derivation.tree.sections:
        for step in section.steps:
            if step.axes is None:
                wrong = misread(step.after, letters_of(step.subject))
                assert not wrong, f"{section.title}, {step.rule}: {wrong}"


def assert_results_are_closed(derivation: wg.Derivation) -> None:
    """What stands on a right side is given, named, or an adjoint with a letter and a line of its own."""
    (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
    defined = set()
    for step in result.steps:
        assert adjoints_in(step.after) <= defined, step.rule
        assert isinstance(step.reference, Partial)
        if step.reference.by.symbol in derivation.tree.adjoints:
            defined.add(step.reference.by.symbol)
    text = str(derivation)
    for line in text[text.rindex("Result\n") :].splitlines():
        assert "∂" not in line.partition("=")[2], line


def assert_reads_as_the_gradient(
    derivation: wg.Derivation, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """Each element of each result, read by a person, is that of the gradient."""
    gradients = wg.grad(function, argnums=tuple(range(len(arguments))))(*arguments)
    inputs = derivation._problem.program.inputs
    point = derivation._problem.points[0]
    (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
    for step in result.steps:
        by = step.reference.by
        if by.symbol.node not in inputs:
            continue
        gradient = np.asarray(gradients[inputs.index(by.symbol.node)])
        for place in itertools.islice(np.ndindex(gradient.shape), 12):
            at = {str(index): one for index, one in zip(by.positions, place, strict=True)}
            np.testing.assert_allclose(
                read(step.after, point, at), gradient[place], rtol=1e-9, atol=1e-11, err_msg=by.symbol.name
            )


@pytest.mark.parametrize("name", CASES)
def test_every_view_is_derived_checked_and_read_without_doubt(name: str) -> None:
    function, arguments = CASES[name]
    number = list(CASES).index(name)
    # A third of the views, the next third a dozen cases later; all where a search is asked for.
    apart = random_examples(3, explore=1)
    for place in range(number // len(WAYS) % apart, len(VIEWS), apart):
        notation, layout, tensors = WAYS[(number + place) % len(WAYS)]
        options = {"view": VIEWS[place], "notation": notation, "layout": layout, "tensors": tensors}
        derivation = derived(function, arguments, **options)
        if derivation is not None:
            assert_letters_have_one_role(derivation)
            assert derivation.verify(points=1, seed=3).lines == derivation.verification.lines


@pytest.mark.parametrize("name", CASES)
def test_results_are_closed_formulas_that_read_as_the_gradient(name: str) -> None:
    function, arguments = CASES[name]
    arguments = tuple(np.asarray(one, np.float64) for one in arguments)
    derivation = wg.explain(function, *arguments)
    assert_results_are_closed(derivation)
    assert_reads_as_the_gradient(derivation, function, arguments)
    # A third of the other views, the next third a case later; all where a search is asked for.
    apart = random_examples(3, explore=1)
    for view in ("matrix", "adjoint", "numbers")[list(CASES).index(name) % apart :: apart]:
        assert_results_are_closed(derivation.view(view))


def _axis(x: Any, axis: int) -> int | None:
    return axis if axis < np.ndim(x) else None


MOVES: dict[str, Callable[[Any, int], Any]] = {
    "softmax": lambda x, n: np.exp(x) / np.sum(np.exp(x), axis=_axis(x, n), keepdims=True),
    "shifted softmax": lambda x, n: _shifted(x, _axis(x, n)),
    "own sum": lambda x, n: x * np.sum(x),
    "share": lambda x, n: x / (3 + np.sum(x * x, axis=_axis(x, n), keepdims=True)),
    "centred": lambda x, n: x - np.mean(x, axis=_axis(x, n), keepdims=True),
    "normed": lambda x, n: x / np.sqrt(1 + np.sum(x**2, axis=_axis(x, n), keepdims=True)),
    "standardised": lambda x, n: (x - np.mean(x)) / np.sqrt(0.1 + np.var(x)),
    "sigmoid": lambda x, n: 1 / (1 + np.exp(-x)),
    "odds": lambda x, n: np.exp(x) / (1 + np.exp(x)),
    "tanh": lambda x, n: np.tanh(x),
    "gram": lambda x, n: x @ x.T @ x if x.ndim == 2 else x * (x @ x),
    "einsum": lambda x, n: np.einsum("...i,...j,...j->...i", x, x, x),
    "outer": lambda x, n: x.reshape(-1, 1) * np.sum(x, axis=0).reshape(1, -1),
    "largest": lambda x, n: x - np.max(x, axis=_axis(x, n), keepdims=True),
    "turned": lambda x, n: x.T * 0.5,
    "part": lambda x, n: x[1:] - x[:-1] if len(x) > 2 else x,
    "flipped": lambda x, n: np.flip(x, 0) * np.cumsum(x, axis=0),
    "twice": lambda x, n: np.concatenate([x, x * x], axis=0) if len(x) < 4 else x[::2],
    "picked": lambda x, n: x[np.array([0, -1, 0])],
}


def _shifted(x: Any, axis: int | None) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@settings(max_examples=random_examples(15, explore=1000))
@given(
    shape=st.sampled_from([(4,), (5,), (1, 4), (5, 1), (4, 5), (6, 2), (2, 6)]),
    moves=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 2)), min_size=1, max_size=3),
    way=st.tuples(st.sampled_from(VIEWS[:-1]), st.sampled_from(WAYS)),
    seed=st.integers(0, 100),
)
def test_normalisations_inside_one_another_keep_their_letters_apart(shape, moves, way, seed) -> None:
    rng = np.random.default_rng(seed)
    arguments = (rng.normal(size=shape), rng.normal(size=()))

    def function(x, c):
        y = x
        for name, axis in moves:
            y = MOVES[name](y, axis)
        return np.sum((y - c) ** 2) + np.sum(x)

    view, (notation, layout, tensors) = way
    shown = wg.explain(function, *arguments, view=view, notation=notation, layout=layout, tensors=tensors)
    assert_letters_have_one_role(shown)
    plain = wg.explain(function, *arguments)
    assert_letters_have_one_role(plain)
    assert_results_are_closed(plain)
    assert_reads_as_the_gradient(plain, function, arguments)


def test_one_letter_in_two_roles_is_found_out() -> None:
    derivation = wg.explain(lambda x, t: np.sum(x * np.sum(x) * t), np.ones(5), np.ones(5), wrt="x")
    right = derivation.tree.sections[-1].steps[0].after
    (bound,) = [str(part.indices[0]) for part in walk(right) if isinstance(part, Sum)][:1]

    assert misread(right, ["i"]) == ""
    assert "have a meaning already" in misread(right, ["i", bound])
    assert "free on the right side only" in misread(right, [])
