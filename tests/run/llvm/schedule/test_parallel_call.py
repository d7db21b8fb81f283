"""A call that takes long is shared by threads, with the same bits for any number of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.runtime.target import host_target
from wengert.run.llvm.schedule.parallel_call import is_long, parallel_call


def long_function(x: Any, weight: Any) -> Any:
    """Products, sums over rows and over columns, a join in place, and lines between that one thread runs."""
    hidden = np.tanh(x @ weight)
    scale = np.sum(hidden, axis=0) / len(hidden)
    again = (hidden - scale) @ weight.T
    total = np.sum(again * again)
    joined = np.stack([np.sum(again, axis=1), np.max(hidden, axis=1), np.exp(x[:, 0])], axis=1)
    return again / (1 + total), joined, total, np.sqrt(scale * scale + 1)[:7]


def arguments(rng: np.random.Generator) -> list[Any]:
    return [rng.normal(size=(500, 300)), 0.05 * rng.normal(size=(300, 300))]


def test_the_bits_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    given = arguments(rng)
    program = wg.simplify(wg.trace(long_function, *given))
    runs = [LLVMExecutor(threads=threads).compile(program) for threads in (1, 2, 3)]
    assert [run.layout.parallel is None for run in runs] == [True, False, False]
    alone = runs[0](given)
    for mine, known in zip(alone, program(*given), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-10, atol=1e-12)
    for run in runs[1:]:
        for _ in range(5):
            for mine, known in zip(run(given), alone, strict=True):
                np.testing.assert_array_equal(mine, known)


def test_threads_meet_between_kernels_that_need_each_other(rng: np.random.Generator) -> None:
    made = plan(expand(wg.trace(long_function, *arguments(rng))))
    assert is_long(made)
    shared = parallel_call(made, Generators(made.kernels, host_target()).units)
    assert shared is not None
    assert len(shared.shared) >= 3
    written = {view.base: kernel for kernel in made.kernels for view in kernel.stored.values()}
    for kernel in made.kernels:
        for view in kernel.leaves.values():
            if (source := written.get(view.base)) is not None:
                apart = shared.phases[kernel] - shared.phases[source]
                assert apart >= (kernel in shared.shared or source in shared.shared)


def test_one_thread_runs_what_is_short_or_not_machine_code_alone(rng: np.random.Generator) -> None:
    x, weight = arguments(rng)
    short = plan(expand(wg.trace(long_function, x[:20], weight)))
    by_numpy = plan(expand(wg.trace(lambda x, w: np.cumsum(x @ w @ w @ w), x, weight)))
    assert not is_long(short)
    assert not is_long(by_numpy)


def test_a_wrong_index_in_a_shared_call_is_named(rng: np.random.Generator) -> None:
    x, weight = arguments(rng)
    place = np.arange(300)
    program = wg.trace(lambda x, w, place: (x @ w @ w)[:, place], x, weight, place)
    run = LLVMExecutor(threads=2).compile(program)
    assert run.layout.parallel is not None
    (found,) = run([x, weight, place])
    np.testing.assert_allclose(found, x @ weight @ weight, rtol=1e-10, atol=1e-12)
    with pytest.raises(IndexError, match="300"):
        run([x, weight, place + 1])
