"""Arrays as they come: read-only, strided, of either byte order. None is written, and no result is shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases

from wengert.ir.primitive import REGISTRY, Kind
from wengert.trace.tracing import trace

NAMES = [*scalar_oracles.EXPRESSIONS, *scalar_oracles.STEPS, *structural_cases.ORACLES]


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


def backwards(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x[::-1])[::-1] if x.ndim else x


def column_major(x: np.ndarray) -> np.ndarray:
    return np.asfortranarray(x) if x.ndim else x  # which would give a number an axis


def foreign(x: np.ndarray) -> np.ndarray:
    return x.astype(x.dtype.newbyteorder(">"))


def spaced(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 3, axis=0)[::3] if x.ndim else x


@pytest.mark.parametrize("arranged", [read_only, backwards, column_major, foreign, spaced])
@pytest.mark.parametrize("name", NAMES)
def test_any_arrangement_of_memory_is_taken(name: str, arranged: Any, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    params: dict[str, Any] = {}
    if name in structural_cases.ORACLES:
        case = structural_cases.ORACLES[name].cases[-1]
        operands, params = gate.structural_operands(case, rng), case.params
    else:
        operands = gate.elementwise_operands(primitive, ((3, 4),) * len(primitive.domain), rng)
    program = trace(lambda *args: primitive(*args, **params), *operands)
    wanted = program(*operands)
    given = [arranged(operand) for operand in operands]
    kept = [operand.copy() for operand in given]
    # Traced with such arrays, called with them, and used as constants of a program.
    again = trace(lambda *args: primitive(*args, **params), *given)
    constant = trace(lambda x: primitive(x, *given[1:], **params), given[0])
    # BLAS chooses its order of additions by the strides; everything else gives the same bits.
    rtol = 8 * np.finfo(np.float64).eps if primitive.kind is Kind.CONTRACTION else 0
    for got in (program(*given), again(*given), again(*operands), constant(given[0])):
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=0)
        assert got.dtype.isnative
        assert got.flags.writeable
        assert not any(np.shares_memory(got, operand) for operand in (*given, *operands))
    for operand, before in zip(given, kept, strict=True):
        np.testing.assert_array_equal(operand, before)


def test_outputs_are_fresh() -> None:
    x = np.ones(3)
    first, second, third = trace(lambda x: (x, x, np.arange(3.0) + 0 * x), x)(x)
    first[0] = 7
    second[1] = 8
    third[2] = 9
    np.testing.assert_array_equal(x, 1)
    constant = trace(lambda x: (np.arange(3.0), x), x)
    constant(x)[0][:] = -1
    np.testing.assert_array_equal(constant(x)[0], [0, 1, 2])


def test_a_constant_does_not_follow_later_writes() -> None:
    weights = np.ones(3)
    program = trace(lambda x: x * weights, np.ones(3))
    weights[:] = 5
    np.testing.assert_array_equal(program(np.ones(3)), 1)


def test_memory_mapped_input(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert trace(lambda x: (x * 2).sum(), mapped)(mapped) == 30.0
