"""`wengert draw`."""

import pytest
from tests.cli.test_bad_input import refused

FORMULA = "cos(sin(x**2) + 3*x**2)"


def test_a_formula_at_a_point(command):
    outcome = command("draw", FORMULA, "--at", "x=0.7", "--format", "dot")

    assert outcome.code == 0
    assert "∂L/∂x = −5.068" in outcome.out
    assert "cos(v_1) = 0.8823" in outcome.out


def test_svg_goes_to_standard_output(command):
    assert command("draw", FORMULA, "--at", "x=0.7").out.startswith("<svg ")


def test_a_file_by_its_suffix(command, tmp_path):
    outcome = command("draw", FORMULA, "--out", "graph.svg")

    assert outcome.out == "written to graph.svg: 6 values\n"
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_matrices_by_value_and_by_shape(command):
    outcome = command(
        "draw", "b = a @ W; sum(b)", "--at", "W=[[1, 2], [3, 4]]", "--at", "a=[[1, 0]]", "--format", "dot"
    )
    assert "b = a W  [1×2]" in outcome.out
    drawn = command("draw", "b = a @ W; sum(b)", "--shape", "a=1x2,W=2x2", "--seed", 3, "--format", "dot")
    assert "b = a W  [1×2]" in drawn.out


def test_several_values_in_one_option(command):
    assert "∂L/∂y = 2" in command("draw", "x * y", "--at", "x=2, y=3", "--format", "dot").out


def test_a_trained_model_with_one_row(command, flower_table):
    command(
        "train",
        flower_table,
        "--target",
        "kind",
        "--out",
        "model",
        "--epochs",
        2,
        "--hidden",
        "3",
        "--preset",
        "plain",
    )
    outcome = command("draw", "model", "--row", 3, "--fold", "layers", "--format", "dot")

    assert outcome.code == 0
    assert "layers.0(x, W_1, b_1)" in outcome.out
    assert "nllm_from_logits" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cos(sin(x^2))"], ("^ is not a power", "write **")),
        ([FORMULA, "--at", "y=1"], ("--at y", "no such name", "there are: x")),
        ([FORMULA, "--at", "x=1e"], ("--at x=1e", "x=0.7")),
        ([FORMULA, "--at", "x=1,x=2"], ("--at gives x twice",)),
        ([FORMULA, "--at", "x=nan"], ("--at x=nan",)),
        ([FORMULA, "--at", "x=1e999"], ("finite",)),
        ([FORMULA, "--wrt", "y"], ("--wrt y", "no such name")),
        (["softmax(x)", "--shape", "x=3", "--fold", "softmx"], ("did you mean 'softmax'",)),
        ([FORMULA, "--out", "graph.pdf"], (".svg, .png, .dot",)),
        ([FORMULA, "--format", "sgv"], ("svg, dot", "did you mean 'svg'")),
        ([FORMULA, "--format", "png"], ("--out graph.png",)),
        ([FORMULA, "--row", "3"], ("--row", "no directory")),
        (["x @ y", "--shape", "x=2x3,y=2x3"], ("2×3 @ 2×3", "^")),
        (["a * b", "--at", "a=[1, 2]", "--shape", "a=3"], ("(3,)", "(2,)")),
        (["log(x)", "--at", "x=0"], ("not finite",)),
    ],
)
def test_bad_input(command, arguments, words):
    refused(command("draw", *arguments), *words)


def test_options_of_formulas_are_refused_for_a_model(command, flower_table):
    command(
        "train",
        flower_table,
        "--target",
        "kind",
        "--out",
        "model",
        "--epochs",
        2,
        "--hidden",
        "3",
        "--preset",
        "plain",
    )

    refused(command("draw", "model", "--row", 3, "--at", "x=1"), "--at", "a model has its own weights")
    refused(command("draw", "model"), "--row", "counted from 1")
