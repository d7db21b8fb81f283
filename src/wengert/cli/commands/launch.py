"""`wengert launch`: a script in several processes, here or on several machines."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.cli.console import Text, error_console
from wengert.cluster.supervisor import Job, slots_of, supervise

# What a script that trains imports, and what `fit` does.
_MODULES = ("numpy.random", "wengert.train", "wengert.nn", "wengert.optim", "wengert.run.llvm")
_SWITCHES = ("--elastic", "--help", "--version")


def run(
    command: tuple[str, ...],
    nodes: str,
    workers: int,
    *,
    restarts: int,
    timeout: float,
    join_timeout: float,
    elastic: bool,
    address: str | None,
) -> int:
    """Run a command in several processes; see `wengert.cli.app.launch`."""
    slots = slots_of([node.strip() for node in nodes.split(",")], workers)
    job = Job(slots, command, restarts, timeout, join_timeout, elastic, address, _MODULES)
    return supervise(job, say)


def script_apart(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of the command with ``--`` before the script, whose own options follow it."""
    place = 1
    while place < len(arguments) and arguments[place].startswith("--"):
        if arguments[place] == "--":
            return list(arguments)
        takes_value = "=" not in arguments[place] and arguments[place] not in _SWITCHES
        place += 1 + takes_value
    return [*arguments[:place], "--", *arguments[place:]]


def say(what: str) -> None:
    """Print what happens to workers."""
    error_console().print(Text(f"wengert launch: {what}"), soft_wrap=True)
