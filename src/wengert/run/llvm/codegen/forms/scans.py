"""Loops whose bodies are machine code of their own, called with what each iteration reads and writes."""

from __future__ import annotations

from itertools import accumulate

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import I8, I64, constant
from wengert.run.llvm.codegen.row_gather import copy_bytes
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.repetition.arrangement import TYPE, WORDS
from wengert.run.llvm.runtime.target import Target
from wengert.run.llvm.schedule.buffers import rounded

_WORD = 8


class Scan:
    """One call, or two where the last iteration writes elsewhere.

    The tables of pointers, what moves in them, the carries and the arrays of an iteration lie in scratch
    memory, so that a loop may run in several threads, and in iterations of another.

    Attributes
    ----------
    units : int
    scratch_bytes : int
    """

    units = 1

    def __init__(self, kernel: Kernel, target: Target) -> None:
        assert kernel.loop is not None
        self.kernel, self.loop = kernel, kernel.loop
        loop, moving = self.loop, max(len(moving) for _, moving in self.loop.stretches)
        sizes = (_WORD * loop.table_words, _WORD * WORDS * moving, loop.memory_bytes, loop.arena_bytes)
        *self.starts, self.scratch_bytes = accumulate(map(rounded, sizes), initial=0)

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
        flags: ir.Value,
        words: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`; `words` are those of the loop, see `CalledLoop`."""
        with builder.if_then(builder.icmp_signed("<", begin, end)):
            _Call(self, builder, buffers, scratch, flags, words).generate()


class _Call:
    """Generates a call of a loop."""

    def __init__(
        self,
        scan: Scan,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        scratch: ir.Value,
        flags: ir.Value,
        words: ir.Value,
    ) -> None:
        self.builder, self.words = builder, words
        self.loop, self.repetition = scan.loop, scan.loop.repetition
        self.tables, self.moving, self.memory, arena = (_on(builder, scratch, one) for one in scan.starts)
        kernel, carries = scan.kernel, self.repetition.carries
        self.given = []
        for place in self.repetition.operands:
            view = kernel.leaves[kernel.line.inputs[place]]
            start = view.offset * view.base.type.dtype.itemsize
            self.given.append(_on(builder, buffers[view.base], start))
        results = {node.param("index"): buffers[node] for node in kernel.stored}
        self.finals = [results.get(place) for place in self.repetition.results[:carries]]
        written = [results[place] for place in self.repetition.results[carries:]]
        outputs = len(written) - len(self.repetition.kept)
        self.rows = written[outputs:]
        arrays = [*self.given, *self.rows, *written[:outputs], arena, flags, flags, self.memory]
        self.addresses = [builder.ptrtoint(one, I64) for one in arrays]

    def generate(self) -> None:
        """Generate it."""
        builder, sizes = self.builder, self.loop.sizes
        copy_bytes(builder, self.tables, _on(builder, self.words, _WORD), _WORD * self.loop.table_words)
        for place, array, offset in self.loop.places:
            self._store(self.tables, place, self._address(array, offset))
        for number, size in enumerate(sizes):
            copy_bytes(builder, self._first(number), self.given[self.repetition.constants + number], size)
        code = builder.load(self.words, typ=ir.PointerType(TYPE))
        first = 0
        for stop, moving in self.loop.stretches:
            for number, (slot, array, start, step) in enumerate(moving):
                words = constant(I64, slot), self._address(array, start), constant(I64, step)
                for word, value in enumerate(words):
                    self._store(self.moving, WORDS * number + word, value)
            numbers = [constant(I64, one) for one in (len(moving), first, stop, -1)]
            builder.call(code, [self.tables, self.moving, *numbers])
            first = stop
        for number, target in enumerate(self.finals):
            if target is not None:
                copy_bytes(builder, target, self._last(number), sizes[number])

    def _address(self, array: int, offset: int) -> ir.Value:
        return self.builder.add(self.addresses[array], constant(I64, offset))

    def _store(self, memory: ir.Value, word: int, value: ir.Value) -> None:
        self.builder.store(value, _on(self.builder, memory, _WORD * word))

    def _first(self, number: int) -> ir.Value:
        """Return where a carry is before the first iteration."""
        kept, length = self.repetition.kept, self.repetition.length
        if number not in kept or not length:
            return _on(self.builder, self.memory, self.loop.starts[number])
        row = length - 1 if self.repetition.reverse else 0
        return _on(self.builder, self.rows[kept.index(number)], row * self.loop.sizes[number])

    def _last(self, number: int) -> ir.Value:
        """Return where a carry is after the last iteration."""
        start = self.loop.starts[number]
        if number not in self.repetition.kept and self.repetition.length % 2:
            start += self.loop.sizes[number]
        return _on(self.builder, self.memory, start)


def _on(builder: ir.IRBuilder, pointer: ir.Value, size: int) -> ir.Value:
    """Return a pointer advanced by a number of bytes."""
    return builder.gep(pointer, [constant(I64, size)], source_etype=I8)
