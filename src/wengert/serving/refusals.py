"""What a request gets that is not answered: a status of HTTP, and words that say what to do."""

from __future__ import annotations

from typing import Any


class RequestRefused(Exception):
    """A request that is not answered with predictions.

    Parameters
    ----------
    status : int
        Of HTTP: 400 for rows that the model cannot take, 401, 408, 413, 415, 503.
    message : str
    **details
        What a program needs to find the place: ``column``, ``row`` (from 1), ``expected``.
    """

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.details = details

    @property
    def document(self) -> dict[str, Any]:
        """What the answer holds."""
        return {"error": str(self), **self.details}
