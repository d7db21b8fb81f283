"""What a call of `train.fit` costs beside its steps: the first of a shape in a process, and the next ones.

    python -m benchmarks.fixed_cost [--rounds 15]

One epoch of one step, so that all the rest stands out; processor time of one thread, least of the rounds. The
parts that are timed by themselves lie within the whole: what is not in them is counted as the rest.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import pkgutil
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

from wengert.benchmark.configurations import CONFIGURATIONS
from wengert.benchmark.peers import PEERS
from wengert.benchmark.tables import Table

# What is done, and the function that does it, by where it is looked up.
PARTS = {
    "checks rows": ("wengert.train.fit.check_rows", "wengert.train.fit.conform"),
    "traces": ("wengert.trace.tracing.Recording.__init__",),
    "simplifies": ("wengert.train.steps.step.simplify",),
    "plans and loads": ("wengert.run.llvm.executor.compiled_loop",),
    "lays out arrays": ("wengert.run.llvm.executor.LLVMExecutor.new_progress",),
    "steps": ("wengert.train.steps.native.NativeSteps.run", "wengert.train.steps.native.NativeSteps.step"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    rows = []
    for name, rule in (("C", "Adam"), ("D", "SGD"), ("D", "Adam"), ("E", "SGD")):
        one = dataclasses.replace(CONFIGURATIONS[name], steps=1)
        (candidate,) = PEERS["wengert"].candidates(one, rule, 1)
        first = parts_of(lambda train=candidate.train: train(0))
        later = [parts_of(lambda train=candidate.train: train(0)) for _ in range(rounds)]
        least = min(later, key=lambda found: found["all"])
        for label, found in (("first", first), ("later", least)):
            cells = [f"{1e3 * found[part]:.2f}" for part in (*PARTS, "the rest", "all")]
            rows.append((f"{name} {one.describe()}", f"{rule}, {label}", *cells))
    headers = ("network", "", *PARTS, "the rest", "all")
    print(Table("ms of train.fit for one epoch of one step", headers, rows).markdown())


def parts_of(call: Callable[[], object]) -> dict[str, float]:
    """Return the seconds of a call by part; what one part does inside of another counts for the outer one."""
    seconds: dict[str, float] = defaultdict(float)
    inside: list[str] = []

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            begin = time.thread_time()
            inside.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                inside.pop()
                if not inside:
                    seconds[part] += time.thread_time() - begin

        return run

    with ExitStack() as stack:
        for part, places in PARTS.items():
            for place in places:
                path, _, name = place.rpartition(".")
                owner = pkgutil.resolve_name(path)
                stack.enter_context(mock.patch.object(owner, name, timed(part, getattr(owner, name))))
        begin = time.thread_time()
        call()
        seconds["all"] = time.thread_time() - begin
    seconds["the rest"] = seconds["all"] - math.fsum(seconds[part] for part in PARTS)
    return seconds


if __name__ == "__main__":
    main()
