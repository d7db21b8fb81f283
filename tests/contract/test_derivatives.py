"""Every primitive's derivatives, of first and second order, in reverse and forward mode."""

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases
from tests.contract.structural_oracles import Case

from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable
from wengert.trace.tracing import trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient

ELEMENTWISE = [
    (name, shapes)
    for name in scalar_oracles.EXPRESSIONS
    for shapes in gate.SHAPES[len(REGISTRY[name].domain)]
]
SMOOTH = [(name, case) for name in structural_cases.SMOOTH for case in structural_cases.ORACLES[name].cases]
LINEAR = [
    (name, case)
    for name in structural_cases.LINEAR
    for case in structural_cases.ORACLES[name].cases
    if case.params.get("dtype") != np.float32  # what narrowing does is in test_types
]
CONSTANT = [name for name, one in REGISTRY.items() if isinstance(one.vjp, NotDifferentiable)]


def test_every_primitive_is_under_the_gate() -> None:
    gated = {name for name, _ in (*ELEMENTWISE, *SMOOTH, *LINEAR)}
    regions = {name for name, one in REGISTRY.items() if one.kind in (Kind.REGION, Kind.ITEM)}
    missing = set(REGISTRY) - gated - set(CONSTANT) - regions  # those are in test_regions.py
    assert not missing, (
        f"no derivative test for {sorted(missing)}: add SymPy expressions to "
        "tests/contract/scalar_oracles.py, or loops and cases to tests/contract/structural_cases.py"
    )


@pytest.mark.parametrize(("name", "shapes"), ELEMENTWISE)
def test_elementwise_derivatives(name: str, shapes: tuple, rng: np.random.Generator) -> None:
    gate.check_elementwise(REGISTRY[name], shapes, rng)


@pytest.mark.parametrize(("name", "case"), SMOOTH, ids=str)
def test_structural_derivatives(name: str, case: Case, rng: np.random.Generator) -> None:
    gate.check_structural(REGISTRY[name], case, rng)


@pytest.mark.parametrize(("name", "case"), LINEAR, ids=str)
def test_linear_operations_are_transposed_exactly(name: str, case: Case, rng: np.random.Generator) -> None:
    gate.check_linear(REGISTRY[name], case, rng)


@pytest.mark.parametrize("name", [name for name in CONSTANT if REGISTRY[name].kind is Kind.ELEMENTWISE])
def test_nothing_flows_through_what_is_declared_constant(name: str, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    operands = [rng.normal(size=5) for _ in primitive.domain]
    program = trace(lambda *args: (primitive(*args).astype(np.float64) * args[0]).sum(), *operands)
    slopes = gradient(program)(*operands)
    np.testing.assert_array_equal(slopes[0], primitive(*operands))
    for slope in slopes[1:]:
        np.testing.assert_array_equal(slope, 0)
    pushed = pushforward(program, [0])(*operands, np.ones(5))[1]
    np.testing.assert_array_equal(pushed, np.sum(primitive(*operands)))
