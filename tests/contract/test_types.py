"""The type rules: shapes and dtypes are those that NumPy 2 gives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases
from tests.contract.structural_oracles import Indices

from wengert.errors import DTypeError, ShapeError
from wengert.ir.primitive import REGISTRY, Kind
from wengert.ir.verify import verify
from wengert.trace.tracing import abstract, trace

ELEMENTWISE = [*scalar_oracles.EXPRESSIONS, *scalar_oracles.STEPS]
DTYPES = [bool, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_shapes_broadcast(name: str, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    for shapes in gate.SHAPES[len(primitive.domain)]:
        for dtype in (np.float32, np.float64):
            operands = gate.elementwise_operands(primitive, shapes, rng, dtype)
            program = verify(trace(primitive, *operands))
            result = program(*operands)
            assert result.shape == np.broadcast_shapes(*shapes)
            assert result.shape == program.outputs[0].type.shape
            assert result.dtype == program.outputs[0].type.dtype
            if result.dtype != bool:
                assert result.dtype == dtype


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if len(REGISTRY[name].domain) > 1])
def test_shapes_that_do_not_broadcast_are_refused(name: str) -> None:
    shapes = [(3,), (4,), ()][: len(REGISTRY[name].domain)]
    with pytest.raises(ShapeError, match=r"\(3,\) and \(4,\).*do not broadcast"):
        trace(REGISTRY[name], *[abstract(shape) for shape in shapes])


def sample(kind: Any) -> Any:
    return kind(1) if kind in (int, float) else np.ones(3, kind)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value", "ignore:overflow")
@pytest.mark.parametrize("name", scalar_oracles.TWINS)
def test_dtypes_are_numpys(name: str) -> None:
    primitive, twin = REGISTRY[name], scalar_oracles.TWINS[name]
    for kinds in itertools.product([*DTYPES, int, float], repeat=len(primitive.domain)):
        if all(kind in (int, float) for kind in kinds):
            continue
        if name == "clip" and kinds[0] in (int, float):
            continue  # np.clip makes an array of a number, which then is not weak
        operands = [sample(kind) for kind in kinds]
        try:
            wanted = twin(*operands).dtype
        except (TypeError, ValueError):
            with pytest.raises(DTypeError, match="has no meaning for"):
                trace(primitive, *operands)
            continue
        if wanted == np.float16:  # small integers and booleans; no program computes in float16
            with pytest.raises(DTypeError, match="float16"):
                trace(primitive, *operands)
            continue
        program = verify(trace(primitive, *operands))
        got = program(*operands)
        assert got.dtype == wanted == program.outputs[0].type.dtype, f"{name} of {kinds}"


@pytest.mark.parametrize("name", scalar_oracles.SCIPY_TWINS)
def test_floats_stay_what_they_are_and_integers_become_float64(name: str) -> None:
    primitive = REGISTRY[name]
    count = len(primitive.domain)
    for dtype in (np.float32, np.float64):
        assert trace(primitive, *[np.ones(3, dtype)] * count).outputs[0].type.dtype == dtype
    if name != "stop_gradient":
        assert trace(primitive, *[np.ones(3, np.int64)] * count).outputs[0].type.dtype == np.float64


REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any,
    "all": np.all, "argmax": np.argmax, "argmin": np.argmin, "nanargmax": np.nanargmax,
    "nanargmin": np.nanargmin,
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions_have_numpys_dtype(name: str, dtype: Any) -> None:
    x = np.ones((2, 3), dtype)
    program = verify(trace(lambda x: REGISTRY[name](x, axes=(1,), keepdims=False), x))
    assert program(x).dtype == REDUCTIONS[name](x, axis=1).dtype == program.outputs[0].type.dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_running_sum_has_numpys_dtype(dtype: Any) -> None:
    x = np.ones((2, 3), dtype)
    program = verify(trace(lambda x: REGISTRY["cumsum"](x, axis=1), x))
    assert program(x).dtype == np.cumsum(x, axis=1).dtype == program.outputs[0].type.dtype


@pytest.mark.parametrize("name", structural_cases.ORACLES)
def test_structural_shapes_are_those_of_the_loops(name: str, rng: np.random.Generator) -> None:
    primitive, oracle = REGISTRY[name], structural_cases.ORACLES[name]
    # Products of truth values are in test_booleans_in_contractions, and matrices of truth values are singular
    # more often than not.
    without_booleans = primitive.kind in (Kind.CONTRACTION, Kind.LIBRARY)
    for dtype in (np.float32, np.float64, np.int64, *(() if without_booleans else (bool,))):
        given = [
            [
                one if isinstance(spec, Indices) else one.astype(dtype)
                for spec, one in zip(
                    case.operands, gate.structural_operands(case, rng, whole=True), strict=True
                )
            ]
            for case in oracle.cases
        ]
        program = verify(trace(gate.on_each_case(name), given))
        results = program(given)
        for case, operands, result, node in zip(oracle.cases, given, results, program.outputs, strict=True):
            wanted = oracle.function(*operands, **case.params)
            assert gate.as_real(result).shape == wanted.shape, f"{case} of {dtype.__name__}"
            assert (result.shape, result.dtype) == (node.type.shape, node.type.dtype), str(case)
            if primitive.kind in (Kind.MOVEMENT, Kind.CONTRACTION, Kind.INDEXING) and name != "one_hot":
                assert result.dtype == dtype, f"{case} of {dtype.__name__}"


@pytest.mark.parametrize("name", ["matmul", "outer", "einsum"])
def test_booleans_in_contractions(name: str) -> None:
    x, y = np.array([True, False]), np.array([True, True])
    params = {"subscripts": "i,j->ij"} if name == "einsum" else {}
    program = verify(trace(lambda x, y: REGISTRY[name](x, y, **params), x, y))
    wanted = x @ y if name == "matmul" else np.outer(x, y)
    result = program(x, y)
    np.testing.assert_array_equal(result, wanted)
    assert result.dtype == wanted.dtype


def test_mixed_dtypes_promote_and_nothing_is_truncated() -> None:
    mixed = trace(lambda x, y: x * y, np.ones(2, np.float32), np.ones(2))
    assert str(mixed.outputs[0].type) == "f64[2]"
    large = trace(lambda x: x + 1, np.array([2**40]))
    assert large(np.array([2**40])).item() == 2**40 + 1
    both = trace(lambda x, y: x + y, np.array([2**40]), np.ones(1, np.float32))
    assert both(np.array([2**40]), np.ones(1, np.float32)).item() == 2.0**40 + 1
    with pytest.raises(DTypeError, match="1099511627776 does not fit into int32"):
        trace(lambda x: x + 2**40, np.ones(2, np.int32))


def test_narrowing_keeps_the_derivative(rng: np.random.Generator) -> None:
    from wengert.transform.gradient import gradient

    x = rng.normal(size=5)
    slope = gradient(trace(lambda x: x.astype(np.float32).sum(), x))(x)[0]
    assert slope.dtype == np.float64
    np.testing.assert_array_equal(slope, 1)
