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

_TABLE = Group("Table", sort_key=0)
_SCORING = Group("Scoring", sort_key=1)
_NETWORK = Group("Network", sort_key=2)
_TRAINING = Group("Training", sort_key=3)
_OUTPUT = Group("Output", sort_key=4)
_FORMULA = Group("Formula", sort_key=5)
_MODEL = Group("Model", sort_key=6)
_DERIVATION = Group("Derivation", sort_key=7)
_MEASURING = Group("Measuring", sort_key=8)
_EXERCISE = Group("Exercise", sort_key=9)


def _option(text: str, group: Group) -> Parameter:
    return Parameter(help=text, group=group, negative=(), show_default=False)


# A lone dash is standard input.
_File = Annotated[
    str,
    Parameter(
        help="Table in a .csv, .tsv or .parquet file, or - for CSV from standard input.",
        allow_leading_hyphen=True,
    ),
]
_Model = Annotated[str, Parameter(help="Directory that `wengert train` saved.")]
_Json = Annotated[bool, _option("Print one JSON object and nothing else on standard output.", _OUTPUT)]
_Quiet = Annotated[bool, _option("Print nothing but errors and warnings.", _OUTPUT)]
_Target = Annotated[str | None, _option("Column to predict.", _TABLE)]
_Drop = Annotated[list[str] | None, _option("Columns to leave out, separated by commas.", _TABLE)]
_Config = Annotated[
    str | None,
    _option(
        'TOML file with options (target = "digit", hidden = [128, 64], …); those given here go before it.',
        _TABLE,
    ),
]
_TestFraction = Annotated[
    float | None, _option("Part of the rows to hold out for scoring. [default: 0.2]", _SCORING)
]
_Cv = Annotated[
    int | None,
    _option(
        "Score by cross-validation with so many folds; the model saved is trained on all rows.", _SCORING
    ),
]
_Preset = Annotated[
    str | None,
    _option(
        "tabular (slower, stronger) or plain (dense layers, stopped early). [default: tabular]", _NETWORK
    ),
]
_Hidden = Annotated[
    str | None,
    _option(
        (
            "Units of the hidden layers, separated by commas; none for a linear model. "
            "[default: 256,256,256; plain: 128,64]"
        ),
        _NETWORK,
    ),
]
_Activation = Annotated[
    str | None,
    _option(
        (
            "Of the hidden layers: relu, tanh, sigmoid, gelu, silu, selu, mish, … "
            "[default: selu for classes, mish for numbers; plain: relu]"
        ),
        _NETWORK,
    ),
]
_Dropout = Annotated[
    float | None, _option("Part of the hidden units switched off in each step. [default: 0]", _NETWORK)
]
_Epochs = Annotated[
    int | None,
    _option(
        (
            "At most so many passes over the rows; plain stops before when it no longer helps. "
            "[default: 256, fewer for large tables; plain: 200]"
        ),
        _TRAINING,
    ),
]
_BatchSize = Annotated[
    int | None, _option("Rows a step. [default: 256; plain: 32 to 256, by the number of rows]", _TRAINING)
]
_Optimizer = Annotated[
    str | None, _option("Of plain: adam, adamw, sgd, rmsprop or lbfgs. [default: adam]", _TRAINING)
]
_LearningRate = Annotated[float | None, _option("[default: what suits the optimizer or preset]", _TRAINING)]
_L2 = Annotated[
    float | None,
    _option("Of plain: factor of the penalty on squared weights. [default: 1 / rows]", _TRAINING),
]
_Seed = Annotated[
    int | None, _option("Of everything random: the same seed gives the same model. [default: 0]", _TRAINING)
]
_TimeLimit = Annotated[
    float | None, _option("Seconds after which training ends with the best weights so far.", _TRAINING)
]
_Out = Annotated[
    str | None,
    _option("Directory of the model. [default: from the file's name, such as digits-model]", _OUTPUT),
]
_Formula = Annotated[
    str,
    Parameter(
        help="NumPy formula, such as 'sum((tanh(a @ W) @ V - y)**2)'; 'b = a @ W; …' names a value.",
        allow_leading_hyphen=True,
    ),
]
_Wrt = Annotated[
    str | None, _option("Names to differentiate by, separated by commas. [default: all]", _FORMULA)
]
_Shape = Annotated[
    str | None, _option("Shapes, such as a=1x3,W=3x2; names without one are numbers.", _FORMULA)
]
_PointSeed = Annotated[int, _option("Of the random values of the arguments. [default: 0]", _FORMULA)]


@app.command
def train(
    file: _File,
    /,
    *,
    target: _Target = None,
    drop: _Drop = None,
    config: _Config = None,
    test_fraction: _TestFraction = None,
    cv: _Cv = None,
    preset: _Preset = None,
    hidden: _Hidden = None,
    activation: _Activation = None,
    dropout: _Dropout = None,
    epochs: _Epochs = None,
    batch_size: _BatchSize = None,
    optimizer: _Optimizer = None,
    learning_rate: _LearningRate = None,
    l2: _L2 = None,
    seed: _Seed = None,
    time_limit: _TimeLimit = None,
    out: _Out = None,
    json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """Train a network on a table, score it on rows held out, and save it.

    What is to be learnt (numbers or classes) and what each column is are found from the values and printed.
    Ctrl-C ends training early; the best weights so far are scored and saved all the same.

    Example: wengert train examples/digits.csv --target digit
    """
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("file", "config", "json", "quiet") and value is not None
    }
    from wengert.cli.train_command import run

    return run(file, given, config, as_json=json, quiet=quiet)


@app.command
def predict(
    model: _Model,
    file: _File,
    /,
    *,
    output: Annotated[
        str,
        Parameter(
            help="CSV file to write, or - for standard output.", group=_OUTPUT, allow_leading_hyphen=True
        ),
    ] = "-",
    probabilities: Annotated[
        bool, _option("Add a column with the probability of each class.", _OUTPUT)
    ] = False,
) -> int:
    """Predict the target of each row of a table, as CSV.

    Example: wengert predict digits-model new.csv --output predictions.csv
    """
    from wengert.cli.predict_command import run

    return run(model, file, output, probabilities)


@app.command
def evaluate(model: _Model, file: _File, /, *, json: _Json = False) -> int:
    """Score a model on a table whose target is known.

    Example: wengert evaluate digits-model labelled.csv
    """
    from wengert.cli.evaluate_command import run

    return run(model, file, as_json=json)


@app.command
def inspect(
    path: Annotated[
        str,
        Parameter(
            help="Directory of a model, or a table, or - for standard input.", allow_leading_hyphen=True
        ),
    ],
    /,
) -> int:
    """Describe a saved model, or what would be made of the columns of a table.

    Example: wengert inspect digits-model
    """
    from wengert.cli.inspect_command import run

    return run(path)


@app.command
def export(
    model: _Model,
    /,
    *,
    format: Annotated[
        str | None,
        _option("onnx, safetensors, or numpy: one Python file that needs NumPy only.", _OUTPUT),
    ] = None,
    out: Annotated[
        str | None,
        _option("File to write. [default: from the model's name, such as digits-model.onnx]", _OUTPUT),
    ] = None,
) -> int:
    """Write a model, preprocessing included, as a file for other programs.

    Example: wengert export digits-model --format onnx
    """
    from wengert.cli.export_command import run

    return run(model, format, out)


@app.command
def explain(
    subject: Annotated[
        str,
        Parameter(
            help="NumPy formula, such as 'sum((tanh(a @ W) @ V - y)**2)'; 'b = a @ W; …' names a value. Or "
            "the directory of a trained model.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    wrt: Annotated[
        str | None,
        _option(
            "Names to differentiate by, separated by commas; those of a model are such as layers.0.weight. "
            "[default: all]",
            _DERIVATION,
        ),
    ] = None,
    shape: _Shape = None,
    data: Annotated[
        str | None,
        _option("Table of a model's rows. [default: the one it was trained on]", _MODEL),
    ] = None,
    row: Annotated[
        str | None, _option("Row of the table, counted from 1; several are a batch: 3,7 or 2-9.", _MODEL)
    ] = None,
    view: Annotated[
        str, _option("index, matrix, delta, adjoint or numbers. [default: index]", _DERIVATION)
    ] = "index",
    notation: Annotated[
        str, _option("rows (xW), columns (Wx) or mit (Wᵀx + W₀). [default: rows]", _DERIVATION)
    ] = "rows",
    layout: Annotated[
        str, _option("denominator or numerator. [default: denominator]", _DERIVATION)
    ] = "denominator",
    seed: Annotated[
        int | None, _option("Of the random values of the arguments. [default: 0]", _FORMULA)
    ] = None,
    format: Annotated[
        str | None, _option("text, latex, html or json. [default: that of --out, or text]", _OUTPUT)
    ] = None,
    out: Annotated[
        str | None, _option("File to write, such as notes.html or notes.tex, in place of printing.", _OUTPUT)
    ] = None,
    open: Annotated[bool, _option("Show it in the browser.", _OUTPUT)] = False,
) -> int:
    """Derive the gradient of a formula, or of a trained model's loss, line by line, each line checked.

    Example: wengert explain 'sum((tanh(a @ W) @ V - y)**2)' --wrt W,V --shape a=1x3,W=3x2,V=2x2,y=1x2

    Example: wengert explain digits-model --row 3 --wrt layers.0.weight --view delta --open
    """
    from wengert.cli.derivation_output import Output
    from wengert.cli.explain_command import run

    sources = {"wrt": wrt, "shape": shape, "data": data, "row": row, "seed": seed}
    options = {"view": view, "notation": notation, "layout": layout}
    return run(subject, sources, Output(format, out, open), options)


@app.command
def draw(
    subject: Annotated[
        str,
        Parameter(
            help="NumPy formula, such as 'cos(sin(x**2) + 3*x**2)', or the directory of a trained model.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    wrt: Annotated[
        str | None, _option("Names to differentiate by, separated by commas. [default: all]", _DERIVATION)
    ] = None,
    fold: Annotated[
        str,
        _option(
            "What is drawn as one box: composites (softmax, losses, activations), layers, nothing, or names. "
            "[default: composites]",
            _DERIVATION,
        ),
    ] = "composites",
    at: Annotated[
        list[str] | None,
        _option("Values of names, such as x=0.7 or 'W=[[1, 2], [3, 4]]'. [default: random]", _FORMULA),
    ] = None,
    shape: _Shape = None,
    seed: Annotated[
        int | None, _option("Of the random values of the arguments. [default: 0]", _FORMULA)
    ] = None,
    data: Annotated[
        str | None,
        _option("Table of a model's rows. [default: the one it was trained on]", _MODEL),
    ] = None,
    row: Annotated[
        str | None, _option("Row of the table, counted from 1; several are a batch: 3,7 or 2-9.", _MODEL)
    ] = None,
    format: Annotated[str, _option("svg or dot, for standard output. [default: svg]", _OUTPUT)] = "svg",
    out: Annotated[str | None, _option("File to write: graph.svg, graph.png or graph.dot.", _OUTPUT)] = None,
) -> int:
    """Draw a formula, or a trained model with its loss, as a graph with values and derivatives.

    Example: wengert draw 'cos(sin(x**2) + 3*x**2)' --at x=0.7 --out graph.svg

    Example: wengert draw digits-model --row 3 --fold layers --out digits.png
    """
    from wengert.cli.draw_command import run

    sources = {
        "wrt": wrt, "fold": fold, "at": at or [], "shape": shape, "seed": seed, "data": data, "row": row,
    }  # fmt: skip
    return run(subject, sources, format, out)


@app.command
def exercise(
    *,
    network: Annotated[
        str, _option("Sizes of the layers, inputs first. [default: 2-2-1]", _EXERCISE)
    ] = "2-2-1",
    activation: Annotated[
        str, _option("Of the hidden layers: relu, sigmoid, tanh or identity. [default: relu]", _EXERCISE)
    ] = "relu",
    loss: Annotated[
        str,
        _option(
            "half_squared_error, squared_error, absolute_error, nll_from_logits or nllm_from_logits. "
            "[default: half_squared_error]",
            _EXERCISE,
        ),
    ] = "half_squared_error",
    bias: Annotated[
        bool, Parameter(help="Whether the layers have biases.", group=_EXERCISE, show_default=False)
    ] = True,
    learning_rate: Annotated[float, _option("Size of the step. [default: 0.5]", _EXERCISE)] = 0.5,
    seed: Annotated[
        int, _option("The same seed gives the same exercise, everywhere. [default: 0]", _EXERCISE)
    ] = 0,
    solution: Annotated[bool, _option("The solution in place of the worksheet.", _OUTPUT)] = False,
    format: Annotated[
        str | None, _option("text, latex or html. [default: that of --out, or text]", _OUTPUT)
    ] = None,
    out: Annotated[
        str | None, _option("File to write, such as sheet.tex or sheet.html, in place of printing.", _OUTPUT)
    ] = None,
) -> int:
    """Make an exercise in back-propagation with small numbers; its solution is worked out by the engine.

    Example: wengert exercise --seed 7 --network 2-2-1 --activation relu

    Example: wengert exercise --seed 7 --solution --out solution.html
    """
    from wengert.cli.exercise_command import run

    options = {
        "network": network, "activation": activation, "loss": loss, "bias": bias,
        "learning_rate": learning_rate, "seed": seed,
    }  # fmt: skip
    return run(options, format, out, solution)


@app.command
def check(
    formula: _Formula,
    /,
    *,
    claim: Annotated[
        list[str], _option("Claimed gradient, such as W='a.T @ delta'; may be repeated.", _FORMULA)
    ],
    wrt: Annotated[
        str | None, _option("Names that must have a claim; with one, its claim needs no name.", _FORMULA)
    ] = None,
    shape: _Shape = None,
    seed: _PointSeed = 0,
) -> int:
    """Hold a gradient derived by hand against the true one, and say what went wrong.

    The exit code is 0 when all claims are right and 3 when one is wrong.

    Example: wengert check 'z = w * x; (z - t)**2' --claim w='2 * (z - t) * x'
    """
    from wengert.cli.check_command import run

    return run(formula, wrt, shape, claim, seed)


@app.command
def bench(
    *,
    only: Annotated[str | None, _option("Networks, such as BD. [default: ABCDEF]", _MEASURING)] = None,
    peers: Annotated[
        str | None,
        _option(
            "Who takes part, separated by commas: wengert, wengert-numpy, pytorch, pytorch-compiled, "
            "jax-step, jax-loop, numpy, scikit-learn. [default: those installed, but not wengert-numpy and "
            "pytorch-compiled]",
            _MEASURING,
        ),
    ] = None,
    rounds: Annotated[int, _option("In which each has a turn. [default: 3]", _MEASURING)] = 3,
    json: Annotated[str | None, _option("File for all times as JSON.", _OUTPUT)] = None,
) -> int:
    """Measure how fast networks train on this machine, beside other libraries and the machine's limits.

    Takes one to two minutes. Let the machine rest meanwhile; Ctrl-C prints what has been measured.

    Example: wengert bench --only BD
    """
    from wengert.cli.bench_command import run

    return run(only, peers, rounds, json)
