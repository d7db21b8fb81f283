"""Any text in the place of a path: an error in words, or a formula where a formula can stand."""

import os

import pytest
from hypothesis import given, settings, strategies as st
from tests.drawn import CHARACTERS

from wengert.cli import main

ODD = (
    "x" * 300,
    "y" * 5000,
    f"{'z' * 250}.csv",
    f"{'d/' * 3000}t.csv",
    "",
    ".",
    "..",
    "/",
    " ",
    "-x",
    "~",
    "a\nb",
)
QUICK = ("--target", "kind", "--preset", "plain", "--epochs", 1, "--hidden", 2, "--quiet")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tests.cli.conftest import flowers

    place = tmp_path_factory.mktemp("made")
    flowers().write_csv(place / "t.csv")
    assert main(["train", str(place / "t.csv"), *map(str, QUICK), "--out", str(place / "m")]) == 0
    return place


def everywhere(odd, place):
    """Yield arguments with the path in each place that takes one."""
    table, model = place / "t.csv", place / "m"
    yield "train", odd, "--target", "kind"
    yield "train", table, *QUICK, "--config", odd
    yield "predict", odd, table
    yield "predict", model, odd
    yield "evaluate", model, odd
    yield "inspect", odd
    yield "compare", model, odd, "--data", table
    yield "compare", model, model, "--data", odd
    yield "report", model, "--data", odd, "--out", "r.html"
    yield "export", odd, "--format", "onnx"
    yield "lr-find", odd, "--target", "kind"
    yield "doctor", model, "--data", odd
    if odd:  # else it is that of the training
        yield "explain", model, "--row", 1, "--data", odd


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd[:8]!r} of {len(odd)}")
def test_paths_to_read(command, model, odd):
    for arguments in everywhere(odd, model):
        outcome = command(*arguments)
        assert outcome.code == 2, (arguments, outcome)
        assert "Traceback" not in outcome.err


@pytest.mark.parametrize("name", ["x" * 300, "y" * 5000, "no/such/place/x", "z" * 245])
def test_paths_to_write(command, model, name):
    for arguments in (
        ("predict", model / "m", model / "t.csv", "--output", f"{name}.csv"),
        ("report", model / "m", "--data", model / "t.csv", "--out", f"{name}.html"),
        ("export", model / "m", "--out", f"{name}.onnx"),
        ("evaluate", model / "m", model / "t.csv", "--plots", f"plots/{name}"),
        ("explain", "x*x", "--out", f"{name}.html"),
        ("draw", "x*x", "--out", f"{name}.svg"),
        ("exercise", "--out", f"{name}.txt"),
        ("lr-find", model / "t.csv", "--target", "kind", "--plot", f"{name}.svg"),
        ("train", model / "t.csv", *QUICK, "--report", f"{name}.html"),
    ):
        outcome = command(*arguments)
        if outcome.code == 0:
            assert arguments[-2] == "--plots"  # whose directories are made
        else:
            assert (outcome.code, outcome.out) == (2, ""), arguments


@pytest.mark.parametrize("length", [30, 300, 4000])  # of a name of a file 255 at most, of a formula 4,000
def test_a_formula_longer_than_a_name_of_a_file_is_a_formula(command, length):
    formula = "sin(weight * x)".ljust(length - 3) + "+ x"
    for name in ("explain", "draw"):
        assert command(name, formula).code == 0


@settings(max_examples=60)
@given(
    st.text(CHARACTERS, max_size=400).map(lambda text: text.replace("\0", ""))
)  # which no argument can hold
def test_any_text_to_inspect_is_refused_in_words(text):
    if text.startswith("-") or os.path.lexists(text):
        return
    assert main(["inspect", text]) == 2
