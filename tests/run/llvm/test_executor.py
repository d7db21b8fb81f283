"""The LLVM executor: arguments in every form, results of their own, threads, processes, wrong indices."""

from __future__ import annotations

import ctypes
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError, DTypeError, IndexRangeError, ShapeError, WengertWarning
from wengert.run import default
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.fusion.lowering import LONGEST_PROGRAM, left_to_numpy
from wengert.run.llvm.runtime.target import LoadedCode, host_target, host_triple, object_code
from wengert.run.numpy import NumpyExecutor

X = np.arange(12.0).reshape(3, 4) / 7


def compiled(function: Any, *arguments: Any) -> Any:
    return LLVMExecutor().compile(wg.trace(function, *arguments))


@pytest.mark.parametrize(
    "given",
    [
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1, ::-1].copy()[::-1, ::-1],
        X.astype(">f8"),
        np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float64).reshape(X.shape),
        np.broadcast_to(X, X.shape),
        X.tolist(),
    ],
    ids=["by columns", "strided", "turned", "big-endian", "unaligned", "read-only", "list"],
)
def test_any_layout_is_taken_and_not_written_to(given: Any) -> None:
    before = np.array(given)
    (got,) = compiled(lambda x: x * 2, X)([given])
    np.testing.assert_array_equal(got, X * 2)
    np.testing.assert_array_equal(np.array(given), before)


def test_wrong_types_are_refused() -> None:
    run = compiled(lambda x: x * 2, X)
    with pytest.raises(DTypeError, match="'x' is float32"):
        run([X.astype(np.float32)])
    with pytest.raises(ShapeError, match=r"'x' has shape \(4, 3\)"):
        run([X.T])


def test_results_share_no_memory_with_anything() -> None:
    constant = np.arange(4.0)
    run = compiled(
        lambda x: (x, x.T, x + 1, x + 1, (x * 2)[1:], np.asarray(constant) + 0 * x[0], constant), X
    )
    first, second = run([X]), run([X])
    arrays = [X, constant, *first, *second]
    for place, one in enumerate(arrays):
        assert all(not np.shares_memory(one, other) for other in arrays[:place])
        assert one.flags.writeable
    for mine, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(mine, again)


def test_four_threads_at_once(rng: np.random.Generator) -> None:
    weights = rng.normal(size=(60, 60))
    run = compiled(lambda x, w: np.tanh(x @ w).sum(0) @ w, weights, weights)
    inputs = [rng.normal(size=(60, 60)) for _ in range(40)]
    wanted = [run([x, weights])[0] for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for mine, alone in zip(pool.map(lambda x: run([x, weights])[0], inputs), wanted, strict=True):
            np.testing.assert_array_equal(mine, alone)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_child_process_runs_and_compiles() -> None:
    run = compiled(lambda x: x * 3, X)
    run([X])
    child = os.fork()
    if child == 0:
        right = np.array_equal(run([X])[0], X * 3)
        right &= np.array_equal(compiled(lambda x: x * 5, X)([X])[0], X * 5)
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_an_index_out_of_range_is_named() -> None:
    index = np.array([0, 2])
    run = compiled(lambda x, index: x[index] * 2, X, index)
    np.testing.assert_array_equal(run([X, np.array([-1, 1])])[0], X[[-1, 1]] * 2)
    with pytest.raises(IndexRangeError, match="index 3 at row 1"):
        run([X, np.array([0, 3])])
    run = compiled(lambda labels: wg.one_hot(labels, 3), index)
    with pytest.raises(IndexRangeError, match="label -1 at row 0"):
        run([np.array([-1, 0])])


def test_subnormal_numbers_are_kept() -> None:
    tiny = np.array([5e-324, 1e-310, 2.3e-308])
    np.testing.assert_array_equal(compiled(lambda x: x * 0.5 + x, tiny)([tiny])[0], tiny * 0.5 + tiny)


CONTROL_REGISTER = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define i32 @exchange(i32 %wanted) {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %before = load i32, ptr %place
  store i32 %wanted, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret i32 %before
}
"""
FLUSHING = 0x9FC0  # subnormal results and operands are zero; all exceptions masked


@pytest.mark.skipif(not host_triple().startswith("x86_64"), reason="sets a register of x86-64")
def test_subnormal_numbers_are_kept_where_others_flush_them() -> None:
    code = LoadedCode(object_code(CONTROL_REGISTER, host_target()), host_target())
    exchange = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(code.address("exchange"))
    tiny = np.array([5e-324, 1e-310, 2.3e-308])
    wanted = tiny * 0.5 + tiny
    run = compiled(lambda x: x * 0.5 + x, tiny)
    before = exchange(FLUSHING)
    try:
        (got,) = run([tiny])
        flushed = tiny * 0.5
    finally:
        after = exchange(before)
    np.testing.assert_array_equal(got, wanted)
    assert not flushed.any()  # it was set for NumPy
    assert after & 0xFFC0 == FLUSHING  # and still is: what was set is restored


def test_what_numpy_runs_is_listed() -> None:
    program = wg.trace(lambda x: (np.cumsum(x, axis=1) + 1, np.argmax(x, axis=0)), X)
    reasons = [left_to_numpy(node) for node in program.lines]
    assert {node.primitive.name for node in program.lines if left_to_numpy(node)} == {"cumsum", "argmax"}
    assert all(reason is None or len(reason) > 10 for reason in reasons)
    for mine, oracle in zip(LLVMExecutor().compile(program)([X]), program(X), strict=True):
        np.testing.assert_array_equal(mine, oracle)


def test_a_very_long_program_runs_with_numpy() -> None:
    def chain(x: Any) -> Any:
        for iteration in range(LONGEST_PROGRAM):
            x = (
                x * (1 + 1e-6 * iteration) + 1
            )  # another constant in each iteration, so that no code is shared
        return x

    program = wg.trace(chain, 1.0)
    assert type(LLVMExecutor().compile(program)) is type(NumpyExecutor().compile(program))


def test_compile_traces_once_for_each_type() -> None:
    traced = []

    @wg.compile
    def f(x: Any, scale: Any) -> Any:
        traced.append(x)
        return {"y": x * scale}

    for x in (X, X + 1, X.astype(np.float32)):
        np.testing.assert_array_equal(f(x, 2)["y"], x * 2)
    assert len(traced) == len(f.programs) == 2
    assert f(X.astype(np.float32), 2)["y"].dtype == np.float32
    assert f(X.astype(np.float32), np.float64(2))["y"].dtype == np.float64


def test_compile_does_not_keep_a_branch_on_a_number() -> None:
    f = wg.compile(lambda x, n: x * 2 if n > 0 else x * 3)
    np.testing.assert_array_equal(f(X, 1), X * 2)
    np.testing.assert_array_equal(f(X, -1), X * 3)


def test_compile_names_the_argument_that_it_refuses() -> None:
    f = wg.compile(lambda net, x, *, scale=1.0: net["w"] @ x * scale)
    net = {"b": np.ones(2), "w": np.ones((3, 2))}
    np.testing.assert_array_equal(f(net, np.ones(2)), np.full(3, 2.0))
    for arguments, options, name in (
        (({**net, "w": np.ones(2, np.float16)}, np.ones(2)), {}, "net.w"),
        ((net, np.float16(1)), {}, "x"),
        ((net, np.ones(2)), {"scale": np.ma.array([1.0])}, "scale"),
    ):
        with pytest.raises(DTypeError, match=f"^argument '{name}': "):
            f(*arguments, **options)


def test_compile_takes_the_executor_by_name() -> None:
    np.testing.assert_array_equal(wg.compile(np.exp, executor="numpy")(X), np.exp(X))
    assert "define" in wg.compile(np.exp, executor="llvm").llvm(X)
    for wrong in ("torch", None, 3):
        with pytest.raises(
            ConfigurationError, match=f"executor {wrong!r} is unknown; there are 'numpy', 'llvm' and"
        ):
            wg.compile(np.exp, executor=wrong)


def test_compile_takes_the_powers_of_numpy() -> None:
    x = np.array([-np.inf, -2.0, -0.0, 0.0, 1e-310, 3.0, np.inf, np.nan])
    with np.errstate(all="ignore"):
        for exponent in (0, 0.5, 1, 2, -1):
            wanted = x**exponent
            np.testing.assert_array_equal(wg.compile(lambda x, p=exponent: x**p)(x), wanted)
            np.testing.assert_array_equal(
                np.signbit(wg.compile(lambda x, p=exponent: x**p)(x)), np.signbit(wanted)
            )


def test_compile_composes_with_grad() -> None:
    f = wg.compile(lambda x: (x**3).sum())
    np.testing.assert_allclose(wg.grad(f)(X), 3 * X**2, rtol=1e-15)
    np.testing.assert_allclose(wg.compile(wg.grad(f))(X), 3 * X**2, rtol=1e-15)


def test_without_llvmlite_numpy_runs_and_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    default._llvm_executor.cache_clear()
    try:
        with pytest.warns(WengertWarning, match="llvmlite cannot be loaded"):
            executor = default.default_executor()
        assert isinstance(executor, NumpyExecutor)
        # No second warning, which would be an error.
        assert isinstance(default.default_executor(), NumpyExecutor)
    finally:
        default._llvm_executor.cache_clear()


def test_kernels_say_what_they_fuse_and_move() -> None:
    W, b = np.ones((4, 5)), np.ones(5)
    run = compiled(lambda x, W, b: np.cumsum(np.maximum(0, x @ W + b), axis=0), X, W, b)
    product, scan = run.kernels()
    assert (product.form, product.shape, product.operations) == (
        "product",
        (3, 5),
        ("matmul", "add", "maximum"),
    )
    assert product.flops == 2 * 3 * 4 * 5 + 2 * 15
    assert product.bytes == 8 * (12 + 20 + 5 + 1 + 15)
    assert scan.form == "numpy"
    assert "NumPy" in str(scan)
    assert "define" in run.llvm()
    assert "fmuladd" in run.llvm()


def test_training_gives_what_numpy_gives() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 5)), rng.integers(0, 3, 70)
    net = wg.nn.Sequential(wg.nn.Dense(5, 8, "tanh"), wg.nn.Dropout(0.2), wg.nn.Dense(8, 3)).initialise(
        seed=0
    )
    options = {"loss": "nllm_from_logits", "epochs": 3, "batch_size": 32, "clip_norm": 1.0, "progress": False}
    results = [wg.train.fit(net, X, y, executor=name, **options) for name in ("numpy", "llvm", "llvm")]
    oracle, mine, again = [[*wg.nn.parameters(one.net).values()] for one in results]
    for wanted, got, repeated in zip(oracle, mine, again, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4 if got.dtype == np.float32 else 1e-9, atol=1e-6)
        np.testing.assert_array_equal(got, repeated)


def test_a_compiled_function_shows_its_kernels_and_its_code() -> None:
    W, b = np.ones((4, 5)), np.ones(5)
    f = wg.compile(lambda x, W, b: {"scores": np.cumsum(np.maximum(0, x @ W + b), axis=0)})
    product, scan = f.kernels(X, W, b)
    assert product.operations == ("matmul", "add", "maximum")
    assert product.seconds is product.share is scan.seconds is None
    assert "define" in f.llvm(X, W, b)
    assert len(f.programs) == 1  # nothing was compiled twice
    profile = f.kernels(X, W, b, profile=True)
    for one in profile:
        assert one.seconds > 0
        assert one.share == one.limit / one.seconds > 0
    lines = str(profile).splitlines()
    assert len(lines) == 4
    assert "roofline" in lines[0]
    assert "matmul add maximum" in lines[1]
    assert "NumPy" in lines[2]
    np.testing.assert_array_equal(f(X, W, b)["scores"], np.cumsum(np.maximum(0, X @ W + b), axis=0))
    with pytest.raises(ShapeError):
        f.kernels(X, W.T, b, profile=True)


def test_what_numpy_runs_has_no_code_to_show() -> None:
    f = wg.compile(lambda x: x * 2, NumpyExecutor())
    for look in (f.llvm, f.kernels):
        with pytest.raises(ConfigurationError, match="runs with NumPy"):
            look(X)
