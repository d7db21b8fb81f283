"""What a person says of a text file."""

from __future__ import annotations

import dataclasses

from wengert.errors import ConfigurationError


@dataclasses.dataclass(frozen=True)
class TextFormat:
    """What a person says of a text file, because it cannot be guessed.

    Attributes
    ----------
    separator : str
        Between cells: a character. Empty where it is to be found.
    encoding : str
        Of bytes that are not UTF-8. Empty for none.
    decimal : str
        ``"."`` or ``","`` before the fraction of numbers. Empty where it is to be found.
    missing : tuple of str
        What means "no value" in any column, besides what always does.
    """

    separator: str = ""
    encoding: str = ""
    decimal: str = ""
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.separator) > 1 or self.separator in ('"', "\n", "\r"):
            raise ConfigurationError(f"the separator is one character, got {self.separator!r}.")
        if self.decimal not in ("", ".", ","):
            raise ConfigurationError(f"the decimal mark is . or , and not {self.decimal!r}.")
        try:
            "".encode(self.encoding or "utf-8")
        except (LookupError, ValueError):  # the latter of names with a NUL, and of the encoding `undefined`
            raise ConfigurationError(
                f"there is no encoding {self.encoding!r}; some are utf-8, utf-16, cp1252, latin-1, shift_jis."
            ) from None

    def or_else(self, other: TextFormat) -> TextFormat:
        """Return this format, with that of another for what it does not say."""
        pairs = {name: getattr(self, name) or getattr(other, name) for name in _FORMAT_FIELDS}
        return TextFormat(**pairs)


_FORMAT_FIELDS = tuple(field.name for field in dataclasses.fields(TextFormat))
NOTHING_SAID = TextFormat()
