"""The instructions for bfloat16 numbers, emulated: code for processors that have them runs anywhere.

As the manual describes them (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2). Those
of vectors become functions of integers and fused multiply-adds; those of AMX call into NumPy.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from wengert.run.llvm.runtime.target import Target, host_target, object_code

HOST = host_target()
# Registers as wide as those of AVX-512, which LLVM makes of what there is.
AVX512 = Target(HOST.cpu, HOST.features, 64, 32, processor=HOST.processor, bfloat16="avx512_bf16")
AMX = Target(HOST.cpu, HOST.features, 64, 32, processor=HOST.processor, bfloat16="amx")

_ROUNDED = """
define internal <16 x i16> @emulated.rounded(<16 x float> %x) {
  %bits = bitcast <16 x float> %x to <16 x i32>
  %exponent = and <16 x i32> %bits, splat (i32 2139095040)
  %is_small = icmp eq <16 x i32> %exponent, zeroinitializer
  %sign = and <16 x i32> %bits, splat (i32 -2147483648)
  %flushed = select <16 x i1> %is_small, <16 x i32> %sign, <16 x i32> %bits
  %high = lshr <16 x i32> %flushed, splat (i32 16)
  %odd = and <16 x i32> %high, splat (i32 1)
  %half = add <16 x i32> %flushed, splat (i32 32767)
  %sum = add <16 x i32> %half, %odd
  %nearest = lshr <16 x i32> %sum, splat (i32 16)
  %quiet = or <16 x i32> %high, splat (i32 64)
  %is_nan = fcmp uno <16 x float> %x, %x
  %chosen = select <16 x i1> %is_nan, <16 x i32> %quiet, <16 x i32> %nearest
  %result = trunc <16 x i32> %chosen to <16 x i16>
  ret <16 x i16> %result
}
define internal <16 x i16> @"emulated.avx512bf16.cvtneps2bf16.512"(<16 x float> %x) {
  %result = call <16 x i16> @emulated.rounded(<16 x float> %x)
  ret <16 x i16> %result
}
define internal <32 x i16> @"emulated.avx512bf16.cvtne2ps2bf16.512"(<16 x float> %x, <16 x float> %y) {
  %upper = call <16 x i16> @emulated.rounded(<16 x float> %x)
  %lower = call <16 x i16> @emulated.rounded(<16 x float> %y)
  %result = shufflevector <16 x i16> %lower, <16 x i16> %upper, <32 x i32> <LANES>
  ret <32 x i16> %result
}
""".replace("LANES", ", ".join(f"i32 {lane}" for lane in range(32)))
_ADDED = """
declare <N x float> @llvm.fma.vNf32(<N x float>, <N x float>, <N x float>)
define internal <N x float> @"emulated.avx512bf16.dpbf16ps.BITS"(
    <N x float> %sum, <M x i16> %x, <M x i16> %y) {
  %xs = bitcast <M x i16> %x to <N x i32>
  %ys = bitcast <M x i16> %y to <N x i32>
  %x0 = shl <N x i32> %xs, splat (i32 16)
  %y0 = shl <N x i32> %ys, splat (i32 16)
  %x1 = and <N x i32> %xs, splat (i32 -65536)
  %y1 = and <N x i32> %ys, splat (i32 -65536)
  %fx0 = bitcast <N x i32> %x0 to <N x float>
  %fy0 = bitcast <N x i32> %y0 to <N x float>
  %fx1 = bitcast <N x i32> %x1 to <N x float>
  %fy1 = bitcast <N x i32> %y1 to <N x float>
  %first = call <N x float> @llvm.fma.vNf32(<N x float> %fx1, <N x float> %fy1, <N x float> %sum)
  %both = call <N x float> @llvm.fma.vNf32(<N x float> %fx0, <N x float> %fy0, <N x float> %first)
  ret <N x float> %both
}
"""
_DEFINITIONS = _ROUNDED + "".join(
    _ADDED.replace("BITS", str(32 * lanes)).replace("N", str(lanes)).replace("M", str(2 * lanes))
    for lanes in (4, 8, 16)
)


class TileRegisters(threading.local):
    """The eight registers of AMX and what was set of them; an instruction that would be refused raises.

    A test fails for it, since pytest reports what is raised in a callback.
    """

    def __init__(self) -> None:
        self.extents: list[tuple[int, int]] = []  # rows, and bytes of a row
        self.tiles = np.zeros((8, 16, 64), np.uint8)
        self.products = 0

    def ldtilecfg(self, place: int) -> None:
        words = np.frombuffer(ctypes.string_at(place, 64), np.uint8)
        assert (words[0], words[1]) == (1, 0)
        assert not words[2:16].any()
        assert not words[32:48].any()
        assert not words[56:].any()
        row_bytes = words[16:32].view(np.uint16)
        self.extents = [(int(rows), int(size)) for rows, size in zip(words[48:56], row_bytes, strict=True)]
        assert all(rows <= 16 and size <= 64 and (rows > 0) == (size > 0) for rows, size in self.extents)
        self.tiles[...] = 0

    def tilerelease(self) -> None:
        self.extents = []

    def tileloadd64(self, register: int, place: int, stride: int) -> None:
        rows, size = self.extents[register]
        assert rows
        self.tiles[register] = 0
        for row in range(rows):
            self.tiles[register, row, :size] = np.frombuffer(
                ctypes.string_at(place + row * stride, size), np.uint8
            )

    def tilestored64(self, register: int, place: int, stride: int) -> None:
        rows, size = self.extents[register]
        assert rows
        for row in range(rows):
            ctypes.memmove(place + row * stride, self.tiles[register, row, :size].tobytes(), size)

    def tdpbf16ps(self, total: int, left: int, right: int) -> None:
        assert len({total, left, right}) == 3
        (rows, columns), (left_rows, left_bytes), (pairs, right_bytes) = (
            self.extents[one] for one in (total, left, right)
        )
        assert (rows, columns, left_bytes) == (left_rows, right_bytes, 4 * pairs)
        x = _floats(self.tiles[left, :rows, :left_bytes]).reshape(rows, pairs, 2)
        y = _floats(self.tiles[right, :pairs, :right_bytes]).reshape(pairs, -1, 2)
        sums = np.zeros((rows, y.shape[1], 2), np.float32)
        with np.errstate(all="ignore"):
            for pair in range(pairs):
                sums = (sums + x[:, None, pair] * y[None, pair]).astype(np.float32)
            self.tiles[total, :rows, :columns].view(np.float32)[...] += sums[..., 0] + sums[..., 1]
        self.products += 1


def _floats(halves: Any) -> Any:
    bits = np.ascontiguousarray(halves).view(np.uint16).astype(np.uint32) << 16
    with np.errstate(invalid="ignore"):  # rows that nothing was packed into
        return bits.view(np.float32).astype(np.float64)


REGISTERS = TileRegisters()
_ARGUMENTS: dict[str, list[Any]] = {
    "ldtilecfg": [ctypes.c_void_p],
    "tilerelease": [],
    "tileloadd64": [ctypes.c_uint8, ctypes.c_void_p, ctypes.c_int64],
    "tilestored64": [ctypes.c_uint8, ctypes.c_void_p, ctypes.c_int64],
    "tdpbf16ps": [ctypes.c_uint8] * 3,
}


def _callback(name: str) -> Callable[..., None]:
    function = ctypes.CFUNCTYPE(None, *_ARGUMENTS[name])(lambda *given: getattr(REGISTERS, name)(*given))
    llvm.add_symbol(f"emulated.{name}", ctypes.cast(function, ctypes.c_void_p).value)
    return function


_KEPT = [_callback(name) for name in _ARGUMENTS]


def emulated(text: str) -> str:
    """Return the text of a module in which other functions take the place of the instructions."""
    kept = re.sub(r'^declare .*@"llvm\.x86\.avx512bf16\..*\n', "", text, flags=re.MULTILINE)
    kept = re.sub(r'^declare .*@"llvm\.fma\.v(?:4|8|16)f32".*\n', "", kept, flags=re.MULTILINE)
    replaced = re.sub(rf"llvm\.x86\.({'|'.join(['avx512bf16', *_ARGUMENTS])})", r"emulated.\1", kept)
    return replaced.replace("bfloat", "i16") + _DEFINITIONS


def emulated_object_code(text: str, target: Target) -> bytes:
    """Compile a module as `object_code` does."""
    return object_code(emulated(text), target)
