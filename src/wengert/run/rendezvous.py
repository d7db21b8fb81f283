"""Calls of several threads that are made together, once each thread has brought its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any


class _Call:
    """A call that waits, and its outcome."""

    def __init__(self, key: Hashable, argument: Any, together: Callable[[list[Any]], None]) -> None:
        self.key, self.argument, self.together = key, argument, together
        self.is_made = False
        self.error: BaseException | None = None


class Rendezvous:
    """Where threads wait for each other's calls.

    Attributes
    ----------
    shared : dict
        What the threads have in common, for their use, while any takes part.
    """

    def __init__(self) -> None:
        self.shared: dict[Any, Any] = {}
        self._changed = threading.Condition()
        self._seats = 0
        self._waiting: list[_Call] = []

    def add(self, seats: int) -> None:
        """Change the number of threads that are waited for."""
        with self._changed:
            self._seats += seats
            if not self._seats:
                self.shared.clear()
            self._make_if_complete()

    def call(self, key: Hashable, argument: Any, together: Callable[[list[Any]], None]) -> None:
        """Make a call; see `Seat`."""
        call = _Call(key, argument, together)
        with self._changed:
            self._waiting.append(call)
            self._make_if_complete()
            self._changed.wait_for(lambda: call.is_made)
        if call.error is not None:
            raise call.error

    def _make_if_complete(self) -> None:
        if not self._waiting or len(self._waiting) < self._seats:
            return
        groups: dict[Hashable, list[_Call]] = {}
        for call in self._waiting:
            groups.setdefault(call.key, []).append(call)
        self._waiting = []
        for group in groups.values():
            try:
                group[0].together([call.argument for call in group])
            except BaseException as error:  # each thread raises it for itself
                for call in group:
                    call.error = error
            for call in group:
                call.is_made = True
        self._changed.notify_all()


class Seat:
    """The place of one thread at a rendezvous.

    While a thread that has taken its seat computes something else, the others wait for it. It must leave the
    seat when it makes no more calls.

    Parameters
    ----------
    rendezvous : Rendezvous

    Attributes
    ----------
    is_used : bool
        Whether calls are going to be made from here.
    """

    def __init__(self, rendezvous: Rendezvous) -> None:
        self.is_used = False
        self._rendezvous = rendezvous
        self._is_taken = False

    @property
    def shared(self) -> dict[Any, Any]:
        """What the threads have in common."""
        return self._rendezvous.shared

    def take(self) -> None:
        """Take part from now on."""
        if not self._is_taken:
            self._is_taken = True
            self._rendezvous.add(1)

    def leave(self) -> None:
        """Take part no longer."""
        if self._is_taken:
            self._is_taken = False
            self._rendezvous.add(-1)

    def call(self, key: Hashable, argument: Any, together: Callable[[list[Any]], None]) -> None:
        """Wait until all who take part have brought a call, and have those of one key made as one.

        Parameters
        ----------
        key : hashable
        argument : object
        together : callable
            Called in one of the threads, with the arguments of this key in the order in which they came.

        Raises
        ------
        Exception
            That of `together`, in each of the threads.
        """
        self._rendezvous.call(key, argument, together)
