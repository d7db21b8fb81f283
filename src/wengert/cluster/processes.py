"""Starting workers, here and by SSH; what they print, with the number of the worker before each line."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from wengert.errors import ConfigurationError
from wengert.run.threads import default_threads

LOCAL = ("localhost", "127.0.0.1", "::1")
SSH_SECONDS = 10  # seconds for which SSH tries a machine
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={SSH_SECONDS}")
_MODULE = "wengert.cluster.worker_process"


@dataclass(frozen=True)
class Slot:
    """A place for a worker.

    Attributes
    ----------
    host : str
        As SSH takes it; of `LOCAL`, no SSH is needed.
    local_rank : int
        Its number on this machine.
    neighbours : int
        How many workers the machine has.
    """

    host: str
    local_rank: int
    neighbours: int

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return self.host in LOCAL


@dataclass
class WorkerProcess:
    """A worker that was started.

    Attributes
    ----------
    slot : Slot
    process : Popen
        The worker, or the SSH client that runs it.
    remote_process : int or None
        Its number on its own machine, once it has joined.
    """

    slot: Slot
    process: subprocess.Popen[bytes]
    remote_process: int | None = None
    _pumps: list[threading.Thread] = field(default_factory=list)

    @staticmethod
    def start(slot: Slot, modules: Sequence[str] = ()) -> WorkerProcess:
        """Start a process that waits for `work`, in a session of its own: only the supervisor gets Ctrl-C.

        Parameters
        ----------
        slot : Slot
        modules : sequence of str
            What it imports meanwhile.

        Raises
        ------
        ConfigurationError
            When the system cannot start it.
        """
        line = [sys.executable, "-m", _MODULE, *modules]
        if not slot.is_here:
            # SSH hands a remote shell one line of text.
            cores = f"${{OMP_NUM_THREADS:-$((($(nproc) + {slot.neighbours - 1}) / {slot.neighbours}))}}"
            remote = f"PYTHONUNBUFFERED=1 OMP_NUM_THREADS={cores} exec {shlex.join(line)}"
            line = [*_SSH, slot.host, remote]
        try:
            process = subprocess.Popen(
                line,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={
                    # Workers that share a machine share its cores.
                    "OMP_NUM_THREADS": str(max(1, default_threads() // slot.neighbours)),
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                },
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigurationError(f"{line[0]} cannot be started: {error.strerror}") from None
        return WorkerProcess(slot, process)

    def work(
        self, rank: int, command: Sequence[str], environment: Mapping[str, str], *, numbered: bool = True
    ) -> None:
        """Let it run a command, as the worker of this number, which stands before the lines that it prints.

        Where these are not numbered, those of its standard error are nevertheless.
        """
        orders = {"environment": dict(environment), "directory": os.getcwd(), "command": list(command)}
        process = self.process
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is noticed soon enough
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            process.stdin.flush()
        number = b"[%d] " % rank
        for stream, target, before in (
            (process.stdout, sys.stdout, number if numbered else b""),
            (process.stderr, sys.stderr, number),
        ):
            pump = threading.Thread(target=_pump, args=(before, stream, target), daemon=True)
            pump.start()
            self._pumps.append(pump)

    def stop(self, number: signal.Signals) -> None:
        """Send it a signal, and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it whatever it does: a process that is stopped takes no other signal."""
        self.stop(signal.SIGKILL)
        if not self.slot.is_here and self.remote_process is not None:
            line = [*_SSH, self.slot.host, f"kill -KILL {self.remote_process}"]
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(line, capture_output=True, timeout=SSH_SECONDS + 5)

    def finish(self) -> int:
        """Wait for its end and for the rest of what it printed; return its exit code."""
        code = self.process.wait()
        for pump in self._pumps:
            pump.join(2)  # something that it started may still hold the pipe
        process = self.process
        for stream in (process.stdin, *(() if self._pumps else (process.stdout, process.stderr))):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return code


def _pump(before: bytes, stream: IO[bytes], target: Any) -> None:
    """Copy lines, each with the number of the worker, or nothing, before it."""
    with stream, contextlib.suppress(ValueError, OSError):  # the supervisor's own output was closed
        for line in iter(stream.readline, b""):
            # Bytes as they are: their encoding is a matter between the worker and its reader.
            target.buffer.write(before + (line if line.endswith(b"\n") else line + b"\n"))
            target.flush()
