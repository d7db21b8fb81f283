"""What a run is to do, and what identifies it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wengert.train.callbacks import Callback
from wengert.train.checkpoint import Checkpoint
from wengert.train.inputs import Rows
from wengert.train.rules import Rules
from wengert.train.steps.digests import dense_arrays, digest
from wengert.train.steps.step import Carry, TrainingStep


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes
    ----------
    rows : Rows
    count : int
        How many of them an epoch takes: all, except where processes hold rows of their own (the same number
        of each) or a short batch is left out.
    validation : Rows or None
    epochs : int
        In all, with those of the runs that this one goes on from.
    batch_size : int
    seed : int
        Of the randomness of the steps.
    time_limit : float or None
        Seconds.
    rules : Rules
    callbacks : tuple of Callback
    checkpoint : Checkpoint or None
    drop_last : bool
        Whether a short batch at the end of an epoch is left out.
    """

    rows: Rows
    count: int
    validation: Rows | None
    epochs: int
    batch_size: int
    seed: int
    time_limit: float | None
    rules: Rules
    callbacks: tuple[Callback, ...]
    checkpoint: Checkpoint | None
    drop_last: bool = False


def identity(plan: Plan, step: TrainingStep, initial: Carry) -> dict[str, str]:
    """Return what two runs must have in common for one to go on where the other stopped.

    Bitwise the same result needs the same data, settings and initial parameters. The number of epochs may
    differ: a run can be prolonged.
    """
    return identity_without_rows(plan, step, initial) | plan.rows.identity()


def identity_without_rows(plan: Plan, step: TrainingStep, initial: Carry) -> dict[str, str]:
    """Return the part of `identity` that is not about the rows to train on."""
    validation = plan.validation
    held = (
        (None,) * 3
        if validation is None
        else (*dense_arrays(validation.features), validation.targets, validation.weights)
    )
    rule = plan.rules.step_rule
    beside = zip(step.names[step.network_count :], initial[step.network_count :], strict=True)
    # The settings are named below, so that a rate that differs does not pass for other parameters.
    first_state = [leaf for name, leaf in beside if not name.startswith("settings.")]
    return {
        "network": _stable_text(step.net(initial)),
        "initial parameters": digest(*initial[: step.network_count], *first_state),
        "optimizer": _stable_text(rule.optimizer),
        "loss": _without_addresses(rule.objective.describe()),
        "clip_norm": repr(rule.clip_norm),
        "weight_decay": repr(rule.weight_decay),
        "ema_decay": repr(rule.ema_decay),
        "executor": type(step.executor).__name__ + _rounding(step.executor),
        "validation data": digest(*held),
        "batch_size": f"{plan.batch_size}{' with drop_last' if plan.drop_last else ''}",
        "seed": str(plan.seed),
        **plan.rules.identity(),
    }


def _rounding(executor: Any) -> str:
    """Return how an executor rounds products and adds up, where that is its choice.

    The number of devices is left out: a run goes on where there are fewer, with other last bits.
    """
    products = getattr(executor, "products", "float32")
    text = "" if products == "float32" else f", products of {products}"
    return text + (", deterministic" if getattr(executor, "deterministic", False) else "")


def _stable_text(value: Any) -> str:
    """Return the repr of a value, the same in every process."""
    return _without_addresses(repr(value))


def _without_addresses(text: str) -> str:
    """Return a text without memory addresses, which differ between processes."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
