"""A worker that `wengert launch` starts: ``python -m wengert.cluster.worker_process``.

What it is to do comes on standard input and not in its arguments, which every user of the machine can read:
they would show the secret. Standard input stays open for as long as the supervisor lives.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading


def main() -> None:
    """Run the script or module that standard input names, in the environment that it gives."""
    orders = json.loads(_first_line(0))
    supervisor = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with, args=(supervisor,), daemon=True).start()
    os.environ.update(orders["environment"])
    os.chdir(orders["directory"])
    program, *arguments = orders["command"]
    if program == "-m":
        program, *arguments = arguments
        sys.argv = [program, *arguments]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [program, *arguments]
        sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
        runpy.run_path(program, run_name="__main__")


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
    os._exit(1)


if __name__ == "__main__":
    main()
