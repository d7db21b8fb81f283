"""Products of matrices: every way of cutting and packing them, in parts as threads compute them."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.run import recent
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.compiled_program import CompiledProgram
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.matmul import blocking
from wengert.run.llvm.matmul.matrix_products import product_of
from wengert.run.llvm.matmul.microkernel import register_lanes
from wengert.run.llvm.runtime.processor import Processor
from wengert.run.llvm.runtime.target import AVX2, SSE, Target, host_target

ONE_WIDE_UNIT = Processor(vendor="AuthenticAMD", family="25")
ARRANGEMENTS = ["plain", "transposed", "every second"]


@pytest.fixture
def small_cuts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have matrices of a few dozen rows cut as large ones are; nothing is kept of what is compiled."""
    monkeypatch.setenv("WENGERT_CACHE_DIR", "")
    monkeypatch.setattr(recent, "_MOST", 0)
    monkeypatch.setattr(blocking, "FEW_TILES", 2)
    monkeypatch.setattr(blocking, "GROUP_BYTES", 4096)
    monkeypatch.setattr(blocking, "GROUP_TILES", 2)
    monkeypatch.setattr(blocking, "MANY_LINES", 8)
    monkeypatch.setattr(blocking, "MANY_READS", 16)
    monkeypatch.setattr(blocking, "LARGE_PART", 2**40)
    recent._known.clear()
    yield
    recent._known.clear()


def with_small_caches(target: Target) -> Target:
    """Return a target whose second-level cache holds panels of 32 terms, and pages one line."""
    small = dataclasses.replace(
        target.processor, l2_bytes=32 * 3 * 4 * target.vector_bytes, page_bytes=64, recognised=False
    )
    return dataclasses.replace(target, processor=small, far_bytes=1)


def matrix(rows: int, columns: int, arrangement: str, dtype: Any, rng: np.random.Generator) -> Any:
    """Return an array, and the function that shows it as a matrix of these extents."""
    if arrangement == "transposed":
        return rng.normal(size=(columns, rows)).astype(dtype), lambda x: x.T
    if arrangement == "every second":
        return rng.normal(size=(2 * rows, 3 * columns)).astype(dtype), lambda x: x[::2, ::3]
    return rng.normal(size=(rows, columns)).astype(dtype), lambda x: x


def compiled_product(
    sizes: tuple[int, int, int], left: str, right: str, dtype: Any, target: Target
) -> tuple[CompiledProgram, list[Any], Any]:
    """Return a product with a bias, an activation and an addition behind it, its arguments and its value."""
    rows, terms, columns = sizes
    rng = np.random.default_rng(rows * terms + columns)
    a, show_a = matrix(rows, terms, left, dtype, rng)
    b, show_b = matrix(terms, columns, right, dtype, rng)
    bias, before = rng.normal(size=columns).astype(dtype), rng.normal(size=(rows, columns)).astype(dtype)

    def function(a: Any, b: Any, bias: Any, before: Any) -> Any:
        return before - np.maximum(0, show_a(a) @ show_b(b) + bias)

    arguments = [a, b, bias, before]
    run = LLVMExecutor(with_small_caches(target)).compile(wg.trace(function, *arguments))
    wide = [np.asarray(one, np.float64) for one in arguments]
    return run, arguments, function(*wide)


def assert_close(got: Any, wanted: Any, terms: int) -> None:
    eps = float(np.finfo(got.dtype).eps)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=8 * eps * max(terms, 4))


SIZES = [
    (1, 1, 1),
    (4, 7, 10),
    (5, 9, 16),
    (17, 33, 65),
    (37, 70, 97),
    (64, 40, 96),
    (9, 300, 33),
    (3, 64, 130),
    (90, 200, 96),
]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("left", ARRANGEMENTS)
@pytest.mark.parametrize("right", ARRANGEMENTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("small_cuts")
def test_every_arrangement(sizes: tuple[int, int, int], left: str, right: str, dtype: Any) -> None:
    run, arguments, wanted = compiled_product(sizes, left, right, dtype, host_target())
    (got,) = run(arguments)
    assert_close(got, wanted, sizes[1])


@pytest.mark.parametrize("target", [AVX2, SSE], ids=["AVX2", "SSE"])
@pytest.mark.parametrize("left", ARRANGEMENTS)
@pytest.mark.parametrize("right", ARRANGEMENTS)
@pytest.mark.usefixtures("small_cuts")
def test_narrower_processors(target: Target, left: str, right: str) -> None:
    for sizes in [(17, 33, 65), (37, 300, 31)]:
        run, arguments, wanted = compiled_product(sizes, left, right, np.float32, target)
        assert_close(run(arguments)[0], wanted, sizes[1])


@pytest.mark.parametrize("left", ["plain", "transposed"])
@pytest.mark.parametrize("right", ["plain", "transposed"])
@pytest.mark.usefixtures("small_cuts")
def test_a_stack_of_matrices(left: str, right: str, rng: np.random.Generator) -> None:
    a = rng.normal(size=(3, 2, 20, 40) if left == "plain" else (3, 2, 40, 20))
    b = rng.normal(size=(2, 40, 33) if right == "plain" else (2, 33, 40))

    def function(a: Any, b: Any) -> Any:
        x, y = (np.swapaxes(one, -1, -2) if how != "plain" else one for one, how in ((a, left), (b, right)))
        return np.tanh(x @ y)

    executor = LLVMExecutor(with_small_caches(host_target()))
    (got,) = executor.compile(wg.trace(function, a, b))([a, b])
    np.testing.assert_allclose(got, function(a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((40, 64, 96), {"packs_left": True, "blocks": 1, "panels": 3}),
        ((90, 200, 96), {"packs_left": True, "blocks": 7, "groups": 8}),
        ((200, 32, 96), {"packs_left": True, "groups": 6}),
    ],
)
@pytest.mark.usefixtures("small_cuts")
def test_the_small_cuts_are_what_they_are_meant_to_be(
    sizes: tuple[int, int, int], expected: dict[str, Any]
) -> None:
    target = with_small_caches(Target("x", "", 64, 32, processor=ONE_WIDE_UNIT))
    run, _, _ = compiled_product(sizes, "transposed", "plain", np.float32, host_target())
    cut = blocking.blocking_of(product_of(run.plan.kernels[0]), target)
    assert {name: getattr(cut, name) for name in expected} == expected


@pytest.mark.parametrize("bfloat16", ["", "avx512_bf16", "amx"])
def test_a_block_has_at_least_as_many_terms_as_are_packed_at_once(bfloat16: str) -> None:
    step = 32 if bfloat16 else 1
    for terms in range(33 * step, 33 * step + 600, 16 if bfloat16 else 1):
        x, y = np.zeros((16, terms), np.float32), np.zeros((16, terms), np.float32)
        (kernel,) = plan(wg.trace(lambda x, y: x @ y.T, x, y)).kernels
        target = with_small_caches(Target("x", "", 64, 32, bfloat16=bfloat16))
        cut = blocking.blocking_of(product_of(kernel), target)
        last = terms - (cut.blocks - 1) * cut.block
        assert max(step, 16) <= last <= cut.block
        assert cut.block <= 5 * 32
        assert cut.blocks == 1 or cut.block % step == 0


@pytest.mark.parametrize("left", ["plain", "transposed"])
@pytest.mark.usefixtures("small_cuts")
def test_a_long_product_is_packed_within_its_scratch_memory(left: str) -> None:
    # 65 blocks of 32 terms would leave one term for the last.
    run, arguments, wanted = compiled_product((9, 2049, 33), left, "transposed", np.float32, AVX2)
    assert_close(run(arguments)[0], wanted, 2049)
    assert_same_in_parts(run, arguments, 2)


CASES = [
    ((37, 70, 97), "plain", "plain"),
    ((37, 70, 97), "transposed", "plain"),
    ((37, 70, 97), "plain", "transposed"),
    ((64, 300, 40), "transposed", "transposed"),
    ((1, 50, 200), "plain", "plain"),
    ((1, 50, 90), "plain", "transposed"),
]


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize(("sizes", "left", "right"), CASES)
@pytest.mark.usefixtures("small_cuts")
def test_parts_give_the_same_bits_as_the_whole(
    sizes: tuple[int, int, int],
    left: str,
    right: str,
    threads: int,
) -> None:
    run, arguments, wanted = compiled_product(sizes, left, right, np.float32, host_target())
    assert_close(run(arguments)[0], wanted, sizes[1])
    assert_same_in_parts(run, arguments, threads)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_update_of_weights_from_one_row_in_parts(threads: int, rng: np.random.Generator) -> None:
    for columns in (32, 64, 100, 129, 200):
        W, x, delta = (rng.random(size, np.float32) for size in ((30, columns), (1, 30), (1, columns)))
        run = LLVMExecutor().compile(wg.trace(lambda W, x, d: W - x.T @ d, W, x, delta))
        (got,) = run([W, x, delta])
        np.testing.assert_allclose(got, W - x.T @ delta, rtol=1e-6, atol=1e-6)
        assert_same_in_parts(run, [W, x, delta], threads)


def assert_same_in_parts(run: CompiledProgram, arguments: list[Any], threads: int) -> None:
    """Compute the only kernel in parts, each with scratch memory of its own, and compare with the whole."""
    (whole,) = run(arguments)
    (kernel,) = run.plan.kernels
    assert kernel.form is not Form.NUMPY
    frame, generators = run.frame(arguments), run.layout.generators
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    function = ctypes.CFUNCTYPE(None, pointer, integer, integer, pointer, pointer)(
        run.loaded.address("kernel0")
    )
    units = generators.units(kernel)
    (result,) = (frame.alone[node] for node in kernel.stored)
    result[...] = np.nan
    for part in reversed(range(threads)):
        scratch = np.full(generators.scratch_bytes + 3 * 4096, 255, np.uint8)
        before = 4096 + -scratch.ctypes.data % 64
        start = scratch.ctypes.data + before
        function(frame.table, units * part // threads, units * (part + 1) // threads, start, None)
        assert (scratch[:before] == 255).all()
        assert (scratch[before + generators.scratch_bytes :] == 255).all()
    np.testing.assert_array_equal(result, whole)


@pytest.mark.parametrize("count", [2**22, 2**22 - 5])
def test_the_error_of_a_dot_product_does_not_grow_with_its_terms(count: int) -> None:
    x = np.full(count, 0.1, np.float32)
    (got,) = LLVMExecutor().compile(wg.trace(lambda x: x @ x, x))([x])
    assert got == pytest.approx(count * float(x[0]) ** 2, rel=1e-5)


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_a_short_vector_is_computed_in_the_smallest_register(lanes: int) -> None:
    for rest in range(1, lanes + 1):
        found = register_lanes(rest, lanes)
        assert rest <= found <= lanes
        assert found == 4 or found // 2 < rest


def test_a_tile_of_a_hundred_columns_ends_in_four_lanes() -> None:
    x, y = np.ones((24, 10), np.float32), np.ones((10, 100), np.float32)
    run = LLVMExecutor(AVX2).compile(wg.trace(lambda x, y: x @ y, x, y))
    assert isinstance(run, CompiledProgram)
    assert "llvm.fmuladd.v4f32" in run.llvm()
