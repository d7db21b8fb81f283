"""Programs on the XLA executor, against NumPy: many in one, which compiles once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, structural_cases
from tests.contract.region_examples import EXAMPLES
from tests.golden.test_golden import NETWORKS, abstract_argument
from tests.parity.random_programs import Drawn
from tests.transform.examples import DIFFERENTIABLE, PRIMITIVES, arguments_for, program_of

import wengert as wg
from wengert.ir.primitive import REGISTRY, Kind, Primitive
from wengert.ir.program import Program
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import trace
from wengert.transform.gradient import gradient, pullback
from wengert.transform.simplify import simplify

pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

from wengert.run.xla import XLAExecutor
from wengert.run.xla.operations import OPERATIONS
from wengert.run.xla.translation import left_to_numpy, lines_for_numpy

Given = tuple[str, Program, Sequence[Any]]


def assert_same(given: Iterable[Given], terms: float = 8) -> None:
    """Compare with NumPy, to a number of units in the last place of the largest element of each result."""
    cases = list(given)
    arguments = [one for _, _, each in cases for one in each]
    names = [name for name, program, _ in cases for _ in program.outputs]
    inputs, outputs = (
        [node for _, one, _ in cases for node in getattr(one, part)] for part in ("inputs", "outputs")
    )
    joined = Program(inputs, outputs)
    found, wanted = (one.compile(joined)(arguments) for one in (XLAExecutor(), NumpyExecutor()))
    for name, mine, oracle in zip(names, found, wanted, strict=True):
        assert (mine.dtype, mine.shape) == (oracle.dtype, oracle.shape), name
        if oracle.dtype.kind not in "fc":
            np.testing.assert_array_equal(mine, oracle, err_msg=name)
            continue
        eps = float(np.finfo(oracle.dtype).eps)
        scale = float(np.max(np.abs(oracle), initial=1.0, where=np.isfinite(oracle)))
        np.testing.assert_allclose(mine, oracle, rtol=terms * eps, atol=terms * eps * scale, err_msg=name)


def drawn(program: Program, rng: np.random.Generator) -> list[np.ndarray]:
    return [
        rng.uniform(0.2, 0.8, node.type.shape).astype(node.type.dtype)
        if node.type.dtype.kind == "f"
        else rng.integers(0, 2, node.type.shape).astype(node.type.dtype)
        for node in program.inputs
    ]


def test_what_is_left_to_numpy() -> None:
    """Routines of libraries, and what XLA has no exact function for."""
    assert set(OPERATIONS) <= set(REGISTRY)
    left = {
        one.name for one in PRIMITIVES if lines_for_numpy(program_of(one)) and one.kind is not Kind.LIBRARY
    }
    special = {"erfinv", "erfcx", "ndtri", "log_ndtr", "logit", "i0", "i1"}
    special |= {"gamma", "gammaln", "betaln", "polygamma"}
    assert left == special | {"nanargmax", "nanargmin"}  # these raise an error where all is NaN


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_primitive(dtype: Any, rng: np.random.Generator) -> None:
    programs = [(one.name, program_of(one, dtype), one) for one in PRIMITIVES]
    if dtype == np.float32:
        programs = [each for each in programs if not lines_for_numpy(each[1])]
    # Special functions of NumPy and XLA differ by more in float32 than a few operations do.
    assert_same([(name, one, arguments_for(one, primitive, rng)) for name, one, primitive in programs], 16)


def test_derivatives_of_every_primitive(rng: np.random.Generator) -> None:
    cases: list[Given] = []
    for primitive in DIFFERENTIABLE:
        program = program_of(primitive)
        floating = [place for place, node in enumerate(program.inputs) if node.type.is_float]
        derivative = simplify(pullback(program, floating))
        regular = primitive.kind is Kind.LIBRARY
        given = arguments_for(derivative, primitive, rng) if regular else drawn(derivative, rng)
        cases.append((primitive.name, derivative, given))
    assert_same(cases, 64)


def applied(functions: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    return [function(*each) for function, each in zip(functions, given, strict=True)]


def test_structural_cases(rng: np.random.Generator) -> None:
    cases: list[Given] = []
    for name, oracle in structural_cases.ORACLES.items():
        if left_to_numpy(program_of(REGISTRY[name]).lines[-1]) is not None:
            continue  # NumPy on both sides
        primitive, taken = REGISTRY[name], oracle.cases[:4]
        given = [gate.structural_operands(case, rng) for case in taken]

        with_params = [partial(primitive, **case.params) for case in taken]
        program = trace(partial(applied, with_params), given)
        cases.append((name, program, [one for each in given for one in each]))
    assert_same(cases, 32)


def test_networks_and_their_gradients(rng: np.random.Generator) -> None:
    cases: list[Given] = []
    for name, (function, specs, wrt) in NETWORKS.items():
        program = simplify(trace(function, *[abstract_argument(spec) for spec in specs]))
        both = simplify(gradient(program, wrt, with_value=True))
        cases.append((name, both, drawn(both, rng)))
    assert_same(cases, 64)


def test_loops_and_branches_with_their_gradients() -> None:
    cases: list[Given] = []
    for one in EXAMPLES:
        wrt = [place for place, each in enumerate(one.args) if np.asarray(each).dtype.kind == "f"]
        program = trace(one.function, *one.args)
        cases.append((str(one), simplify(gradient(program, wrt, with_value=True)), one.args))
    assert_same(cases, 256)
    left = {reason for _, program, _ in cases for reason in lines_for_numpy(program).values()}
    assert left == {"while_pullback keeps values of a number of iterations that nobody knows before"}


def test_random_programs() -> None:
    given = [Drawn(seed) for seed in range(16)]
    assert_same([(f"seed {seed}", one.program, one.arguments) for seed, one in enumerate(given)], 64)


SPECIAL = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-30, 0.5, -0.5, 2, -2, 3, 100, -100]
# The sign of a result of 0 depends on NumPy's own instructions, or is NumPy's alone.
UNSIGNED = {"sign", "maximum", "minimum"}


def test_special_values() -> None:
    special = np.array(SPECIAL)
    pairs = [np.repeat(special, len(special)), np.tile(special, len(special))]
    names: list[str] = []
    programs: list[Program] = []
    for one in PRIMITIVES:
        known = not any(interval.integer for interval in one.domain) and len(one.domain) <= 2
        if one.kind is Kind.ELEMENTWISE and known and one is not REGISTRY["astype"]:
            names.append(one.name)
            programs.append(trace(one, *(pairs if len(one.domain) == 2 else [special])))
    arguments = [one for each in programs for one in (pairs if len(each.inputs) == 2 else [special])]
    joined = Program(
        [node for each in programs for node in each.inputs], [each.outputs[0] for each in programs]
    )
    found, wanted = (one.compile(joined)(arguments) for one in (XLAExecutor(), NumpyExecutor()))
    for name, mine, oracle in zip(names, found, wanted, strict=True):
        np.testing.assert_allclose(mine, oracle, rtol=2e-15, atol=1e-300, err_msg=name)
        if oracle.dtype.kind == "f" and name not in UNSIGNED:
            real = ~np.isnan(oracle)
            np.testing.assert_array_equal(np.signbit(mine[real]), np.signbit(oracle[real]), err_msg=name)


INTEGERS = ["add", "sub", "mul", "neg", "abs", "sign", "square", "maximum", "minimum", "eq", "lt", "ge"]
DIVISIONS = ["floor_divide", "remainder", "fmod"]


def test_integers(rng: np.random.Generator) -> None:
    cases: list[Given] = []
    for dtype in (np.int8, np.uint8, np.int32, np.uint32, np.int64):
        limits = np.iinfo(dtype)
        for name in [*INTEGERS, *DIVISIONS]:
            primitive: Primitive = REGISTRY[name]
            given = [rng.integers(limits.min, limits.max, 37, dtype) for _ in primitive.domain]
            if name in DIVISIONS:
                given[1][:3] = 0
            with np.errstate(all="ignore"):
                cases.append((f"{name} of {dtype.__name__}", trace(primitive, *given), given))
    assert_same(cases)


def test_conversions() -> None:
    whole = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
    ends = [float(end) for one in whole for end in (np.iinfo(one).min, np.iinfo(one).max)]
    values = [end + step for end in ends for step in (-1.5, -1, 0, 0.5, 1.5)]
    values += [0.0, -0.5, 2.5, 1e30, -1e30, np.inf, -np.inf, np.nan]
    cases: list[Given] = []
    for old in (np.float64, np.float32, np.bool_, np.int8, np.uint16, np.int64):
        given = np.array(values if old in (np.float64, np.float32) else [0, 1, 2, 100, 3, 77]).astype(old)
        program = trace(lambda x: [x.astype(one) for one in [*whole, np.bool_, np.float32, float]], given)
        cases.append((old.__name__, program, [given]))
    assert_same(cases)


def test_random_numbers_are_the_same_bits() -> None:
    key = wg.random.key(2**40 + 7)

    def function(key: Any, number: Any) -> Any:
        inner = wg.random.fold_in(key, number)
        single = wg.random.uniform(inner, (3, 7), np.float32)
        return inner, single, wg.random.uniform(inner, (5,)), wg.random.normal(inner, (4,))

    arguments = [key, np.array(2**33 + 5)]
    program = trace(function, *arguments)
    found, wanted = (one.compile(program)(arguments) for one in (XLAExecutor(), NumpyExecutor()))
    for mine, oracle in zip(found[:3], wanted[:3], strict=True):
        np.testing.assert_array_equal(mine, oracle)
    np.testing.assert_allclose(found[3], wanted[3], rtol=1e-14)


def test_long_sums_of_float32_are_added_up_in_float64() -> None:
    x = np.full(2**22, np.float32(0.1))
    program = trace(lambda x: (np.sum(x), np.mean(x), np.cumsum(x)[-1]), x)
    total, mean, last = XLAExecutor().compile(program)([x])
    np.testing.assert_allclose([total, mean * x.size, last], float(x[0]) * x.size, rtol=1e-6)
