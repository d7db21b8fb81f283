"""A worker that `wengert launch` starts: ``python -m wengert.cluster.worker_process [MODULE …]``.

It imports these modules, then waits for what it is to do: a process that is kept ready for the case that a
worker is lost has them before it is needed.

What it is to do comes on standard input and not in its arguments, which every user of the machine can read:
they would show the secret. Standard input stays open for as long as the supervisor lives.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from types import TracebackType

POLITE = 3.0  # seconds between SIGTERM and SIGKILL


def main() -> None:
    """Run the script or module that standard input names, in the environment that it gives."""
    for module in sys.argv[1:]:
        importlib.import_module(module)
    line = _first_line(0)
    if not line:  # it was not needed
        return
    orders = json.loads(line)
    supervisor = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with, args=(supervisor,), daemon=True).start()
    os.environ.update(orders["environment"])
    # Through every `finally`, so that locks are released and no file is left half-written.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        os.chdir(orders["directory"])
    except OSError as error:
        sys.exit(f"{socket.gethostname()}: {orders['directory']}: {error.strerror}")
    try:
        _run(*orders["command"])
    except Exception as error:
        sys.excepthook(type(error), error, _of_script(error.__traceback__))
        sys.exit(1)


def _run(program: str, *arguments: str) -> None:
    if program != "-m":
        if not any(map(os.path.isfile, (program, os.path.join(program, "__main__.py")))):
            sys.exit(f"{socket.gethostname()}: there is no script {program} in {os.getcwd()}")
        sys.argv = [program, *arguments]
        sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
        runpy.run_path(program, run_name="__main__")
        return
    sys.path.insert(0, os.getcwd())
    module = "".join(arguments[:1])
    try:
        found = importlib.util.find_spec(module) if module else None
    except ModuleNotFoundError:  # the package that it would be in
        found = None
    if found is None:
        sys.exit(f"{socket.gethostname()}: there is no module {module!r}, from {os.getcwd()}")
    sys.argv = list(arguments)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _of_script(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from where the script begins."""
    ours = __file__, runpy.__file__, "<frozen runpy>"
    while trace is not None and trace.tb_frame.f_code.co_filename in ours:
        trace = trace.tb_next
    return trace


def _first_line(descriptor: int) -> bytes:
    """Return the first line, and read nothing beyond it."""
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(descriptor, 1)
        if not part:
            break
        line += part
    return bytes(line)


def _end_with(supervisor: int) -> None:
    """End this process when the supervisor has: nobody would collect or restart it."""
    while os.read(supervisor, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(POLITE)
    if os.getpgrp() == os.getpid():  # whatever it started ends too
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
