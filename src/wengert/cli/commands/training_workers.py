"""`wengert train` in several processes."""

from __future__ import annotations

import os
import sys

from wengert import cluster
from wengert.cli.commands.launch import say
from wengert.cli.option_types import WorkerOptions
from wengert.cluster.identity import identify
from wengert.cluster.supervisor import Job, slots_of, supervise
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError

_BLOCKS = 8


def supervised(options: WorkerOptions) -> int | None:
    """Train by workers and return the exit code; None where this process is to train itself.

    The workers run this command again, and find by their environment that they are workers.
    """
    if options.workers is None or identify(os.environ).source != "alone":
        return None
    job = Job(
        slots_of(["localhost"], options.workers), ("-m", "wengert", *sys.argv[1:]), elastic=options.elastic
    )
    return supervise(job, say)


def joined(options: WorkerOptions, preset: str | None) -> Workers | None:
    """Return the workers of which this process is one; None where it is alone.

    Raises
    ------
    ConfigurationError
        When they are to train what they cannot share.
    """
    me = identify(os.environ)
    if me.source == "alone":
        return None
    if preset == "tabular":
        raise ConfigurationError(
            "--preset tabular chooses among networks of several epochs, which a checkpoint does not keep, so "
            "workers train by --preset plain. Leave --preset out"
        )
    return cluster.join(blocks=max(_BLOCKS, options.workers or me.size))
