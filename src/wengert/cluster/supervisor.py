"""Starts workers, watches them, and starts them again from the last checkpoint when one is lost."""

from __future__ import annotations

import dataclasses
import math
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from wengert.checks import is_integer, positive_integer, positive_number
from wengert.cluster.channel import receive_words
from wengert.cluster.joining import beat_seconds
from wengert.cluster.processes import LOCAL, SSH_SECONDS, Slot, WorkerProcess
from wengert.cluster.rendezvous import Rendezvous, plural
from wengert.cluster.worker_process import POLITE
from wengert.errors import ConfigurationError, WengertError, WorkerLostError

_LOST_ANOTHER = WorkerLostError.exit_code
_LOOK = 0.02  # seconds between two looks at the processes
# Seconds in which the end of the worker that is at fault is noticed after those of workers that miss it.
_GRACE = 1.0
# Seconds after the workers have joined until processes for the next attempt start: a short job needs none.
_SETTLED = 5.0
_SSH_FAILED = 255


@dataclass(frozen=True)
class Job:
    """What `wengert launch` is to do.

    Attributes
    ----------
    slots : tuple of Slot
        A place for each worker.
    command : tuple of str
        A script with its arguments, or ``-m``, a module and its arguments.
    restarts : int
        How often to start again after a worker was lost.
    timeout : float
        Seconds after which a worker that shows no sign of life counts as lost.
    join_timeout : float
        Seconds between the first worker that joins and the last.
    elastic : bool
        Whether to go on without the worker that was lost.
    address : str or None
        Of this machine, at which workers on others find it.
    modules : tuple of str
        What the command imports: processes that are kept ready for a restart have it already.
    numbered : bool
        Whether the number of the worker stands before what it prints: not where one alone prints results.
    """

    slots: tuple[Slot, ...]
    command: tuple[str, ...]
    restarts: int = 3
    timeout: float = 8.0
    join_timeout: float = 60.0
    elastic: bool = False
    address: str | None = None
    modules: tuple[str, ...] = ()
    numbered: bool = True

    def __post_init__(self) -> None:
        if not self.command:
            raise ConfigurationError("which script is to run? Name it: wengert launch [OPTIONS] train.py")
        positive_number("launch", "timeout", self.timeout)
        positive_number("launch", "join_timeout", self.join_timeout)
        if not is_integer(self.restarts, 0):
            raise ConfigurationError(f"launch: restarts is a whole number, 0 or more, got {self.restarts!r}")


def slots_of(nodes: Sequence[str], workers: int) -> tuple[Slot, ...]:
    """Return a place for each of the workers, the same number on every node.

    Raises
    ------
    ConfigurationError
        When a node is named twice or not at all or cannot be a name, or there are to be no workers.
    """
    positive_integer("launch", "workers", workers)
    if not nodes or not all(nodes):
        raise ConfigurationError("--nodes takes names of machines separated by commas, such as host1,host2")
    option = next((node for node in nodes if node.startswith("-")), None)
    if option is not None:
        raise ConfigurationError(f"--nodes takes names of machines, and SSH would read {option} as an option")
    twice = next((node for node in nodes if nodes.count(node) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"the node {twice} is named twice; --workers says how many run on each")
    return tuple(Slot(node, local, workers) for node in nodes for local in range(workers))


@dataclass
class _Loss:
    """Why an attempt ended.

    Attributes
    ----------
    what : str
        For people.
    code : int
        What the command returns if it goes no further.
    ranks : tuple of int
        Whose fault it is.
    again : bool
        Whether to start again: not after an error of the script, which would come again.
    """

    what: str
    code: int
    ranks: tuple[int, ...] = ()
    again: bool = True


def supervise(job: Job, say: Callable[[str], None]) -> int:
    """Run a job to its end.

    Parameters
    ----------
    job : Job
    say : callable
        Takes what happens, for people.

    Returns
    -------
    int
        0 when all workers returned 0; otherwise the exit code of the first that failed, 128 and the number of
        the signal that ended it, or 75 where it did not answer. 130 after Ctrl-C.

    Raises
    ------
    ConfigurationError
        When a worker cannot be started, or workers cannot meet here.
    """
    restarts = 0
    with _termination_as_interrupt(), _Reserve(job.modules) as reserve:
        while True:
            attempt = _Attempt(job, reserve, is_last=restarts == job.restarts)
            try:
                loss = attempt.run()
            except KeyboardInterrupt:
                attempt.end_politely()
                say("interrupted; all workers were ended, and the last checkpoint stands, if there is one")
                return 128 + signal.SIGINT
            except WengertError:
                attempt.end()
                raise
            if loss is None:
                return 0
            attempt.end()
            if not loss.again or restarts >= job.restarts:
                tried = f" after {restarts} restart{'s' if restarts > 1 else ''}" if restarts else ""
                say(f"{loss.what}; all workers were ended{tried}")
                return loss.code
            if job.elastic and len(job.slots) > len(loss.ranks) > 0:
                kept = (slot for rank, slot in enumerate(job.slots) if rank not in loss.ranks)
                job = dataclasses.replace(job, slots=tuple(kept))
            restarts += 1
            say(
                f"{loss.what}; all were ended, and {len(job.slots)} start again from the last checkpoint "
                f"(restart {restarts} of {job.restarts})"
            )


@dataclass
class _Reserve:
    """Processes that have imported what the next attempt needs, so that it begins sooner."""

    modules: tuple[str, ...]
    ready: dict[Slot, WorkerProcess] = field(default_factory=dict)

    def __enter__(self) -> _Reserve:
        return self

    def fill(self, slots: Sequence[Slot]) -> None:
        """Start what is missing."""
        for slot in slots:
            if slot not in self.ready:
                self.ready[slot] = WorkerProcess.start(slot, self.modules)

    def take(self, slot: Slot) -> WorkerProcess:
        """Return a process at a place, which waits for work."""
        ready = self.ready.pop(slot, None)
        return WorkerProcess.start(slot) if ready is None or ready.process.poll() is not None else ready

    def __exit__(self, *_: object) -> None:
        for process in self.ready.values():
            process.kill()
            process.finish()


@dataclass
class _Attempt:
    """The workers of one start."""

    job: Job
    reserve: _Reserve
    is_last: bool
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._joined = math.inf
        self._secret = secrets.token_hex(32)
        self._beats: dict[int, float] = {}
        self._refusal: WengertError | None = None
        self._rendezvous = Rendezvous((_address(self.job), 0), self._secret.encode(), len(self.job.slots))

    def run(self) -> _Loss | None:
        """Start the workers and watch them until all have ended well, or one is lost."""
        threading.Thread(target=self._gather, daemon=True).start()
        for rank, slot in enumerate(self.job.slots):
            self.workers.append(self.reserve.take(slot))
            environment = self._environment(rank, slot)
            self.workers[rank].work(rank, self.job.command, environment, numbered=self.job.numbered)
        while True:
            codes = [worker.process.poll() for worker in self.workers]
            if not any(codes) and None not in codes:
                self.end()
                return None
            loss = self._loss(codes)
            if loss is not None:
                return loss
            if not self.is_last and time.monotonic() > self._joined + _SETTLED:
                self.reserve.fill(self.job.slots)
            time.sleep(_LOOK)

    def _environment(self, rank: int, slot: Slot) -> dict[str, str]:
        host, port = self._rendezvous.address
        return {
            "WENGERT_RANK": str(rank),
            "WENGERT_SIZE": str(len(self.job.slots)),
            "WENGERT_LOCAL_RANK": str(slot.local_rank),
            "WENGERT_COORDINATOR": f"{host}:{port}",
            "WENGERT_SECRET": self._secret,
            "WENGERT_SUPERVISED": "1",
            "WENGERT_TIMEOUT": str(self.job.timeout),
            "WENGERT_JOIN_TIMEOUT": str(self.job.join_timeout),
        }

    def _gather(self) -> None:
        """Bring the workers together, then listen for their signs of life."""
        rendezvous, patience = self._rendezvous, self.job.join_timeout
        while rendezvous.first_came is None:  # a script may read for hours before it joins, or never do
            if rendezvous.closed:
                return
            time.sleep(_LOOK)
        try:
            rendezvous.gather(patience)
        except WengertError as error:
            self._refusal = error
            return
        for rank, enrolled in rendezvous.workers.items():
            self.workers[rank].remote_process = int(enrolled.words["process"])
            self._beats[rank] = time.monotonic()
            threading.Thread(target=self._listen, args=(rank, enrolled.connection), daemon=True).start()
        self._joined = time.monotonic()

    def _listen(self, rank: int, connection: socket.socket) -> None:
        try:
            while True:
                receive_words(connection)
                self._beats[rank] = time.monotonic()
        except OSError:  # its end is seen by its exit code
            self._beats[rank] = math.inf

    def _loss(self, codes: list[int | None]) -> _Loss | None:
        """Return what went wrong, if something has."""
        if self._refusal is not None:
            return self._not_joined(self._refusal)
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed and all(codes[rank] == _LOST_ANOTHER for rank in failed):
            # They miss one whose end, or silence, has not been noticed yet.
            time.sleep(_GRACE)
            codes = [worker.process.poll() for worker in self.workers]
            at_fault = [rank for rank, code in enumerate(codes) if code not in (None, 0, _LOST_ANOTHER)]
            failed = (
                at_fault
                or self._silent(2.5 * beat_seconds(self.job.timeout))
                or [rank for rank, code in enumerate(codes) if code is None]
                or [rank for rank, code in enumerate(codes) if code == 0]
                or failed
            )
        elif failed:
            failed = [rank for rank in failed if codes[rank] != _LOST_ANOTHER]
            # A library of those that miss one that was killed may have failed before they noticed.
            failed = [rank for rank in failed if _signal_of(codes[rank])] or failed
        if failed:
            return self._ended(failed, codes)
        silent = self._silent(self.job.timeout)
        if silent:
            what = f"{self._named(silent)} showed no sign of life for {self.job.timeout:g} s"
            return _Loss(what, _LOST_ANOTHER, tuple(silent))
        return None

    def _silent(self, seconds: float) -> list[int]:
        now = time.monotonic()
        return [rank for rank, last in sorted(self._beats.items()) if now - last > seconds]

    def _ended(self, ranks: list[int], codes: list[int | None]) -> _Loss:
        code, named = codes[ranks[0]], self._named(ranks)
        slot = self.job.slots[ranks[0]]
        if code is None:
            return _Loss(f"{named} did not answer the others", _LOST_ANOTHER, tuple(ranks))
        if code == 0:
            return _Loss(f"{named} came to the end of the script before the others", _LOST_ANOTHER)
        if code == _SSH_FAILED and not slot.is_here:
            what = f"{named}: SSH could not reach {slot.host} within {SSH_SECONDS} s, or the connection broke"
            return _Loss(what, code, tuple(ranks))
        if number := _signal_of(code):
            return _Loss(f"{named} was ended by {_signal_name(number)}", 128 + number, tuple(ranks))
        if code == _LOST_ANOTHER:
            return _Loss(f"{named} lost another worker", code)
        return _Loss(f"{named} failed with exit code {code}", code, tuple(ranks), again=False)

    def _not_joined(self, error: WengertError) -> _Loss:
        if isinstance(error, WorkerLostError):
            seconds = self.job.join_timeout
            what = f"{self._named(list(error.ranks))} did not join within {seconds:g} s"
            return _Loss(what, _LOST_ANOTHER, error.ranks)
        return _Loss(str(error), 2, again=False)

    def _named(self, ranks: list[int]) -> str:
        hosts = sorted({self.job.slots[rank].host for rank in ranks})
        return f"{plural(tuple(ranks))} on {', '.join(hosts)}"

    def end(self) -> None:
        """End all workers at once, and wait until they have."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.finish()
        self._rendezvous.close()

    def end_politely(self) -> None:
        """Let workers end by themselves for a moment."""
        for worker in self.workers:
            worker.stop(signal.SIGTERM)
        end = time.monotonic() + POLITE
        while time.monotonic() < end and any(worker.process.poll() is None for worker in self.workers):
            time.sleep(_LOOK)
        self.end()


def _signal_of(code: int | None) -> int:
    """Return the number of the signal that ended a process, here or beyond SSH; 0 for none."""
    return 0 if code is None else max(-code, code - 128, 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have none
        return f"signal {number}"


def _address(job: Job) -> str:
    """Return the address at which the workers find this process, and at which alone it listens."""
    if job.address is not None:
        return job.address
    others = [slot.host for slot in job.slots if not slot.is_here]
    if not others:
        return LOCAL[1]
    host = others[0].rpartition("@")[2]
    try:
        family, _, _, _, there = socket.getaddrinfo(host, 22, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as towards:
            towards.connect(there)  # sends nothing: it only finds the way
            return str(towards.getsockname()[0])
    except OSError as error:
        raise ConfigurationError(
            f"the machine {host} cannot be found ({error.strerror or error}). Where SSH alone knows the "
            "name, say with --address at which address of this machine the others reach it"
        ) from None


class _termination_as_interrupt:
    """Let SIGTERM, and a terminal that is closed, end the workers as Ctrl-C does."""

    def __enter__(self) -> None:
        ending = [number for number in ("SIGTERM", "SIGHUP") if hasattr(signal, number)]
        # What is ignored stays so: that is how `nohup` starts a command.
        self._before = {
            number: signal.signal(number, self._interrupt)
            for number in (getattr(signal, name) for name in ending)
            if signal.getsignal(number) != signal.SIG_IGN
        }

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    @staticmethod
    def _interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt
