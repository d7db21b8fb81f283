"""JSON, written canonically and read strictly."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from wengert.errors import ModelFileError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def dump_json(value: Any, what: str, *, indent: int | None = None) -> bytes:
    """Write plain JSON as UTF-8: the same value gives the same bytes, floats round-trip exactly.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        Nested to any sensible depth. Keys of dicts are strings; they are sorted.
    what : str
        What is being written, for the error message.
    indent : int, optional
        Spaces per level for a file that people read; compact without.

    Raises
    ------
    ModelFileError
        If the value holds something that JSON cannot: NaN, an infinity, an array, an arbitrary object.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        text = json.dumps(
            value, allow_nan=False, ensure_ascii=False, sort_keys=True, indent=indent, separators=separators
        )
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{what} cannot be written as JSON: {error}. "
            "It may hold only dicts, lists, strings, booleans, None and finite Python numbers."
        ) from None


def parse_json(data: bytes, what: str) -> Any:
    """Read JSON that must be valid UTF-8, without duplicate keys, NaN or infinities.

    Parameters
    ----------
    data : bytes
        The text. The caller has bounded its length.
    what : str
        What is being read (a file, a header), for the error message.

    Raises
    ------
    ModelFileError
        If the bytes are anything but strict JSON, or nested deeper than Python's parser goes.
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
        # An escape can stand for half a character, which no output can encode.
        if _SURROGATE.search(text) and _has_half_characters(value):
            raise ValueError("a text has half of a surrogate pair")
        return value
    except RecursionError:
        reason = "it is nested too deeply"
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text ({error.reason} at byte {error.start})"
    except ValueError as error:
        reason = str(error)
    raise ModelFileError(
        f"{what} is not valid JSON: {reason}. The file is damaged or is not a model of wengert."
    )


def _has_half_characters(value: Any) -> bool:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str) and any("\ud800" <= letter <= "\udfff" for letter in one):
            return True
    return False


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} stands there twice")
            seen.add(key)
    return result


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"the number {digits[:40]} is too large")
    return value
