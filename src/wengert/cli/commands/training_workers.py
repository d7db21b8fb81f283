"""`wengert train` in several processes."""

from __future__ import annotations

import dataclasses
import os
import sys

import numpy as np

from wengert import cluster
from wengert.cli.commands.launch import say
from wengert.cli.commands.learning import Learnt
from wengert.cli.console import Text, error_console
from wengert.cli.option_types import WorkerOptions
from wengert.cli.train_options import TrainOptions
from wengert.cluster.identity import identify
from wengert.cluster.supervisor import Job, slots_of, supervise
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError
from wengert.io.streamed_table import StreamedTable
from wengert.tabular.training_table import TrainingTable
from wengert.train import Checkpoint

_BLOCKS = 8  # at least; for more workers the next power of two, which divides usual batches
_SECONDS = 2.0  # between two checkpoints, which is what a lost worker costs beside its restart
_PLAIN = (
    "workers train by --preset plain: the gradients of the tabular one, of eight networks from few rows a "
    "step, take longer to send than to compute"
)


def supervised(options: WorkerOptions) -> int | None:
    """Train by workers and return the exit code; None where this process is to train itself.

    The workers run this command again, and find by their environment that they are workers.

    Raises
    ------
    ConfigurationError
    """
    if options.elastic and options.workers is None:
        raise ConfigurationError("--elastic says what to do when one of several is lost; give --workers, too")
    if options.workers is None or identify(os.environ).source != "alone":
        return None
    job = Job(
        slots_of(["localhost"], options.workers),
        ("-m", "wengert", *sys.argv[1:]),
        elastic=options.elastic,
        modules=("wengert.cli.commands.train", "wengert.cli.app"),
        numbered=False,  # a document of --json is read by programs
    )
    return supervise(job, say)


def joined(processes: WorkerOptions, options: TrainOptions, preset: str | None) -> Workers | None:
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
        raise ConfigurationError(f"{_PLAIN}. Leave --preset out")
    if options.seeds > 1:
        raise ConfigurationError("--seeds trains several networks in one process; leave it out")
    if options.settings.executor == "xla":
        raise ConfigurationError(
            "--executor xla is not for workers, which train in machine code; leave it out"
        )
    if options.settings.time_limit is not None:
        raise ConfigurationError(
            "--time-limit is not for workers, whose clocks differ: one would stop early. Give --epochs"
        )
    most = max(_BLOCKS, processes.workers or me.size)
    return cluster.join(blocks=2 ** (most - 1).bit_length())


def plain(options: TrainOptions, *, quiet: bool) -> TrainOptions:
    """Return the options with the preset by which workers train, and say that it is not the usual one."""
    if options.settings.preset != "plain" and not quiet:
        error_console().print(Text(_PLAIN), soft_wrap=True)
    return dataclasses.replace(options, settings=dataclasses.replace(options.settings, preset="plain"))


def learn_together(
    table: TrainingTable | StreamedTable, rows: np.ndarray, options: TrainOptions, quiet: bool
) -> Learnt:
    """Train as one of several workers, with a checkpoint beside the model until it is trained."""
    assert isinstance(table, StreamedTable)
    checkpoint = options.directory.with_name(f"{options.directory.name}.checkpoint")
    progress = False if quiet else "auto"
    kept = Checkpoint(checkpoint, seconds=_SECONDS, asynchronous=True)
    model, trained = table.train(rows, options.settings, checkpoint=kept, progress=progress)
    workers = table.stream.workers
    if workers is not None and workers.rank == 0:
        checkpoint.unlink(missing_ok=True)
    return Learnt(model, trained, options.settings, trained.interrupted)
