"""Random numbers by Philox-4x32-10, bit for bit those of `wengert.primitives.reference`."""

from __future__ import annotations

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import F32, F64, I32, I64, constant, lanes_of, splat, widened
from wengert.run.llvm.codegen.loops import counted_loop, index_value
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.matmul.packing import shortened
from wengert.run.llvm.runtime.target import Target

_ROUNDS = 10
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF

Words = list[ir.Value]


class Philox:
    """A new key, or uniform numbers: a lane for each counter, whose four words lie beside each other.

    Words are kept in 64 bits each, since their products need them.

    Attributes
    ----------
    units : int
        Vectors of counters.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        line = kernel.line
        self.is_key = kernel.form is Form.FOLD_IN
        self.lanes = target.lanes(8)
        self.numbers = 4 if line.type.dtype.itemsize == 4 else 2  # of one counter
        self.run = self.lanes * self.numbers
        self.units = 1 if self.is_key else -(-line.type.size // self.run)

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        line = self.kernel.line
        key = self._key(builder, buffers)
        if self.is_key:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._fold(builder, buffers, key)
            return
        rest = line.type.size % self.run
        full = index_value(line.type.size // self.run)
        inside = builder.select(builder.icmp_signed("<", end, full), end, full) if rest else end
        with counted_loop(builder, begin, inside) as unit:
            self._store(builder, buffers[line], index_value(unit), self._vector(builder, key, unit))
        if rest:
            last = builder.icmp_signed("==", end, index_value(self.units))
            with builder.if_then(builder.and_(last, builder.icmp_signed("<", begin, end))):
                values = shortened(builder, self._vector(builder, key, full), rest)
                self._store(builder, buffers[line], full, values)

    def _key(self, builder: ir.IRBuilder, buffers: dict[Node, ir.Value]) -> tuple[ir.Value, ir.Value]:
        view = self.kernel.leaves[self.kernel.line.inputs[0]]
        (stride,) = view.strides
        places = [index_value(view.offset + number * stride) for number in range(2)]
        low, high = (
            builder.load(builder.gep(buffers[view.base], [place], source_etype=I32), typ=I32)
            for place in places
        )
        return low, high

    def _fold(
        self, builder: ir.IRBuilder, buffers: dict[Node, ir.Value], key: tuple[ir.Value, ir.Value]
    ) -> None:
        line = self.kernel.line
        view = self.kernel.leaves[line.inputs[1]]
        dtype = view.base.type.dtype
        type_ = ir.IntType(8 * dtype.itemsize)
        place = builder.gep(buffers[view.base], [index_value(view.offset)], source_etype=type_)
        given = builder.load(place, typ=type_)
        if type_.width < I64.width:
            given = builder.sext(given, I64) if dtype.kind == "i" else builder.zext(given, I64)
        low, high = builder.and_(given, constant(I64, _MASK)), builder.lshr(given, constant(I64, 32))
        # The third word keeps this stream apart from those of numbers.
        words = _philox(builder, [low, high, constant(I64, 1), constant(I64, 0)], key)
        for number, word in enumerate(words[:2]):
            place = builder.gep(buffers[line], [index_value(number)], source_etype=I32)
            builder.store(builder.trunc(word, I32), place)

    def _vector(
        self, builder: ir.IRBuilder, key: tuple[ir.Value, ir.Value], unit: ir.Value | int
    ) -> ir.Value:
        """Return the numbers of one unit, in order."""
        first = splat(builder, builder.mul(index_value(unit), constant(I64, self.lanes)), self.lanes)
        lanes = range(self.lanes)
        counter = first
        if self.lanes > 1:
            counter = builder.add(first, ir.Constant(ir.VectorType(I64, self.lanes), list(lanes)))
        type_ = widened(I64, self.lanes)
        low = builder.and_(counter, constant(type_, _MASK))
        high = builder.lshr(counter, constant(type_, 32))
        words = _philox(builder, [low, high, constant(type_, 0), constant(type_, 0)], key)
        if self.numbers == 4:
            first_to_fourth = [_single(builder, word) for word in words]
            return _interleaved(
                builder,
                _interleaved(builder, first_to_fourth[0], first_to_fourth[2]),
                _interleaved(builder, first_to_fourth[1], first_to_fourth[3]),
            )
        return _interleaved(builder, _double(builder, *words[:2]), _double(builder, *words[2:]))

    def _store(self, builder: ir.IRBuilder, target: ir.Value, unit: ir.Value, values: ir.Value) -> None:
        element = values.type.element if lanes_of(values.type) > 1 else values.type
        place = builder.mul(unit, constant(I64, self.run))
        address = builder.gep(target, [place], source_etype=element)
        builder.store(values, address, align=self.kernel.line.type.dtype.itemsize)


def _philox(builder: ir.IRBuilder, counter: Words, key: tuple[ir.Value, ir.Value]) -> Words:
    """Return the four words of each counter under a key."""
    type_ = counter[0].type
    lanes = lanes_of(type_)
    words = counter
    keys = list(key)
    half, mask = constant(type_, 32), constant(type_, _MASK)
    for number in range(_ROUNDS):
        if number:
            keys = [builder.add(one, constant(I32, step)) for one, step in zip(keys, _WEYL, strict=True)]
        low, high = (splat(builder, builder.zext(one, I64), lanes) for one in keys)
        first = builder.mul(words[0], constant(type_, _MULTIPLIERS[0]))
        second = builder.mul(words[2], constant(type_, _MULTIPLIERS[1]))
        words = [
            builder.xor(builder.xor(builder.lshr(second, half), words[1]), low),
            builder.and_(second, mask),
            builder.xor(builder.xor(builder.lshr(first, half), words[3]), high),
            builder.and_(first, mask),
        ]
    return words


def _single(builder: ir.IRBuilder, word: ir.Value) -> ir.Value:
    """Return the high 24 bits of a word as float32 of [0, 1)."""
    lanes = lanes_of(word.type)
    bits = builder.trunc(builder.lshr(word, constant(word.type, 8)), widened(I32, lanes))
    return builder.fmul(builder.sitofp(bits, widened(F32, lanes)), constant(widened(F32, lanes), 2.0**-24))


def _double(builder: ir.IRBuilder, high: ir.Value, low: ir.Value) -> ir.Value:
    """Return 53 bits of two words as float64 of [0, 1)."""
    type_ = widened(F64, lanes_of(high.type))
    upper = builder.sitofp(builder.lshr(high, constant(high.type, 5)), type_)
    lower = builder.sitofp(builder.lshr(low, constant(low.type, 6)), type_)
    whole = builder.fadd(builder.fmul(upper, constant(type_, 2.0**26)), lower)
    return builder.fmul(whole, constant(type_, 2.0**-53))


def _interleaved(builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Return x₀ y₀ x₁ y₁ …"""
    count = lanes_of(x.type)
    if count == 1:
        pair: ir.Value = ir.Constant(widened(x.type, 2), ir.Undefined)
        for place, value in enumerate((x, y)):
            pair = builder.insert_element(pair, value, constant(I32, place))
        return pair
    mask = [place for lane in range(count) for place in (lane, count + lane)]
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, 2 * count), mask))
