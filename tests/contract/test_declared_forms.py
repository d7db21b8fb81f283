"""What a primitive declares of its form is true, and all that derivations need to write it in every view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.contract.new_primitives import Newcomer, declared, variance

import wengert as wg
from wengert.explain.index import selections
from wengert.explain.index.definitions import Formulas, has_formula
from wengert.explain.index.expressions import Symbol
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index, distinct
from wengert.explain.index.letters import Letters, letters_of
from wengert.explain.index.operations import bends, combines, exponents, signs
from wengert.ir.node import Node, make_input, make_node
from wengert.ir.primitive import REGISTRY, Kind, Primitive
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.primitives.kinds import REAL_LINE, elementwise, movement

MOVEMENTS = [one for one in REGISTRY.values() if one.kind is Kind.MOVEMENT]
REDUCTIONS = [one for one in REGISTRY.values() if one.kind is Kind.REDUCTION]
X = tensor_type((3, 1, 4), np.dtype(np.float64))
RENAMED = {  # parameters for an operand of shape (3, 1, 4); also those that letters cannot say everything of
    "reshape": [{"shape": (1, 3, 4, 1)}, {"shape": (4, 3)}, {"shape": (12,)}],
    "transpose": [{"axes": (2, 0, 1)}],
    "expand_dims": [{"axes": (0, 2)}],
    "squeeze": [{"axes": (1,)}],
    "broadcast_to": [{"shape": (2, 3, 5, 4)}, {"shape": (3, 1, 4)}],
}


@pytest.mark.parametrize("primitive", [one for one in MOVEMENTS if one.letters], ids=lambda one: one.name)
def test_letters_say_where_each_element_goes(primitive: Primitive, rng: np.random.Generator) -> None:
    array = rng.normal(size=X.shape)
    for params in RENAMED[primitive.name]:
        node = make_node(primitive, [make_input("x", X)], params)
        (term,), result = letters_of(node)
        assert (len(term), len(result)) == (X.ndim, node.type.ndim)
        lost = any(extent > 1 and letter not in result for letter, extent in zip(term, X.shape, strict=True))
        assert has_formula(node) is not lost
        if lost:
            continue
        moved = primitive.numpy(array, **params)
        for place in np.ndindex(moved.shape):
            at = dict(zip(result, place, strict=True))
            source = [0 if extent == 1 else at[letter] for letter, extent in zip(term, X.shape, strict=True)]
            assert moved[place] == array[tuple(source)]


def named(name: str, node: Node, letters: Letters) -> Symbol:
    axes = distinct([letters.index(node, axis) for axis in range(node.type.ndim)])
    return Symbol(name, node, node.type.shape, axes)


@pytest.mark.parametrize("primitive", [one for one in REDUCTIONS if one.formula], ids=lambda one: one.name)
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_reduction_has_the_value_of_its_formula(
    primitive: Primitive, axes: tuple[int, ...], keepdims: bool, rng: np.random.Generator
) -> None:
    operand = make_input("x", X)
    node = make_node(primitive, [operand], {"axes": axes, "keepdims": keepdims})
    letters = Letters(Program([operand], [node]))
    x, total = (
        Symbol(
            name, one, one.type.shape, distinct([letters.index(one, axis) for axis in range(one.type.ndim)])
        )
        for name, one in (("x", operand), ("u", node))
    )
    formula = Formulas({operand: x}, letters).definition(total, total.axes)

    array = rng.normal(size=X.shape)
    point: Any = type("Point", (), {"values": {operand: array}})
    value = Evaluation(point, {}).run(formula, [axis for axis in total.axes if isinstance(axis, Index)])
    expected = primitive.numpy(array, axes=axes, keepdims=keepdims)
    np.testing.assert_allclose(value, expected.reshape(value.shape), rtol=1e-13)


@pytest.mark.parametrize("name", selections._RULES)
def test_rules_of_selections_are_of_lines_that_have_no_formula_of_their_own(name: str) -> None:
    primitive = REGISTRY[name]
    assert primitive.kind is not Kind.ELEMENTWISE
    assert not (primitive.kind is Kind.REDUCTION and primitive.formula)


@pytest.mark.parametrize("primitive", MOVEMENTS, ids=lambda one: one.name)
def test_each_movement_can_be_written_with_indices(primitive: Primitive) -> None:
    said = primitive.letters or primitive.spacing or primitive.decomposition
    assert said or primitive.name in selections._RULES, (
        f"{primitive.name} declares no letters, spacing or decomposition, so a derivation shows its source"
    )


SPACED = {
    "flip": {"axes": (1,)},
    "slice": {"start": (1, 0), "stop": (4, 5), "step": (1, 2)},
}


@pytest.mark.parametrize("primitive", [one for one in MOVEMENTS if one.spacing], ids=lambda one: one.name)
def test_spacing_says_which_elements_are_taken(primitive: Primitive, rng: np.random.Generator) -> None:
    array = rng.normal(size=(4, 5))
    operand = make_input("x", tensor_type(array.shape, array.dtype))
    params = SPACED[primitive.name]
    spacing = primitive.spacing
    assert spacing is not None
    expected = primitive.numpy(array, **params)
    for place in np.ndindex(expected.shape):
        axes = zip(spacing(operand.type, **params), place, strict=True)
        assert array[tuple(first + step * at for (first, step), at in axes)] == expected[place]


def test_operations_are_read_from_what_is_written() -> None:
    assert (signs(REGISTRY["add"]), signs(REGISTRY["sub"]), signs(REGISTRY["neg"])) == (
        (1, 1),
        (1, -1),
        (-1,),
    )
    assert (exponents(REGISTRY["mul"]), exponents(REGISTRY["div"])) == ((1, 1), (1, -1))
    assert exponents(REGISTRY["reciprocal"]) == (-1,)
    for name in ("mul", "pow", "exp", "sum"):
        assert signs(REGISTRY[name]) == ()
    for name in ("add", "square", "exp", "sum"):
        assert exponents(REGISTRY[name]) == ()
    assert all(combines(REGISTRY[name]) for name in ("add", "mul", "pow", "square", "reciprocal"))
    assert all(bends(REGISTRY[name]) for name in ("tanh", "abs", "where", "maximum", "softplus", "lt"))


def spread(decomposition: Any) -> Primitive:
    """Mean square distance from the mean, with its formula."""
    return variance(decomposition, formula="sum((x - sum(x) / n)**2) / n")


def diagonal(_: Any) -> Primitive:
    """xᵢᵢ."""
    return movement(
        "diagonal_of_a_test",
        numpy=np.diagonal,
        infer=lambda x: tensor_type(x.shape[:1], x.dtype),
        vjp=lambda ct, out, x: (ct[:, None] * np.eye(x.shape[0], dtype=x.dtype),),
        python=lambda x: "np.diagonal({0})",
        source="NumPy reference: diagonal",
        copies=False,
        letters=lambda x: (["aa"], "a"),
    )


def turned(_: Any) -> Primitive:
    """Xᵀ."""
    return movement(
        "turned_of_a_test",
        numpy=np.transpose,
        infer=lambda x: tensor_type(x.shape[::-1], x.dtype),
        vjp=lambda ct, out, x: (ct.T,),
        python=lambda x: "np.transpose({0})",
        source="NumPy reference: transpose",
        copies=False,
        letters=lambda x: (["ab"], "ba"),
    )


def difference(_: Any) -> Primitive:
    """X − y."""
    return elementwise(
        "difference_of_a_test",
        numpy=lambda x, y: np.subtract(x, y),
        vjp=lambda ct, out, x, y: (ct, -ct),
        python="np.subtract({0}, {1})",
        formula="x - y",
        domain=(REAL_LINE, REAL_LINE),
        source="DLMF 1.4.8",
        linear=True,
    )


DECLARED: dict[str, tuple[Callable[[Any], Primitive], dict[str, Any], str]] = {
    "reduction": (spread, {"axes": (1,), "keepdims": False}, "1/3 Σ_j (x_ij − 1/3 Σ_j′ x_ij′)²"),
    "movement to a diagonal": (diagonal, {}, "x_ii"),
    "movement": (turned, {}, "u_ji = x_ij"),
}


@pytest.mark.parametrize("case", DECLARED)
def test_what_is_declared_is_written_in_every_view(case: str, rng: np.random.Generator) -> None:
    declare, params, written = DECLARED[case]
    x = rng.uniform(0.5, 2.0, (3, 3))
    with declared(Newcomer(declare, lambda rng, dtype: [x])) as made:

        def function(x: Any) -> Any:
            u = made(x, **params)
            return np.sum(np.sin(u)) + np.sum(x[0])

        name = made.name  # type: ignore[attr-defined]  # a primitive, which the fixture calls a function
        index = wg.explain(function, x)
        assert written in str(index)
        for view in ("index", "matrix", "delta", "adjoint", "numbers"):
            assert name not in str(index.view(view))
        assert name not in index.to_latex()


def test_a_layer_is_found_whatever_its_lines_are_called(
    rng: np.random.Generator,
) -> None:
    W, X, T = rng.normal(size=(2, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    with (
        declared(Newcomer(turned, lambda rng, dtype: [])) as turn,
        declared(Newcomer(difference, lambda rng, dtype: [])) as minus,
    ):

        def own(W: Any, X: Any, T: Any) -> Any:
            E = minus(X @ turn(W), T)
            return np.sum(E**2)

        def known(W: Any, X: Any, T: Any) -> Any:
            E = X @ W.T - T
            return np.sum(E**2)

        for view in ("index", "matrix", "delta", "adjoint"):
            texts = [str(wg.explain(one, W, X, T, wrt="W", view=view)) for one in (own, known)]
            assert texts[0] == texts[1]
