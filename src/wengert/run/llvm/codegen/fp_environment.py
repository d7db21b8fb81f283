"""The floating-point environment: rounding to nearest and subnormal numbers kept, whatever was set before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I32, I64, POINTER, VOID, constant, external

# The control register of x86 as a process begins: all exceptions masked, nothing flushed.
_X86_DEFAULT = 0x1F80


@contextmanager
def plain_arithmetic(builder: ir.IRBuilder, triple: str) -> Iterator[None]:
    """Generate code with a plain environment around what the body generates, and restore what there was."""
    if triple.startswith(("x86_64", "amd64")):
        with builder.goto_entry_block():
            saved, plain = builder.alloca(I32), builder.alloca(I32)
            saved.type = plain.type = POINTER
        type_ = ir.FunctionType(VOID, [POINTER])
        read = external(builder.module, "llvm.x86.sse.stmxcsr", type_)
        write = external(builder.module, "llvm.x86.sse.ldmxcsr", type_)
        builder.call(read, [saved])
        builder.store(constant(I32, _X86_DEFAULT), plain)
        builder.call(write, [plain])
        yield
        builder.call(write, [saved])
    elif triple.startswith(("aarch64", "arm64")):
        found = builder.call(external(builder.module, "llvm.aarch64.get.fpcr", ir.FunctionType(I64, [])), [])
        write = external(builder.module, "llvm.aarch64.set.fpcr", ir.FunctionType(VOID, [I64]))
        builder.call(write, [constant(I64, 0)])
        yield
        builder.call(write, [found])
    else:
        yield
