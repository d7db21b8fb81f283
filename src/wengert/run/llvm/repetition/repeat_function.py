"""The code that runs a body again and again: it moves pointers on, and calls the kernels."""

from __future__ import annotations

from llvmlite import ir

from wengert.run.llvm.codegen.cancellation import WRONG_INDEX
from wengert.run.llvm.codegen.fp_environment import plain_arithmetic
from wengert.run.llvm.codegen.irtypes import I8, I64, POINTER, constant
from wengert.run.llvm.codegen.kernel_functions import KernelWriter, pointer_at
from wengert.run.llvm.codegen.loops import counted_loop, index_value
from wengert.run.llvm.repetition.arrangement import REPEAT, TYPE, WORDS
from wengert.run.llvm.schedule.buffers import ARENA, FLAG


def write_repeat(writer: KernelWriter, inner: ir.Function, kernels: int) -> None:
    """Write the function `REPEAT` around the one that runs the kernels once."""
    function = ir.Function(writer.module, TYPE, REPEAT)
    tables, moving, count, first, end, answer = function.args
    entry = function.append_basic_block("entry")
    head, iteration_block, on, asked, next_iteration, leave = (
        function.append_basic_block(name) for name in ("head", "iteration", "on", "asked", "next", "leave")
    )
    builder = ir.IRBuilder(entry)
    with plain_arithmetic(builder, writer.generators.target.triple):
        arena = pointer_at(builder, tables, ARENA)
        scratch = builder.gep(arena, [constant(I64, writer.memory.arena_bytes)], source_etype=I8)
        flags = builder.gep(pointer_at(builder, tables, FLAG), [constant(I64, WRONG_INDEX)], source_etype=I64)
        builder.branch(head)
        builder.position_at_end(head)
        iteration = builder.phi(I64)
        iteration.add_incoming(first, entry)
        builder.cbranch(builder.icmp_signed("<", iteration, end), iteration_block, leave)
        builder.position_at_end(iteration_block)
        odd = builder.mul(
            builder.and_(iteration, constant(I64, 1)), constant(I64, writer.memory.table_length)
        )
        table = builder.gep(tables, [odd], source_etype=POINTER)
        with counted_loop(builder, 0, count) as number:
            _move(builder, table, moving, index_value(number), iteration)
        builder.call(inner, [table, constant(I64, 0), constant(I64, kernels), scratch])
        wrong = builder.icmp_signed("!=", builder.load(flags, typ=I64), constant(I64, 0))
        wrong_from = builder.block
        builder.cbranch(wrong, leave, on)
        builder.position_at_end(on)
        following = builder.add(iteration, constant(I64, 1))
        builder.cbranch(builder.icmp_signed("<", answer, constant(I64, 0)), next_iteration, asked)
        builder.position_at_end(asked)
        place = builder.load(builder.gep(table, [answer], source_etype=POINTER), typ=POINTER)
        goes_on = builder.icmp_signed("!=", builder.load(place, typ=I8), constant(I8, 0))
        builder.cbranch(goes_on, next_iteration, leave)
        builder.position_at_end(next_iteration)
        iteration.add_incoming(following, next_iteration)
        builder.branch(head)
        builder.position_at_end(leave)
        result = builder.phi(I64)
        for value, block in ((iteration, head), (iteration, wrong_from), (following, asked)):
            result.add_incoming(value, block)
    builder.ret(result)


def _move(
    builder: ir.IRBuilder, table: ir.Value, moving: ir.Value, number: ir.Value, iteration: ir.Value
) -> None:
    """Put the address of an iteration into the table."""
    start = builder.mul(number, constant(I64, WORDS))
    slot, base, stride = (
        builder.load(
            builder.gep(moving, [builder.add(start, constant(I64, word))], source_etype=I64), typ=I64
        )
        for word in range(WORDS)
    )
    address = builder.add(base, builder.mul(iteration, stride))
    builder.store(address, builder.gep(table, [slot], source_etype=I64))
