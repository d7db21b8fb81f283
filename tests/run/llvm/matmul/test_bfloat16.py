"""Products of numbers rounded to bfloat16, and training with them."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.run.llvm.matmul.bfloat16_emulation import AMX, AVX512, REGISTERS, emulated_object_code
from tests.run.llvm.matmul.test_matrix_products import assert_same_in_parts, matrix

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import ConfigurationError, WengertWarning
from wengert.run import recent
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.call_function import layout
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.matmul import bfloat16_support
from wengert.run.llvm.matmul.bfloat16_support import is_exact
from wengert.run.llvm.runtime import cache
from wengert.run.llvm.runtime.target import Target, host_target, machine_of, optimised
from wengert.run.llvm.schedule.buffers import memory_of

HOST = host_target()
NATIVE = pytest.mark.skipif(
    not HOST.has_bfloat16, reason="this processor has no avx512_bf16; its code is run by an emulation"
)
# Of processors that have them, wherever the test runs.
COMPILED = {
    "llvm.x86.avx512bf16.dpbf16ps.512": Target("cooperlake", "+avx512bf16", 64, 32, bfloat16="avx512_bf16"),
    "llvm.x86.tdpbf16ps": Target("sapphirerapids", "+amx-tile,+amx-bf16", 64, 32, bfloat16="amx"),
}


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


@pytest.fixture
def emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile code in which other instructions do what those for bfloat16 do; nothing of it is kept."""
    monkeypatch.setenv("WENGERT_CACHE_DIR", "")
    monkeypatch.setattr(recent, "_known", OrderedDict())
    monkeypatch.setattr(cache, "object_code", emulated_object_code)


def assert_rounded(target: Target, sizes: tuple[int, int, int], left: str, right: str) -> None:
    # A small second-level cache, so that terms are added up in blocks.
    small = dataclasses.replace(target.processor, l2_bytes=64 * 3 * 4 * target.vector_bytes, recognised=False)
    program, arguments, wanted, exact = product(sizes, left, right)
    run: Any = LLVMExecutor(dataclasses.replace(target, processor=small), threads=1).compile(program)
    (got,) = run(arguments)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-7 * sizes[1])
    assert np.abs(got - exact).max() > 100 * np.abs(got - wanted).max()
    assert_same_in_parts(run, arguments, 3)


@NATIVE
@pytest.mark.parametrize("left", ["plain", "transposed"])
@pytest.mark.parametrize("right", ["plain", "transposed"])
def test_factors_are_rounded_and_sums_are_not(left: str, right: str) -> None:
    for sizes in SIZES:
        assert_rounded(dataclasses.replace(HOST, bfloat16="avx512_bf16"), sizes, left, right)


@pytest.mark.parametrize("target", [AVX512, AMX], ids=lambda target: target.bfloat16)
@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        (SIZES[1], "plain", "plain"),
        (SIZES[2], "transposed", "transposed"),
        (SIZES[3], "transposed", "plain"),
        (SIZES[3], "plain", "transposed"),
    ],
)
@pytest.mark.usefixtures("emulation")
def test_factors_are_rounded_and_sums_are_not_where_instructions_are_emulated(
    target: Target, sizes: tuple[int, int, int], left: str, right: str
) -> None:
    before = REGISTERS.products
    assert_rounded(target, sizes, left, right)
    assert (REGISTERS.products > before) == (target is AMX)


@pytest.mark.usefixtures("emulation")
def test_the_trial_of_a_processor_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_exact(AMX)
    monkeypatch.setattr(REGISTERS, "tdpbf16ps", lambda *registers: None)
    assert not is_exact(AMX)


@pytest.mark.usefixtures("emulation")
def test_a_fit_with_emulated_tiles() -> None:
    wanted, got = (losses(fit(epochs=1, executor=LLVMExecutor(one, threads=1))) for one in (HOST, AMX))
    assert REGISTERS.products
    assert got != wanted
    np.testing.assert_allclose(got, wanted, rtol=0.02)


@NATIVE
def test_other_products_are_those_of_float32() -> None:
    target = dataclasses.replace(HOST, bfloat16="avx512_bf16")
    for sizes, left in (((40, 33, 40), "plain"), ((40, 64, 40), "every second"), ((8, 64, 40), "plain")):
        program, arguments, _, _ = product(sizes, left, "plain")
        wanted = LLVMExecutor(HOST, threads=1).compile(program)(arguments)[0]
        got = LLVMExecutor(target, threads=1).compile(program)(arguments)[0]
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(("instruction", "target"), COMPILED.items())
@pytest.mark.parametrize("left", ["plain", "transposed"])
def test_code_for_a_processor_that_has_them_is_compiled(left: str, instruction: str, target: Target) -> None:
    made = plan(expand(product((37, 48, 53), left, "transposed")[0]))
    text = layout(made, memory_of(made), target).text()
    assert instruction in text
    machine = machine_of(target)
    listing = machine.emit_assembly(optimised(text, machine))
    name = instruction.removesuffix(".512").rpartition(".")[2]
    assert re.search(rf"^\s+v?{name}\s", listing, re.MULTILINE)
    assert re.search(r"^\s+vcvtne(2ps2|ps2)bf16\s", listing, re.MULTILINE)
    assert ("tileloadd" in listing) == ("tilerelease" in listing) == (target.bfloat16 == "amx")


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


SAPPHIRE_RAPIDS = Target("sapphirerapids", "+avx512bf16,+amx-tile,+amx-bf16", 64, 32)


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache directory of the test's own, and nothing known of AMX."""
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path))
    bfloat16_support._passes.cache_clear()
    yield tmp_path
    bfloat16_support._passes.cache_clear()


def test_amx_is_used_where_a_trial_passed_which_is_made_once(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials: list[bool | None] = []
    monkeypatch.setattr(bfloat16_support, "is_granted", lambda: True)
    monkeypatch.setattr(bfloat16_support, "_tried", lambda: trials.append(True) or True)

    def again(target: Target = SAPPHIRE_RAPIDS) -> str:
        bfloat16_support._passes.cache_clear()
        instructions, reason = bfloat16_support.bfloat16_support(target)
        assert not reason
        return instructions

    assert again() == again() == "amx"
    assert len(trials) == 1
    (entry,) = own_cache.rglob("*.amx")
    whole = entry.read_bytes()
    for damaged in (whole[:-1] + b"?", whole.replace(b"true", b"fals"), b""):
        entry.write_bytes(damaged)
        assert again() == "amx"
        assert entry.read_bytes() == whole
    assert len(trials) == 4
    # What another processor found, under this one's name.
    name = json.loads(whole[32:])[0]
    cache.write_entry(name, bfloat16_support.SUFFIX, json.dumps(["another", True]).encode())
    again()
    other = dataclasses.replace(SAPPHIRE_RAPIDS.processor, stepping="9")
    again(dataclasses.replace(SAPPHIRE_RAPIDS, processor=other))
    assert len(trials) == 6


@pytest.mark.parametrize("kept", [True, False])
def test_a_trial_that_failed_is_kept_and_one_that_could_not_be_made_is_not(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(bfloat16_support, "is_granted", lambda: True)
    monkeypatch.setattr(bfloat16_support, "_tried", lambda: False if kept else None)
    instructions, reason = bfloat16_support.bfloat16_support(SAPPHIRE_RAPIDS)
    assert instructions == "avx512_bf16"
    assert re.search(r"has AMX, but a trial .* failed: .* use avx512_bf16", reason)
    assert len(list(own_cache.rglob("*.amx"))) == kept


def test_a_process_that_may_not_use_the_tiles_makes_no_trial(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16_support, "is_granted", lambda: False)
    monkeypatch.setattr(bfloat16_support, "_tried", lambda: pytest.fail("a trial was made"))
    with pytest.warns(WengertWarning, match=r"has AMX, but the system does not let this process use its"):
        executor = LLVMExecutor(SAPPHIRE_RAPIDS, bfloat16=True)
    assert executor.target.bfloat16 == "avx512_bf16"


@pytest.mark.skipif(HOST.has_amx, reason="this processor has AMX")
def test_a_trial_on_a_processor_without_amx_ends_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not bfloat16_support.is_granted()
    assert bfloat16_support._tried() is False
    monkeypatch.setattr(sys, "executable", "no such program")
    assert bfloat16_support._tried() is None
