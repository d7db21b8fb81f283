"""`wengert train` on several Parquet files, by several processes: the model is that of one, to the byte."""

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from wengert.cli import main
from wengert.cluster import joining


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for part in range(2):
        x = rng.normal(size=(300, 2))
        kinds = pl.Series("kind", rng.choice(["a", "b"], 300))
        frame = pl.DataFrame({"x": x[:, 0], "z": x[:, 1], "y": x[:, 0] * x[:, 1]}).with_columns(kinds)
        paths.append(str(tmp_path / f"part{part}.parquet"))
        frame.write_parquet(paths[-1], row_group_size=100)
    return paths


@pytest.fixture
def _one_worker(monkeypatch):
    """Let this process be the only worker."""
    monkeypatch.setattr(joining, "_known", None)
    for name, value in {"RANK": "0", "SIZE": "1", "COORDINATOR": "localhost:1"}.items():
        monkeypatch.setenv(f"WENGERT_{name}", value)


def arguments(files, directory):
    return ["train", *files, "--target", "y", "--epochs", "2", "--out", str(directory)]


@pytest.mark.usefixtures("_one_worker")
def test_two_processes_make_the_model_of_one(files, tmp_path, capsys):
    assert main([*arguments(files, tmp_path / "one"), "--workers", "2"]) == 0
    shown = capsys.readouterr()
    assert "Scores on 120 rows held out" in shown.out
    assert "workers train by --preset plain: the gradients of the tabular one" in shown.err
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WENGERT_")}
    run = subprocess.run(
        [sys.executable, "-m", "wengert", *arguments(files, tmp_path / "two"), "--workers", "2", "--json"],
        capture_output=True,
        env=plain,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout)["model"] == str(tmp_path / "two")
    assert b"[0] workers train by --preset plain" in run.stderr
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "part0.parquet", "part1.parquet"}


def test_several_files_are_one_table(files, tmp_path, capsys):
    assert main([*arguments(files, tmp_path / "both"), "--preset", "plain"]) == 0
    assert "Scores on 120 rows held out" in capsys.readouterr().out


def test_files_that_are_no_table_together_are_refused(files, tmp_path, capsys):
    other = tmp_path / "other.parquet"
    pl.read_parquet(files[0]).rename({"z": "w"}).write_parquet(other)
    assert main(arguments([files[0], str(other)], tmp_path / "model")) == 2
    assert f"{other} has other columns than {files[0]}" in " ".join(capsys.readouterr().err.split())
    text = tmp_path / "table.csv"
    text.write_text("x,y\n1,2\n")
    assert main(arguments([files[0], str(text)], tmp_path / "model")) == 2
    assert "table.csv is no Parquet file" in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("_one_worker")
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--preset=tabular", "workers train by --preset plain"),
        ("--executor=xla", "--executor xla is not for workers"),
        ("--time-limit=60", "--time-limit is not for workers"),
    ],
)
def test_what_workers_cannot_share_is_refused_in_words_of_the_command(
    files, tmp_path, capsys, option, message
):
    if "xla" in option:
        pytest.importorskip("jax")  # which is looked for before
    assert main([*arguments(files, tmp_path / "model"), option]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("_one_worker")
def test_nine_workers_take_the_usual_batch(files, tmp_path):
    assert main([*arguments(files, tmp_path / "model"), "--workers", "9", "--quiet"]) == 0


def test_elastic_without_workers_is_refused(files, tmp_path, capsys):
    assert main([*arguments(files, tmp_path / "model"), "--elastic"]) == 2
    assert "give --workers, too" in " ".join(capsys.readouterr().err.split())
