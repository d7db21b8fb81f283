"""Which rows a model was trained on, as short hashes: whether a score is one on new rows can then be said."""

from __future__ import annotations

import base64
import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np

from wengert.storage.records import Range

# The smallest hashes are kept, which are a sample at random of the rows of a larger table: enough to tell a
# part of them to some percent, in 44 kB of text.
_MOST_KEPT = 8192
# Of 32 bits: chance lets one in 500,000 new rows pass for one of 8192, and no row can be computed from its
# hash alone.
_ALL = 2**32
_ROWS_AT_A_TIME = 65_536

Encoded = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class SeenRows:
    """How many of some rows equal rows of training in every column that the model reads, the target too.

    Attributes
    ----------
    seen, compared : int
        Of `compared` rows, `seen` do.
    rows : int
        How many there are; fewer are compared where the model was trained on a large table, of which it keeps
        a sample.
    """

    seen: int
    compared: int
    rows: int

    def sentence(self, model: str = "the model") -> str:
        """Return what that means for scores on these rows; empty where none is known from training."""
        if not self.seen:
            return ""
        part = f"{self.seen:,} of these {self.rows:,} rows equal"
        if self.compared < self.rows:
            share = self.seen / self.compared
            part = f"About {share:.0%} of these rows ({self.seen:,} of {self.compared:,} compared) equal"
        return (
            f"{part} rows that {model} was trained on, in every column that it reads: scores on them do not "
            "tell how it does on new ones."
        )


@dataclasses.dataclass(frozen=True)
class RowFingerprints:
    """Hashes of rows, as a schema.

    Attributes
    ----------
    hashes : str
        Base 64 of numbers of 32 bits, big-endian, ascending, each once; of more than 8192 the smallest.
    below : int
        All hashes of the rows that are smaller than this are there; 2³² where all are.
    """

    hashes: str
    below: Annotated[int, Range(0, _ALL)] = _ALL

    def __post_init__(self) -> None:
        try:
            known = self.known
        except ValueError as error:
            raise ValueError(f"hashes are no numbers of 32 bits in base 64: {error}") from None
        if len(known) > _MOST_KEPT or (np.diff(known.astype(np.int64)) <= 0).any():
            raise ValueError(f"hashes are at most {_MOST_KEPT} ascending numbers")

    @functools.cached_property
    def known(self) -> np.ndarray:
        """The hashes, uint32."""
        return np.frombuffer(base64.b64decode(self.hashes, validate=True), ">u4").astype(np.uint32)

    @staticmethod
    def of(parts: Iterable[Encoded]) -> RowFingerprints:
        """Take the hashes of rows.

        Parameters
        ----------
        parts : iterable of (features, targets)
            As a `TablePreprocessor` makes them, so that the format of a file, the order of its columns and
            columns that the model does not read play no part. They may be mapped from a file.
        """
        kept, below = np.zeros(0, np.uint32), _ALL
        for features, targets in parts:
            for first in range(0, len(features), _ROWS_AT_A_TIME):
                block = slice(first, first + _ROWS_AT_A_TIME)
                kept = np.union1d(kept, row_hashes(features[block], targets[block]))
                if len(kept) > _MOST_KEPT:
                    below = min(below, int(kept[_MOST_KEPT]))
                    kept = kept[:_MOST_KEPT]
        return RowFingerprints(base64.b64encode(kept.astype(">u4").tobytes()).decode("ascii"), below)

    @staticmethod
    def joined(parts: Sequence[RowFingerprints]) -> RowFingerprints:
        """Return the hashes of the rows of all parts."""
        below = min(part.below for part in parts)
        kept = np.unique(np.concatenate([part.known for part in parts]))
        kept = kept[kept < below]
        if len(kept) > _MOST_KEPT:
            below, kept = int(kept[_MOST_KEPT]), kept[:_MOST_KEPT]
        return RowFingerprints(base64.b64encode(kept.astype(">u4").tobytes()).decode("ascii"), below)

    def seen(self, features: np.ndarray, targets: np.ndarray) -> SeenRows:
        """Look rows up."""
        hashes = row_hashes(features, targets)
        comparable = hashes[hashes < self.below]
        return SeenRows(int(np.isin(comparable, self.known).sum()), len(comparable), len(hashes))


def row_hashes(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return a hash of each row, shape (rows,), uint32; equal on every machine.

    Notes
    -----
    64 bits are mixed column by column by xor, an odd multiplier and a shift, as the finaliser of SplitMix64
    does (Steele, Lea & Flood 2014), and the upper half is kept.
    """
    mixed = np.full(len(features), 0x9E3779B97F4A7C15, np.uint64)
    # Zeros of both signs are the same value.
    columns = [*(np.asarray(features, np.float32) + np.float32(0)).T]
    columns.append((np.asarray(targets, np.float64).reshape(len(features)) + 0.0).astype(np.float32))
    for column in columns:
        mixed = (mixed ^ np.ascontiguousarray(column).view(np.uint32)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(32)
    return (mixed >> np.uint64(32)).astype(np.uint32)
