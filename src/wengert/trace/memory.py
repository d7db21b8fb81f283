"""Arrays that are assigned to: what a tensor, its views and its copies share, as NumPy's memory is shared.

Nodes are immutable, so an assignment records nothing. It notes for each element of the array which element
of which assigned value it now is; an integer array, the *places*, holds this, and is assigned to and viewed
by NumPy itself, whose rules for views, copies, masks and repeated indices are thereby kept. What the array
consists of is put together when it is read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import count, pairwise, permutations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.errors import ConcreteValueError, DTypeError, IndexRangeError, ShapeError, WengertError
from wengert.ir.primitive import Kind, Primitive
from wengert.primitives.movement import transpose
from wengert.trace.recorder import current_trace, here, refuse

if TYPE_CHECKING:
    from wengert.trace.tensor import Tensor

Places = np.ndarray[Any, np.dtype[np.int64]]

# NumPy functions stand for tensors here, of which its stubs know nothing.
_numpy: Any = np
_versions = count(1)
_MOST_PLACES = 2**20  # in all the orders of memory that an array may have
_UNKNOWN_ORDER = (
    "an assignment to an array whose order in memory is not known, or to what was made of it by "
    "reshape or ravel: NumPy makes a view or a copy of it, as its memory allows. Write .copy() "
    "where it is made, or where it is reshaped"
)
_FEW = 8  # runs of adjacent elements that are joined one by one; more are gathered


# A tuple, since the hash of a member of an enumeration is a function in Python.
_KEEPING = (Kind.ELEMENTWISE, Kind.REDUCTION, Kind.SCAN, Kind.CONTRACTION)


def keeps_order(primitive: Primitive) -> bool:
    """Whether NumPy's result lies in memory in the order of its axes where all operands do."""
    return primitive.kind in _KEEPING or (primitive.kind is Kind.MOVEMENT and primitive is not transpose)


def in_c_order(value: Any) -> bool:
    """Whether the axes of an operand are known to lie in memory in their own order."""
    known: bool | None = getattr(value, "c_order", None)
    if known:
        return True
    if not isinstance(value, np.ndarray):
        return known is None or len(value.shape) < 2 or sum(extent > 1 for extent in value.shape) < 2
    if value.flags.c_contiguous:
        return True
    strides = [abs(s) for s, extent in zip(value.strides, value.shape, strict=True) if extent > 1]
    return all(outer >= inner > 0 for outer, inner in pairwise(strides))


class Memory:
    """The elements of an array that has been assigned to.

    Attributes
    ----------
    pieces : list of Tensor
        Its first value, and all that was assigned; their elements are numbered one after the other.
    starts : list of int
        The number of the first element of each piece.
    places : integer array
        The numbers of the elements that the array has now, in its shape.
    layouts : list of integer array
        The places, and where the order of the array's axes in memory is not known, copies of them in all
        other orders: of views, these tell whether NumPy makes one.
    version : int
        Another after each assignment, and never that of another memory.
    """

    __slots__ = ("end", "layouts", "pieces", "places", "starts", "version")

    def __init__(self, first: Tensor) -> None:
        self.pieces: list[Tensor] = []
        self.starts: list[int] = []
        self.end = self.version = 0
        self.places: Places = self.add(first)
        self.layouts = [self.places]
        if not in_c_order(first):
            if factorial(first.ndim) * first.size > _MOST_PLACES:
                refuse(_UNKNOWN_ORDER)
            orders = permutations(range(first.ndim))
            self.layouts += [self.places.transpose(one).copy().transpose(np.argsort(one)) for one in orders]

    def add(self, piece: Tensor) -> Places:
        """Return the numbers of the elements of a new piece."""
        self.pieces.append(piece)
        self.starts.append(self.end)
        start, self.end = self.end, self.end + piece.size
        return np.arange(start, self.end, dtype=np.int64).reshape(piece.shape)

    def read(self, places: Places) -> Any:
        """Return the value of the elements with these numbers."""
        flat = places.ravel()
        if flat.size == 1:
            ends = [0]
            owners: Any = [bisect_right(self.starts, int(flat[0])) - 1]
        else:
            owners = np.searchsorted(self.starts, flat, side="right") - 1
            apart = (np.diff(flat) != 1) | (np.diff(owners) != 0)
            ends = [*np.flatnonzero(apart).tolist(), flat.size - 1]
        if not flat.size:
            return self.pieces[0][:0].reshape(places.shape)
        used = np.unique(owners).tolist()
        if len(ends) > _FEW + 2 * len(used):
            return self._gathered(flat, used, places.shape)
        parts, first = [], 0
        for last in ends:
            piece, start = self.pieces[owners[first]], self.starts[owners[first]]
            begin, end = int(flat[first]) - start, int(flat[last]) - start + 1
            if len(ends) == 1 and end - begin == piece.size:
                return piece if piece.shape == places.shape else _numpy.reshape(piece, places.shape)
            parts.append(_numpy.reshape(piece, -1)[begin:end])
            first = last + 1
        joined = parts[0] if len(parts) == 1 else _numpy.concatenate(parts)
        return _numpy.reshape(joined, places.shape)

    def _gathered(self, flat: Places, used: list[int], shape: tuple[int, ...]) -> Any:
        sizes = [self.pieces[owner].size for owner in used]
        begins = np.cumsum([0, *sizes[:-1]])
        owners = np.searchsorted(self.starts, flat, side="right") - 1
        moved = (begins - np.asarray(self.starts)[used])[np.searchsorted(used, owners)]
        flats = [_numpy.reshape(self.pieces[owner], -1) for owner in used]
        joined = flats[0] if len(flats) == 1 else _numpy.concatenate(flats)
        return joined[(flat + moved).reshape(shape)]


class Alias:
    """How a tensor shares memory: as a view of another, or as the array that owns it.

    Attributes
    ----------
    base : Tensor or None
    derive : callable or None
        What made the view of its base; on its places it shows whether NumPy gives a view or a copy.
    memory : Memory or None
        Of an owner, once it or a view of it is assigned to.
    seen : int
        The version of the memory that the tensor's node is of.
    """

    __slots__ = ("base", "derive", "memory", "places", "seen")

    def __init__(self, base: Tensor | None = None, derive: Callable[[Any], Any] | None = None) -> None:
        self.base = base
        self.derive = derive
        self.memory: Memory | None = None
        self.places: Places | None = None
        self.seen = 0 if base is None else version(base)

    def update(self, tensor: Tensor) -> None:
        """Bring the node of a tensor up to date with what was assigned since."""
        from wengert.trace.tensor import as_tensor

        memory = _owner_memory(tensor)
        if memory is None or memory.version == self.seen:
            return
        places = _places(tensor, memory)
        if places is None:
            self.update(tensor)  # of the copy that it turned out to be, or to be a view of
            return
        self.seen = memory.version
        tensor.become(as_tensor(memory.read(places), memory.pieces[0].recorder))


class PartAlias(Alias):
    """How the real or imaginary part shares memory with complex numbers: it follows them, and is read only.

    Parameters
    ----------
    whole : Tensor
    part : callable
        What gives the part of the whole as it is now.
    """

    __slots__ = ("_memory", "_part", "_whole")

    def __init__(self, whole: Tensor, part: Callable[[Any], Any]) -> None:
        self._whole, self._part = whole, part
        self._memory: Memory | None = None
        super().__init__()
        self.seen = version(whole)

    @property
    def memory(self) -> Memory | None:
        """The elements of the part, as those of an array of its own."""
        now = version(self._whole)
        if self._memory is None or self._memory.version != now:
            self._memory = Memory(self._part(self._whole.fresh()))
            self._memory.version = now
            self._memory.places.flags.writeable = False
        return self._memory

    @memory.setter
    def memory(self, memory: Memory | None) -> None:
        pass


def _owner_memory(tensor: Tensor) -> Memory | None:
    alias = tensor.alias
    while alias is not None and alias.base is not None:
        alias = alias.base.alias
    return None if alias is None else alias.memory


def version(tensor: Tensor) -> int:
    """Return the version of a tensor's memory, which every assignment raises."""
    memory = _owner_memory(tensor)
    return 0 if memory is None else memory.version


def _places(tensor: Tensor, memory: Memory) -> Places | None:
    """Return the places of a tensor in the memory it shares; None when it turns out not to share it.

    Raises
    ------
    TraceError
        When NumPy would make a copy for one layout of the memory and a view for another, and it is not known
        which layout it has.
    """
    chain = []
    current = tensor
    while current.alias is not None and current.alias.base is not None:
        if current.alias.places is not None and len(memory.layouts) == 1:
            break
        chain.append(current.alias)
        current = current.alias.base
    held = current.alias.places if current.alias is not None and current.alias.base is not None else None
    found = [held] if held is not None else memory.layouts
    for alias in reversed(chain):
        assert alias.derive is not None
        derived = [np.asarray(alias.derive(one)) for one in found]
        shared = {
            not new.size or np.may_share_memory(new, old) for new, old in zip(derived, found, strict=True)
        }
        if len(shared) > 1:
            refuse(_UNKNOWN_ORDER)
        if not shared.pop():
            alias.base = alias.places = None  # from here on an array of its own
            return None
        found = derived
        alias.places = derived[0]
    return found[0]


def write(tensor: Tensor, value: Any, put: Callable[[Places, Places], None]) -> None:
    """Assign to elements of a tensor.

    Parameters
    ----------
    tensor : Tensor
    value : array_like or Tensor
    put : callable
        ``put(places, numbers)`` writes the numbers of the elements of `value` where they belong.

    Raises
    ------
    TraceError
        When the tensor stands for a Python number, is a view that NumPy does not write to either, or was made
        outside of the body of a loop or branch that is being traced.
    ShapeError, IndexRangeError, DTypeError
        As NumPy refuses the assignment.
    """
    if tensor.weak is not None:
        refuse("a Python number has no items to assign")
    owner, memory, places = _opened(tensor)
    if not (tensor.is_open and owner.is_open):
        refuse(
            "an array that a traced function made and kept is a constant after it: "
            "np.array(…) of it can be assigned to"
        )
    if not places.flags.writeable:
        refuse(
            "an array that was made outside of the traced function, or a view that NumPy makes read-only "
            "(broadcast_to, diagonal), or the real or imaginary part of complex numbers cannot be assigned "
            "to; copy it first"
        )
    innermost = current_trace()
    if innermost is not None and owner.serial < innermost.body_serial:
        refuse(
            "an array that was made outside of the body of a loop or branch cannot be assigned to inside it, "
            "since the body is traced once for all iterations: make it part of the carry, or copy it first"
        )
    piece = piece_of(tensor, value)
    before = memory.end, len(memory.pieces)
    numbers = memory.add(piece)
    try:
        put(places, numbers)
    except (ValueError, IndexError, TypeError) as error:
        memory.end = before[0]
        del memory.pieces[before[1] :], memory.starts[before[1] :]
        if isinstance(error, WengertError):
            raise
        kinds = {IndexError: IndexRangeError, ValueError: ShapeError, TypeError: DTypeError}
        kind = next(ours for theirs, ours in kinds.items() if isinstance(error, theirs))
        raise kind(f"assignment to an array of shape {tensor.shape}: {error}{here()}") from None
    memory.version = next(_versions)
    owner.deepen(piece)


def read_only(tensor: Tensor) -> None:
    """Refuse assignments to a tensor, as NumPy does where an array is not writeable."""
    tensor.alias = Alias()
    tensor.alias.memory = Memory(tensor.fresh())
    tensor.alias.memory.places.flags.writeable = False


def _opened(tensor: Tensor) -> tuple[Tensor, Memory, Places]:
    """Return the owner of the memory that a tensor shares, the memory, and the tensor's places in it."""
    while True:
        owner = tensor
        while owner.alias is not None and owner.alias.base is not None:
            owner = owner.alias.base
        if owner.alias is None:
            owner.alias = Alias()
        if owner.alias.memory is None:
            owner.alias.memory = Memory(owner.fresh())
        places = _places(tensor, owner.alias.memory)
        if places is not None:
            return owner, owner.alias.memory, places


def piece_of(tensor: Tensor, value: Any) -> Tensor:
    """Return what is assigned to elements of a tensor, in its dtype."""
    from wengert.trace.tensor import Tensor, as_tensor, joined

    value = joined(value)
    piece = value.fresh() if isinstance(value, Tensor) else as_tensor(value, tensor.recorder)
    if piece.dtype == tensor.dtype:
        return piece
    if piece.dtype.kind == "c" and tensor.dtype.kind != "c":
        raise DTypeError(
            f"complex numbers are assigned to an array of {tensor.dtype}, which has no place for their "
            f"imaginary parts: make the array with dtype=complex{here()}"
        )
    if piece.dtype.kind == "f" and tensor.dtype.kind not in "fc" and not piece.is_constant:
        raise DTypeError(
            f"a traced {piece.dtype} is assigned to an array of {tensor.dtype}, which would cut the "
            f"derivative: make the array with dtype=float{here()}"
        )
    cast: Tensor = piece.astype(tensor.dtype)
    return cast


def is_part(tensor: Tensor, key: Any, places: Places) -> bool:
    """Whether these places are those of ``tensor[key]`` in the memory that the tensor shares."""
    memory = _owner_memory(tensor)
    whole = None if memory is None else _places(tensor, memory)
    if whole is None or not np.may_share_memory(whole, places):
        return False
    part = whole[key]
    return part.shape == places.shape and np.array_equal(part, places)


def read(tensor: Tensor, key: Any) -> Tensor | None:
    """Return ``tensor[key]`` from the memory of a tensor that was assigned to; None where there is none.

    None too for a key that NumPy's own rules for integer arrays do not decide, and for a view whose place is
    not known.
    """
    from wengert.trace.tensor import as_tensor

    memory = None if tensor.alias is None else _owner_memory(tensor)
    if memory is None:
        return None
    try:
        places = _places(tensor, memory)
        if places is None:
            return None
        found = memory.read(np.asarray(places[key]))
    except (IndexError, TypeError, ValueError, ConcreteValueError):
        return None
    return as_tensor(found, memory.pieces[0].recorder).fresh()
