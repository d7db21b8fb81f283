"""The commands and their options. The work is imported when a command runs, so that ``--help`` is quick."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from wengert import __version__
from wengert.cli.formula_commands import check, draw, exercise, explain
from wengert.cli.launch_command import launch
from wengert.cli.option_types import (
    DEFAULT_EXECUTOR,
    L2,
    MEASURING,
    NOTHING_SAID,
    ONE_PROCESS,
    OUTPUT,
    PLAIN_ROWS,
    SERVING,
    TABLE,
    Activation,
    BatchSize,
    Config,
    Cv,
    Drop,
    Dropout,
    Epochs,
    ExecutorOptions,
    File,
    Hidden,
    Interval,
    Json,
    LearningRate,
    Model,
    MoreFiles,
    Optimizer,
    Out,
    Preset,
    Quiet,
    RowOptions,
    Seed,
    Seeds,
    Target,
    Targets,
    Test,
    TestFraction,
    TextOptions,
    Threshold,
    TimeLimit,
    WorkerOptions,
    converted,
    option,
    training_options,
)
from wengert.cli.tuning_command import tune

app = App(
    name="wengert",
    help="Train neural networks on tables, and use them.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(converter=converted),
)


@app.command
def train(
    file: File,
    /,
    *more: MoreFiles,
    target: Targets = None,
    drop: Drop = None,
    text: TextOptions = NOTHING_SAID,
    config: Config = None,
    test_fraction: TestFraction = None,
    cv: Cv = None,
    test: Test = None,
    rows: RowOptions = PLAIN_ROWS,
    preset: Preset = None,
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    learning_rate: LearningRate = None,
    l2: L2 = None,
    seed: Seed = None,
    seeds: Seeds = None,
    time_limit: TimeLimit = None,
    devices: ExecutorOptions = DEFAULT_EXECUTOR,
    out: Out = None,
    processes: WorkerOptions = ONE_PROCESS,
    report: Annotated[
        str | None, option("HTML page to write: curves, scores, figures, data; see `report`.", OUTPUT)
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a network on a table, score it on rows held out, and save it.

    What is to be learnt (numbers or classes) and what each column is are found from the values and printed.
    Ctrl-C ends training early; the best weights so far are scored and saved all the same.

    Example: wengert train examples/digits.csv --target digit
    """
    given = training_options(locals())
    from wengert.cli.commands.train import run

    return run((file, *more), given, config, processes, page=report, as_json=json, quiet=quiet)


@app.command
def predict(
    model: Model,
    file: File,
    /,
    *,
    output: Annotated[
        str,
        Parameter(
            help="CSV file to write, or - for standard output.", group=OUTPUT, allow_leading_hyphen=True
        ),
    ] = "-",
    probabilities: Annotated[
        bool, option("Add a column with the probability of each class.", OUTPUT)
    ] = False,
    interval: Interval = None,
    threshold: Threshold = None,
    text: TextOptions = NOTHING_SAID,
) -> int:
    """Predict the target of each row of a table, as CSV.

    Example: wengert predict digits-model new.csv --output predictions.csv
    """
    from wengert.cli.commands.predict import Wanted, run
    from wengert.cli.train_options import text_format

    wanted = Wanted(probabilities, interval, threshold)
    return run(model, file, output, wanted, text_format(**text.given))


@app.command
def evaluate(
    model: Model,
    file: File,
    /,
    *,
    plots: Annotated[
        str | None,
        option(
            "Directory for figures in SVG: confusion, calibration, ROC, …; or predictions, errors.", OUTPUT
        ),
    ] = None,
    interval: Interval = None,
    threshold: Threshold = None,
    text: TextOptions = NOTHING_SAID,
    json: Json = False,
) -> int:
    """Score a model on a table whose target is known.

    Example: wengert evaluate digits-model labelled.csv
    """
    from wengert.cli.commands.evaluate import run
    from wengert.cli.train_options import text_format

    return run(model, file, plots, text_format(**text.given), interval, threshold, as_json=json)


@app.command
def serve(
    model: Model,
    /,
    *,
    host: Annotated[
        str,
        option(
            "Address to listen at; others than this machine's own need --token. [default: 127.0.0.1]", SERVING
        ),
    ] = "127.0.0.1",
    port: Annotated[int, option("0 for any that is free. [default: 8000]", SERVING)] = 8000,
    token: Annotated[
        str | None, option("Word that requests have to show: Authorization: Bearer TOKEN.", SERVING)
    ] = None,
    max_megabytes: Annotated[float, option("Of the body of a request. [default: 10]", SERVING)] = 10.0,
    max_seconds: Annotated[float, option("For a body, and for its answer. [default: 30]", SERVING)] = 30.0,
    interval: Interval = None,
    threshold: Threshold = None,
) -> int:
    """Answer requests over HTTP: rows as JSON or CSV in, predictions out; see /openapi.json there.

    Example: wengert serve digits-model --port 8000
    """
    from wengert.cli.commands.serve import run

    return run(model, host, port, token, max_megabytes, max_seconds, interval=interval, threshold=threshold)


@app.command
def compare(
    first: Model,
    second: Model,
    /,
    *,
    data: Annotated[
        str, option("Table whose target is known; best of rows that neither model learnt from.", TABLE)
    ],
    text: TextOptions = NOTHING_SAID,
    json: Json = False,
) -> int:
    """Compare two models on the same rows, and say whether the difference can be chance.

    Example: wengert compare digits-model other-model --data labelled.csv
    """
    from wengert.cli.commands.compare import run
    from wengert.cli.train_options import text_format

    return run(first, second, data, text_format(**text.given), as_json=json)


@app.command
def report(
    model: Model,
    /,
    *,
    data: Annotated[str, option("Table whose target is known.", TABLE)],
    out: Annotated[str | None, option("HTML page to write. [default: from the model's name]", OUTPUT)] = None,
    text: TextOptions = NOTHING_SAID,
) -> int:
    """Write a report of a model as one HTML page that needs nothing else.

    Learning curves, scores, confusion matrix, calibration, regions where there are two columns, the data.

    Example: wengert report digits-model --data labelled.csv
    """
    from wengert.cli.commands.html_report import run
    from wengert.cli.train_options import text_format

    return run(model, data, out, text_format(**text.given))


@app.command
def inspect(
    path: Annotated[
        str,
        Parameter(
            help="Directory of a model, or a table, or - for standard input.", allow_leading_hyphen=True
        ),
    ],
    /,
    *,
    text: TextOptions = NOTHING_SAID,
) -> int:
    """Describe a saved model, or what would be made of the columns of a table.

    Example: wengert inspect digits-model
    """
    from wengert.cli.commands.inspect import run
    from wengert.cli.train_options import text_format

    return run(path, text_format(**text.given))


@app.command
def export(
    model: Model,
    /,
    *,
    format: Annotated[
        str | None,
        option("onnx, safetensors, or numpy: one Python file that needs NumPy only.", OUTPUT),
    ] = None,
    out: Annotated[
        str | None,
        option("File to write. [default: from the model's name, such as digits-model.onnx]", OUTPUT),
    ] = None,
) -> int:
    """Write a model, preprocessing included, as a file for other programs.

    Example: wengert export digits-model --format onnx
    """
    from wengert.cli.commands.export import run

    return run(model, format, out)


@app.command
def lr_find(
    file: File,
    /,
    *,
    target: Target = None,
    drop: Drop = None,
    text: TextOptions = NOTHING_SAID,
    config: Config = None,
    preset: Preset = None,
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    l2: L2 = None,
    seed: Seed = None,
    plot: Annotated[str | None, option("SVG file for the curve of losses.", OUTPUT)] = None,
    json: Json = False,
) -> int:
    """Find a learning rate: take steps with growing rates, and see where the loss falls fastest.

    Example: wengert lr-find examples/digits.csv --target digit
    """
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("file", "config", "plot", "json", "text") and value is not None
    } | text.given
    from wengert.cli.commands.training_checks import find

    return find(file, given, config, plot, as_json=json)


@app.command
def doctor(
    model: Model,
    /,
    *,
    data: Annotated[str, option("Table whose target is known.", TABLE)],
    text: TextOptions = NOTHING_SAID,
    json: Json = False,
) -> int:
    """Examine a model: dead units, saturation, gradients and updates by layer, what to do.

    Example: wengert doctor digits-model --data examples/digits.csv
    """
    from wengert.cli.commands.training_checks import doctor as run
    from wengert.cli.train_options import text_format

    return run(model, data, text_format(**text.given), as_json=json)


@app.command
def bench(
    *,
    only: Annotated[str | None, option("Networks, such as BD. [default: ABCDEF]", MEASURING)] = None,
    peers: Annotated[
        str | None,
        option(
            "Who takes part, separated by commas: wengert, wengert-numpy, pytorch, pytorch-compiled, "
            "jax-step, jax-loop, numpy, scikit-learn. [default: those installed, but not wengert-numpy and "
            "pytorch-compiled]",
            MEASURING,
        ),
    ] = None,
    rounds: Annotated[int, option("In which each has a turn. [default: 7]", MEASURING)] = 7,
    json: Annotated[str | None, option("File for all times as JSON.", OUTPUT)] = None,
    plot: Annotated[
        str | None, option("SVG or PNG file for the kernels below the roofline of a core.", OUTPUT)
    ] = None,
) -> int:
    """Measure how fast networks train on this machine, beside other libraries and the machine's limits.

    Takes one to two minutes. Let the machine rest meanwhile; Ctrl-C prints what has been measured.

    Example: wengert bench --only BD
    """
    from wengert.errors import ConfigurationError
    from wengert.run import NumpyExecutor, default_executor

    if isinstance(default_executor(), NumpyExecutor):
        raise ConfigurationError("`wengert bench` measures machine code, and here there is none")
    from wengert.cli.commands.bench import run

    return run(only, peers, rounds, json, plot)


for command_elsewhere in (tune, explain, draw, check, exercise, launch):
    app.command(command_elsewhere)
