"""The end of `wengert train` on the terminal: scores, where the model is, what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console

from wengert.cli.console import Text
from wengert.cli.report import heading, listing, print_mean_scores, print_scores, score_text
from wengert.storage.records import from_plain
from wengert.train.bagging.blending import UnseenLosses

_MOST_TRIALS = 12


def print_summary(console: Console, outcome: dict[str, Any], directory: Path) -> None:
    """Print what came of training.

    Parameters
    ----------
    console : Console
    outcome : dict
        The object that ``--json`` prints.
    directory : Path
        Where the model was saved.
    """
    console.print(Text(describe_training(outcome) + f" {outcome['seconds']:.1f} s in all."))
    if outcome.get("unseen"):
        kind = outcome["task"]["kind"]
        console.print(Text(from_plain(UnseenLosses, outcome["unseen"]).sentence(kind != "regression")))
    if outcome.get("trials"):
        _print_trials(console, outcome)
    print_outcome_scores(console, outcome)
    place = shlex.quote(str(directory))
    file = shlex.quote(outcome["file"])
    heading(console, f"Model saved in {directory}")
    console.print(Text(f"  wengert predict {place} {file}"), soft_wrap=True)
    console.print(Text(f"  wengert inspect {place}"), soft_wrap=True)
    if "report" in outcome:
        console.print(Text(f"  report: {outcome['report']}"), soft_wrap=True)
    console.print()


def _print_trials(console: Console, outcome: dict[str, Any]) -> None:
    """Print the best trials of a search, those that were given more epochs first."""
    trials = sorted(outcome["trials"], key=lambda one: (-one["rung"], one["loss"] is None, one["loss"]))
    heading(console, f"Trials ({len(trials)}), by their loss on rows that compared them")
    rows = [
        (
            f"{one['number']}{'  best' if place == 0 else ''}",
            str(one["settings"]["epochs"]),
            "diverged" if one["loss"] is None else score_text(one["loss"]),
            described_settings(one["settings"]),
        )
        for place, one in enumerate(trials[:_MOST_TRIALS])
    ]
    console.print(listing(("trial", "epochs", "loss", "settings"), rows, numbers=("epochs", "loss")))


def described_settings(settings: dict[str, Any]) -> str:
    """Return in short the settings that a search draws."""
    parts = [settings["preset"]]
    if settings["hidden"] is not None:
        parts.append("hidden " + (",".join(map(str, settings["hidden"])) or "none"))
    for name in ("learning_rate", "dropout", "batch_size", "l2"):
        if settings[name]:
            parts.append(f"{name.replace('_', ' ')} {settings[name]:.3g}")
    return ", ".join(parts)


def describe_training(training: dict[str, Any]) -> str:
    """Return in one sentence how long the network was trained and why it ended."""
    rows = training["rows"]["training"]
    sentence = f"Trained on {rows:,} rows for {training['epochs']} epochs ({training['stopped']})"
    if training["best_epoch"] is None:
        return f"{sentence}."
    return f"{sentence}; the weights are those of epoch {training['best_epoch']}."


def rows_scored(training: dict[str, Any]) -> str:
    """Return which rows the scores are of: those held out, and how, or those of another table."""
    if training.get("test"):
        return f"rows of {training['test']}"
    roles = training.get("roles") or {}
    if roles.get("group"):
        return f"rows held out, whole groups by {roles['group']}"
    return f"rows held out, the last by {roles['time']}" if roles.get("time") else "rows held out"


def print_outcome_scores(console: Console, training: dict[str, Any]) -> None:
    """Print the scores that a training run gave, with the rows that they were taken on."""
    validated = training["cross_validation"]
    if training["scores"] is not None:
        heading(console, f"Scores on {training['rows']['held_out']:,} {rows_scored(training)}")
        print_scores(console, training["scores"])
        seeds = training.get("seeds")
        if seeds is not None:
            what = "mean ± standard deviation; the model is their mean"
            heading(console, f"Scores of {len(seeds['seeds'])} networks, one a seed: {what}")
            print_mean_scores(console, seeds["scores"])
    elif validated is not None:
        heading(console, f"Scores of {validated['folds']}-fold cross-validation, mean ± standard deviation")
        print_mean_scores(console, validated["scores"])
    else:
        heading(console, "No scores, since no rows were held out")
