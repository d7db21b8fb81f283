"""Training steps and products as machine code, beside NumPy, PyTorch and the processor's limit; one thread.

    OPENBLAS_NUM_THREADS=1 python benchmarks/machine_code.py [--rounds 30] [--only BCD]

Configurations A to F are networks from 2–4–1 at batch 1 to 784–2048–2048–10 at batch 512, float32, with SGD
and Adam. A wengert step is a call of the compiled program with arrays in and arrays out. PyTorch is measured
where it is installed.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from measurement import interleaved, machine, report

from wengert import nn, optim, trace
from wengert.run import NumpyExecutor
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.target import LoadedCode, host_target, object_code
from wengert.train.inputs import Rows
from wengert.train.objective import Objective
from wengert.train.step import TrainingStep

CONFIGURATIONS: dict[str, tuple[tuple[int, ...], int]] = {
    "A": ((2, 4, 1), 1),
    "B": ((784, 128, 10), 1),
    "C": ((64, 32, 10), 32),
    "D": ((784, 128, 10), 64),
    "E": ((784, 512, 512, 10), 128),
    "F": ((784, 2048, 2048, 10), 512),
}
REPETITIONS = {"A": 100, "B": 50, "C": 50, "D": 20, "E": 2, "F": 1}
PRODUCTS = [(32, 64, 32), (64, 784, 128), (128, 784, 512), (256, 256, 256), (512, 2048, 2048)]


def peak() -> float:
    """Return how many GFLOP/s of float32 fused multiply-adds one core can do: sixteen chains in registers."""
    target = host_target()
    lanes = target.lanes(4)
    vector, chains, turns = f"<{lanes} x float>", 16, 1_000_000
    names = range(chains)
    phis = "".join(f"  %a{i} = phi {vector} [zeroinitializer, %entry], [%b{i}, %loop]\n" for i in names)
    steps = "".join(
        f"  %b{i} = call {vector} @llvm.fma.v{lanes}f32({vector} %x, {vector} %a{i}, {vector} %x)\n"
        for i in names
    )
    stores = "".join(
        f"  %p{i} = getelementptr {vector}, ptr %out, i64 {i}\n  store {vector} %b{i}, ptr %p{i}, align 4\n"
        for i in names
    )
    text = f"""
        declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})
        define void @chains(ptr %out) {{
        entry:
          %x = load {vector}, ptr %out, align 4
          br label %loop
        loop:
          %n = phi i64 [0, %entry], [%m, %loop]
        {phis}{steps}
          %m = add i64 %n, 1
          %more = icmp slt i64 %m, {turns}
          br i1 %more, label %loop, label %end
        end:
        {stores}
          ret void
        }}
    """
    code = LoadedCode(object_code(text, target), target)
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("chains"))
    out = np.zeros(chains * lanes, np.float32)
    best = min(_seconds(lambda: run(out.ctypes.data)) for _ in range(20))
    return 2 * chains * lanes * turns / best / 1e9


def _seconds(function: Callable[[], object]) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def products(rounds: int, limit: float) -> None:
    """Compare products of matrices with NumPy's BLAS and with the limit."""
    rng = np.random.default_rng(0)
    print(f"products, float32; fused multiply-add limit {limit:.0f} GFLOP/s a core")
    for rows, terms, columns in PRODUCTS:
        x = rng.random((rows, terms), np.float32)
        w = rng.random((terms, columns), np.float32)
        run = LLVMExecutor().compile(trace(lambda x, w: x @ w, x, w))
        work = 2 * rows * terms * columns
        candidates: dict[str, Callable[[], object]] = {
            "BLAS": lambda x=x, w=w: x @ w,
            "wengert": lambda x=x, w=w, run=run: run([x, w]),
        }
        times = interleaved(candidates, rounds, max(1, int(2e8 / work)))
        speed = {name: work / statistics.median(found) / 1e9 for name, found in times.items()}
        shares = ", ".join(f"{name} {one:.0f} GFLOP/s ({one / limit:.0%})" for name, one in speed.items())
        print(f"  {rows}×{terms}·{terms}×{columns}: {shares}")


def step_of(sizes: tuple[int, ...], batch: int, optimizer: Any, executor: Any) -> Callable[[], object]:
    """Return a training step of wengert."""
    rng = np.random.default_rng(0)
    kind = "sigmoid" if len(sizes) == 3 and sizes[-1] == 1 else "relu"
    inner = [nn.Dense(before, after, kind) for before, after in pairwise(sizes[:-1])]
    net = nn.Sequential(*inner, nn.Dense(sizes[-2], sizes[-1])).initialise(seed=0)
    if sizes[-1] == 1:
        objective, y = Objective(nn.nll_from_logits), rng.integers(0, 2, (batch, 1)).astype(np.float32)
    else:
        objective, y = Objective(nn.nllm_from_logits), rng.integers(0, sizes[-1], batch)
    rows = Rows(rng.random((batch, sizes[0]), np.float32), y, None)
    step = TrainingStep(net, optimizer, objective, executor, None)
    begin = time.perf_counter()
    run = step.compiled(rows).run
    print(f"    {type(executor).__name__} compiles in {time.perf_counter() - begin:.2f} s")
    carry, key, number = list(step.initial), np.zeros(2, np.uint32), np.array(0)

    def take() -> None:
        carry[:] = run([*carry, rows.features, rows.targets, key, number])[:-1]

    return take


def torch_step(sizes: tuple[int, ...], batch: int, adam: bool) -> Callable[[], object]:
    """Return the same step of PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    inner: list[Any] = []
    for before, after in pairwise(sizes[:-1]):
        inner += [torch.nn.Linear(before, after), torch.nn.Sigmoid() if sizes[-1] == 1 else torch.nn.ReLU()]
    net = torch.nn.Sequential(*inner, torch.nn.Linear(sizes[-2], sizes[-1]))
    optimizer = torch.optim.Adam(net.parameters()) if adam else torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.rand(batch, sizes[0])
    if sizes[-1] == 1:
        loss, y = torch.nn.BCEWithLogitsLoss(), torch.randint(0, 2, (batch, 1)).float()
    else:
        loss, y = torch.nn.CrossEntropyLoss(), torch.randint(0, sizes[-1], (batch,))

    def take() -> None:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    return take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default="ABCDEF")
    options = parser.parse_args()
    print(machine())
    products(options.rounds, peak())
    has_torch = importlib.util.find_spec("torch") is not None
    for name in options.only:
        sizes, batch = CONFIGURATIONS[name]
        for rule, optimizer in (("SGD", optim.SGD(0.01)), ("Adam", optim.Adam())):
            print(f"{name}: {'–'.join(map(str, sizes))}, batch {batch}, {rule}")
            candidates = {
                "wengert, NumPy": step_of(sizes, batch, optimizer, NumpyExecutor()),
                "wengert, LLVM": step_of(sizes, batch, optimizer, LLVMExecutor()),
            }
            if has_torch:
                candidates["PyTorch, eager"] = torch_step(sizes, batch, rule == "Adam")
            report(interleaved(candidates, options.rounds, REPETITIONS[name]), "wengert, NumPy")


if __name__ == "__main__":
    main()
