"""What a primitive is decomposed into has the values that its reference has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contract import gate, structural_cases
from tests.transform.examples import PRIMITIVES

from wengert.ir.primitive import REGISTRY, Kind, Primitive
from wengert.ir.verify import verify
from wengert.trace.tracing import trace

DECOMPOSED = [one for one in PRIMITIVES if one.decomposition is not None]
STRUCTURAL = [
    (one.name, case)
    for one in DECOMPOSED
    if one.kind is not Kind.ELEMENTWISE
    for case in structural_cases.ORACLES[one.name].cases
]


def assert_agrees(primitive: Primitive, operands: list[np.ndarray], params: dict[str, Any]) -> None:
    promoted = primitive.promote([one.dtype for one in operands])
    operands = [one.astype(dtype) for one, dtype in zip(operands, promoted, strict=True)]
    program = trace(lambda *given: primitive.decomposition(*given, **params), *operands)
    verify(program)
    got, wanted = np.asarray(program(*operands)), np.asarray(primitive(*operands, **params))
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind == "b":
        np.testing.assert_array_equal(got, wanted)
        return
    eps = float(np.finfo(wanted.dtype).eps)
    scale = float(np.max(np.abs(wanted), initial=1.0, where=np.isfinite(wanted)))
    np.testing.assert_allclose(got, wanted, rtol=8 * eps, atol=32 * eps * scale)


def parts(primitive: Primitive) -> set[Primitive]:
    """Return the primitives that a decomposition is made of."""
    if primitive.decomposition is None:
        return set()
    rng = np.random.default_rng(0)
    if primitive.kind is Kind.ELEMENTWISE:
        operands, params = gate.elementwise_operands(primitive, ((3,),) * len(primitive.domain), rng), {}
    else:
        case = structural_cases.ORACLES[primitive.name].cases[0]
        operands, params = gate.structural_operands(case, rng), case.params
    program = trace(lambda *given: primitive.decomposition(*given, **params), *operands)
    return {line.primitive for line in program.lines}


@pytest.mark.parametrize("primitive", DECOMPOSED, ids=lambda one: one.name)
def test_decomposing_comes_to_an_end(primitive: Primitive) -> None:
    reached: set[Primitive] = set()
    waiting = [primitive]
    while waiting:
        found = parts(waiting.pop()) - reached
        reached |= found
        waiting.extend(found)
    assert primitive not in reached


@pytest.mark.parametrize("name", [one.name for one in DECOMPOSED if one.kind is Kind.ELEMENTWISE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elementwise(name: str, dtype: Any, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    for shapes in gate.SHAPES[len(primitive.domain)]:
        assert_agrees(primitive, gate.elementwise_operands(primitive, shapes, rng, dtype), {})


@pytest.mark.parametrize("name", [one.name for one in DECOMPOSED if one.kind is Kind.ELEMENTWISE])
def test_special_values(name: str) -> None:
    primitive = REGISTRY[name]
    values = [*primitive.special, 0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]
    with np.errstate(all="ignore"):
        assert_agrees(primitive, [one.ravel() for one in np.meshgrid(*[values] * len(primitive.domain))], {})


@pytest.mark.parametrize(("name", "case"), STRUCTURAL, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_structural(name: str, case: Any, dtype: Any, rng: np.random.Generator) -> None:
    operands = [
        one.astype(dtype) if one.dtype.kind == "f" else one for one in gate.structural_operands(case, rng)
    ]
    assert_agrees(REGISTRY[name], operands, case.params)
