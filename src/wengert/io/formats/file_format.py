"""What a format of exported models declares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from wengert.io.formats.portable_model import PortableModel


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of exported models.

    Attributes
    ----------
    suffix : str
        That its files must have, so that no file is taken for what it is not.
    encode : callable
        Gives the bytes of the file.
    description : callable
        ``description(model, path)``: lines for the user, which say how to use a file that was written.
    file_name : callable
        The name of a file without its suffix, from that of the model.
    """

    suffix: str
    encode: Callable[[PortableModel], bytes]
    description: Callable[[PortableModel, Path], list[str]] = lambda model, path: []
    file_name: Callable[[str], str] = str
