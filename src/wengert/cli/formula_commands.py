"""The commands on formulas and on saved models as formulas: `explain`, `draw`, `check`, `exercise`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from wengert.cli.option_types import (
    DERIVATION,
    EXERCISE,
    FORMULA,
    MODEL,
    OUTPUT,
    Formula,
    PointSeed,
    Shape,
    option,
)

_Wrt = Annotated[
    str | None,
    option(
        "Names to differentiate by, separated by commas; those of a model are such as layers.0.weight. "
        "[default: all]",
        DERIVATION,
    ),
]
_At = Annotated[
    list[str] | None,
    option("Values of names, such as x=0.7 or 'W=[[1, 2], [3, 4]]'. [default: random]", FORMULA),
]
_Format = Annotated[
    str | None,
    option("text, latex, html or json. [default: that of --out, or text]", OUTPUT),
]
_Layout = Annotated[
    str | None,
    option("denominator or numerator. [default: denominator; numerator for Jacobians]", DERIVATION),
]
_Notation = Annotated[
    str | None,
    option("rows (xW), columns (Wx) or mit (Wᵀx + W₀). [default: that of --style, or rows]", DERIVATION),
]


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
    wrt: _Wrt = None,
    at: _At = None,
    shape: Shape = None,
    data: Annotated[
        str | None,
        option("Table of a model's rows. [default: the one it was trained on]", MODEL),
    ] = None,
    row: Annotated[
        str | None, option("Row of the table, counted from 1; several are a batch: 3,7 or 2-9.", MODEL)
    ] = None,
    view: Annotated[
        str, option("index, matrix, delta, adjoint, numbers or batch. [default: index]", DERIVATION)
    ] = "index",
    notation: _Notation = None,
    style: Annotated[
        str | None, option("Lecture whose names a network's parts get: 000 to 004.", DERIVATION)
    ] = None,
    layout: _Layout = None,
    order: Annotated[int, option("2 for second derivatives. [default: 1]", DERIVATION)] = 1,
    numbers: Annotated[
        bool, option("Put the values in place of the names, in any view.", DERIVATION)
    ] = False,
    tensors: Annotated[
        bool, option("Show Jacobians of vectors by matrices as tensors, and unfolded.", DERIVATION)
    ] = False,
    detail: Annotated[str, option("short, or full: one rule a line. [default: short]", DERIVATION)] = "short",
    step_size: Annotated[
        float | None, option("Show the gradient-descent update with this step, too.", DERIVATION)
    ] = None,
    seed: Annotated[
        int | None, option("Of the random values of the arguments. [default: 0]", FORMULA)
    ] = None,
    format: _Format = None,
    out: Annotated[
        str | None, option("File to write, such as notes.html or notes.tex, in place of printing.", OUTPUT)
    ] = None,
    open: Annotated[bool, option("Show it in the browser.", OUTPUT)] = False,
) -> int:
    """Derive the gradient or Jacobian of a formula, or of a trained model's loss, each line checked.

    Example: wengert explain 'sum((tanh(a @ W) @ V - y)**2)' --wrt W,V --shape a=1x3,W=3x2,V=2x2,y=1x2

    Example: wengert explain digits-model --row 3 --wrt layers.1.weight --view delta --open
    """
    from wengert.cli.commands.explain import run
    from wengert.cli.derivation_output import Output

    sources = {"wrt": wrt, "at": at or None, "shape": shape, "data": data, "row": row, "seed": seed}
    options = {
        "view": view, "notation": notation, "layout": layout, "numbers": numbers, "tensors": tensors,
        "detail": detail, "step_size": step_size, "style": style, "order": order,
    }  # fmt: skip
    return run(subject, sources, Output(format, out, open), options)


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
        str | None, option("Names to differentiate by, separated by commas. [default: all]", DERIVATION)
    ] = None,
    view: Annotated[
        str,
        option(
            "graph, units (in a row, derivatives curved back) or neurons (of a dense network at one row). "
            "[default: graph]",
            DERIVATION,
        ),
    ] = "graph",
    fold: Annotated[
        str,
        option(
            "What is drawn as one box: composites (softmax, losses, activations), layers, nothing, or names. "
            "[default: composites]",
            DERIVATION,
        ),
    ] = "composites",
    at: Annotated[
        list[str] | None,
        option("Values of names, such as x=0.7 or 'W=[[1, 2], [3, 4]]'. [default: random]", FORMULA),
    ] = None,
    shape: Shape = None,
    seed: Annotated[
        int | None, option("Of the random values of the arguments. [default: 0]", FORMULA)
    ] = None,
    data: Annotated[
        str | None,
        option("Table of a model's rows. [default: the one it was trained on]", MODEL),
    ] = None,
    row: Annotated[
        str | None, option("Row of the table, counted from 1; several are a batch: 3,7 or 2-9.", MODEL)
    ] = None,
    format: Annotated[str, option("svg or dot, for standard output. [default: svg]", OUTPUT)] = "svg",
    out: Annotated[str | None, option("File to write: graph.svg, graph.png or graph.dot.", OUTPUT)] = None,
) -> int:
    """Draw a formula, or a trained model with its loss, with values and derivatives.

    Example: wengert draw 'cos(sin(x**2) + 3*x**2)' --at x=0.7 --out graph.svg

    Example: wengert draw digits-model --row 3 --view neurons --out digits.png
    """
    from wengert.cli.commands.draw import run

    sources = {
        "wrt": wrt, "view": view, "fold": fold, "at": at or [], "shape": shape, "seed": seed, "data": data,
        "row": row,
    }  # fmt: skip
    return run(subject, sources, format, out)


def check(
    formula: Formula,
    /,
    *,
    claim: Annotated[
        list[str], option("Claimed gradient, such as W='a.T @ delta'; may be repeated.", FORMULA)
    ],
    wrt: Annotated[
        str | None, option("Names that must have a claim; with one, its claim needs no name.", FORMULA)
    ] = None,
    at: _At = None,
    shape: Shape = None,
    seed: PointSeed = 0,
) -> int:
    """Hold a gradient derived by hand against the true one, and say what went wrong.

    The exit code is 0 when all claims are right and 3 when one is wrong.

    Example: wengert check 'z = w * x; (z - t)**2' --claim w='2 * (z - t) * x'
    """
    from wengert.cli.commands.check import run

    return run(formula, wrt, shape, at or (), claim, seed)


def exercise(
    *,
    network: Annotated[
        str, option("Sizes of the layers, inputs first. [default: 2-2-1]", EXERCISE)
    ] = "2-2-1",
    activation: Annotated[
        str, option("Of the hidden layers: relu, sigmoid, tanh or identity. [default: relu]", EXERCISE)
    ] = "relu",
    loss: Annotated[
        str,
        option(
            "half_squared_error, squared_error, absolute_error, nll_from_logits or nllm_from_logits. "
            "[default: half_squared_error]",
            EXERCISE,
        ),
    ] = "half_squared_error",
    bias: Annotated[
        bool, Parameter(help="Whether the layers have biases.", group=EXERCISE, show_default=False)
    ] = True,
    learning_rate: Annotated[float, option("Size of the step. [default: 0.5]", EXERCISE)] = 0.5,
    seed: Annotated[
        int, option("The same seed gives the same exercise, everywhere. [default: 0]", EXERCISE)
    ] = 0,
    solution: Annotated[bool, option("The solution in place of the worksheet.", OUTPUT)] = False,
    format: Annotated[
        str | None, option("text, latex or html. [default: that of --out, or text]", OUTPUT)
    ] = None,
    out: Annotated[
        str | None, option("File to write, such as sheet.tex or sheet.html, in place of printing.", OUTPUT)
    ] = None,
) -> int:
    """Make an exercise in back-propagation with small numbers; its solution is worked out by the engine.

    Example: wengert exercise --seed 7 --network 2-2-1 --activation relu

    Example: wengert exercise --seed 7 --solution --out solution.html
    """
    from wengert.cli.commands.exercise import run

    options = {
        "network": network, "activation": activation, "loss": loss, "bias": bias,
        "learning_rate": learning_rate, "seed": seed,
    }  # fmt: skip
    return run(options, format, out, solution)
