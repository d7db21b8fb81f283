"""The processor that code is made for, and the step from LLVM's text to an address."""

from __future__ import annotations

import ctypes
import sys
import threading
from dataclasses import dataclass, field
from functools import lru_cache

import llvmlite.binding as llvm

from wengert.run.llvm.runtime.processor import UNKNOWN, Processor, host_processor

# LLVM keeps state of its own, and llvmlite a lock around each call but not around our sequences of calls.
COMPILER_LOCK = threading.RLock()


@lru_cache(maxsize=1)
def host_triple() -> str:
    """Return LLVM's name of architecture and system."""
    found: str = llvm.get_default_triple()
    return found


@dataclass(frozen=True)
class Target:
    """A processor.

    Attributes
    ----------
    cpu : str
        LLVM's name of it.
    features : str
        LLVM's list of features; empty for those that `cpu` implies.
    vector_bytes : int
        Width of a vector register.
    vector_registers : int
        How many there are.
    triple : str
        Architecture and system; this machine's by default.
    effort : int
        Level of instruction selection and register allocation, 0 to 3. Level 3 takes longer than 2 and gives
        the same speed.
    processor : Processor
        Its caches and pages.
    tiles : tuple of (int, int, float)
        Of tiles of products rows, vectors and time for a multiply-add beside the best, as a search found;
        empty where none was made.
    bfloat16 : str
        The instructions that multiply the factors of float32 products, rounded to bfloat16: "avx512_bf16" or
        "amx"; empty where they are not rounded.
    far_bytes : int
        From this stride by row on, panels of a right matrix are packed; 0 where no search was made.
    """

    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int
    triple: str = field(default_factory=host_triple)
    effort: int = 2
    processor: Processor = UNKNOWN
    tiles: tuple[tuple[int, int, float], ...] = ()
    far_bytes: int = 0
    bfloat16: str = ""

    def lanes(self, itemsize: int) -> int:
        """Return how many elements of `itemsize` bytes one register holds."""
        return self.vector_bytes // itemsize

    @property
    def has_bfloat16(self) -> bool:
        """Whether the processor multiplies bfloat16 numbers in its widest registers."""
        return self.vector_bytes == 64 and "+avx512bf16" in self.features.split(",")

    @property
    def has_amx(self) -> bool:
        """Whether it multiplies tiles of them as well; a process needs the system's leave for that."""
        return self.has_bfloat16 and {"+amx-tile", "+amx-bf16"} <= set(self.features.split(","))


# Narrower processors whose code the tests run on a wider one.
AVX2 = Target("haswell", "", 32, 16)
SSE = Target("nehalem", "", 16, 16)
# Code for it is generated and compiled in the tests, though not run on another machine.
NEON = Target("generic", "", 16, 32, "aarch64-unknown-linux-gnu")


@lru_cache(maxsize=1)
def host_target() -> Target:
    """Return the processor that this process runs on."""
    with COMPILER_LOCK:
        _initialize()
        found = llvm.get_host_cpu_features()
        cpu = llvm.get_host_cpu_name()
    processor = host_processor()
    enabled = {name for name, present in found.items() if present}
    features = found.flatten()
    if {"avx512f", "avx512vl", "avx512dq", "avx512bw"} <= enabled:
        # LLVM would rather not use the wide registers, for the sake of older processors that slowed down.
        return Target(cpu, features + ",-prefer-256-bit", 64, 32, processor=processor)
    if "avx2" in enabled and "fma" in enabled:
        return Target(cpu, features, 32, 16, processor=processor)
    registers = 32 if host_triple().startswith(("aarch64", "arm64")) else 16
    return Target(cpu, features, 16, registers, processor=processor)


@lru_cache(maxsize=1)
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if sys.platform == "win32":
        # Generated code calls it by the name it has elsewhere; see `wengert.run.llvm.codegen.barrier`.
        give_way = ctypes.cast(ctypes.windll.kernel32.SwitchToThread, ctypes.c_void_p).value
        llvm.add_symbol("sched_yield", give_way)


def machine_of(target: Target) -> llvm.TargetMachine:
    """Return LLVM's code generator for a processor."""
    _initialize()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=target.effort, jit=True
    )


def optimised(text: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    """Return the module in `text`, checked and optimised for a processor."""
    module = llvm.parse_assembly(text)
    module.verify()
    # Chosen by measurement: with more passes this takes longer, and the code is no faster. Loops come
    # vectorised, unrolled and rotated from here. The code generator itself finds what is computed twice, and
    # moves out of loops what does not change in them.
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return module


def object_code(text: str, target: Target) -> bytes:
    """Compile a module to the bytes of an object file."""
    with COMPILER_LOCK:
        machine = machine_of(target)
        code: bytes = machine.emit_object(optimised(text, machine))
        return code


class LoadedCode:
    """Machine code in this process, which stays as long as this object.

    Parameters
    ----------
    code : bytes
        An object file.
    target : Target
    """

    def __init__(self, code: bytes, target: Target) -> None:
        with COMPILER_LOCK:
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine_of(target))
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where a function stands."""
        with COMPILER_LOCK:
            found: int = self._engine.get_function_address(name)
        return found
