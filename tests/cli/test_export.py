"""`wengert export`: each format predicts what `wengert predict` does, and mistakes cost nothing."""

import io
import os
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from wengert.io import from_safetensors


@pytest.fixture
def model(command, flower_table):
    assert command("train", flower_table, "--target", "kind", "--epochs", 3, "--quiet").code == 0
    return "flowers-model"


def test_numpy(command, flower_table, model, tmp_path):
    outcome = command("export", model, "--format", "numpy")
    assert outcome.code == 0
    assert "Written to flowers_model.py (" in outcome.out
    assert (
        "python flowers_model.py table.csv\n  or in Python: from flowers_model import predict" in outcome.out
    )
    run = subprocess.run(
        [sys.executable, "-I", "flowers_model.py", "flowers.csv"], capture_output=True, text=True, check=True
    )
    assert pl.read_csv(io.StringIO(run.stdout)).equals(
        pl.read_csv(io.StringIO(command("predict", model, flower_table).out))
    )


def test_onnx(command, flower_table, model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    outcome = command("export", model, "--out", "f.onnx")
    assert "inputs: X, float32 [rows, 2]: length, width; NaN where missing" in outcome.out
    assert "outputs: label, probabilities [rows, 3]" in outcome.out
    session = onnxruntime.InferenceSession("f.onnx", providers=["CPUExecutionProvider"])
    X = pl.read_csv(flower_table).select("length", "width").to_numpy().astype(np.float32)
    label, _ = session.run(None, {"X": X})
    expected = pl.read_csv(io.StringIO(command("predict", model, flower_table).out))["predicted_kind"]
    assert label.tolist() == expected.to_list()


def test_onnx_says_which_columns_are_words(command, price_table):
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    command("train", price_table, "--target", "price", "--epochs", 1, "--quiet")
    outcome = command("export", "houses-model", "--format", "onnx")
    assert "one [rows, 1] a column: float64 for size, garden, built; string for district" in outcome.out
    assert "outputs: variable, float32 [rows, 1]" in outcome.out


def test_safetensors(command, model, tmp_path):
    assert (
        "from_safetensors('flowers-model.safetensors')"
        in command("export", model, "--format", "safetensors").out
    )
    assert from_safetensors(tmp_path / "flowers-model.safetensors").target.classes == (
        "lily",
        "rose",
        "tulip",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "which format? Name it with --format: onnx, safetensors, numpy."),
        (("--format", "onx"), "unknown format 'onx'; did you mean 'onnx'?"),
        (("--format", "onnx", "--out", "m.py"), "m.py: a file of the format onnx ends in .onnx."),
        (("--out", "m.pkl"), "m.pkl: the suffix says no format; known are .onnx (onnx)"),
        (("--out", "nowhere/m.py"), "is no directory. Make it first."),
        (("--out", "folder.py"), "folder.py is a directory. Name a file."),
    ],
)
def test_mistakes(command, model, tmp_path, options, message):
    (tmp_path / "folder.py").mkdir()
    outcome = command("export", model, *options)
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_directory_without_permission(command, model, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    outcome = command("export", model, "--out", "locked/m.py")
    assert (outcome.code, "may not be written to" in outcome.err) == (2, True)


@pytest.mark.parametrize("name", ["m.py", "m.safetensors", "m.onnx"])
def test_a_full_disk_leaves_the_old_file(command, model, tmp_path, name):
    """RLIMIT_FSIZE makes the kernel itself refuse, after part of the file was written."""
    resource = pytest.importorskip("resource", reason="limits of a process are those of Unix")
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    (tmp_path / name).write_bytes(b"the old file")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    run = subprocess.run(
        [sys.executable, "-m", "wengert", "export", model, "--out", name],
        preexec_fn=limit, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert run.returncode == 2
    assert "could not be written; what stood there before is unchanged: File too large" in run.stderr
    assert (tmp_path / name).read_bytes() == b"the old file"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".new")]
