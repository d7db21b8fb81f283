"""What `fit` takes instead of its usual parts when several workers train."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, ShapeError
from wengert.run.executor import divides_rows
from wengert.train.evaluation import Evaluator
from wengert.train.inputs import Rows, check_rows, check_weights, plain_array
from wengert.train.loop import Loop
from wengert.train.parallel.block_step import BlockStep
from wengert.train.parallel.parallel_stepper import ParallelStepper
from wengert.train.parallel.shared_evaluation import SharedEvaluator
from wengert.train.parallel.shared_rows import SharedRows, SharedRules
from wengert.train.plan import Plan, identity_without_rows
from wengert.train.rules import FitRules
from wengert.train.steps.conform import conform
from wengert.train.steps.digests import digest
from wengert.train.steps.objective import Objective
from wengert.train.steps.step import TrainingStep

# Rows of which it is compared whether all workers have the same.
_COMPARED = 64


@dataclasses.dataclass(frozen=True)
class Together:
    """Training as one of several workers.

    Attributes
    ----------
    workers : Workers
    total_rows : int or None
        How many rows all workers have, where each was given its own only.
    """

    workers: Workers
    total_rows: int | None = None

    def refuse(self, shuffle: Any, time_limit: Any, validation_fraction: Any) -> None:
        """Refuse what cannot be the same on all workers, or is not divided.

        Raises
        ------
        ConfigurationError
        """
        if callable(shuffle):
            raise ConfigurationError(
                "shuffle is True or False for workers, each of which orders its own rows"
            )
        if time_limit is not None:
            raise ConfigurationError(
                "time_limit is not for workers, whose clocks differ: one would stop early. Give epochs"
            )
        if validation_fraction is not None:
            raise ConfigurationError(
                "validation_fraction is not for workers, each of which has a part of the rows; give "
                "validation_data"
            )

    def rows(self, net: Any, objective: Objective, X: Any, y: Any, sample_weight: Any) -> SharedRows:
        """Return the rows of this worker, checked and in the dtypes of the network.

        Raises
        ------
        ConfigurationError, DataError, DTypeError, ShapeError, IndexRangeError
        """
        workers, total = self.workers, self.total_rows
        X, y = plain_array(X, "X"), plain_array(y, "y")
        weights = None
        if total is None:
            total = len(y)
            if len(X) != total:
                raise ShapeError(f"X has {len(X)} rows and y has {total}; they need one entry a row each")
            mine = workers.rows(total)
            weights = check_weights(sample_weight, total, "sample_weight")
            workers.agree({"X": _sample(X), "y": _sample(y), "sample_weight": digest(weights)})
            X, y = X[mine], y[mine]
            weights = weights if weights is None else weights[mine]
        else:
            positive_integer("fit", "total_rows", total)
            mine = workers.rows(total)
            if len(y) != mine.stop - mine.start:
                raise ShapeError(
                    f"y has {len(y)} rows; of {total} rows, worker {workers.rank} of {workers.size} gives "
                    f"those from {mine.start} to {mine.stop - 1}"
                )
            if sample_weight is not None:
                raise ConfigurationError(
                    "sample_weight counts by its mean over all rows; give all rows and leave total_rows out"
                )
        own = check_rows(X, y)
        own = conform(net, objective, Rows(own.features, own.targets, weights))
        return SharedRows(own.features, own.targets, own.weights, total, workers)

    def loop(self, plan: Plan, net: Any, step: TrainingStep, evaluator: Evaluator) -> Loop:
        """Return the run of this worker, after all have compared theirs.

        Raises
        ------
        ConfigurationError
            When the blocks do not divide a batch of some of the rows, or workers have other settings,
            networks or rows: names who has something else, and what.
        ModelFileError
            As `Loop`.
        """
        blocks, rules = self.workers.blocks, plan.rules
        if plan.batch_size % blocks and plan.batch_size < len(plan.rows):
            raise ConfigurationError(
                f"a batch of {plan.batch_size} rows is not divisible into {blocks} blocks of workers; give "
                f"batch_size={max(1, plan.batch_size // blocks) * blocks}, or join(blocks=…) another number"
            )
        assert isinstance(rules, FitRules)
        fields = {field.name: getattr(rules, field.name) for field in dataclasses.fields(rules)}
        shared = dataclasses.replace(plan, rules=SharedRules(**fields))
        divided = BlockStep(net, step.rule, step.executor)
        rows = shared.rows
        assert isinstance(rows, SharedRows)
        counted = {"rows": str(rows.total), "runs of rows in a file": str(rows.runs())}
        agree(self.workers, shared, divided, counted)
        return Loop(shared, divided, SharedEvaluator(evaluator), stepper=ParallelStepper)


def agree(workers: Workers, plan: Plan, step: TrainingStep, counted: dict[str, str]) -> None:
    """Refuse to train where workers differ.

    Parameters
    ----------
    workers : Workers
    plan : Plan
    step : TrainingStep
    counted : dict of str to str
        What they must have in common of their rows.

    Raises
    ------
    ConfigurationError
        Names who has something else, and what.
    """
    features = plan.rows.features
    workers.agree(
        {
            **identity_without_rows(plan, step, step.initial),
            "epochs": str(plan.epochs),
            "features": f"{features.dtype}, rows of {list(features.shape[1:])}",
            "checkpoint": str(plan.checkpoint is not None),
            **counted,
        }
    )


def together_of(
    workers: Workers | None, total_rows: int | None, executor: Any, *options: Any
) -> Together | None:
    """Return what several workers do instead, after a look at options that they cannot take.

    Parameters
    ----------
    workers, total_rows, executor
        As `fit` has them.
    options
        See `Together.refuse`.

    Raises
    ------
    ConfigurationError
    """
    if workers is not None and not isinstance(workers, Workers):
        raise ConfigurationError(
            f"workers is what cluster.join() returns, got {type(workers).__name__}; "
            "`wengert launch --workers 4 train.py` starts several"
        )
    if workers is None and total_rows is not None:
        raise ConfigurationError("total_rows counts the rows of all workers: give workers=cluster.join() too")
    if workers is None:
        return None
    if executor == "xla" or divides_rows(executor):
        # Its mesh divides the rows; workers share the checkpoint.
        if total_rows is not None:
            raise ConfigurationError(
                "total_rows is for machine code. With XLA, each process gives rows of its own by "
                'executor=xla_executor(mesh="all", own_rows=True), of wengert.run'
            )
        return None
    together = Together(workers, total_rows)
    together.refuse(*options)
    return together


def check_joined(workers: Workers, executor: Any) -> None:
    """Refuse workers each of which would train on all rows by itself.

    Parameters
    ----------
    workers : Workers
    executor : Executor
        Which divides rows itself, if anything does.

    Raises
    ------
    ConfigurationError
    """
    if workers.size > 1 and not (divides_rows(executor) and executor.processes > 1):
        raise ConfigurationError(
            f"each of the {workers.size} workers would train on all rows by itself: with XLA a mesh over all "
            'of them divides the rows. Call cluster.join_jax(workers) first, and give mesh="all"'
        )


def _sample(array: np.ndarray[Any, Any]) -> str:
    """Return a text that differs where shapes do, or some rows from all over the array."""
    places = np.unique(np.linspace(0, len(array) - 1, _COMPARED).astype(np.int64))
    return f"{list(array.shape)}, {digest(array[places])}"
