"""Which rows to learn from and which to keep for scoring: at random, with the classes in equal parts.

Where rows belong together, a group is on one side as a whole; where they follow each other in time, what is
scored is later than what is learnt from.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from wengert.errors import ConfigurationError, DataError

Split = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Division:
    """How the rows of a table may be divided.

    Attributes
    ----------
    rows : int
    classes : numpy.ndarray or None
        Integers, shape (rows,): each part gets its share of each class. Not where there are groups or times.
    groups : numpy.ndarray or None
        Integers, shape (rows,): rows of the same number are not divided.
    times : numpy.ndarray or None
        Numbers, shape (rows,): all that is held out is later than all that is kept; rows of the same time are
        not divided.
    """

    rows: int
    classes: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None

    @property
    def several(self) -> bool:
        """Whether there is more than one group or time, where there are any."""
        kinds = self.times if self.groups is None else self.groups
        return kinds is None or len(np.unique(kinds)) > 1

    @property
    def has_small_groups(self) -> bool:
        """Whether no group has more than half of the rows."""
        return self.groups is None or 2 * np.unique(self.groups, return_counts=True)[1].max() <= self.rows

    def part(self, places: np.ndarray) -> Division:
        """Return how some of the rows may be divided."""
        arrays = (self.classes, self.groups, self.times)
        return Division(len(places), *(None if one is None else one[places] for one in arrays))

    def hold_out(self, count: int, rng: np.random.Generator) -> Split:
        """Split the rows in two, as `hold_out`; as many are held out as come nearest to ``count``.

        Raises
        ------
        DataError
            If rows are to be held out, and all are of one group or of one time.
        """
        if count > 0 and self.groups is not None:
            return _whole_groups(self.groups, count, rng)
        if count > 0 and self.times is not None:
            borders = _borders(self.times)
            if not borders.size:
                raise DataError(
                    "all rows have the same time, so none are later than others. Name another column, or "
                    "leave --time out."
                )
            border = borders[np.argmin(np.abs(self.rows - borders - count))]
            return _by_time(self.times, int(border), self.rows)
        return hold_out(self.rows, count, self.classes, rng)

    def folds(self, count: int, rng: np.random.Generator) -> list[Split]:
        """Split the rows for cross-validation, as `folds`.

        With times, the rows are cut into ``count`` + 1 stretches, and each but the first is held once, with
        those before it to learn from.

        Raises
        ------
        ConfigurationError
            If there are fewer than two folds, or too few rows, groups or times for them.
        """
        if self.groups is not None:
            return _folds_of_groups(self.groups, count, rng)
        if self.times is None:
            return folds(self.rows, count, self.classes, rng)
        borders = _borders(self.times)
        wanted = self.rows * np.arange(1, count + 1) / (count + 1)
        nearest = {int(borders[np.argmin(np.abs(borders - one))]) for one in wanted if borders.size}
        _require_folds(count, len(borders), "different times after the first")
        if len(nearest) < count:
            raise ConfigurationError(
                f"{count} folds need as many times to begin at, and rows of the same time stay together, "
                f"which leaves {len(nearest)}. Use fewer folds."
            )
        ends = [*sorted(nearest)[1:], self.rows]
        return [_by_time(self.times, *one) for one in zip(sorted(nearest), ends, strict=True)]


def hold_out(
    rows: int, count: int, classes: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows of a table in two.

    Parameters
    ----------
    rows : int
    count : int
        Of the rows to hold out; one row is kept in any case.
    classes : numpy.ndarray or None
        The class of each row, shape (rows,), any integers: the same part of each class is then held out, as
        exactly as whole rows allow, and each keeps at least one row to learn from. None for regression.
    rng : numpy.random.Generator

    Returns
    -------
    kept, held : numpy.ndarray
        Row numbers, both ascending.
    """
    wanted = min(count, rows - 1)
    held: np.ndarray
    if classes is None:
        held = rng.permutation(rows)[:wanted]
    else:
        held = _draw_from_each_class(classes, wanted, rng)
    chosen = np.zeros(rows, np.bool_)
    chosen[held] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def folds(
    rows: int, count: int, classes: np.ndarray | None, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ``count`` splits of the rows, (kept, held) as `hold_out`; every row is held exactly once.

    Raises
    ------
    ConfigurationError
        If there are fewer than two folds or fewer rows than folds.
    """
    _require_folds(count, rows, "rows")
    order = rng.permutation(rows)
    if classes is not None:
        # Dealt out like cards, class after class, so that each fold gets its share of each.
        order = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(rows, np.int64)
    fold[order] = np.arange(rows) % count
    return _splits(fold, count)


def _require_folds(count: int, there: int, what: str) -> None:
    if count < 2:
        raise ConfigurationError(f"cross-validation needs at least 2 folds, got {count}.")
    if there < count:
        raise ConfigurationError(
            f"{count} folds need at least {count} {what}, and the table has {there}. Use fewer folds."
        )


def _splits(fold: np.ndarray, count: int) -> list[Split]:
    """Return the rows that are not of each fold, and those that are."""
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]


def _whole_groups(groups: np.ndarray, count: int, rng: np.random.Generator) -> Split:
    """Hold out groups in random order, each that brings the rows nearer to the count; one in any case."""
    _, group_of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError(
            "all rows are of one group, so none can be held out without it. Name another column, or leave "
            "--group out."
        )
    order = rng.permutation(len(sizes))
    chosen, rows = np.zeros(len(sizes), np.bool_), 0
    for group in order[:-1]:
        if not rows or abs(rows + sizes[group] - count) < abs(rows - count):
            chosen[group] = True
            rows += int(sizes[group])
    held = chosen[group_of_row]
    return np.flatnonzero(~held), np.flatnonzero(held)


def _folds_of_groups(groups: np.ndarray, count: int, rng: np.random.Generator) -> list[Split]:
    """Put each group, large ones first, into the fold that has the fewest rows."""
    _, group_of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    _require_folds(count, len(sizes), "groups")
    order = rng.permutation(len(sizes))
    fold_of_group, rows = np.empty(len(sizes), np.int64), np.zeros(count, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of_group[group] = rows.argmin()
        rows[fold_of_group[group]] += sizes[group]
    return _splits(fold_of_group[group_of_row], count)


def _borders(times: np.ndarray) -> np.ndarray:
    """Return how many rows come before each time but the first, ascending."""
    return np.flatnonzero(np.diff(np.sort(times))) + 1


def _by_time(times: np.ndarray, border: int, end: int) -> Split:
    """Return the first rows in time, up to a border, and those from there to another; both ascending."""
    order = np.argsort(times, kind="stable")
    return np.sort(order[:border]), np.sort(order[border:end])


def _draw_from_each_class(classes: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    _, class_of_row, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    exact = sizes * (wanted / classes.size)
    quota = np.minimum(np.floor(exact).astype(np.int64), sizes - 1)
    # What rounding down left over goes where most was cut off.
    for position in np.argsort(quota - exact, kind="stable"):
        if quota.sum() >= wanted:
            break
        quota[position] += quota[position] + 1 < sizes[position]
    drawn = [
        rng.permutation(np.flatnonzero(class_of_row == position))[:number]
        for position, number in enumerate(quota)
    ]
    return np.concatenate(drawn)
