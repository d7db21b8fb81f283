"""Code for processors that the tests do not run on: it is generated, and LLVM makes machine code of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from llvmlite import binding
from tests.transform.examples import PRIMITIVES, program_of

import wengert as wg
from wengert.ir.program import Program
from wengert.run.llvm.codegen.call_function import layout
from wengert.run.llvm.codegen.elementwise import C_LIBRARY
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.matmul import tile_search
from wengert.run.llvm.matmul.tile_shapes import Tile
from wengert.run.llvm.runtime.target import NEON, machine_of, object_code, optimised
from wengert.run.llvm.schedule.buffers import memory_of

ELF, AARCH64 = b"\x7fELF", 183  # the beginning of an object file, and its number for this architecture


@pytest.fixture(scope="module", autouse=True)
def _all_targets() -> None:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        binding.Target.from_triple(NEON.triple)
    except RuntimeError:
        pytest.skip("this build of LLVM has no AArch64")


def text_for_neon(program: Program) -> str:
    made = plan(expand(program))
    return layout(made, memory_of(made), NEON).text()


def assembly(text: str) -> str:
    machine = machine_of(NEON)
    found: str = machine.emit_assembly(optimised(text, machine))
    return found


def called(code: str) -> set[str]:
    """Return the functions outside the module that the code calls."""
    own = set(re.findall(r"^\"?(\w[\w.]*)\"?:", code, re.MULTILINE))
    return set(re.findall(r"^\s+(?:bl|b)\s+\"?([a-z_][\w.]*)", code, re.MULTILINE)) - own


def assert_for_aarch64(program: Program) -> str:
    text = text_for_neon(program)
    code = object_code(text, NEON)
    assert code[:4] == ELF
    assert int.from_bytes(code[18:20], "little") == AARCH64
    listing = assembly(text)
    library = {name + suffix for name in C_LIBRARY.values() for suffix in ("", "f")}
    assert called(listing) <= library | {"memset", "memcpy"}
    return listing


def training_step(dtype: Any) -> Program:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(dtype) for shape in ((70, 40), (40,), (40, 10), (10,))]
    X, labels = rng.normal(size=(33, 70)).astype(dtype), rng.integers(0, 10, 33)

    def step(weights: Any, X: Any, labels: Any) -> Any:
        def loss(weights: Any) -> Any:
            hidden = np.maximum(0, X @ weights[0] + weights[1])
            scores = wg.log_softmax(hidden @ weights[2] + weights[3])
            return -scores[np.arange(33), labels].mean()

        value, slopes = wg.value_and_grad(loss)(weights)
        return value, [w - 0.01 * slope for w, slope in zip(weights, slopes, strict=True)]

    return wg.simplify(wg.trace(step, weights, X, labels))


@pytest.mark.parametrize(("dtype", "lanes"), [(np.float32, "4s"), (np.float64, "2d")])
def test_a_training_step_for_neon(dtype: Any, lanes: str) -> None:
    listing = assert_for_aarch64(training_step(dtype))
    tiles = re.findall(r"^tile_.*?\.Lfunc_end", listing, re.MULTILINE | re.DOTALL)
    assert tiles
    # The sums stay in registers: the loop over the terms multiplies and adds, and stores nothing.
    loops = [loop for body in tiles for loop in re.split(r"\n(?=\.LBB)", body) if f"fmla\tv0.{lanes}" in loop]
    assert loops
    assert not any(re.search(r"\tst[rp]\t", loop.split("\tb.")[0]) for loop in loops)


def test_every_primitive_for_neon() -> None:
    for primitive in PRIMITIVES:
        assert_for_aarch64(program_of(primitive))


def test_the_trials_of_tiles_are_compiled() -> None:
    tiles = tile_search.candidates(NEON)
    assert Tile(6, 4) in tiles
    code = object_code(str(tile_search._module(NEON, tiles)), NEON)
    assert int.from_bytes(code[18:20], "little") == AARCH64
