"""The golden programs, derivatives of all primitives and of networks, on the LLVM executor, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.golden.test_golden import NETWORKS, abstract_argument
from tests.transform.examples import DIFFERENTIABLE, arguments_for, program_of

from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import trace
from wengert.transform.gradient import gradient, pullback
from wengert.transform.simplify import simplify


def drawn(program: Program, rng: np.random.Generator) -> list[np.ndarray]:
    arguments = []
    for node in program.inputs:
        if node.type.dtype.kind == "f":
            arguments.append(rng.uniform(0.2, 0.8, node.type.shape).astype(node.type.dtype))
        else:
            arguments.append(rng.integers(0, 2, node.type.shape).astype(node.type.dtype))
    return arguments


def assert_same(program: Program, arguments: list[np.ndarray]) -> None:
    got = LLVMExecutor().compile(program)(arguments)
    wanted = NumpyExecutor().compile(program)(arguments)
    for mine, oracle in zip(got, wanted, strict=True):
        assert (mine.dtype, mine.shape) == (oracle.dtype, oracle.shape)
        # Sums of a few terms in another order, and functions of at most 4 ulp.
        np.testing.assert_allclose(mine, oracle, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("primitive", DIFFERENTIABLE, ids=lambda primitive: primitive.name)
def test_derivative_of_primitive(primitive: Any, rng: np.random.Generator) -> None:
    program = program_of(primitive)
    floating = [place for place, node in enumerate(program.inputs) if node.type.is_float]
    derivative = simplify(pullback(program, floating))
    regular = primitive.kind is Kind.LIBRARY  # not every matrix has what a routine asks for
    assert_same(derivative, arguments_for(derivative, primitive, rng) if regular else drawn(derivative, rng))


@pytest.mark.parametrize("name", NETWORKS)
def test_value_and_gradient_of_network(name: str, rng: np.random.Generator) -> None:
    function, specs, wrt = NETWORKS[name]
    program = simplify(trace(function, *[abstract_argument(spec) for spec in specs]))
    both = simplify(gradient(program, wrt, with_value=True))
    assert_same(both, drawn(both, rng))
