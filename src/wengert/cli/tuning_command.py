"""The command `tune`, which has the options of `train` but for what the search decides."""

from __future__ import annotations

from wengert.cli.option_types import (
    DEFAULT_EXECUTOR,
    L2,
    NOTHING_SAID,
    PLAIN_ROWS,
    Activation,
    BatchSize,
    Config,
    Drop,
    Dropout,
    Epochs,
    ExecutorOptions,
    File,
    Hidden,
    Json,
    LearningRate,
    Out,
    Preset,
    Quiet,
    RowOptions,
    SamplerName,
    Seed,
    Target,
    Test,
    TestFraction,
    TextOptions,
    TimeLimit,
    Trials,
    training_options,
)


def tune(
    file: File,
    /,
    *,
    target: Target = None,
    drop: Drop = None,
    text: TextOptions = NOTHING_SAID,
    config: Config = None,
    test_fraction: TestFraction = None,
    test: Test = None,
    rows: RowOptions = PLAIN_ROWS,
    preset: Preset = None,
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    l2: L2 = None,
    seed: Seed = None,
    trials: Trials = 27,
    sampler: SamplerName = "random",
    time_limit: TimeLimit = None,
    devices: ExecutorOptions = DEFAULT_EXECUTOR,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Search the settings with which a network learns a table best, and train with them.

    Preset, learning rate, width, depth, decay, dropout and batch size are searched, those that are given are
    kept. Many settings are tried for few epochs, the best third of them for three times as many, and so on. A
    fifth of the training rows compares them; the scores are of rows that no trial has seen. Ctrl-C ends the
    search and saves the best model so far.

    Example: wengert tune examples/digits.csv --target digit --time-limit 120
    """
    given = training_options(locals())
    from wengert.cli.commands.tune import run

    return run(file, given, config, trials=trials, sampler=sampler, as_json=json, quiet=quiet)
