"""What is written for each elementwise primitive, its formula and its derivatives, has the right values."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wengert.errors import DerivationError, WengertError
from wengert.explain.index.expressions import ZERO, Apply, Element, Expression, Symbol
from wengert.explain.index.index_values import Evaluation
from wengert.explain.index.indices import Index
from wengert.explain.index.notation import has_derivatives, local_derivative, written_out
from wengert.explain.printers.blocks import plain
from wengert.ir.node import Node, make_input
from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable, Primitive
from wengert.ir.types import tensor_type
from wengert.primitives.exponential import sigmoid, softplus
from wengert.primitives.kinds import elementwise
from wengert.primitives.selection import maximum

ROWS = Index("i", 40)
ELEMENTWISE = [
    primitive
    for primitive in REGISTRY.values()
    if primitive.kind is Kind.ELEMENTWISE and primitive.name != "astype"
]


def operand(name: str) -> Element:
    type_ = tensor_type((ROWS.extent,), np.dtype(np.float64))
    return Element(Symbol(name, make_input(name, type_), type_.shape, (ROWS,)), (ROWS,))


def drawn(primitive: Primitive, rng: np.random.Generator) -> tuple[Apply, dict[Node, Any]]:
    elements = [operand(name) for name, _ in zip("xyz", primitive.domain, strict=False)]
    values = {
        element.symbol.node: rng.integers(0, 2, ROWS.extent).astype(bool)
        if one.integer
        else rng.uniform(one.low, one.high, ROWS.extent)
        for element, one in zip(elements, primitive.domain, strict=True)
    }
    return Apply(primitive, tuple(elements)), values


def value(expression: Expression, values: dict[Node, Any]) -> Any:
    return Evaluation(SimpleNamespace(values=values), {}).run(expression, (ROWS,))  # type: ignore[arg-type]


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda one: one.name)
def test_a_formula_has_the_value_of_its_primitive(primitive: Primitive, rng: np.random.Generator) -> None:
    application, values = drawn(primitive, rng)
    expected = primitive.numpy(*values.values()).astype(np.float64)

    formula = written_out(application)

    assert application.operands == () or formula is None or plain(formula)
    np.testing.assert_allclose(value(formula or application, values), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda one: one.name)
def test_a_written_derivative_is_that_of_the_rule(primitive: Primitive, rng: np.random.Generator) -> None:
    application, values = drawn(primitive, rng)
    assert has_derivatives(primitive)
    operands = list(values.values())
    rule = primitive.vjp
    slopes = (
        [None] * len(operands)
        if isinstance(rule, NotDifferentiable)
        else rule(1.0, primitive.numpy(*operands), *operands)
    )

    for place, slope in enumerate(slopes):
        written = value(local_derivative(application, place), values)
        expected = np.broadcast_to(0.0 if slope is None else slope, (ROWS.extent,))
        np.testing.assert_allclose(written, expected, rtol=1e-12, atol=1e-12)


def test_two_variables_share_a_tie_and_a_constant_takes_it_all() -> None:
    x, y = operand("x"), operand("y")

    assert plain(local_derivative(Apply(maximum, (x, y)), 1)) == "[y_i > x_i] + 1/2 [y_i = x_i]"
    assert plain(local_derivative(Apply(maximum, (x, ZERO)), 0)) == "[x_i > 0]"


def test_a_derivative_may_name_other_primitives() -> None:
    assert plain(local_derivative(Apply(softplus, (operand("z"),)), 0)) == "σ(z_i)"
    assert plain(local_derivative(Apply(sigmoid, (operand("z"),)), 0)) == "σ(z_i) (1 − σ(z_i))"


def toy(**rules: Any) -> Primitive:
    given = {
        "numpy": lambda x: np.cbrt(x),
        "vjp": lambda ct, out, x: (ct / (3 * out * out),),
        "python": "np.cbrt({0})",
    }
    return elementwise("toy", source="DLMF 4.2.26", **{**given, **rules})


@pytest.fixture
def _unregistered() -> Any:
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.mark.usefixtures("_unregistered")
def test_what_declares_nothing_is_written_by_its_name_and_its_rule() -> None:
    application = Apply(toy(), (operand("z"),))

    assert written_out(application) is None
    assert plain(application) == "toy(z_i)"
    assert plain(local_derivative(application, 0)) == "1/(3 toy(z_i) toy(z_i))"


@pytest.mark.usefixtures("_unregistered")
def test_a_rule_that_is_not_elementwise_has_no_derivative_in_writing() -> None:
    assert not has_derivatives(toy(vjp=lambda ct, out, x: (ct * np.sum(np.reshape(x, (1,))),)))


@pytest.mark.usefixtures("_unregistered")
def test_a_formula_that_cannot_be_read_is_shown() -> None:
    with pytest.raises(DerivationError, match=r"the formula 'x\[0\]' of a primitive cannot be read"):
        written_out(Apply(toy(formula="x[0]"), (operand("z"),)))
    with pytest.raises(WengertError, match="write one derivative for each operand, or none"):
        toy(derivative=("1", "1"))
