"""Random numbers of generated code are bit for bit those of the reference."""

import numpy as np
import pytest

import wengert as wg
from wengert.primitives import random
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.fusion.lowering import left_to_numpy
from wengert.run.llvm.runtime.target import AVX2, SSE
from wengert.run.numpy import NumpyExecutor

KEYS = [((1, 2), 3), ((2**32 - 1, 2**31 + 5), -7), ((0, 0), 2**40)]


@pytest.mark.parametrize("target", [None, AVX2, SSE], ids=["host", "avx2", "sse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (32,), (33, 7), (64, 17), (3, 0)], ids=str)
def test_numbers_and_keys(target, dtype, shape):
    def function(key, number):
        folded = random.fold_in(key, number)
        return random.uniform(folded, shape, dtype), folded

    program = wg.trace(function, np.zeros(2, np.uint32), np.int64(0))
    assert not any(left_to_numpy(node) for node in program.lines)
    compiled, oracle = LLVMExecutor(target).compile(program), NumpyExecutor().compile(program)
    for key, number in KEYS:
        arguments = [np.array(key, np.uint32), np.array(number)]
        for mine, wanted in zip(compiled(arguments), oracle(arguments), strict=True):
            assert mine.dtype == wanted.dtype
            assert np.array_equal(mine, wanted)


@pytest.mark.parametrize("number", [np.int8(-3), np.uint8(200), np.int32(-(2**31)), np.uint32(2**32 - 1)])
def test_a_key_folds_in_integers_of_any_width(number):
    program = wg.trace(random.fold_in, np.zeros(2, np.uint32), number)
    arguments = [np.array([7, 9], np.uint32), np.array(number)]
    (mine,), (wanted,) = (one.compile(program)(arguments) for one in (LLVMExecutor(), NumpyExecutor()))
    assert np.array_equal(mine, wanted)
