"""Every loop and branch: all executors, derivatives of two orders, batches, against the same written out."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from tests.contract.random_regions import arguments, drawn
from tests.contract.region_examples import EXAMPLES, RegionExample
from tests.drawn import random_examples
from tests.transform.examples import run_source

import wengert as wg
from wengert.errors import GradientError
from wengert.ir.primitive import REGISTRY, Kind
from wengert.ir.program import Program, bodies
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.transform.simplify import simplify

EACH = pytest.mark.parametrize("example", EXAMPLES, ids=str)
ONE_EACH = pytest.mark.parametrize(
    "example", {one.primitive: one for one in EXAMPLES}.values(), ids=lambda one: one.primitive
)


def close(got: Any, wanted: Any, tolerance: float = 1e-11) -> None:
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * scale)


def all_primitives(program: Program) -> set[str]:
    inner = [all_primitives(body) for node in program.nodes for body in bodies(node)]
    return {node.primitive.name for node in program.nodes}.union(*inner)


def test_every_region_has_an_example() -> None:
    regions = {name for name, one in REGISTRY.items() if one.kind is Kind.REGION}
    assert regions == {one.primitive for one in EXAMPLES}
    assert {name for name, one in REGISTRY.items() if one.region is not None} == regions


@EACH
def test_all_executors_and_the_printed_source_agree(example: RegionExample) -> None:
    program = wg.verify(wg.trace(example.function, *example.args))
    assert example.primitive in all_primitives(program)
    wanted = example.plain(*example.args)
    close(program(*example.args), wanted)
    close(simplify(program)(*example.args), wanted)
    for executor in (NumpyExecutor(), LLVMExecutor()):
        close(executor.compile(program)(example.args)[0], wanted)
    close(run_source(program.to_python())(*example.args), wanted)
    close(example.function(*example.args), wanted)  # outside of all traces


@pytest.mark.parametrize("seed", range(random_examples(3, explore=200)))
def test_random_loops_and_branches_in_each_other(seed: int) -> None:
    args = arguments(seed)
    program = wg.verify(wg.trace(drawn(seed), *args))
    wanted = program(*args)
    compiled = LLVMExecutor().compile(program)(args)
    emitted = run_source(program.to_python())(*args)
    outside = drawn(seed)(*args)  # of all traces
    for values in (compiled, emitted, outside):
        for one, other in zip(values, wanted, strict=True):
            assert np.shape(one) == np.shape(other)
            close(one, other)


@EACH
def test_the_gradient_is_that_of_the_loop_written_out(example: RegionExample) -> None:
    places = tuple(range(len(example.args)))
    wanted = wg.grad(example.plain, places)(*example.args)
    program = wg.verify(wg.trace(wg.grad(example.function, places), *example.args))
    emitted = run_source(program.to_python())(*example.args)
    compiled = LLVMExecutor().compile(program)(example.args)
    for mine, machine, source, one in zip(program(*example.args), compiled, emitted, wanted, strict=True):
        close(mine, one)
        close(machine, one)
        close(source, one)


@EACH
def test_forward_mode_and_second_derivatives(example: RegionExample, rng: np.random.Generator) -> None:
    along = tuple(rng.normal(size=one.shape) for one in example.args)
    close(wg.jvp(example.function, example.args, along)[1], wg.jvp(example.plain, example.args, along)[1])
    mine = wg.hvp(example.function, example.args, along[0])
    close(mine, wg.hvp(example.plain, example.args, along[0]), 1e-9)

    def slope(function: Any) -> Any:
        return lambda *args: np.sum(wg.grad(function)(*args) * along[0])

    close(wg.grad(slope(example.function))(*example.args), mine, 1e-9)  # reverse over reverse


@EACH
def test_a_batch_is_a_stack_of_single_runs(example: RegionExample, rng: np.random.Generator) -> None:
    for place, one in enumerate(example.args):
        batch = one + 0.01 * rng.normal(size=(3, *one.shape))
        in_axes = tuple(0 if place == other else None for other in range(len(example.args)))
        given = [batch if place == other else arg for other, arg in enumerate(example.args)]
        entries = [[*example.args[:place], entry, *example.args[place + 1 :]] for entry in batch]
        close(
            wg.vmap(example.function, in_axes)(*given), np.stack([example.plain(*entry) for entry in entries])
        )
        close(
            wg.vmap(wg.grad(example.function), in_axes)(*given),
            np.stack([wg.grad(example.plain)(*entry) for entry in entries]),
        )


@ONE_EACH
def test_a_program_with_regions_is_kept_and_printed(example: RegionExample) -> None:
    program = wg.trace(example.function, *example.args)
    again = pickle.loads(pickle.dumps(program))
    assert again == program
    assert str(wg.verify(again)) == str(program)
    assert wg.trace(example.function, *example.args) == program
    region = next(node for node in program.nodes if node.primitive.name == example.primitive)
    text = str(program)
    for body in bodies(region):
        for line in body.lines:
            assert f"        {line.primitive.name}" in text or f"= {line.primitive.name} " in text
    assert sum(
        line.lstrip().startswith(("body: program(", "branches: program(")) for line in text.split("\n")
    )


@ONE_EACH
def test_loops_are_derived_and_drawn(example: RegionExample) -> None:
    if example.primitive == "while_pullback":
        for view in (wg.explain, wg.draw):
            with pytest.raises(GradientError, match="derivative of a while_loop, which has no formula"):
                view(example.function, *example.args)
        return
    assert wg.explain(example.function, *example.args).verify(points=2, seed=3).lines >= 3
    assert "<svg" in wg.draw(example.function, *example.args).to_svg()


@ONE_EACH
def test_the_operations_of_a_loop_are_counted(example: RegionExample) -> None:
    program = wg.trace(example.function, *example.args)
    region = next(node for node in program.nodes if node.primitive.name == example.primitive)
    assert region.flops > 0
    assert REGISTRY[example.primitive].source
