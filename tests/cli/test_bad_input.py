"""What cannot be used is refused in one message that says what, where and what to do; nothing is lost."""

import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers, houses

from wengert.cli import entry
from wengert.errors import ModelFileError, VerificationError
from wengert.io.table_models import load_table_model, save_table_model

QUICK = ("--epochs", 2, "--hidden", 4)


def refused(outcome, *parts):
    """Assert that the command said one thing on standard error only, without a traceback."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert "Traceback" not in outcome.err
    for part in parts:
        assert part in outcome.err, (part, outcome.err)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            lambda frame: frame.with_columns(price=pl.lit(None, pl.Float64)),
            ["target column 'price', row 1", "missing"],
        ),
        (lambda frame: frame.with_columns(price=pl.lit("inf")), ["column 'price', row 1", "infinite"]),
        (
            lambda frame: frame.rename({"price": "prize"}),
            ["no column 'price' (the target)", "Did you mean 'prize'?"],
        ),
        (lambda frame: frame.clear(), ["houses.csv has a header and no rows"]),
        (
            lambda frame: frame.select("price", "country"),
            ["no column is left to learn from beside the target 'price'", "'country' has the same value"],
        ),
        (lambda frame: frame.with_columns(size=pl.lit("Infinity")), ["column 'size', row 1", "infinite"]),
        (
            lambda frame: frame.with_columns(
                size=pl.lit("Infinity"), garden=pl.lit("-inf"), price=pl.lit("inf")
            ),
            ["column 'price', row 1", "column 'size', row 1", "column 'garden', row 1"],
        ),
    ],
    ids=["missing", "infinite", "misspelt", "empty", "constant", "infinite feature", "all at once"],
)
def test_tables_that_cannot_be_learnt_from(command, tables, change, parts):
    path = tables(change(houses()), "houses.csv")
    refused(command("train", path, "--target", "price", *QUICK), *parts)
    assert not path.with_name("houses-model").exists()


def test_what_stands_in_real_files_does_not_stop_training(command, tables):
    frame = houses().with_columns(
        price=pl.Series([f"${1000 * n:,}" if n % 20 else "n/a" for n in range(160)]),
        note=pl.Series([f"a nice house, number {n}" for n in range(160)]),
        house_id=pl.Series(range(1000, 1160)).shuffle(seed=1),
        share=pl.Series([f"{n * 0.37:.2f}%".replace(".", ",") for n in range(160)]),
        yard=pl.Series([str(n * 7) if n % 40 else "n.d." for n in range(160)]),
    )
    path = tables(frame, "houses.csv")
    outcome = command("train", path, "--target", "price", *QUICK)
    assert outcome.code == 0, outcome
    assert outcome.err.startswith(
        "warning: 8 rows of 160 have no target ('price'; the first is row 1) and are left out.\n"
    )
    assert "Target price: regression" in outcome.out
    said = " ".join(outcome.out.split())
    assert "note dropped left out holds free text (152 texts in 152 rows" in said
    assert "house_id dropped left out only identifies the rows, as its name says" in said
    assert "'n.d.'" in said
    assert "'$1,000' is read as 1000" in said
    assert "share numeric scaled by quartiles '0,00%' is read as 0" in said
    scored = command("evaluate", "houses-model", path)
    assert (scored.code, scored.err) == (0, outcome.err.splitlines(keepends=True)[0])
    assert "152 rows" in scored.out
    # The very file is read as it was in training, by the exported program too.
    predicted = command("predict", "houses-model", path)
    assert (predicted.code, predicted.err) == (0, "")
    command("export", "houses-model", "--format", "numpy", "--out", "e.py")
    exported = subprocess.run([sys.executable, "e.py", path], capture_output=True, text=True, check=True)
    numbers = [[float(line) for line in one.splitlines()[1:]] for one in (predicted.out, exported.stdout)]
    np.testing.assert_allclose(*numbers, rtol=1e-5)


def test_what_is_said_of_a_file_is_kept_with_the_model(command, tmp_path):
    lines = [f"{'m' if n % 2 else 'é'}^{n},{n % 10}^{'-999' if n % 9 == 1 else n}" for n in range(60)]
    path = tmp_path / "t.txt"
    path.write_bytes("\n".join(["sex^size^price", *lines]).encode("cp1252"))
    refused(command("train", path, "--target", "price"), "has the byte 0xe9", "--encoding cp1252")
    said = ("--sep", "^", "--encoding", "cp1252", "--na", "-999", "--decimal", ",")
    outcome = command("train", path, "--target", "price", *QUICK, *said, "--out", "m")
    assert outcome.code == 0, outcome
    assert "7 rows of 60 have no target" in outcome.err
    first = command("predict", "m", path)
    assert first.code == 0, first
    other = tmp_path / "other.csv"
    other.write_text(path.read_bytes().decode("cp1252").replace("^", "|").replace(",", "."), "utf-8")
    assert command("predict", "m", other, "--sep", "|", "--decimal", ".").out == first.out
    command("export", "m", "--format", "numpy", "--out", "e.py")
    exported = subprocess.run([sys.executable, "e.py", path], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(
        [float(line) for line in exported.stdout.splitlines()[1:]],
        [float(line) for line in first.out.splitlines()[1:]],
        rtol=1e-5,
        atol=4e-6,  # two roundings of float32 at 30, the mean, from which 0.12 is what a prediction leaves
    )
    refused(command("predict", "m", path, "--sep", ", "), "the separator is one character")


@pytest.mark.parametrize(
    ("name", "data", "parts"),
    [
        ("t.csv", b"", ["t.csv is empty"]),
        ("t.csv", b"a,a,y\n1,2,3\n", ["more than one column named 'a'"]),
        ("t.csv", b"a,y\n1,2\n1,2,3\n", ["row 2 (line 3) has 3 fields"]),
        ("t.csv", b"PAR1\x15\x04\x15", ["t.csv is not a text table but"]),
        ("t.parquet", b"a,y\n1,2\n", ["t.parquet is not a Parquet file"]),
        ("t.xlsx", b"PK\x03\x04", ["Excel workbook", "as CSV"]),
        ("t.doc", b"x,y\n1,2\n", ["ends in '.doc'"]),
    ],
)
def test_files_that_are_not_tables(command, tmp_path, name, data, parts):
    (tmp_path / name).write_bytes(data)
    for arguments in (["train", name, "--target", "y"], ["inspect", name]):
        refused(command(*arguments), *parts)


def test_truncated_parquet_and_missing_files(command, tables):
    path = tables(houses(), "houses.parquet")
    path.write_bytes(path.read_bytes()[:-100])
    refused(command("train", path, "--target", "price"), "truncated Parquet file")
    refused(command("train", "none.csv", "--target", "price"), "none.csv does not exist")
    refused(command("inspect", "none.csv"), "none.csv does not exist")
    refused(command("inspect", "none"), "none does not exist", "training run")


def test_one_class_is_learnt_with_a_warning(command, tables):
    path = tables(flowers().with_columns(kind=pl.lit("rose")))
    outcome = command("train", path, "--target", "kind", *QUICK)
    assert outcome.code == 0
    assert outcome.err.startswith(
        "warning: 'kind' holds one class only, 'rose': the model can only ever predict"
    )
    predictions = command("predict", "table-model", path)
    assert set(predictions.out.splitlines()[1:]) == {"rose"}


@pytest.fixture
def model(command, flower_table):
    outcome = command("train", flower_table, "--target", "kind", *QUICK, "--quiet")
    assert outcome == type(outcome)(0, "", "")
    return flower_table.with_name("flowers-model")


def test_a_table_that_lacks_what_the_model_needs(command, model, tables):
    refused(command("predict", model, tables(pl.DataFrame({"length": [1.0], "widht": [1.0]}))),
            "the table lacks 'width'", "Did you mean 'widht'?")  # fmt: skip
    refused(command("evaluate", model, tables(flowers().drop("kind"))), "no column 'kind' (the target)")
    strange = tables(flowers().with_columns(kind=pl.lit("oak")))
    refused(command("evaluate", model, strange), "row 1: the class 'oak' was not in training")
    words = tables(pl.DataFrame({"length": ["1", "long"], "width": [1.0, 2.0]}))
    refused(command("predict", model, words), "column 'length', row 2: 'long' is not a number")


def test_options_of_predict(command, model, flower_table):
    refused(command("predict", model, flower_table, "--output", "p.xlsx"), "does not end in .csv")
    refused(command("predict", model, flower_table, "--output", "none/p.csv"), "none/p.csv cannot be written")
    refused(command("predict", model, "--output"), "--output requires an argument")


def test_a_damaged_model(command, model, flower_table, tmp_path):
    for name in ("model.safetensors", "config.json"):
        copy = tmp_path / f"damaged-{name}"
        shutil.copytree(model, copy)
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / name).write_bytes(data)
        for arguments in (
            ["predict", copy, flower_table],
            ["evaluate", copy, flower_table],
            ["inspect", copy],
        ):
            refused(command(*arguments), name)
        (copy / name).unlink()
        refused(command("inspect", copy), f"{name} does not exist")
    refused(command("predict", "nowhere", flower_table), "nowhere does not exist")
    refused(command("predict", flower_table, flower_table), "is a file")


def test_the_place_for_the_model_is_checked_before_training(command, flower_table, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("keep me")
    train = ("train", flower_table, "--target", "kind", "--epochs", 10**6, "--out")
    refused(
        command(*train, "letters"), "letters is a directory that holds something other than a saved model"
    )
    refused(command(*train, "flowers.csv"), "flowers.csv is a file")
    refused(command(*train, "flowers.csv/model"), "flowers.csv is not a directory")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "keep me"


def test_a_full_disk_leaves_the_old_model(command, model, flower_table, monkeypatch):
    before = {path.name: path.read_bytes() for path in model.iterdir()}

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        outcome = command("train", flower_table, "--target", "kind", *QUICK, "--seed", 5, "--quiet")
    refused(
        outcome,
        "could not be written; what stood there before is unchanged",
        "No space left",
        "Free some space",
    )
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert sorted(path.name for path in model.parent.iterdir()) == ["flowers-model", "flowers.csv"]


def test_a_model_of_a_newer_version(command, model, flower_table, monkeypatch):
    monkeypatch.setattr("wengert.io.model_directory.VERSION", 2)
    assert command("train", flower_table, "--target", "kind", *QUICK, "--quiet").code == 0
    monkeypatch.undo()
    refused(command("inspect", model), "format version 2", "Install a newer wengert")


def test_divergence(command, flower_table):
    train = (
        "train",
        flower_table,
        "--target",
        "kind",
        "--preset",
        "plain",
        "--optimizer",
        "sgd",
        "--hidden",
        "8",
        "--learning-rate",
    )
    outcome = command(*train, "1e30")
    assert outcome.code == 2
    assert "training diverged at step" in outcome.err
    assert "learning rate 1e+30" in outcome.err
    assert "Nothing was learnt" in outcome.err
    assert not flower_table.with_name("flowers-model").exists()


def test_options_that_do_not_exist(command, flower_table):
    refused(command("train", flower_table, "--epoch", 3), "Unknown option: --epoch. Did you mean --epochs?",
            "wengert train --help")  # fmt: skip
    refused(command("trian"), 'Did you mean "train"?', "wengert --help")
    refused(command("train"), "FILE")
    refused(command("train", flower_table), "--target COLUMN")
    refused(command("train", flower_table, "--target", "kind", "--epochs", "many"), "--epochs", '"many"')
    refused(
        command("train", flower_table, "--target", "kind", "--drop", "kind"),
        "'kind' is the target and is to be dropped",
    )
    refused(command("train", flower_table, "--target", "kind", "--drop", "lenght"),
            "no column 'lenght' (to be dropped). Did you mean 'length'?")  # fmt: skip
    refused(
        command("train", flower_table, "--target", "kind", "--cv", "200"), "200 folds need at least 200 rows"
    )


@pytest.mark.parametrize("error", [RuntimeError("wires crossed"), VerificationError("node 3")])
def test_a_bug_asks_to_be_reported(command, monkeypatch, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr(entry, "_dispatch", fail)
    outcome = command("inspect", "x")
    assert outcome.code == 1
    assert str(error) in outcome.err
    assert outcome.err.endswith("Please report it with the lines above.\n")


def test_ctrl_c_before_training(command, monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_dispatch", interrupt)
    outcome = command("inspect", "x")
    assert (outcome.code, outcome.err) == (130, "interrupted: nothing was saved.\n")


def test_errors_leave_standard_output_to_json(command, flower_table):
    refused(command("train", flower_table, "--target", "kin", "--json"), "Did you mean 'kind'?")
    outcome = command("train", flower_table, "--target", "kind", "--json", *QUICK)
    assert json.loads(outcome.out)["task"]["classes"] == ["lily", "rose", "tulip"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc, which refuses files of everybody")
@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "none.csv", "--target", "y", "--out", "/proc/model"),
        ("train", "none.csv", "--target", "y", "--out", "/proc/deep/model"),
        ("train", "none.csv", "--target", "y", "--report", "/proc/r.html"),
        ("lr-find", "none.csv", "--target", "y", "--plot", "/proc/p.svg"),
        ("predict", "none", "none.csv", "--output", "/proc/p.csv"),
        ("evaluate", "none", "none.csv", "--plots", "/proc/figures"),
        ("report", "none", "--data", "none.csv", "--out", "/proc/r.html"),
        ("export", "none", "--out", "/proc/m.onnx"),
        ("explain", "none", "--out", "/proc/d.html"),
        ("draw", "none", "--out", "/proc/d.svg"),
        ("exercise", "--network", "none", "--out", "/proc/e.txt"),
        ("bench", "--json", "/proc/b.json"),
    ],
    ids=lambda arguments: " ".join(arguments[:: len(arguments) - 1]),
)
def test_a_place_that_refuses_root_as_well_is_told_before_any_work(command, arguments):
    """There is no such table or model either, and that would be told first if it was looked for first."""
    refused(command(*arguments), "/proc may not be written to: ")


def test_what_was_learnt_is_kept_when_its_place_has_no_room(command, flower_table, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))

    def save(model, directory):
        if "elsewhere" not in str(directory):
            raise ModelFileError(f"{directory} could not be written: No space left on device.")
        save_table_model(model, directory)

    monkeypatch.setattr("wengert.cli.commands.train.save_table_model", save)
    outcome = command("train", flower_table, "--target", "kind", *QUICK, "--out", "model", "--quiet")
    assert (outcome.code, outcome.out) == (2, "")
    said, place = outcome.err.splitlines()
    assert said == "error: model could not be written: No space left on device."
    (shelter,) = (tmp_path / "elsewhere").iterdir()
    assert place == f"What was learnt is not lost: {shelter / 'model'}"
    assert load_table_model(shelter / "model").is_classifier
