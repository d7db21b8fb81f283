"""Where threads wait for each other, in generated code.

Each thread counts the barriers it has reached in a word of its own, and waits until all counts are as high as
its own. It spins at first, then gives the processor away between two looks.
"""

from __future__ import annotations

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I1, I32, I64, POINTER, VOID, constant, external
from wengert.run.llvm.codegen.loops import counted_loop, index_value

# Words between two threads' counts: processors fetch lines of caches in pairs.
WORDS_APART = 16

# The function of POSIX that gives the processor away; `runtime.target` finds its like on other systems.
GIVE_WAY = "sched_yield"

# Looks before the processor is given away: a few microseconds.
_PATIENCE = 500

# counts, number of this thread, how many threads, address of a word that is not 0 when no other thread will
# come; returns whether that is so
_TYPE = ir.FunctionType(I1, [POINTER, I64, I64, POINTER])


def barrier_function(module: ir.Module, triple: str) -> ir.Function:
    """Write the function that returns when all threads have called it."""
    function = ir.Function(module, _TYPE, "barrier")
    function.linkage = "internal"
    function.attributes.add("noinline")
    counts, thread, threads, abandoned = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    own = _count(builder, counts, thread)
    mine = builder.add(builder.load(own, typ=I64), constant(I64, 1))
    own.type = I64.as_pointer()  # llvmlite stores atomically through typed pointers only
    builder.store_atomic(mine, own, "release", 8)
    with counted_loop(builder, 0, threads) as other:
        _wait(builder, _count(builder, counts, index_value(other)), mine, abandoned, triple)
    builder.ret(constant(I1, 0))
    return function


def _count(builder: ir.IRBuilder, counts: ir.Value, thread: ir.Value) -> ir.Value:
    return builder.gep(counts, [builder.mul(thread, constant(I64, WORDS_APART))], source_etype=I64)


def _wait(builder: ir.IRBuilder, count: ir.Value, wanted: ir.Value, abandoned: ir.Value, triple: str) -> None:
    """Wait until `count` is as high as `wanted`."""
    before = builder.block
    look, spin, yielding, leave, done = (
        builder.append_basic_block(name) for name in ("look", "spin", "yield", "leave", "arrived")
    )
    builder.branch(look)
    builder.position_at_end(look)
    tries = builder.phi(I64)
    there = builder.icmp_signed(">=", builder.load_atomic(count, "acquire", 8, typ=I64), wanted)
    builder.cbranch(there, done, spin)
    builder.position_at_end(spin)
    _pause(builder, triple)
    more = builder.add(tries, constant(I64, 1))
    builder.cbranch(builder.icmp_signed("<", more, constant(I64, _PATIENCE)), look, yielding)
    builder.position_at_end(yielding)
    builder.call(external(builder.module, GIVE_WAY, ir.FunctionType(I32, [])), [])
    abandoned = builder.icmp_signed(
        "!=", builder.load_atomic(abandoned, "acquire", 8, typ=I64), constant(I64, 0)
    )
    builder.cbranch(abandoned, leave, look)
    for block, value in ((before, constant(I64, 0)), (spin, more), (yielding, more)):
        tries.add_incoming(value, block)
    builder.position_at_end(leave)
    builder.ret(constant(I1, 1))
    builder.position_at_end(done)


def _pause(builder: ir.IRBuilder, triple: str) -> None:
    """Tell the processor that this thread is waiting."""
    if triple.startswith(("x86_64", "amd64", "i386", "i686")):
        builder.call(external(builder.module, "llvm.x86.sse2.pause", ir.FunctionType(VOID, [])), [])
    elif triple.startswith(("aarch64", "arm64")):
        hint = external(builder.module, "llvm.aarch64.hint", ir.FunctionType(VOID, [I32]))
        builder.call(hint, [constant(I32, 1)])
