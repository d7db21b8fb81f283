"""The options that commands share: their types and what `--help` says of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import CoercionError, Group, Parameter, Token, convert

TABLE = Group("Table", sort_key=0)
SCORING = Group("Scoring", sort_key=1)
NETWORK = Group("Network", sort_key=2)
TRAINING = Group("Training", sort_key=3)
OUTPUT = Group("Output", sort_key=4)
FORMULA = Group("Formula", sort_key=5)
MODEL = Group("Model", sort_key=6)
DERIVATION = Group("Derivation", sort_key=7)
MEASURING = Group("Measuring", sort_key=8)
EXERCISE = Group("Exercise", sort_key=9)
SERVING = Group("Serving", sort_key=10)
CLUSTER = Group("Workers", sort_key=11)
DEVICES = Group("Devices", sort_key=12)


def option(text: str, group: Group) -> Parameter:
    """Return an option that is described by ``text`` and listed in ``group``."""
    return Parameter(help=text, group=group, negative=(), show_default=False)


def converted(kind: Any, tokens: Sequence[Token]) -> Any:
    """Return the value of an option; a fraction is no whole number, to which cyclopts would round it."""
    if kind in (int, int | None) and "." in tokens[0].value:
        raise CoercionError(f"{tokens[0].keyword} takes a whole number, got {tokens[0].value}")
    return convert(kind, tokens)


# A lone dash is standard input.
File = Annotated[
    str,
    Parameter(
        help="Table in a .csv, .tsv, .txt (also .gz) or .parquet file, or - for text from standard input.",
        allow_leading_hyphen=True,
    ),
]
Model = Annotated[str, Parameter(help="Directory that `wengert train` saved.")]
Json = Annotated[bool, option("Print one JSON object and nothing else on standard output.", OUTPUT)]
Quiet = Annotated[bool, option("Print nothing but errors and warnings.", OUTPUT)]
Target = Annotated[str | None, option("Column to predict.", TABLE)]
Targets = Annotated[
    list[str] | None,
    option("Column to predict; given several times, each has a model of its own, without the others.", TABLE),
]
Drop = Annotated[list[str] | None, option("Columns to leave out, separated by commas.", TABLE)]


MoreFiles = Annotated[
    str, Parameter(help="More Parquet files with the same columns: together they are one table.")
]


class Given:
    """Options of which those that are not given are None."""

    @property
    def given(self) -> dict[str, Any]:
        """The options that are given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


# Arguments of commands that are no options of a training run.
_NOT_OF_TRAINING = (
    "file", "more", "config", "processes", "report", "json", "quiet", "trials", "sampler",
)  # fmt: skip


def training_options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of a command's arguments for a training run, by name, groups taken apart."""
    options: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, Given) and name not in _NOT_OF_TRAINING:
            options |= value.given
        elif value is not None and name not in _NOT_OF_TRAINING:
            options[name] = value
    return options


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class TextOptions(Given):
    """What is said of a text file, because it cannot be guessed; a model keeps what was said in training."""

    sep: Annotated[
        str | None, option("Between the cells of a text file: a character, or tab. [default: found]", TABLE)
    ] = None
    decimal: Annotated[
        str | None, option("Before the fraction of numbers: . or , [default: found]", TABLE)
    ] = None
    encoding: Annotated[
        str | None, option("Of a text file that is not UTF-8, such as cp1252 or utf-16-le.", TABLE)
    ] = None
    na: Annotated[
        list[str] | None, option("Words that mean a missing value, separated by commas.", TABLE)
    ] = None


NOTHING_SAID = TextOptions()
Config = Annotated[
    str | None,
    option(
        'TOML file with options (target = "digit", hidden = [128, 64], …); those given here go before it.',
        TABLE,
    ),
]
TestFraction = Annotated[
    float | None, option("Part of the rows to hold out for scoring. [default: 0.2]", SCORING)
]
Cv = Annotated[
    int | None,
    option("Score by cross-validation with N folds; the model saved is trained on all rows.", SCORING),
]
Test = Annotated[str | None, option("Table to score on, in place of rows held out.", SCORING)]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class RowOptions(Given):
    """How rows are split, and how much they count."""

    group: Annotated[
        str | None,
        option("Column whose equal values are on one side of a split: a person, a device.", SCORING),
    ] = None
    time: Annotated[
        str | None, option("Column of dates or numbers: later rows are held out, not any.", SCORING)
    ] = None
    weights: Annotated[str | None, option("Column that says how much a row counts.", TRAINING)] = None
    class_weight: Annotated[
        str | None, option("balanced, or a weight for each class, such as yes=5,no=1.", TRAINING)
    ] = None
    loss: Annotated[
        str | None,
        option(
            "Of numbers: squared_error, absolute_error, huber, quantile, poisson, tweedie. "
            "[default: squared_error]",
            TRAINING,
        ),
    ] = None
    quantile: Annotated[float | None, option("Such as 0.9; with --loss quantile.", TRAINING)] = None


PLAIN_ROWS = RowOptions()
Interval = Annotated[
    float | None,
    option(
        "Add limits, or a set of classes, that hold the true value in this part of cases, such as 0.9.",
        OUTPUT,
    ),
]
Threshold = Annotated[
    str | None,
    option(
        "Of two classes, the probability from which on the second is predicted: 0.3; f1 for the best F₁ on "
        "rows held out; cost=5 where missing one costs 5 times a false alarm. [default: the likelier class]",
        OUTPUT,
    ),
]
Preset = Annotated[
    str | None,
    option("tabular (slower, stronger) or plain (dense layers, stopped early). [default: tabular]", NETWORK),
]
Hidden = Annotated[
    str | None,
    option(
        (
            "Units of the hidden layers, separated by commas; none for a linear model. "
            "[default: 128,128,128; plain: 128,64]"
        ),
        NETWORK,
    ),
]
Activation = Annotated[
    str | None,
    option(
        (
            "Of the hidden layers: relu, tanh, sigmoid, gelu, silu, selu, mish, … "
            "[default: selu for classes, mish for numbers; plain: relu]"
        ),
        NETWORK,
    ),
]
Dropout = Annotated[
    float | None, option("Part of the hidden units switched off in each step. [default: 0]", NETWORK)
]
Epochs = Annotated[
    int | None,
    option(
        (
            "The most passes over the rows; plain stops before when it no longer helps. "
            "[default: 256, fewer for large tables; plain: 200]"
        ),
        TRAINING,
    ),
]
BatchSize = Annotated[
    int | None, option("Rows a step. [default: up to 256; plain: 32 to 256, by the number of rows]", TRAINING)
]
Optimizer = Annotated[
    str | None,
    option("Of plain: adam, sgd, lbfgs or another of wengert.optim.OPTIMISERS. [default: adam]", TRAINING),
]
LearningRate = Annotated[float | None, option("[default: what suits the optimizer or preset]", TRAINING)]
L2 = Annotated[
    float | None,
    option("Of plain: factor of the penalty on squared weights. [default: 1 / rows]", TRAINING),
]
Seed = Annotated[
    int | None, option("Of everything random: the same seed gives the same model. [default: 0]", TRAINING)
]
Seeds = Annotated[
    int | None,
    option(
        "Train N networks, with this seed and those after it; the model is their mean, and the scores of "
        "each say how far they spread.",
        TRAINING,
    ),
]
Trials = Annotated[int, option("Settings to try, those given among them. [default: 27]", TRAINING)]
SamplerName = Annotated[
    str, option("What proposes settings: random, or optuna (pip install 'wengert[tune]').", TRAINING)
]
TimeLimit = Annotated[
    float | None,
    option(
        "Seconds from the start of the command until the model is saved; training ends in time.", TRAINING
    ),
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class ExecutorOptions(Given):
    """What trains, and on which devices."""

    executor: Annotated[
        str | None,
        option(
            "What trains: llvm, numpy, or xla, which takes the accelerator there is. [default: llvm]",
            DEVICES,
        ),
    ] = None
    device: Annotated[str | None, option("Of xla: cpu, gpu, tpu, or one of several as gpu:1.", DEVICES)] = (
        None
    )
    precision: Annotated[
        str | None,
        option("Of xla: full, or fast for products as the device rounds them. [default: full]", DEVICES),
    ] = None
    mesh: Annotated[
        str | None,
        option("Of xla: devices among which the rows of a batch are divided, or all.", DEVICES),
    ] = None
    deterministic: Annotated[
        bool | None, option("Of xla: the same bits for any number of devices; slower.", DEVICES)
    ] = None


DEFAULT_EXECUTOR = ExecutorOptions()
Out = Annotated[
    str | None,
    option("Directory of the model. [default: from the file's name, such as digits-model]", OUTPUT),
]
Formula = Annotated[
    str,
    Parameter(
        help="NumPy formula, such as 'sum((tanh(a @ W) @ V - y)**2)'; 'b = a @ W; …' names a value.",
        allow_leading_hyphen=True,
    ),
]
Shape = Annotated[str | None, option("Shapes, such as a=1x3,W=3x2; names without one are numbers.", FORMULA)]
PointSeed = Annotated[int, option("Of the random values of the arguments. [default: 0]", FORMULA)]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class WorkerOptions:
    """By how many processes a network is trained."""

    workers: Annotated[
        int | None,
        option(
            "Processes that train together, each on its own part of the rows of Parquet files. Under Slurm, "
            "Open MPI or `wengert launch` those that were started.",
            CLUSTER,
        ),
    ] = None
    elastic: Annotated[bool, option("Go on without a worker that was lost.", CLUSTER)] = False


ONE_PROCESS = WorkerOptions()
