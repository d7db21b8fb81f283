"""A sum over the blocks of a batch by a fixed tree: its bits do not depend on who computed which block.

The tree halves the range of blocks until one is left. A worker adds what lies below the largest nodes that
its own blocks cover; who adds the rest starts from these. So every addition has the same two operands,
however many workers there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Node = tuple[int, int]  # first and last block (exclusive)


def blocks_of(rank: int, size: int, blocks: int) -> range:
    """Return the blocks of a worker: neighbours, and as many for each as there can be."""
    return range(rank * blocks // size, (rank + 1) * blocks // size)


def covered_nodes(mine: range, node: Node) -> list[Node]:
    """Return the largest nodes at or below `node` whose blocks are all in `mine`."""
    first, last = node
    if mine.start <= first and last <= mine.stop:
        return [node]
    if last <= mine.start or mine.stop <= first:
        return []
    middle = (first + last) // 2
    return covered_nodes(mine, (first, middle)) + covered_nodes(mine, (middle, last))


def tree_sum(node: Node, value: Callable[[int], Array]) -> Array:
    """Return the sum of the values of the blocks below a node.

    Parameters
    ----------
    node : (int, int)
    value : callable
        Gives a new array for a block, which may be written to.
    """
    first, last = node
    if last - first == 1:
        return value(first)
    middle = (first + last) // 2
    left, right = tree_sum((first, middle), value), tree_sum((middle, last), value)
    return np.add(left, right, out=left)


def joined_sum(node: Node, known: Mapping[Node, Array]) -> Array:
    """Return the sum below a node from those of nodes below it."""
    if node in known:
        return known[node]
    first, last = node
    middle = (first + last) // 2
    joined: Array = joined_sum((first, middle), known) + joined_sum((middle, last), known)
    return joined
