"""`wengert exercise`."""

import pytest
from tests.cli.test_bad_input import refused


def test_the_worksheet_and_its_solution(command):
    sheet = command("exercise", "--seed", 7, "--network", "2-2-1", "--activation", "relu")
    assert sheet.code == 0
    assert sheet.out.startswith("Exercise 7: a 2–2–1 network")
    assert "Update" not in sheet.out

    solution = command("exercise", "--seed", 7, "--solution")
    assert solution.out.startswith("Solution of exercise 7")
    assert "W1 ← W1 − 1/2 ∂L/∂W1" in solution.out
    assert command("exercise", "--seed", 7).out == sheet.out != command("exercise", "--seed", 8).out


def test_without_biases_and_with_another_step(command):
    outcome = command("exercise", "--no-bias", "--learning-rate", 0.1, "--loss", "squared_error")

    assert "b1" not in outcome.out
    assert "of size 0.1" in outcome.out
    assert "the loss is the squared error" in outcome.out


@pytest.mark.parametrize(
    ("name", "start"),
    [("sheet.tex", "\\documentclass"), ("sheet.html", "<!DOCTYPE"), ("sheet.txt", "Exercise")],
)
def test_a_file_by_its_suffix(command, tmp_path, name, start):
    assert command("exercise", "--out", name).out == f"written to {name}\n"
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "2-x"], ("write the sizes of the layers as 2-2-1",)),
        (["--network", "9-9"], ("1 to 4 units",)),
        (["--activation", "rleu"], ("did you mean 'relu'",)),
        (["--loss", "nllm_from_logits"], ("one output",)),
        (["--learning-rate", "0"], ("above 0",)),
        (["--seed", "-1"], ("seed=-1",)),
        (["--format", "htm"], ("text, latex, html", "did you mean 'html'")),
    ],
)
def test_bad_input(command, arguments, words):
    refused(command("exercise", *arguments), *words)
