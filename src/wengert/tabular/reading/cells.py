"""What a cell of a table is: a number, a moment or a category, in whatever type or spelling it comes.

An exported predictor holds this file word for word, so it needs the standard library and NumPy alone.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Collection
from typing import Any

import numpy as np

# Cells that mean "no value" in any column …
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>", "?")
# … and those that mean it among numbers, dates, true and false; in a column of words they may be a word.
MISSING_AMONG_NUMBERS = ("None", "none", "-", "--", ".", "missing", "Missing", "NaT")

PLAIN_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# A currency has been made "$" before. Three capitals stand for the currencies that are mostly written so.
_CURRENCY = r"(?:[A-Z]{0,3}\$|EUR|USD|GBP|CHF)"
_AMOUNT = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-]?)\s*(?:{_CURRENCY}\s*)?(?P<inner>[+-]?)(?P<body>[\d.,' ]*\d[.,]?"
    rf"(?:[eE][+-]?\d+)?)\s*(?:{_CURRENCY}|%|‰)?(?P<after>-?)(?P<close>\))?"
)
_BODY = {
    mark: re.compile(
        rf"(?P<whole>\d+|[1-9]\d{{0,2}}(?:(?P<group>[{groups}])\d{{3}})(?:(?P=group)\d{{3}})*"
        rf"|[1-9]\d?(?:(?P<hundred>[{groups}])\d{{2}})(?:(?P=hundred)\d{{2}})*(?P=hundred)\d{{3}}|)"
        rf"(?:[{mark}](?P<part>\d*))?(?P<power>[eE][+-]?\d+)?"
    )
    for mark, groups in ((".", ",' "), (",", ".' "))
}
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE)
_SIGNS = {"\u2212": "-", "\u2019": "'", "\u066a": "%", "\u066b": ".", "\u066c": "'"}

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"\s*(?P<half>[ap])?(?(half)\.?m\.?)\s*(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?"
)
_DATES = [
    re.compile(rf"{form}(?:(?:t|,?\s+){_TIME})?", re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<year>\d{4})[-/](?P<month>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<then>\d{1,2})(?P=mark)(?P<year>\d{4})",
        r"(?P<first>\d{1,2})(?P<mark>[-/])(?P<then>\d{1,2})(?P=mark)(?P<year>\d{2})",
        r"(?P<first>\d{2})\.(?P<then>\d{2})\.(?P<year>\d{2})",  # 3.1.24 is rather a version
        rf"(?:[a-z]{{3,9}}\.?,?\s+)?{_DAY}[-\s./]*{_MONTH}[-\s,./]*(?P<year>\d{{4}}|\d{{2}})",
        rf"(?:[a-z]{{3,9}}\.?,?\s+)?{_MONTH}\s*{_DAY},?\s+(?P<year>\d{{4}})",
        rf"{_MONTH}[-\s,]+(?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})[-\s/]{_MONTH}[-\s/]{_DAY}",
    )
]
_TIME_OF_DAY = re.compile(_TIME, re.IGNORECASE)
_DAWN = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
MICROSECONDS_A_DAY = 86_400_000_000


def plain(value: Any) -> Any:
    """Return a cell as a value of Python: text without blanks around it, None where it is missing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return str(value).strip() or None
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return value.astype(f"{'M' if isinstance(value, np.datetime64) else 'm'}8[us]").item()
    if isinstance(value, np.floating) and value.dtype != np.float64:
        value = float(str(value))  # 0.1 of float32 is 0.1, and not 0.10000000149
    elif isinstance(value, np.generic):
        value = value.item()
    return None if value != value else value


def category(value: Any, missing: Collection[str] = ()) -> str | None:
    """Return the name of the category that a cell means, None where it is missing.

    It is the same for 1, 1.0, "1" and "1.0", for True, "True" and "TRUE", and for bytes and their text in
    UTF-8. Zeros in front are part of it, and so are those after a fraction: "01" and "1.10" are words.
    """
    value = plain(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if value in MISSING or value in missing:
            return None
        if re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.0+)?", value):
            value = value.partition(".")[0]
            return "0" if value == "-0" else value
        return value.lower() if value.lower() in ("true", "false") else value
    if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
        value = value.date()
    if value is None or isinstance(value, (datetime.date, datetime.time)):
        return None if value is None else value.isoformat()
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    return str(whole) if whole == value else str(float(value))


def spellings(name: str) -> tuple[str, ...]:
    """Return texts that `category` takes for the category of a name, the name itself first."""
    if name in ("true", "false"):
        return name, name.capitalize(), name.upper()
    return (name, f"{name}.0") if re.fullmatch(r"0|-?[1-9][0-9]*", name) else (name,)


def quantity(
    value: Any, kind: str = "numeric", decimal: str = ".", order: str = "ymd", missing: Collection[str] = ()
) -> float:
    """Return what a cell means in a column of numbers, booleans or dates; NaN where it is missing.

    Parameters
    ----------
    value : object
    kind : {"numeric", "boolean", "date"}
        True is 1. Dates are days since 1970-01-01, UTC; times of day and durations are days.
    decimal : {".", ","}
        What stands before the fraction in numbers written as text.
    order : {"ymd", "dmy", "mdy"}
        Of dates in figures that do not begin with the year; "ymd" refuses them.
    missing : collection of str
        Texts that mean "no value", besides those that always do.

    Raises
    ------
    ValueError
        If it is no such value.
    """
    value = plain(value)
    if value is None:
        return np.nan
    found: float | None = None
    if isinstance(value, str):
        if value in MISSING or value in MISSING_AMONG_NUMBERS or value in missing:
            return np.nan
        found = days(value, order) if kind == "date" else number(value, decimal)
        if found is None and kind != "date":
            found = truth(value)
    elif isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        found = microseconds(value) / MICROSECONDS_A_DAY if kind == "date" else None
    elif kind != "date":
        found = float(value)
    if found is None:
        raise ValueError(f"{value!r} is no {kind} value")
    return found


def truth(text: str) -> float | None:
    """Return 1 for true, 0 for false, however their letters are written, and None for anything else."""
    return {"true": 1.0, "false": 0.0}.get(text.lower())


def number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a text writes, None where it writes none.

    Digits may be those of any script, groups of thousands be set apart, and a currency, % or ‰ stand beside
    it, which are read over; parentheses are a minus.
    """
    if decimal == "." and re.fullmatch(PLAIN_NUMBER, text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(infinite[1] + "inf")
    text = "".join(map(_common, text.strip()))
    amount = _AMOUNT.fullmatch(text)
    body = amount and _BODY[decimal].fullmatch(amount["body"])
    if not amount or not body or not (body["whole"] or body["part"]):
        return None
    negative = [amount["sign"] == "-", amount["inner"] == "-", amount["after"] == "-", bool(amount["open"])]
    if sum(negative) > 1 or bool(amount["open"]) != bool(amount["close"]):
        return None
    whole = re.sub(r"\D", "", body["whole"])
    found = float(f"{whole or 0}.{body['part'] or 0}{body['power'] or ''}")
    return -found if any(negative) else found


def pads_with_zeros(text: str) -> bool:
    """Whether a text is digits with a zero in front, as postal codes have; a number it is not."""
    return len(text) > 1 and text.isdecimal() and unicodedata.decimal(text[0]) == 0


def days(text: str, order: str = "ymd") -> float | None:
    """Return the date, moment or time of day that a text writes, in days since 1970-01-01, UTC, or None."""
    if not any(mark.isdecimal() for mark in text):
        return None
    if text[4:5] == text[7:8] == "-":  # which is most of them
        try:
            return microseconds(datetime.datetime.fromisoformat(text)) / MICROSECONDS_A_DAY
        except ValueError:
            pass
    for form in (*_DATES, _TIME_OF_DAY):
        found = form.fullmatch(text.strip())
        if found:
            return _days_of(found.groupdict(), order)
    return None


def _days_of(parts: dict[str, str | None], order: str) -> float | None:
    first, then, year = parts.get("first"), parts.get("then"), parts.get("year")
    day, month = parts.get("day") or "1", parts.get("month") or "1"
    if first is not None:
        if order == "ymd":
            return None
        day, month = (first, then or "") if order == "dmy" else (then or "", first)
    if name := parts.get("name"):
        month = str(_MONTHS.index(name[:3].lower()) + 1)
    century = 0 if year is None or len(year) > 2 else 1900 if int(year) > 68 else 2000
    hour, half = int(parts["hour"] or 0), parts["half"]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + 12 * (half.lower() == "p")
    clock = int(parts["minute"] or 0), int(parts["second"] or 0), int(f"{parts['part'] or 0:0<6}"[:6])
    zone = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", parts["zone"] or "")
    shift = 0 if zone is None else int(zone[1] + "1") * (60 * int(zone[2]) + int(zone[3] or 0))
    try:
        moment = datetime.datetime(century + int(year or 1970), int(month), int(day), hour, *clock)
        return microseconds(moment - datetime.timedelta(minutes=shift)) / MICROSECONDS_A_DAY
    except (ValueError, OverflowError):
        return None


def microseconds(value: Any) -> int:
    """Return a date, a moment or a time of day in microseconds since 1970-01-01, UTC; a duration's length."""
    if isinstance(value, datetime.time):
        value = datetime.datetime.combine(_DAWN, value)
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        value = value - _DAWN
    return int(value // _MICROSECOND)


def _common(mark: str) -> str:
    """Return a character of a number in ASCII where it has a counterpart there."""
    if mark.isascii():
        return mark
    if mark.isdecimal():
        return str(unicodedata.decimal(mark))
    if "\uff01" <= mark <= "\uff5e":  # full width
        return chr(ord(mark) - 0xFEE0)
    kind = unicodedata.category(mark)
    return "$" if kind == "Sc" else " " if kind == "Zs" else _SIGNS.get(mark, mark)
