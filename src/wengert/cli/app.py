"""The commands and their options. The work is imported when a command runs, so that ``--help`` is quick."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Group, Parameter

from wengert import __version__

app = App(
    name="wengert",
    help="Train neural networks on tables, and use them.",
    version=__version__,
    help_format="plaintext",
)

_SCORING = Group("Scoring", sort_key=1)
_NETWORK = Group("Network", sort_key=2)
_TRAINING = Group("Training", sort_key=3)
_OUTPUT = Group("Output", sort_key=4)

# A lone dash is standard input.
_File = Annotated[str, Parameter(allow_leading_hyphen=True)]
_Switch = Annotated[bool, Parameter(negative=(), group=_OUTPUT, show_default=False)]


@app.command
def train(
    file: _File,
    /,
    *,
    target: str | None = None,
    drop: Annotated[list[str] | None, Parameter(negative=())] = None,
    config: str | None = None,
    test_fraction: Annotated[float | None, Parameter(group=_SCORING)] = None,
    cv: Annotated[int | None, Parameter(group=_SCORING)] = None,
    hidden: Annotated[str | None, Parameter(group=_NETWORK)] = None,
    activation: Annotated[str | None, Parameter(group=_NETWORK)] = None,
    dropout: Annotated[float | None, Parameter(group=_NETWORK)] = None,
    epochs: Annotated[int | None, Parameter(group=_TRAINING)] = None,
    batch_size: Annotated[int | None, Parameter(group=_TRAINING)] = None,
    optimizer: Annotated[str | None, Parameter(group=_TRAINING)] = None,
    learning_rate: Annotated[float | None, Parameter(group=_TRAINING)] = None,
    l2: Annotated[float | None, Parameter(group=_TRAINING)] = None,
    seed: Annotated[int | None, Parameter(group=_TRAINING)] = None,
    time_limit: Annotated[float | None, Parameter(group=_TRAINING)] = None,
    out: Annotated[str | None, Parameter(group=_OUTPUT)] = None,
    json: _Switch = False,
    quiet: _Switch = False,
) -> int:
    """Train a network on a table, score it on rows held out, and save it.

    What is to be learnt (numbers or classes) and what each column is are found from the values and printed.
    Ctrl-C ends training early; the best weights so far are scored and saved all the same.

    Example: wengert train examples/digits.csv --target digit

    Parameters
    ----------
    file
        Table in a .csv, .tsv or .parquet file, or - for CSV from standard input.
    target
        Column to predict.
    drop
        Columns to leave out, separated by commas.
    config
        TOML file with options (target = "digit", hidden = [128, 64], …); those given here go before it.
    test_fraction
        Part of the rows to hold out for scoring. [default: 0.2]
    cv
        Score by cross-validation with so many folds; the model saved is trained on all rows.
    hidden
        Units of the hidden layers, separated by commas; none for a linear model. [default: 128,64]
    activation
        Of the hidden layers: relu, tanh, sigmoid, gelu, silu, selu, mish, softplus, leaky_relu, …
        [default: relu]
    dropout
        Part of the hidden units switched off in each step. [default: 0]
    epochs
        At most so many passes over the rows; training stops before when it no longer helps. [default: 200]
    batch_size
        Rows a step. [default: 32 to 256, by the number of rows]
    optimizer
        adam, adamw, sgd, rmsprop or lbfgs. [default: adam]
    learning_rate
        [default: what suits the optimiser]
    l2
        Factor of the penalty on squared weights. [default: 1 / rows]
    seed
        Of everything random. The same seed gives the same model. [default: 0]
    time_limit
        Seconds after which training ends with the best weights so far.
    out
        Directory of the model. [default: from the file's name, such as digits-model]
    json
        Print one JSON object and nothing else on standard output.
    quiet
        Print nothing but errors and warnings.
    """
    options = {
        name: value for name, value in locals().items() if name not in ("file", "config", "json", "quiet")
    }
    from wengert.cli.train_command import run

    given = {name: value for name, value in options.items() if value is not None}
    return run(file, given, config, as_json=json, quiet=quiet)


@app.command
def predict(
    model: str,
    file: _File,
    /,
    *,
    output: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    probabilities: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Predict the target of each row of a table, as CSV.

    Example: wengert predict digits-model new.csv --output predictions.csv

    Parameters
    ----------
    model
        Directory that `wengert train` saved.
    file
        Table with at least the columns of training, or - for CSV from standard input.
    output
        CSV file to write, or - for standard output.
    probabilities
        Add a column with the probability of each class.
    """
    from wengert.cli.predict_command import run

    return run(model, file, output, probabilities)


@app.command
def evaluate(model: str, file: _File, /, *, json: _Switch = False) -> int:
    """Score a model on a table whose target is known.

    Example: wengert evaluate digits-model labelled.csv

    Parameters
    ----------
    model
        Directory that `wengert train` saved.
    file
        Table with the columns of training and the target, or - for CSV from standard input.
    json
        Print one JSON object.
    """
    from wengert.cli.evaluate_command import run

    return run(model, file, as_json=json)


@app.command
def inspect(path: _File, /) -> int:
    """Describe a saved model, or what would be made of the columns of a table.

    Parameters
    ----------
    path
        Directory that `wengert train` saved; or a table, or - for CSV from standard input.
    """
    from wengert.cli.inspect_command import run

    return run(path)
