"""Whether this process can multiply bfloat16 numbers, and by which instructions."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import platform
import subprocess
import sys
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from wengert.run.llvm.runtime.cache import read_entry, write_entry
from wengert.run.llvm.runtime.fingerprint import generators_digest
from wengert.run.llvm.runtime.target import Target, host_target
from wengert.trace.entry import trace

SUFFIX = ".amx"
# Of Linux on x86-64, by which a process asks for a part of the processor's state.
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18
_RIGHT, _WRONG = 0, 3  # exit statuses of a trial; Python's own is 1
_PATIENCE = 60.0  # seconds; a trial takes about one
# Of trials, rows, terms and columns: full registers, ends of all kinds, and terms in blocks.
_SIZES = [(37, 48, 53), (16, 336, 70)]


def bfloat16_support(target: Target) -> tuple[str, str]:
    """Return by which instructions bfloat16 numbers are multiplied, and what better ones lack, in words.

    These are "amx" where the processor has it, the system grants it to this process, and a trial in a process
    of its own gave the right numbers, which the cache keeps; "avx512_bf16"; or none, where float32 is used.
    """
    if not target.has_bfloat16:
        words = "this processor has no products of bfloat16 numbers (avx512_bf16): float32 is used"
        return "", words
    if not target.has_amx:
        return "avx512_bf16", ""
    if not is_granted():
        reason = "the system does not let this process use its registers"
    elif not _passes(target):
        reason = "a trial of it in a process of its own failed"
    else:
        return "amx", ""
    words = f"this processor has AMX, but {reason}: products of bfloat16 numbers use avx512_bf16"
    return "avx512_bf16", words


@lru_cache(maxsize=1)
def is_granted() -> bool:
    """Ask the system for the registers of AMX, for all threads of this process; whether it grants them."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    system_call = ctypes.CDLL(None).syscall
    arguments = [ctypes.c_long(number) for number in (_ARCH_PRCTL, _REQUEST, _TILE_DATA)]
    return bool(system_call(*arguments) == 0)


@lru_cache(maxsize=4)
def _passes(target: Target) -> bool:
    """Whether a trial gave the right numbers, as the cache or a trial now says."""
    key = {
        "processor": dataclasses.asdict(target.processor), "cpu": target.cpu, "features": target.features,
        "system": platform.release(), "llvm": list(llvm.llvm_version_info), "generators": generators_digest(),
    }  # fmt: skip
    name = json.dumps(key, sort_keys=True)
    kept = read_entry(name, SUFFIX)
    for passes in (False, True):
        if kept == _entry(name, passes):
            return passes
    found = _tried()
    if found is not None:
        write_entry(name, SUFFIX, _entry(name, found))
    return bool(found)


def _entry(name: str, passes: bool) -> bytes:
    return json.dumps([name, passes]).encode()


def _tried() -> bool | None:
    """Whether a process that makes a trial ends well; None where it could not be made."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", "wengert.run.llvm.matmul.bfloat16_support"]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    decides = done.returncode in (_RIGHT, _WRONG) or done.returncode < 0  # an instruction ended it
    return done.returncode == _RIGHT if decides else None


def is_exact(target: Target) -> bool:
    """Whether products of small integers, in all arrangements, are what they are in integers."""
    # What runs programs needs this module.
    from wengert.run.llvm.executor import LLVMExecutor

    rng = np.random.default_rng(0)
    factors = [
        (rng.integers(-9, 10, (rows, terms)), rng.integers(-9, 10, (terms, columns)))
        for rows, terms, columns in _SIZES
    ]

    def products(*arrays: Any) -> Any:
        plain = [x @ y for x, y in zip(arrays[0::4], arrays[1::4], strict=True)]
        return plain, [x.T @ y.T for x, y in zip(arrays[2::4], arrays[3::4], strict=True)]

    arguments = [np.ascontiguousarray(one, np.float32) for x, y in factors for one in (x, y, x.T, y.T)]
    # Of a small second-level cache, so that terms are added up in blocks.
    small = dataclasses.replace(target.processor, l2_bytes=64 * 3 * 4 * target.vector_bytes)
    executor = LLVMExecutor(dataclasses.replace(target, processor=small), threads=1)
    found = executor.compile(trace(products, *arguments))(arguments)
    exact = [x @ y for x, y in factors]
    return all(np.array_equal(*pair) for pair in zip(found, exact + exact, strict=True))


if __name__ == "__main__":
    can = is_granted() and is_exact(dataclasses.replace(host_target(), bfloat16="amx"))
    sys.exit(_RIGHT if can else _WRONG)
