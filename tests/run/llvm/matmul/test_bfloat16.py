"""Products of numbers rounded to bfloat16, and training with them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.run.llvm.matmul.test_matrix_products import assert_same_in_parts, matrix

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import ConfigurationError, WengertWarning
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.runtime.target import Target, host_target, object_code

HOST = host_target()
NATIVE = pytest.mark.skipif(
    not HOST.has_bfloat16, reason="this processor has no avx512_bf16; its code is compiled, and not run"
)
# Of a processor that has it, wherever the test runs.
COOPER_LAKE = Target("cooperlake", "+avx512bf16", 64, 32, bfloat16=True)


def rounded(x: Any) -> Any:
    """Return float32 numbers rounded to the nearest bfloat16, ties to even, by their bits; in float64."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    bits = bits + 0x7FFF + ((bits >> 16) & 1) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def product(sizes: tuple[int, int, int], left: str, right: str) -> tuple[Any, list[Any], Any, Any]:
    """Return a program with a bias, its arguments, and its value with and without rounding."""
    rows, terms, columns = sizes
    rng = np.random.default_rng(terms)
    a, show_a = matrix(rows, terms, left, np.float32, rng)
    b, show_b = matrix(terms, columns, right, np.float32, rng)
    bias = rng.normal(size=columns).astype(np.float32)

    def function(a: Any, b: Any, bias: Any) -> Any:
        return np.maximum(0, show_a(a) @ show_b(b) + bias)

    program = wg.trace(function, a, b, bias)
    exact = function(a.astype(float), b.astype(float), bias.astype(float))
    return program, [a, b, bias], function(rounded(a), rounded(b), bias.astype(float)), exact


SIZES = [(16, 32, 16), (37, 48, 53), (100, 80, 33), (20, 336, 70)]


@NATIVE
@pytest.mark.parametrize("left", ["plain", "transposed"])
@pytest.mark.parametrize("right", ["plain", "transposed"])
def test_factors_are_rounded_and_sums_are_not(left: str, right: str) -> None:
    # A small second-level cache, so that terms are added up in blocks.
    small = dataclasses.replace(HOST.processor, l2_bytes=64 * 3 * 4 * HOST.vector_bytes, recognised=False)
    target = dataclasses.replace(HOST, processor=small, bfloat16=True)
    for sizes in SIZES:
        program, arguments, wanted, exact = product(sizes, left, right)
        run: Any = LLVMExecutor(target, threads=1).compile(program)
        (got,) = run(arguments)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-7 * sizes[1])
        assert np.abs(got - exact).max() > 100 * np.abs(got - wanted).max()
    assert_same_in_parts(run, arguments, 3)


@NATIVE
def test_other_products_are_those_of_float32() -> None:
    target = dataclasses.replace(HOST, bfloat16=True)
    for sizes, left in (((40, 33, 40), "plain"), ((40, 64, 40), "every second"), ((8, 64, 40), "plain")):
        program, arguments, _, _ = product(sizes, left, "plain")
        wanted = LLVMExecutor(HOST, threads=1).compile(program)(arguments)[0]
        got = LLVMExecutor(target, threads=1).compile(program)(arguments)[0]
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("left", ["plain", "transposed"])
def test_code_for_a_processor_that_has_them_is_compiled(left: str) -> None:
    from wengert.run.llvm.codegen.call_function import layout
    from wengert.run.llvm.fusion.decomposition import expand
    from wengert.run.llvm.fusion.kernel_plan import plan
    from wengert.run.llvm.schedule.buffers import memory_of

    made = plan(expand(product((37, 48, 53), left, "transposed")[0]))
    text = layout(made, memory_of(made), COOPER_LAKE).text()
    assert "llvm.x86.avx512bf16.dpbf16ps.512" in text
    assert object_code(text, COOPER_LAKE)


def fit(**options: Any) -> train.FitResult:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(256, 48)).astype(np.float32)
    y = (X @ rng.normal(size=(48, 3))).argmax(axis=1)
    net = nn.Sequential(nn.Dense(48, 64, "relu"), nn.Dense(64, 3)).initialise(seed=0)
    if "net" in options:
        net = options.pop("net")
    given = {"loss": "nllm_from_logits", "optimizer": optim.Adam(0.01), "epochs": 12, "batch_size": 64}
    return train.fit(net, X, y, progress=False, seed=0, **(given | options))


def losses(result: train.FitResult) -> Any:
    return np.array([epoch.loss for epoch in result.history])


@NATIVE
def test_the_curve_of_losses_runs_beside_that_of_float32() -> None:
    wanted, got = losses(fit()), losses(fit(dtype="bfloat16"))
    assert (got != wanted).any()
    np.testing.assert_allclose(got, wanted, rtol=0.02)
    np.testing.assert_array_equal(losses(fit(dtype="bfloat16", threads=1)), got)


def test_a_processor_without_them_uses_float32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "has_bfloat16", False)
    with pytest.warns(WengertWarning, match=r"no products of bfloat16 .*: float32 is used"):
        got = fit(dtype="bfloat16")
    np.testing.assert_array_equal(losses(got), losses(fit()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, r"dtype is 'bfloat16' or None, got 'float16'"),
        ({"dtype": "bfloat16", "executor": "numpy"}, r"bfloat16 numbers are for executor='llvm'"),
        (
            {
                "dtype": "bfloat16",
                "net": nn.Sequential(nn.Dense(48, 3)).initialise(seed=0, dtype=np.float64),
            },
            r"for parameters of float32, and these are float64",
        ),
    ],
)
def test_bad_dtypes_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        fit(**options)
