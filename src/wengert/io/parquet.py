"""What polars makes of Parquet files and of tables of Arrow, and errors where it makes nothing of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import polars as pl

from wengert.errors import DataError

# Polars panics at zones such as "+05:30", which pandas writes for moments with an offset, unless this is set.
_ANY_ZONE = "POLARS_IGNORE_TIMEZONE_PARSE_ERROR"


def frame_in_utc(make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return the frame that a function makes, moments with a time zone, whatever it is, as those of UTC."""
    with any_time_zone():
        frame = make()
    units = {name: dtype.time_unit for name, dtype in frame.schema.items() if _has_zone(dtype)}  # type: ignore[attr-defined]
    return frame.with_columns(
        frame.get_column(name).to_physical().cast(pl.Datetime(unit)) for name, unit in units.items()
    )


def _has_zone(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


@contextlib.contextmanager
def any_time_zone() -> Iterator[None]:
    """Let polars take columns of time zones that it does not know."""
    before = os.environ.get(_ANY_ZONE)
    os.environ[_ANY_ZONE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ANY_ZONE]
        else:
            os.environ[_ANY_ZONE] = before


@contextlib.contextmanager
def parquet_refusals(where: str) -> Iterator[None]:
    """Turn what polars raises at a Parquet file into a `DataError` that names the file."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or ["unreadable"])[0]
        said = f"is a damaged Parquet file, or one beyond polars: {reason}. Copy or write it again"
        if "more than one occurrence" in reason:
            said = f"has duplicate column names: {reason}. Give each its own name"
        raise DataError(f"{where} {said}.") from None
