"""A batch of applications of a primitive is a stack of single ones, whichever operands have the axis."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, structural_cases
from tests.contract.new_primitives import NEWCOMERS, declared
from tests.contract.structural_oracles import Case

import wengert as wg
from wengert.errors import WengertError
from wengert.ir.primitive import REGISTRY, Kind
from wengert.run.llvm import LLVMExecutor

ELEMENTWISE = [
    name
    for name, one in REGISTRY.items()
    if one.kind is Kind.ELEMENTWISE and name not in structural_cases.ORACLES
]
STRUCTURAL = [(name, case) for name, oracle in structural_cases.ORACLES.items() for case in oracle.cases]


def check(function: Any, entries: list[list[np.ndarray]], axes: tuple[int | None, ...]) -> None:
    """Compare a batch with a stack of the entries; an operand without an axis is that of the first entry."""
    given = [
        entries[0][place] if axis is None else np.stack([entry[place] for entry in entries], axis)
        for place, axis in enumerate(axes)
    ]
    singles = [
        [entries[0][place] if axis is None else entry[place] for place, axis in enumerate(axes)]
        for entry in entries
    ]
    got = np.asarray(wg.vmap(function, axes)(*given))
    wanted = np.stack([np.asarray(function(*single)) for single in singles])
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-14)
    else:
        np.testing.assert_array_equal(got, wanted)


def choices(ranks: list[int]) -> list[tuple[int | None, ...]]:
    """Return every way to give operands the axis of the batch, first or last."""
    ways = itertools.product(*[(None, 0, rank) if rank else (None, 0) for rank in ranks])
    return [way for way in ways if any(axis is not None for axis in way)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    for shapes in gate.SHAPES[len(primitive.domain)]:
        entries = [gate.elementwise_operands(primitive, shapes, rng) for _ in range(3)]
        for axes in choices([len(shape) for shape in shapes]):
            check(primitive, entries, axes)


@pytest.mark.parametrize(("name", "case"), STRUCTURAL, ids=str)
def test_structural(name: str, case: Case, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    entries = [gate.structural_operands(case, rng) for _ in range(3)]

    def function(*operands: Any) -> Any:
        return primitive(*operands, **case.params)

    for axes in choices([one.ndim for one in entries[0]]):
        check(function, entries, axes)


@pytest.mark.parametrize("name", ["random_uniform", "fold_in"])
def test_random_numbers_are_those_of_each_key(name: str, rng: np.random.Generator) -> None:
    keys = [rng.integers(0, 2**31, 2).astype(np.uint32) for _ in range(5)]
    if name == "fold_in":
        entries = [[key, np.asarray(number)] for number, key in enumerate(keys)]
        for axes in choices([1, 0]):
            check(REGISTRY[name], entries, axes)
    else:
        check(lambda key: wg.random.uniform(key, (2, 3)), [[key] for key in keys], (0,))


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", ["sum", "matmul", "reshape", "gather", "scatter_add", "cumsum", "einsum"])
def test_no_entry_and_one(name: str, size: int, rng: np.random.Generator) -> None:
    for case in structural_cases.ORACLES[name].cases:
        entry = gate.structural_operands(case, rng)
        whole = [np.repeat(one[None], size, 0) for one in entry]
        got = wg.vmap(lambda *one, case=case: REGISTRY[name](*one, **case.params))(*whole)
        wanted = REGISTRY[name](*entry, **case.params)
        assert got.shape == (size, *np.shape(wanted))
        if size:
            np.testing.assert_allclose(got[0], wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("newcomer", NEWCOMERS.values(), ids=NEWCOMERS)
def test_a_primitive_that_nobody_knows(newcomer: Any, rng: np.random.Generator) -> None:
    with declared(newcomer) as function:
        entries = [newcomer.operands(rng, np.float64) for _ in range(3)]
        for axes in choices([one.ndim for one in entries[0]]):
            check(lambda *one: function(*one, **newcomer.params), entries, axes)


@pytest.mark.parametrize("name", structural_cases.ORACLES)
def test_machine_code_of_a_batch(name: str, rng: np.random.Generator) -> None:
    primitive, cases = REGISTRY[name], structural_cases.ORACLES[name].cases
    entries = [[gate.structural_operands(case, rng) for case in cases] for _ in range(2)]
    given = [[np.stack(one) for one in zip(*each, strict=True)] for each in zip(*entries, strict=True)]
    program = wg.trace(wg.vmap(gate.on_each_case(name)), given)
    found = LLVMExecutor().compile(program)([operand for operands in given for operand in operands])
    for place, (case, got) in enumerate(zip(cases, found, strict=True)):
        wanted = np.stack([np.asarray(primitive(*entry[place], **case.params)) for entry in entries])
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-13, err_msg=str(case))


def test_an_index_outside_is_an_error_of_ours() -> None:
    with pytest.raises(WengertError, match="outside axis"):
        wg.vmap(lambda x, i: x[i])(np.ones((2, 3)), np.array([0, 3]))
