"""Every primitive on the LLVM executor, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases
from tests.transform.examples import PRIMITIVES, arguments_for, program_of

from wengert.ir.primitive import REGISTRY, Kind
from wengert.ir.program import Program
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.runtime.target import AVX2, SSE, Target, host_target
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tensor import as_tensor
from wengert.trace.tracing import trace
from wengert.transform.simplify import simplify

ELEMENTWISE = [one for one in PRIMITIVES if one.kind is Kind.ELEMENTWISE]
# Units of the dtype's epsilon: NumPy's own vector functions err by up to 4, ours by up to 4.
ULPS = 8


def compare(program: Program, arguments: list[Any], target: Target | None = None) -> None:
    got = LLVMExecutor(target).compile(program)(arguments)
    wanted = NumpyExecutor().compile(program)(arguments)
    for mine, oracle in zip(got, wanted, strict=True):
        assert mine.dtype == oracle.dtype
        assert mine.shape == oracle.shape
        if mine.dtype.kind == "f":
            eps = float(np.finfo(mine.dtype).eps)
            np.testing.assert_allclose(mine, oracle, rtol=ULPS * eps, atol=eps)
        else:
            np.testing.assert_array_equal(mine, oracle)


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda one: one.name)
def test_elementwise(primitive: Any, rng: np.random.Generator) -> None:
    params = {"dtype": np.dtype(np.float64)} if primitive.name == "astype" else {}
    groups = [
        gate.elementwise_operands(primitive, shapes, rng, dtype)
        for dtype in (np.float32, np.float64)
        for shapes in [*gate.SHAPES[len(primitive.domain)], ((67,),) * len(primitive.domain)]
    ]
    program = trace(lambda groups: [primitive(*one, **params) for one in groups], groups)
    compare(program, [operand for one in groups for operand in one])


@pytest.mark.parametrize("name", [one.name for one in ELEMENTWISE if one.special])
def test_special_values(name: str) -> None:
    primitive = REGISTRY[name]
    values = [*primitive.special, 0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e-40]
    with np.errstate(all="ignore"):
        groups = []
        for dtype in (np.float32, np.float64):
            given = np.array(values).astype(dtype)
            groups.append([one.ravel() for one in np.meshgrid(*[given] * len(primitive.domain))])
        program = trace(lambda groups: [primitive(*one) for one in groups], groups)
        compare(program, [operand for one in groups for operand in one])


@pytest.mark.parametrize("name", structural_cases.ORACLES)
def test_structural(name: str, rng: np.random.Generator) -> None:
    cases = structural_cases.ORACLES[name].cases
    operands = [gate.structural_operands(case, rng) for case in cases]
    given = [
        [[one.astype(dtype) if one.dtype.kind == "f" else one for one in each] for each in operands]
        for dtype in (np.float64, np.float32)
    ]
    function = gate.on_each_case(name)
    program = trace(lambda given: [function(each) for each in given], given)
    arguments = [one for group in given for each in group for one in each]
    found = LLVMExecutor().compile(program)(arguments)
    expected = NumpyExecutor().compile(program)(arguments)
    for case, got, wanted in zip(cases * 2, found, expected, strict=True):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), case
        if got.dtype.kind == "f":
            # Sums of products in another order: relative to the largest terms that cancel.
            atol = 32 * float(np.finfo(got.dtype).eps) * float(np.max(np.abs(wanted), initial=1.0))
            np.testing.assert_allclose(got, wanted, rtol=0, atol=atol, err_msg=str(case))
        else:
            np.testing.assert_array_equal(got, wanted, err_msg=str(case))


@pytest.mark.parametrize("target", [host_target(), AVX2, SSE], ids=lambda one: f"{one.vector_bytes} bytes")
def test_all_examples_on_narrower_processors(target: Target, rng: np.random.Generator) -> None:
    arguments: list[Any] = []
    programs = [program_of(primitive) for primitive in PRIMITIVES]
    for primitive, program in zip(PRIMITIVES, programs, strict=True):
        if primitive.kind is Kind.LIBRARY:  # not every matrix has what a routine asks for
            arguments += arguments_for(program, primitive, rng)
            continue
        for node in program.inputs:
            if node.type.dtype.kind == "f":
                arguments.append(rng.uniform(0.2, 0.8, node.type.shape).astype(node.type.dtype))
            else:
                arguments.append(rng.integers(0, 2, node.type.shape).astype(node.type.dtype))
    # One program of them all, which compiles once.
    inputs, outputs = (
        [node for one in programs for node in getattr(one, part)] for part in ("inputs", "outputs")
    )
    compare(Program(inputs, outputs), arguments, target)


INTEGERS = ["add", "sub", "mul", "neg", "abs", "sign", "square", "maximum", "minimum", "eq", "lt", "ge"]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64])
def test_integers(dtype: Any, rng: np.random.Generator) -> None:
    limits = np.iinfo(dtype)
    operands = [
        [rng.integers(limits.min, limits.max, 37, dtype) for _ in REGISTRY[name].domain] for name in INTEGERS
    ]

    def function(operands: Any) -> Any:
        return [REGISTRY[name](*given) for name, given in zip(INTEGERS, operands, strict=True)]

    with np.errstate(all="ignore"):
        compare(trace(function, operands), [one for given in operands for one in given])


@pytest.mark.parametrize("old", [np.bool_, np.int8, np.uint16, np.int64, np.float32, np.float64])
def test_conversions(old: Any) -> None:
    values = np.array([0, 1, 2, 100, 3, 0, 77]).astype(old)
    new = [np.bool_, np.int8, np.uint16, np.int64, np.float32, np.float64]
    compare(trace(lambda x: [x.astype(one) for one in new], values), [values])


WHOLE = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("old", [np.float32, np.float64])
@pytest.mark.parametrize("new", WHOLE)
def test_what_an_integer_cannot_hold_becomes_the_nearest_that_it_can(old: Any, new: Any) -> None:
    limits = np.iinfo(new)
    ends = [
        float(end) + step for end in (limits.min, limits.max) for step in (-1.5, -1, -0.5, 0, 0.5, 1, 1.5)
    ]
    values = np.array([*ends, 0.0, -0.0, -0.5, 2.5, 1e30, -1e30, np.inf, -np.inf, np.nan], old)
    wanted = [
        0
        if v != v
        else min(max(limits.min, math.trunc(v) if abs(v) < 1e40 else int(np.sign(v)) * 2**70), limits.max)
        for v in values.tolist()
    ]
    for shape in (values.shape, (len(values), 1)):
        given = values.reshape(shape)
        program = trace(lambda x: x.astype(new), given)
        for executor in (NumpyExecutor(), LLVMExecutor()):
            (got,) = executor.compile(program)([given])
            assert got.dtype == new
            np.testing.assert_array_equal(got, np.array(wanted, new).reshape(shape))
    for value, whole in zip(values, wanted, strict=True):
        # Constants are folded by the same rule.
        folded = simplify(
            trace(lambda x, v=value: x + as_tensor(v, x.recorder).astype(new), np.zeros((), new))
        )
        assert folded(np.zeros((), new)) == whole


def test_scalar_expressions_have_an_oracle_for_all() -> None:
    assert set(scalar_oracles.EXPRESSIONS) <= {one.name for one in ELEMENTWISE}
