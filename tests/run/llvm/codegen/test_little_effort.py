"""What takes hardly any of the time is compiled with little effort, to code that computes the same."""

import re

import numpy as np

import wengert as wg
from wengert import nn, optim, train
from wengert.run.llvm import LLVMExecutor

rng = np.random.default_rng(4)


def effort_by_function(code: str) -> dict[str, bool]:
    """Return of each function of a module whether LLVM optimises it."""
    found = re.findall(r'^define [^\n]*@"([\w.]+)"\([^\n]*', code, re.MULTILINE)
    lines = re.findall(r"^define [^\n]*", code, re.MULTILINE)
    return {name: "optnone" not in line for name, line in zip(found, lines, strict=True)}


def test_kernels_that_take_hardly_any_time_are_not_optimised():
    x, y, z = rng.random((200, 300)) / 100, rng.random((300, 200)), rng.random(5)
    program = wg.trace(lambda x, y, z: (np.tanh(x @ y), np.exp(z).sum()), x, y, z)
    run = LLVMExecutor(threads=1).compile(program)
    kernels = [kernel.form.value for kernel in run.plan.kernels]
    optimised = effort_by_function(run.llvm())
    assert {form: optimised[f"kernel{number}"] for number, form in enumerate(kernels)} == {
        "product": True,
        "loops": False,
    }
    assert all(is_optimised for name, is_optimised in optimised.items() if name.startswith("tile"))
    for mine, known in zip(run([x, y, z]), program(x, y, z), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-12)


def test_kernels_of_integers_and_truth_values_are_optimised():
    """LLVM ends the process at some short vectors of these in functions that it does not optimise."""
    x, y, z = rng.random((200, 300)), rng.random((300, 200)), rng.normal(size=(2, 3)).astype(np.float32)
    program = wg.trace(lambda x, y, z: (np.tanh(x @ y), np.any(z > 0, axis=1), z.astype(np.int64)), x, y, z)
    run = LLVMExecutor(threads=1).compile(program)
    optimised = effort_by_function(run.llvm())
    assert all(optimised[f"kernel{number}"] for number in range(len(run.plan.kernels)))
    for mine, known in zip(run([x, y, z])[1:], program(x, y, z)[1:], strict=True):
        np.testing.assert_array_equal(mine, known)


def test_a_kernel_that_is_all_of_a_program_is_optimised():
    run = LLVMExecutor().compile(wg.trace(lambda z: np.exp(z).sum(), rng.normal(size=5)))
    assert effort_by_function(run.llvm())["kernel0"]


def test_the_loop_over_steps_is_optimised_where_its_calls_count():
    def loop_of(units: int, batch: int) -> bool:
        X, y = rng.normal(size=(512, 64)).astype(np.float32), rng.integers(0, 3, 512)
        net = nn.Sequential(nn.Dense(64, units, "relu"), nn.Dense(units, 3)).initialise(seed=0)
        step = train.compile_step(
            net, X, y, loss="nllm_from_logits", optimizer=optim.SGD(0.1), batch_size=batch
        )
        return effort_by_function(step.llvm())["loop"]

    assert loop_of(8, 8)
    assert not loop_of(512, 256)
