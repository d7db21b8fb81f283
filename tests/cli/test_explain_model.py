"""`wengert explain MODEL --row …`: a trained model's gradient at rows of a table."""

import json
import re
import shutil
import webbrowser

import pytest
from tests.cli.test_bad_input import refused

from wengert.io.table_models import load_table_model

ROWS = (f"{i % 7},{(i * 3) % 5},{'yes' if (i % 7) > 3 else 'no'}" for i in range(60))
TABLE = "\n".join(["a,b,kind", *ROWS])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from wengert.cli import main

    folder = tmp_path_factory.mktemp("explained")
    table, model = folder / "table.csv", folder / "model"
    table.write_text(TABLE, encoding="utf-8")
    options = [
        "--target",
        "kind",
        "--preset",
        "plain",
        "--hidden",
        "4",
        "--epochs",
        "3",
        "--quiet",
        "--out",
        str(model),
    ]
    assert main(["train", str(table), *options]) == 0
    return table, model


def test_one_row_and_a_batch(command, trained):
    _, model = trained

    one = command("explain", str(model), "--row", "3", "--wrt", "layers.0.weight")
    assert one.code == 0
    assert one.err == ""
    assert one.out.startswith("∂L/∂W1 in index notation")
    assert re.search(
        r"x = \([^;]*?\), t = \(0, 1\)|x = \([^;]*?\), t = \(1, 0\)", one.out
    )  # vectors, no batch
    assert "lines agree with the engine at 3 points" in one.out

    batch = command("explain", str(model), "--row", "3,5-6", "--view", "matrix")
    assert "x: 3×2" in batch.out or " 3×2 " in batch.out
    assert "∂L/∂W1 = 1/3  xᵀ" in batch.out


def test_the_gradient_is_that_of_the_loss_in_training(trained):
    import numpy as np

    import wengert as wg
    from wengert.io.tables import read_table
    from wengert.tabular.explanation import explain_rows

    table, directory = trained
    model, frame = load_table_model(directory), read_table(str(table))
    features, labels = model.preprocessor.transform(frame[[4, 9]]), [0, 1]
    labels = model.preprocessor.transform_target(frame[[4, 9]])
    slopes = wg.grad(lambda net: wg.nn.nllm_from_logits(net(features), labels))(model.network)

    derivation = explain_rows(model, frame, [5, 10], wrt="layers.0.weight")

    (result,) = derivation.tree.sections[-1].steps
    np.testing.assert_allclose(
        result.value, wg.nn.parameters(slopes)["layers.0.weight"], rtol=1e-4, atol=1e-6
    )


def test_a_file_is_written_and_the_browser_opened(command, trained, tmp_path, monkeypatch):
    _, model = trained
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda place: opened.append(place) or True)
    options = ("explain", str(model), "--row", "1", "--wrt", "layers.1.bias")

    page = tmp_path / "notes.html"
    outcome = command(*options, "--out", str(page), "--open")
    assert outcome.out.startswith(f"written to {page}; ")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert opened == [page.resolve().as_uri()]

    command(*options, "--out", str(tmp_path / "notes.json"))
    assert json.loads((tmp_path / "notes.json").read_text(encoding="utf-8"))["title"]
    command(*options, "--out", str(tmp_path / "notes.tex"))
    assert (tmp_path / "notes.tex").read_text(encoding="utf-8").startswith("\\documentclass")

    monkeypatch.setattr(webbrowser, "open", lambda place: False)
    assert "no browser was found; open" in command(*options, "--open").err


def test_the_table_of_training_may_have_gone(command, trained, tmp_path):
    table, model = trained
    moved = tmp_path / "elsewhere.csv"
    shutil.copy(table, moved)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert config["training"]["file"] == str(table)
    kept = table.read_bytes()
    table.unlink()
    try:
        refused(command("explain", str(model), "--row", "1"), "which is not here. Name the table with --data")
        assert command("explain", str(model), "--row", "1", "--data", str(moved)).code == 0
    finally:
        table.write_bytes(kept)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], ["--row: which row of the table"]),
        (["--row", "0"], ["--row 0: write rows, counted from 1"]),
        (["--row", "61"], ["row 61: the table has rows 1 to 60"]),
        (["--row", "1-999"], ["at most 256 rows"]),
        (["--row", "1", "--shape", "W=3"], ["--shape is for formulas"]),
        (["--row", "1", "--wrt", "layers.0.weigth"], ["did you mean 'net.layers.0.weight'?"]),
        (["--row", "1", "--out", "notes.pdf"], ["--out notes.pdf: a derivation is written as .txt, .tex"]),
        (["--row", "1", "--format", "text", "--open"], ["--open shows HTML in the browser, not text"]),
    ],
)
def test_what_cannot_be_explained_of_a_model(command, trained, options, parts):
    refused(command("explain", str(trained[1]), *options), *parts)


def test_rows_need_a_model(command):
    refused(command("explain", "x**2", "--row", "3"), "--row is for a trained model", "no directory 'x**2'")
