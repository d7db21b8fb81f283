"""What becomes of each primitive: its own code, its decomposition, or NumPy with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.transform.examples import PRIMITIVES, program_of

import wengert as wg
from wengert.ir.primitive import REGISTRY, Kind, Primitive
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.accumulators import REDUCTIONS
from wengert.run.llvm.codegen.elementwise import ELEMENTWISE
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.fusion.lowering import form_of, left_to_numpy
from wengert.run.llvm.fusion.views import PLACES, VIEWS
from wengert.run.numpy import NumpyExecutor


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda one: one.name)
def test_every_primitive_has_code_or_a_decomposition_or_a_reason(primitive: Primitive) -> None:
    line = next(one for one in program_of(primitive).lines if one.primitive is primitive)
    reason = left_to_numpy(line)
    if reason is None:
        assert form_of(line) is not Form.NUMPY
        return
    assert reason
    left = [one for one in expand(program_of(primitive)).lines if left_to_numpy(one) is not None]
    assert bool(left) == (primitive.decomposition is None)


TABLES = {
    "elementwise": (ELEMENTWISE, Kind.ELEMENTWISE),
    "reductions": (REDUCTIONS, Kind.REDUCTION),
    "views": (VIEWS, Kind.MOVEMENT),
    "places": (PLACES, Kind.MOVEMENT),
}


@pytest.mark.parametrize(("table", "kind"), TABLES.values(), ids=TABLES)
def test_tables_name_primitives_of_their_kind(table: dict[str, Any], kind: Kind) -> None:
    assert {REGISTRY[name].kind for name in table} == {kind}


def test_dtypes_without_code_are_named() -> None:
    whole = np.arange(6).reshape(2, 3)
    kernels = wg.compile(lambda x: (x @ x.T) + 1).kernels(whole)
    assert [one.reason for one in kernels if one.form == "numpy"] == ["no machine code for matmul of int64"]


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ij->i", "ij,jk,kl->il", "ij->j"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_])
def test_sums_of_products_of_any_dtype(subscripts: str, dtype: Any, rng: np.random.Generator) -> None:
    operands = [rng.integers(0, 5, (3, 3)).astype(dtype) for _ in subscripts.split("->")[0].split(",")]
    program = wg.trace(lambda *given: np.einsum(subscripts, *given), *operands)
    (got,), (wanted,) = (run.compile(program)(operands) for run in (LLVMExecutor(), NumpyExecutor()))
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)
