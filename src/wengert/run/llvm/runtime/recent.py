"""What was compiled lately, so that the same program is not planned and compiled again in a process."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from wengert.ir.program import Program
from wengert.run.collector import collector_at_rest

# A network takes two or three programs for training, validation and prediction.
_MOST = 64

# No lock: each operation is one step of the interpreter, and compiling twice is no error.
_known: OrderedDict[Hashable, Any] = OrderedDict()


def recent(key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what `make` gave for this key before, or gives now."""
    found = _known.pop(key, _known)
    if found is _known:
        with collector_at_rest():
            found = make()
    _known[key] = found
    while len(_known) > _MOST:
        _known.popitem(last=False)
    return found


class Structure:
    """What a program computes, of inputs of which names; equal for programs that compute the same.

    Its hash is found once: a key of many lines is looked up in every fit.
    """

    __slots__ = ("_hash", "_lines")

    def __init__(self, lines: Hashable) -> None:
        self._lines = lines
        self._hash = hash(lines)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Structure) and self._lines == other._lines)


@functools.lru_cache(maxsize=_MOST)
def structure(program: Program) -> Structure:
    """Return the structure of a program.

    Programs traced apart have inputs of their own, so nodes stand for themselves by their place in the list.
    """
    places = {node: place for place, node in enumerate(program.inputs)}
    lines = []
    for node in program.nodes:
        if node not in places:
            places[node] = len(places)
            operands = tuple([places[operand] for operand in node.inputs])
            lines.append((node.primitive.name, operands, node.params, node.type))
    inputs = tuple([(node.params, node.type) for node in program.inputs])
    return Structure((inputs, tuple(lines), tuple([places[node] for node in program.outputs])))
