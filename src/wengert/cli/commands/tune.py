"""`wengert tune`: the settings with which a network learns a table best, and a model trained with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wengert.cli import command_clock
from wengert.cli.commands.learning import learn_by_search
from wengert.cli.commands.train import train_table
from wengert.cli.console import write
from wengert.cli.exit_codes import INTERRUPTED, SUCCESS
from wengert.cli.train_options import train_options
from wengert.errors import ConfigurationError
from wengert.tabular.tuning.samplers import find_sampler


def run(
    file: str,
    given: Mapping[str, Any],
    config: str | None,
    *,
    trials: int,
    sampler: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Search on a file; see `wengert.cli.tuning_command.tune`."""
    options = train_options(file, given, config)
    if options.folds is not None or options.seeds > 1:
        raise ConfigurationError(
            "cv and seeds are no options of a search: train with them and the settings that it finds."
        )
    if trials < 1:
        raise ConfigurationError(f"trials is a number of settings, 1 or more, got {trials}.")
    find_sampler(sampler, 0)  # before the table is read
    if len(options.targets) > 1:
        raise ConfigurationError("a search is for one target, and there are several. Name one of them.")
    learn = learn_by_search(trials, sampler, "preset" not in given)
    outcome = train_table(
        (file,), options, None, learn, began=command_clock.began(), silent=as_json or quiet, quiet=quiet
    )
    if as_json:
        write(json.dumps(outcome, allow_nan=False) + "\n", verbatim=True)
    return INTERRUPTED if outcome["interrupted"] else SUCCESS
