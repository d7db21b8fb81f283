"""What primitives compute, against expressions at 40 digits and loops over Python numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases
from tests.contract.structural_oracles import Case

from wengert.ir.primitive import REGISTRY
from wengert.trace.tracing import trace

STRUCTURAL = [(name, case) for name, oracle in structural_cases.ORACLES.items() for case in oracle.cases]
# Relative error allowed, in units of the dtype's epsilon: NumPy's own float32 functions err by up to 4.
ULPS = 8


@pytest.mark.parametrize("name", scalar_oracles.EXPRESSIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elementwise_values(name: str, dtype: Any, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    for shapes in gate.SHAPES[len(primitive.domain)]:
        operands = gate.elementwise_operands(primitive, shapes, rng, dtype)
        got = trace(primitive, *operands)(*operands)
        wanted = scalar_oracles.evaluate(name, operands)
        eps = float(np.finfo(dtype).eps)
        # Where terms cancel, as in expm1 and logarithms near 1, the error is relative to 1.
        np.testing.assert_allclose(got, wanted, rtol=ULPS * eps, atol=eps, err_msg=name)
        np.testing.assert_array_equal(primitive(*operands), got)


@pytest.mark.parametrize("name", scalar_oracles.STEPS)
def test_piecewise_constant_values(name: str, rng: np.random.Generator) -> None:
    primitive, function = REGISTRY[name], scalar_oracles.STEPS[name]
    values = [*rng.normal(size=3).tolist(), *primitive.special, 0.0, -0.0, 1.0]
    grid = np.meshgrid(*[values] * len(primitive.domain))
    got = trace(primitive, *grid)(*grid)
    wanted = [function(*given) for given in zip(*[one.ravel().tolist() for one in grid], strict=True)]
    np.testing.assert_array_equal(got.ravel(), wanted)


def with_specials(name: str) -> list[np.ndarray]:
    values = [*REGISTRY[name].special, 0.5]
    return [one.ravel() for one in np.meshgrid(*[values] * len(REGISTRY[name].domain))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in scalar_oracles.EXPRESSIONS if REGISTRY[name].special])
def test_special_values_are_those_of_a_twin_or_the_expression(name: str) -> None:
    twins = {**scalar_oracles.SCIPY_TWINS, **scalar_oracles.TWINS}
    operands = with_specials(name)
    if name not in twins:
        assert np.isfinite(operands).all(), (
            f"{name}: give it a twin in scalar_oracles.py for NaN and infinity"
        )
        found, wanted = trace(REGISTRY[name], *operands)(*operands), scalar_oracles.evaluate(name, operands)
        np.testing.assert_allclose(found, wanted, rtol=ULPS * float(np.finfo(np.float64).eps))
        return
    wanted = twins[name](*operands)
    if name == "exp_difference":
        wanted[operands[1] == -np.inf] = np.exp(operands[0][operands[1] == -np.inf])  # as declared
    np.testing.assert_allclose(trace(REGISTRY[name], *operands)(*operands), wanted, rtol=1e-15)


@pytest.mark.parametrize(("name", "case"), STRUCTURAL, ids=str)
def test_structural_values(name: str, case: Case, rng: np.random.Generator) -> None:
    primitive = REGISTRY[name]
    operands = gate.structural_operands(case, rng)
    got = gate.as_real(trace(lambda *args: primitive(*args, **case.params), *operands)(*operands))
    wanted = structural_cases.ORACLES[name].function(*operands, **case.params)
    if got.dtype.kind == "f":
        np.testing.assert_allclose(got, wanted.astype(np.float64), rtol=1e-14, atol=1e-14)
    else:
        np.testing.assert_array_equal(got, wanted)


# Known answers of Philox-4x32-10 in the Random123 distribution (kat_vectors).
PHILOX = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox-4x32-10 on Python integers, as in Salmon et al. 2011, section 3.3."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high, low = divmod(c0 * 0xD2511F53, 2**32)
        high2, low2 = divmod(c2 * 0xCD9E8D57, 2**32)
        c0, c1, c2, c3 = high2 ^ c1 ^ k0, low2, high ^ c3 ^ k1, low
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


@pytest.mark.parametrize(("counter", "key", "words"), PHILOX)
def test_the_generator_is_philox(counter: tuple, key: tuple, words: tuple) -> None:
    from wengert.primitives import reference

    assert philox(counter, key) == words
    got = reference.philox([np.array([word]) for word in counter], np.array(key, np.uint32))
    assert [int(word[0]) for word in got] == list(words)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 5), (2, 0, 3)])
def test_uniform_numbers_are_words_of_philox(shape: tuple[int, ...]) -> None:
    uniform = REGISTRY["random_uniform"]
    key = np.array([11, 22], np.uint32)
    count = math.prod(shape)
    words = [word for block in range(-(-count // 2)) for word in philox((block, 0, 0, 0), (11, 22))]
    single = [(word >> 8) / 2**24 for word in words[:count]]
    double = [((words[2 * i] >> 5) * 2**26 + (words[2 * i + 1] >> 6)) / 2**53 for i in range(count)]
    for dtype, wanted in ((np.float32, single), (np.float64, double)):
        params = {"shape": shape, "dtype": np.dtype(dtype)}
        got = trace(lambda key, params=params: uniform(key, **params), key)(key)
        assert got.dtype == dtype
        assert got.shape == shape
        np.testing.assert_array_equal(got.ravel(), np.array(wanted, dtype))


def test_folding_in_gives_the_words_of_a_counter_of_its_own() -> None:
    key = np.array([11, 22], np.uint32)
    number = 2**40 + 5
    got = trace(REGISTRY["fold_in"], key, np.int64(number))(key, np.int64(number))
    assert got.dtype == np.uint32
    assert tuple(got.tolist()) == philox((number % 2**32, number >> 32, 1, 0), (11, 22))[:2]
