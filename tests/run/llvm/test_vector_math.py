"""The vector functions: their error, special values, and the same bits at every width and on every target.

`python tools/vector_math_error.py sweep` covers all 2^32 float32 numbers.
"""

import platform
import re

import mpmath as mp
import numpy as np
import pytest
from llvmlite import binding, ir
from tools.vector_math_error import (
    NAMES,
    ORACLES,
    build_module,
    compile_functions,
    errors_in_ulp,
    host_machine,
    optimised,
)

from wengert.run.llvm.vector_math import SUPPORTED, emit

ON_X86 = platform.machine().lower() in ("x86_64", "amd64")
WIDE = {"float32": 16, "float64": 8}
INF, NAN = np.inf, np.nan

# At −∞, −1, −0, +0, ∞ and NaN.
SPECIAL = {
    "cos": (NAN, np.cos(1.0), 1.0, 1.0, NAN, NAN),
    "erf": (-1.0, mp.erf(-1), -0.0, 0.0, 1.0, NAN),
    "exp": (0.0, np.exp(-1.0), 1.0, 1.0, INF, NAN),
    "expm1": (-1.0, np.expm1(-1.0), -0.0, 0.0, INF, NAN),
    "log": (NAN, NAN, -INF, -INF, INF, NAN),
    "log1p": (NAN, -INF, -0.0, 0.0, INF, NAN),
    "sigmoid": (0.0, 1 / (1 + np.exp(1.0)), 0.5, 0.5, 1.0, NAN),
    "sin": (NAN, np.sin(-1.0), -0.0, 0.0, NAN, NAN),
    "softplus": (0.0, np.log1p(np.exp(-1.0)), np.log(2.0), np.log(2.0), INF, NAN),
    "tan": (NAN, np.tan(-1.0), -0.0, 0.0, NAN, NAN),
    "tanh": (-1.0, np.tanh(-1.0), -0.0, 0.0, 1.0, NAN),
}


def exact_value(name, x):
    """The function of an mpmath number, at the precision that is set."""
    formulas = {
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(-abs(x))) + max(x, 0),
    }
    return formulas.get(name, getattr(mp, name, None))(x)


def every_exponent_float32(rng):
    """For each sign and exponent: the ends, a random fine comb over the mantissas, and random ones."""
    count = 1 << 10
    comb = (np.arange(count) << 13) + rng.integers(0, 1 << 13, count)
    mantissas = np.concatenate([np.arange(8), (1 << 23) - 1 - np.arange(8), comb])
    high = np.arange(512, dtype=np.int64)[:, None] << 23
    return (high + mantissas).astype(np.uint32).ravel().view(np.float32)


def hard_float32():
    """Around where formulas change or results end, and around multiples of π/4."""
    turns = np.concatenate([np.arange(1, 4097), np.arange(1, 4096) << 10]) * (np.pi / 4)
    edges = [2**-0.5, 1 / 3, 2 / 3, 4 / 3, 0.6, 0.86, 1.0, 3.92, 9.01, 17.3, 88.7228, 87.33, 103.97, 2.0**18]
    edges += [np.log(2) * (k + 0.5) for k in range(150)]
    centres = np.concatenate([turns, edges]).astype(np.float32)
    steps = np.arange(-16, 17, dtype=np.int32)
    near = (centres.view(np.int32)[:, None] + steps).ravel().view(np.float32)
    return np.concatenate([near, -near])


def padded(x, width=16):
    """The array with ones behind, up to a multiple of the width."""
    return np.concatenate([x, np.ones(-x.size % width, x.dtype)])


@pytest.fixture(scope="module")
def functions():
    return {dtype: compile_functions(NAMES, dtype, width) for dtype, width in WIDE.items()}


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_within_its_stated_error_at_every_exponent(functions, name):
    x = padded(np.concatenate([every_exponent_float32(np.random.default_rng(7)), hard_float32()]))
    with np.errstate(all="ignore"):
        error = errors_in_ulp(functions["float32"][name](x), ORACLES[name](x.astype(np.float64)))
    worst = int(error.argmax())
    assert error[worst] <= SUPPORTED[name, "float32"], x[worst]


def points_float64(name, rng):
    """Every exponent at random mantissas, the range where results are ordinary, and hard cases."""
    bits = (np.arange(4096, dtype=np.uint64) << 52) + rng.integers(0, 1 << 52, 4096, dtype=np.uint64)
    ordinary = [rng.uniform(-40, 40, 600), rng.uniform(-1.5, 1.5, 600), rng.uniform(-760, 720, 300)]
    edges = [0.6, 0.86, 1 / 3, 4 / 3, 5.9, 18.9, 36.5, 708.4, 709.78, 745.13, 2.0**30, 5e-324, 2.0**-1022]
    # The double nearest to a multiple of π/2 (Muller, section 9.3.2), and others near one.
    edges += [6381956970095103 * 2.0**797, np.pi / 2, np.pi, 11 * np.pi, 355 / 2, 1e22]
    near_one = 1 + np.exp(rng.uniform(-36, -1, 200)) * rng.choice([-1, 1], 200)
    x = np.concatenate([bits.view(np.float64), *ordinary, edges, np.negative(edges), near_one])
    if name == "log":
        return np.abs(x)
    return x[x > -1] if name == "log1p" else x


@pytest.mark.parametrize("name", NAMES)
def test_float64_is_within_its_stated_error(functions, name):
    x = points_float64(name, np.random.default_rng(11))
    x = x[np.isfinite(x)]
    y = functions["float64"][name](padded(x))[: x.size]
    limit = SUPPORTED[name, "float64"]
    largest = mp.mpf(2) ** 1024
    # exp of ±huge would be an exact number with as many digits; the result there is its limit's.
    clamp = 800 if name in ("exp", "expm1", "sigmoid", "softplus", "tanh", "erf") else INF
    with mp.workprec(160):
        for argument, result in zip(x.tolist(), y.tolist(), strict=True):
            if name == "softplus" and argument > clamp:
                assert result == argument
                continue
            exact = exact_value(name, mp.mpf(max(-clamp, min(clamp, argument))))
            exact = min(exact, largest)
            if exact == 0:
                assert result == 0
                continue
            ulp = mp.mpf(2) ** max(mp.frexp(exact)[1] - 53, -1074)
            error = abs((largest if result == INF else mp.mpf(result)) - exact) / ulp
            assert error <= limit, (argument, result, float(error))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_special_values(functions, name, dtype):
    x = padded(np.array([-INF, -1.0, -0.0, 0.0, INF, NAN], dtype))
    y = functions[dtype][name](x)[:6]
    expected = np.array([float(value) for value in SPECIAL[name]], dtype)
    exact = np.array([True, np.isinf(expected[1]) or np.isnan(expected[1]), True, True, True, True])
    np.testing.assert_array_equal(y[exact], expected[exact])
    np.testing.assert_array_equal(np.signbit(y[2:4]), np.signbit(expected[2:4]))
    np.testing.assert_allclose(y, expected, rtol=SUPPORTED[name, dtype] * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["erf", "expm1", "log1p", "sin", "tan", "tanh"])
def test_odd_functions_keep_subnormal_arguments(functions, name, dtype):
    info = np.finfo(dtype)
    multiples = np.array([1, 2, 3, 5, 850001, -1, -2], dtype)
    y = functions[dtype][name](padded(multiples * info.smallest_subnormal))[:7]
    slope = 2 / np.sqrt(np.pi) if name == "erf" else 1
    np.testing.assert_array_equal(y / info.smallest_subnormal, np.round(multiples * slope))


def sample(dtype):
    """Bits of every kind."""
    rng = np.random.default_rng(3)
    if dtype == "float32":
        bits = rng.integers(0, 1 << 32, 8192, dtype=np.uint64).astype(np.uint32).view(np.float32)
    else:
        bits = rng.integers(0, 1 << 64, 8192, dtype=np.uint64).view(np.float64)
    return np.concatenate([bits, rng.uniform(-20, 20, 8192).astype(dtype)])


def same_bits(x, y):
    """Whether they are the same numbers, zeros of the same sign, and NaN at the same places."""
    word = np.uint32 if x.dtype == np.float32 else np.uint64
    return bool(np.all((x.view(word) == y.view(word)) | (np.isnan(x) & np.isnan(y))))


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_width_gives_the_same_bits(functions, dtype, width):
    x = sample(dtype)
    others = compile_functions(NAMES, dtype, width)
    assert [n for n in NAMES if not same_bits(functions[dtype][n](x), others[n](x))] == []


@pytest.mark.skipif(not ON_X86, reason="names x86-64 feature sets")
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_narrower_feature_sets_give_the_same_bits(functions, dtype, cpu):
    if cpu == "x86-64-v3" and not binding.get_host_cpu_features()["fma"]:
        pytest.skip("needs AVX2 and FMA")
    x = sample(dtype)
    others = compile_functions(NAMES, dtype, 8, cpu)
    assert [n for n in NAMES if not same_bits(functions[dtype][n](x), others[n](x))] == []


def machines_without_library_calls():
    """The host's x86-64 model with AVX2 only, one with AVX-512, and AArch64, where this LLVM has them."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    targets = [
        ("x86_64-linux-gnu", "x86-64-v3"),
        ("x86_64-linux-gnu", "x86-64-v4"),
        ("aarch64-linux-gnu", "generic"),
    ]
    for triple, cpu in targets:
        try:
            target = binding.Target.from_triple(triple)
        except RuntimeError:
            continue
        yield cpu if triple.startswith("x86") else "aarch64", target.create_target_machine(cpu=cpu, opt=2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_function_calls_a_library(dtype):
    for label, machine in machines_without_library_calls():
        text = machine.emit_assembly(optimised(build_module(NAMES, dtype, 4), machine))
        called = re.findall(r"^\s+(?:callq?|bl|b|jmp)\s+\"?([a-z_][\w.]*)", text, flags=re.MULTILINE)
        assert {name for name in called if not name.startswith("wengert.")} == set(), label


def test_only_trigonometric_functions_branch():
    for name in NAMES:
        text = machine_text(name)
        assert ("wengert.large_angle" in text) == (name in ("sin", "cos", "tan")), name


def machine_text(name):
    return str(optimised(build_module([name], "float32", 4), host_machine()))


def test_emit_leaves_the_builder_in_its_block():
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.DoubleType(), [ir.DoubleType()]), "f")
    block = function.append_basic_block()
    builder = ir.IRBuilder(block)
    for name in NAMES:
        emit(builder, name, function.args[0])
        assert builder.block is block


def test_other_types_are_refused():
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(32)]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    with pytest.raises(TypeError, match="float and double"):
        emit(builder, "exp", function.args[0])
