"""Loops and branches as ONNX operators compute what the program computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contract.random_regions import arguments, drawn
from tests.contract.region_examples import EXAMPLES, RegionExample, W
from tests.drawn import random_examples

import wengert as wg
from wengert.errors import UnsupportedFunctionError

pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
from tests.contract import onnx_backend

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")
ALIKE = [one for one in EXAMPLES if one.primitive != "while_pullback" and one.label != "complex"]


def close(got: Any, wanted: Any) -> None:
    for one, other in zip(got, wanted, strict=True):
        assert (one.dtype, one.shape) == (np.asarray(other).dtype, np.shape(other))
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("example", ALIKE, ids=str)
def test_each_region_in_onnxruntime(example: RegionExample) -> None:
    program = wg.trace(example.function, *example.args)
    close(onnx_backend.run(program, list(example.args)), [example.plain(*example.args)])


@pytest.mark.parametrize("seed", range(random_examples(12, explore=500)))
def test_random_loops_and_branches_in_each_other(seed: int) -> None:
    program = wg.trace(drawn(seed), *arguments(seed))
    close(onnx_backend.run(program, list(arguments(seed))), program(*arguments(seed)))


@pytest.mark.parametrize(
    "example",
    # It has no Scan backwards, and stacks nothing in a Loop without iterations.
    [one for one in ALIKE if one.label not in ("reversed", "of no iterations")],
    ids=str,
)
def test_each_region_in_the_evaluator_of_onnx(example: RegionExample) -> None:
    reference = pytest.importorskip("onnx.reference", reason="the package onnx has an evaluator")
    program = wg.trace(example.function, *example.args)
    model = reference.ReferenceEvaluator(onnx_backend.exported(program))
    close(model.run(None, onnx_backend.given(program, list(example.args))), [example.plain(*example.args)])


def test_gradients_through_loops_are_exported_too() -> None:
    for example in ALIKE:
        if example.primitive != "while_loop":
            places = tuple(range(len(example.args)))
            program = wg.trace(wg.grad(example.function, places), *example.args)
            close(
                onnx_backend.run(program, list(example.args)), wg.grad(example.plain, places)(*example.args)
            )


def assigned(w: Any) -> Any:
    """Assignments by the number of the iteration, from either end, to one element, and to a row."""

    def body(i: Any, c: Any) -> Any:
        c = c.copy()
        c[i] = np.tanh(w[-1 - i])
        c[-1, i] = w[i, i]
        c[:, i] = c[:, i] + 1
        return c

    return wg.fori_loop(0, 3, body, np.zeros((3, 3)))


def test_assignments_by_the_number_of_the_iteration() -> None:
    close(onnx_backend.run(wg.trace(assigned, W), [W]), [assigned(W)])
    slope = wg.grad(lambda w: np.sum(assigned(w) ** 3))
    close(onnx_backend.run(wg.trace(slope, W), [W]), [slope(W)])


def test_a_scan_stacks_nothing_that_is_not_read() -> None:
    program = wg.trace(lambda h, xs: wg.scan(lambda c, x: (c + x, c * x), h, xs)[0], W[0], W)
    (node,) = (one for one in onnx_backend.exported(program).graph.node if one.op_type == "Scan")
    assert len(node.output) == 1
    (body,) = (one.g for one in node.attribute if one.name == "body")
    assert "Mul" not in {one.op_type for one in body.node}


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (wg.grad(lambda h: np.sum(wg.while_loop(lambda x: x[0] < 9, lambda x: 2 * x, h))), "while_pullback"),
        (lambda h: np.abs(wg.fori_loop(0, 3, lambda i, z: z * (1 + 2j), h + 0j)), r"astype of c128.* real"),
        (lambda h: wg.scan(lambda c, x: (c + np.linalg.det(x * W), x), h, h)[0], "det"),
    ],
)
def test_what_onnx_lacks_is_named_also_in_a_body(function: Any, named: str) -> None:
    h = np.array([1.0, 2.0, 3.0])
    with pytest.raises(UnsupportedFunctionError, match=rf"the network computes {named}"):
        onnx_backend.run(wg.trace(function, h), [h])
