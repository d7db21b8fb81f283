"""Every primitive has ONNX operators, or is written out in those that have, or is refused by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.transform.examples import PRIMITIVES, arguments_for, program_of

import wengert as wg
from wengert.errors import UnsupportedFunctionError
from wengert.io.formats.onnx_operators import OPERATORS, is_native, written_out
from wengert.ir.primitive import REGISTRY, Primitive

pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
from tests.contract import onnx_backend

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")


def test_operators_are_of_primitives() -> None:
    assert set(OPERATORS) <= set(REGISTRY)


_ROWS, _COLUMNS = np.array([[-3], [2]]), np.array([1, -1, 0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[_ROWS, _COLUMNS],
        lambda x: x[:, _ROWS, _COLUMNS],
        lambda x: x[_ROWS, :, _COLUMNS],
        lambda x: x[:, :, _COLUMNS, _ROWS % 2],
        lambda x: x[_ROWS, _COLUMNS, 1, 0],
    ],
)
def test_places_over_several_axes(function: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5, 3, 2))
    (got,) = onnx_backend.run(wg.trace(function, x), [x])
    np.testing.assert_array_equal(got, function(x))


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda one: one.name)
def test_native_or_written_out_or_refused_by_name(primitive: Primitive, rng: np.random.Generator) -> None:
    program = program_of(primitive, np.float32)  # models are exported in float32
    arguments = arguments_for(program, primitive, rng)
    left = [line.primitive.name for line in written_out(program).lines if not is_native(line)]
    if any(node.type.is_complex for node in program.nodes):
        with pytest.raises(UnsupportedFunctionError, match="no ONNX operator"):
            onnx_backend.run(program, arguments)
        return
    if left:
        assert left == [primitive.name]
        assert primitive.decomposition is None
        with pytest.raises(UnsupportedFunctionError, match=rf"computes {primitive.name} .*no ONNX operator"):
            onnx_backend.run(program, arguments)
        return
    (got,), (wanted,) = onnx_backend.run(program, arguments), program(*arguments)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
