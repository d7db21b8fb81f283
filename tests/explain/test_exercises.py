"""Exercises: tidy for any seed, as the engine has it, the same in every process."""

import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.explain.exercises.task import ACTIVATIONS, LOSSES, task
from wengert.explain.exercises.tidy_numbers import Follows, find, is_tidy
from wengert.explain.index.expressions import Partial

_ACTIVATE = {
    "relu": lambda z: np.maximum(0, z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "identity": lambda z: z,
}


def by_hand(asked, numbers):
    """Forward values and gradients of one network by the textbook's recursion, without the engine."""
    count = len(asked.sizes) - 1
    zero = np.zeros(1)
    a, before = [numbers["x"]], []
    for layer in range(1, count + 1):
        before.append(a[-1] @ numbers[f"W{layer}"] + numbers.get(f"b{layer}", zero))
        a.append(_ACTIVATE[asked.activation](before[-1]) if layer < count else before[-1])
    y, t = a[-1], numbers["t"]
    delta = {
        "half_squared_error": y - t,
        "squared_error": 2 * (y - t),
        "absolute_error": np.sign(y - t),
        "nll_from_logits": 1 / (1 + np.exp(-y)) - t,
        "nllm_from_logits": np.exp(y) / np.exp(y).sum() - t,
    }[asked.loss]
    slope = {
        "relu": lambda z: (z > 0).astype(float),
        "sigmoid": lambda z: _ACTIVATE["sigmoid"](z) * (1 - _ACTIVATE["sigmoid"](z)),
        "tanh": lambda z: 1 - np.tanh(z) ** 2,
        "identity": np.ones_like,
    }[asked.activation]
    gradients = {}
    for layer in range(count, 0, -1):
        gradients[f"W{layer}"] = np.outer(a[layer - 1], delta)
        gradients[f"b{layer}"] = delta
        if layer > 1:
            delta = (delta @ numbers[f"W{layer}"].T) * slope(before[layer - 2])
    return before, {name: gradients[name] for name in asked.parameters}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_hundred_seeds_are_tidy_and_right(activation):
    asked = task("2-2-1", activation, "half_squared_error", True, 0.5)
    follows = Follows(asked)
    for seed in range(100):
        numbers, exact = find(asked, seed)
        before, gradients = by_hand(asked, numbers)
        found, _ = follows(numbers)

        for name, expected in gradients.items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-14)
        assert exact == (activation != "tanh")
        assert all(np.array_equal(value, np.round(value)) for value in numbers.values())
        if exact:
            new = [numbers[name] - 0.5 * gradient for name, gradient in gradients.items()]
            assert is_tidy([*before, *gradients.values(), *new])
        if activation == "relu":
            assert np.any(before[0] > 0)
            assert np.all(before[0] != 0)
        assert np.any(gradients["W1"])
        assert np.any(gradients["W2"])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("network", ["3-2", "2-2-2", "1-3-2", "2-2-2-2"])
def test_every_loss_with_and_without_bias(network, loss, bias):
    for activation in ("relu", "sigmoid"):
        asked = task(network, activation, loss, bias, 0.5)
        numbers, _ = find(asked, seed=1)
        found, _ = Follows(asked)(numbers)

        for name, expected in by_hand(asked, numbers)[1].items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-14)
        assert ("b1" in numbers) == bias


def test_tidy_is_what_four_digits_show_in_full():
    assert is_tidy([np.array([1.0, -0.5, 0.03125, 0.0, 12.25])])
    assert not is_tidy([np.array([1 / 3])])
    assert not is_tidy([np.array([1.00625])])
    assert not is_tidy([np.array(100.0)])


@pytest.mark.parametrize(
    ("options", "exact", "words"),
    [
        ({}, True, "All numbers are exact."),
        ({"activation": "sigmoid"}, True, "All numbers are exact."),
        ({"activation": "tanh"}, False, "Round to four significant digits; go on with unrounded numbers."),
        ({"loss": "nll_from_logits"}, True, "All numbers but L are exact"),
    ],
)
def test_the_worksheet_says_whether_numbers_are_exact(options, exact, words):
    exercise = wg.exercise(seed=7, **options)

    assert exercise.exact == exact
    assert words in str(exercise)


def test_the_worksheet_gives_and_asks_but_does_not_tell():
    exercise = wg.exercise(seed=7)
    sheet = exercise.to_text()

    assert "Exercise 7: a 2–2–1 network" in sheet
    assert "1. Forwards: z1, a1, y and L." in sheet
    assert "2. Backwards: δ2 = ∂L/∂y and δ1 = ∂L/∂z1." in sheet
    assert "W1 = ⎡" in sheet
    shown = [
        step for section in exercise.worksheet.sections for step in section.steps if step.value is not None
    ]
    given = {step.subject.symbol.name for step in shown}
    assert given == {"x", "W1", "b1", "W2", "b2", "t"}
    assert "a1 = max(0,  z1)\n" in sheet  # the formula, and no number


@pytest.mark.parametrize(
    "options", [{"seed": 7}, {"seed": 3, "activation": "sigmoid", "loss": "nll_from_logits"}]
)
def test_the_solution_is_that_of_the_engine(options):
    exercise = wg.exercise(**options)
    gradients = by_hand(exercise.task, exercise.numbers)[1]
    shown = {
        step.reference.by.symbol.name: step.value
        for step in exercise.solution.steps
        if isinstance(step.reference, Partial) and step.reference.by.symbol.name in gradients
    }

    for name, expected in gradients.items():
        np.testing.assert_allclose(shown[name].ravel(), expected.ravel(), rtol=1e-12)
    updates = {step.subject.symbol.name: step.value for step in exercise.solution.sections[-1].steps}
    for name, expected in gradients.items():
        np.testing.assert_allclose(updates[name].ravel(), (exercise.numbers[name] - 0.5 * expected).ravel())
    assert exercise.derivation.verify(points=2).lines > 10


def test_the_solution_in_each_form():
    exercise = wg.exercise(seed=7)
    text = exercise.to_text(solution=True)

    assert text.startswith("Solution of exercise 7")
    assert "δ1 = ∂L/∂a1 ⊙ [z1 > 0] = " in text
    assert "link to the weights" in text
    for solution in (False, True):
        latex = exercise.to_latex(solution)
        assert latex.startswith("\\documentclass")
        assert latex.rstrip().endswith("\\end{document}")
        assert exercise.to_html(solution).startswith("<!DOCTYPE html>")
    assert "\\delta" in exercise.to_latex(solution=True)


def test_two_numbers_in_a_product_have_a_dot_between_them():
    solution = wg.exercise(loss="nll_from_logits", seed=2).to_text(solution=True)

    assert "L = ln(1 + exp(y)) − t y = ln(1 + exp(0)) − 0 · 0 = 0.6931" in solution


def test_the_same_in_every_process():
    code = "import wengert as wg; print(wg.exercise('2-3-1', activation='sigmoid', seed=11).to_text(True))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "Solution of exercise 11" in outputs.pop().decode()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "2-x-1"}, "write the sizes of the layers as 2-2-1"),
        ({"network": "2"}, "write the sizes"),
        ({"network": "2-9-1"}, "1 to 4 units"),
        ({"network": "2-2-2-2-2"}, "at most 3 layers"),
        ({"activation": "rleu"}, "did you mean 'relu'"),
        ({"loss": "squared_eror"}, "did you mean 'squared_error'"),
        ({"loss": "nllm_from_logits"}, "2-2-1 has one output"),
        ({"learning_rate": 0}, "learning_rate is a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is a number above 0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(ConfigurationError, match=words):
        wg.exercise(options.pop("network", "2-2-1"), **options)
