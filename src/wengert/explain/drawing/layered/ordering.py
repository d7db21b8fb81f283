"""Order within ranks: fewer crossings, by barycentres in sweeps and by exchanging neighbours."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

Ranks = list[list[int]]
Neighbours = Sequence[Sequence[int]]

_SWEEPS = 24
_PATIENCE = 6  # sweeps without fewer crossings, after which the best order stands


def crossings(ranks: Ranks, below: Neighbours) -> int:
    """Return how many pairs of edges between successive ranks cross.

    Parameters
    ----------
    ranks : list of list of int
        Vertices from left to right, rank by rank.
    below : sequence of sequence of int
        For each vertex its neighbours in the next rank.
    """
    count = 0
    for upper, lower in pairwise(ranks):
        place = {vertex: position for position, vertex in enumerate(lower)}
        seen: list[int] = []
        for vertex in upper:
            ends = sorted(place[one] for one in below[vertex])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def ordered(ranks: Ranks, above: Neighbours, below: Neighbours) -> Ranks:
    """Return the ranks with their vertices in an order that has no more crossings than the given one.

    Notes
    -----
    Sugiyama, Tagawa & Toda 1981 (barycentres); Gansner et al. 1993, section 3 (exchanges).
    """
    best = [list(rank) for rank in ranks]
    fewest = crossings(best, below)
    current = [list(rank) for rank in ranks]
    idle = 0
    for sweep in range(_SWEEPS):
        if fewest == 0 or idle == _PATIENCE:
            break
        downwards = sweep % 2 == 0
        _sweep(current, above if downwards else below, downwards)
        _exchange(current, above, below)
        count = crossings(current, below)
        idle += 1
        if count < fewest:
            best, fewest, idle = [list(rank) for rank in current], count, 0
    return best


def _sweep(ranks: Ranks, fixed: Neighbours, downwards: bool) -> None:
    """Sort rank after rank by the mean position of the neighbours in the rank just passed."""
    numbers = range(1, len(ranks)) if downwards else range(len(ranks) - 2, -1, -1)
    for number in numbers:
        before = ranks[number - 1 if downwards else number + 1]
        place = {vertex: position for position, vertex in enumerate(before)}
        keys = {}
        for position, vertex in enumerate(ranks[number]):
            ends = [place[one] for one in fixed[vertex]]
            # A vertex without neighbours there stays about where it is.
            scale = max(len(before) - 1, 1) / max(len(ranks[number]) - 1, 1)
            keys[vertex] = sum(ends) / len(ends) if ends else position * scale
        ranks[number].sort(key=keys.__getitem__)


def _exchange(ranks: Ranks, above: Neighbours, below: Neighbours) -> None:
    """Exchange neighbours in a rank wherever that removes crossings."""
    place = {vertex: position for rank in ranks for position, vertex in enumerate(rank)}
    improved = True
    rounds = 0
    while improved and rounds < len(ranks):
        improved = False
        rounds += 1
        for rank in ranks:
            for left in range(len(rank) - 1):
                first, second = rank[left], rank[left + 1]
                gain = 0
                for side in (above, below):
                    ends, others = side[first], side[second]
                    gain += sum(place[one] > place[other] for one in ends for other in others)
                    gain -= sum(place[one] < place[other] for one in ends for other in others)
                if gain > 0:
                    rank[left], rank[left + 1] = second, first
                    place[first], place[second] = left + 1, left
                    improved = True
