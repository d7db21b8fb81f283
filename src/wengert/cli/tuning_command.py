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
    given = (
        {
            name: value
            for name, value in locals().items()
            if name not in ("file", "config", "trials", "sampler", "json", "quiet", "text", "rows", "devices")
            and value is not None
        }
        | text.given
        | rows.given
        | devices.given
    )
    from wengert.cli.commands.tune import run

    return run(file, given, config, trials=trials, sampler=sampler, as_json=json, quiet=quiet)
