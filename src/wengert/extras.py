"""Libraries that not every installation has: each comes with an extra, `pip install 'wengert[name]'`."""

from __future__ import annotations

import importlib
from typing import Any

from wengert.errors import ConfigurationError


def optional_library(name: str, purpose: str, extra: str) -> Any:
    """Return a library that comes with an extra.

    Parameters
    ----------
    name : str
        Of the module, which is imported.
    purpose : str
        What needs it, the beginning of the message: ``"plots are drawn with matplotlib"``.
    extra : str
        The extra of this package that installs it.

    Raises
    ------
    ConfigurationError
        When it cannot be imported: says what needs it, why it failed, and how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"{purpose}, which cannot be imported ({error}); install it with: pip install 'wengert[{extra}]'"
        ) from None
