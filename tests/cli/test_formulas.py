"""`wengert explain` and `wengert check`: formulas from the shell."""

import json

import pytest
from tests.cli.test_bad_input import refused

NETWORK = "sum((tanh(a @ W) @ V - y)**2)"
NAMED = "b = a @ W; c = tanh(b); e = c @ V; ε = sum((e - y)**2)"
SHAPES = "a=1x3,W=3x2,V=2x2,y=1×2"
RIGHT = "a.T @ (2*(e-y) @ V.T * (1-c**2))"


def test_explain_derives_the_gradient_by_each_name(command):
    outcome = command("explain", NETWORK, "--wrt", "W,V", "--shape", SHAPES)

    assert outcome.code == 0
    assert outcome.err == ""
    assert "∂L/∂w_ij = Σ_k" in outcome.out
    assert "∂L/∂v_jk = " in outcome.out
    assert "lines agree with the engine at 3 points" in outcome.out


def test_values_named_in_the_formula_keep_their_names(command):
    outcome = command("explain", NAMED, "--wrt", "W", "--shape", SHAPES, "--view", "matrix")

    assert "∂ε/∂W =  aᵀ ∂ε/∂b" in outcome.out
    assert "c = tanh( b )" in outcome.out


@pytest.mark.parametrize("view", ["index", "matrix", "delta", "adjoint", "numbers"])
def test_every_view(command, view):
    outcome = command("explain", NAMED, "--wrt", "W", "--shape", SHAPES, "--view", view)

    assert outcome.code == 0
    assert "agree with the engine" in outcome.out


def test_every_format(command):
    def written(form):
        outcome = command("explain", NAMED, "--wrt", "W", "--shape", SHAPES, "--format", form)
        assert outcome.code == 0
        return outcome.out

    assert written("latex").startswith("\\documentclass")
    assert written("html").startswith("<!DOCTYPE html>")
    assert json.loads(written("json"))["title"] == "∂ε/∂W in index notation"
    assert written("text").startswith("∂ε/∂W in index notation")


def test_numbers_need_no_shape_and_the_seed_draws_them(command):
    def out(*options):
        outcome = command("explain", "cos(sin(x**2) + 3*x**2)", "--view", "adjoint", *options)
        assert outcome.code == 0
        return outcome.out

    assert "Several contributions meet" in out()
    assert out() == out("--seed", 0) != out("--seed", 1)


def test_logarithms_get_arguments_that_they_can_take(command):
    assert command("explain", "-t * log(y) - (1 - t) * log(1 - y)", "--wrt", "y").code == 0
    assert command("explain", "-x + sqrt(x)").code == 0


def test_values_and_numbers_in_place(command):
    options = ("--at", "x=10", "--view", "adjoint", "--numbers", "--step-size", "0.5")
    outcome = command("explain", "f = x + 2; g = 3 * f; h = sin(g)", *options)

    assert "f = 10 + 2 = 12" in outcome.out
    assert "g = 3 · 12 = 36" in outcome.out
    assert "x ← x − 1/2 ∂h/∂x" in outcome.out


def test_batches_and_tensors(command):
    batch = command(
        "explain", "mean((X @ w - t)**2)", "--wrt", "w", "--shape", "X=4x2,w=2,t=4", "--view", "batch"
    )
    assert "The mean over the examples" in batch.out

    tensor = command("explain", "sum(tanh(W @ x))", "--wrt", "W", "--shape", "W=2x2,x=2", "--tensors")
    assert "⎡x_1  x_2    0    0⎤" in tensor.out


def test_layout_and_notation_have_an_effect(command):
    def out(*options):
        return command("explain", "sum(tanh(W @ x))", "--wrt", "W", "--shape", "W=2x3,x=3", *options).out

    assert out("--layout", "numerator", "--view", "matrix") != out("--view", "matrix")
    assert out("--notation", "columns", "--view", "matrix") != out("--view", "matrix")


def test_what_the_output_does_not_depend_on(command):
    outcome = command("explain", "b = a @ W; sum(W**2)", "--wrt", "a", "--shape", "a=1x3,W=3x2")

    assert outcome.code == 0
    assert "L does not depend on a: the gradient by a is 0." in outcome.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([NETWORK, "--wrt", "w"], ["--wrt w: the formula has no such name", "did you mean 'W'?"]),
        ([NETWORK, "--shape", "w=3x2"], ["--shape w: the formula has no such name", "did you mean 'W'?"]),
        (
            [NETWORK, "--shape", "a=1x3,W=2x2,V=2x2,y=1x2"],
            ["the shapes do not fit: 1×3 @ 2×2\n  sum((tanh(a @ W) @ V - y)**2)\n              ^"],
        ),
        ([NETWORK], ["the shapes do not fit: a number @ a number"]),
        (["sum((a @ W)"], ["does not parse", "\n  sum((a @ W)\n     ^"]),
        (["__import__('os').system('x')"], ["the method .system() is not allowed", "\n  ^"]),
        (["x.__class__"], ["the attribute .__class__ is not allowed"]),
        (["sigmod(x)"], ["did you mean 'sigmoid'?"]),
        (["tanh(a @ W)", "--shape", "a=1x3,W=3x2", "--view", "delta"], ["Jacobian", "shape (1, 2)"]),
        (["x**2", "--view", "matrx"], ["did you mean 'matrix'?"]),
        (["x**2", "--notation", "row"], ["did you mean 'rows'?"]),
        (["x**2", "--format", "tex"], ["--format tex is not one of", "did you mean 'text'?"]),
        (["x**2", "--shape", "x=2y"], ["--shape x=2y: write a shape as"]),
        (["x**2", "--shape", "x=0"], ["--shape x=0: write a shape as"]),
        (["x**2", "--shape", "x=2,x=3"], ["--shape gives x twice"]),
        (["sum(x)", "--shape", "x=999999x999"], ["elements; 100000 are allowed"]),
        (["x**2", "--seed", "-1"], ["--seed -1: a seed is 0 or more"]),
        (["log(-x**2)"], ["not finite at random arguments"]),
        (["b = x; b = 2 * b; b"], ["assigns to 'b' twice"]),
        (["", "--wrt", "x"], ["the formula is empty"]),
    ],
)
def test_what_cannot_be_explained(command, arguments, parts):
    refused(command("explain", *arguments), *parts)


def test_check_says_right_or_wrong_by_its_exit_code(command):
    options = ("check", NAMED, "--shape", SHAPES, "--wrt", "W", "--claim")

    right = command(*options, f"W={RIGHT}")
    assert right.code == 0
    assert right.out.startswith(f"✓ ∂ε/∂W = {RIGHT}\n  shape: right, 3×2\n")

    assert command(*options, RIGHT).out == right.out

    wrong = command(*options, f"W={RIGHT.replace('V.T', 'V')}")
    assert wrong.code == 3
    assert wrong.err == ""
    assert "what went wrong: a transpose is missing: V should be V.T" in wrong.out


def test_check_takes_several_claims_and_values_in_between(command):
    outcome = command(
        "check", "z = w * x; (z - t)**2", "--claim", "w=2*(t - z)*x", "--claim", "z = 2*(z - t)"
    )

    assert outcome.code == 3
    assert "✗ ∂L/∂w" in outcome.out
    assert "the sign is wrong" in outcome.out
    assert "✓ ∂L/∂z" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["--claim"]),
        (["--claim", "2*x"], ["--claim 2*x: say of what"]),
        (["--claim", "x=2*x", "--claim", "x=x"], ["--claim gives x twice"]),
        (["--claim", "x=2*x", "--wrt", "y"], ["--wrt y: the formula has no such name"]),
        (["--claim", "t=2*x", "--wrt", "x"], ["--wrt x: there is no --claim for it"]),
        (["--claim", "q=2*x"], ["no such argument or intermediate value"]),
        (["--claim", "x=2*"], ["claim for x: the formula does not parse", "\n  2*\n"]),
        (["--claim", "x=exec('x')"], ["'exec' is not on the list"]),
    ],
)
def test_what_cannot_be_checked(command, arguments, parts):
    refused(command("check", "(x - t)**2", *arguments), *parts)


def test_help_shows_an_example(command):
    assert "wengert explain 'sum((tanh(a @ W)" in command("explain", "--help").out.replace("\n", " ")
    assert "wengert check 'z = w * x;" in command("check", "--help").out


@pytest.mark.parametrize(
    ("formula", "claim", "shape"),
    [
        ("p = softmax(z); -sum(y*log(p))", "z=p - y", "z=4,y=4"),
        ("P = softmax(Z); -sum(Y*log(P))/len(Y)", "Z=(P - Y)/len(Y)", "Z=5x4,Y=5x4"),
        ("P = softmax(Z, axis=0); -mean(sum(Y*log(P), axis=0))", "Z=(P - Y)/5", "Z=4x5,Y=4x5"),
        ("p = exp(z)/sum(exp(z)); -log(y @ p)", "z=p - y", "z=4,y=4"),
        ("p = softmax(z); sum(y*log(y/p))", "z=p - y", "z=4,y=4"),
        ("p = sigmoid(w @ x); -log(y*p + (1-y)*(1-p))", "w=(p - y)*x", "w=4,x=4"),
        ("f = X @ w; mean(log(1 + exp(-y*f)))", "w=X.T @ (sigmoid(f) - (y+1)/2)/len(y)", "w=3,X=6x3,y=6"),
        (
            "f = X @ w; sum(maximum(0, 1 - y*f)**2) + w @ w",
            "w=2*X.T @ ((f - y)*(y*f < 1)) + 2*w",
            "w=3,X=6x3,y=6",
        ),
    ],
)
def test_targets_are_drawn_as_the_loss_wants_them(command, formula, claim, shape):
    for seed in ("0", "1", "2"):
        outcome = command("check", formula, "--claim", claim, "--shape", shape, "--seed", seed)
        assert outcome.code == 0, outcome.out


def test_what_is_right_on_paper_alone_does_not_count_as_right(command):
    outcome = command("check", "z = W @ x; sum(z**2)", "--claim", "W=2*z @ x.T", "--shape", "W=3x2,x=2")

    assert outcome.code == 3
    assert "right on paper, with vectors as columns" in outcome.out
    assert "put right: outer(2 * z, x)" in outcome.out


def test_a_claim_is_judged_at_the_values_given_too(command):
    formula = ("check", "z @ z - t", "--at", "z=[1, 2],t=0.5", "--wrt", "z", "--claim")

    assert command(*formula, "z=2*z").code == 0
    assert command(*formula, "z=z").code == 3
    refused(command(*formula, "z=2*z", "--at", "x=1"), "--at", "x")


@pytest.mark.parametrize("name", ["explain", "draw"])
def test_a_formula_that_looks_like_a_missing_model_is_pointed_out(command, name):
    done = command(name, "nowhere-model")
    assert done.code == 0
    assert "no such file or directory: nowhere-model" in done.err
    assert command(name, "x - y").err == ""
    assert command(name, "nowhere-model", "--at", "nowhere=1,model=2").err == ""
