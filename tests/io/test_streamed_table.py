"""Tables too large for memory: encoded as in memory, errors with their rows, memory within its bound."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from wengert.cli import main
from wengert.errors import DataError
from wengert.io import parquet_stream, streamed_table
from wengert.io.parquet_stream import ParquetStream, large_parquet
from wengert.io.streamed_table import StreamedTable
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable

QUICK = TrainingSettings(hidden=(8,), epochs=2)


def mixed(rows=3000, seed=0):
    """Numbers with gaps, many words, and a target of two words that depends on both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    word = rng.integers(0, 12, rows)
    return pl.DataFrame(
        {
            "x": pl.Series([None if row % 50 == 7 else float(value) for row, value in enumerate(x)]),
            "word": [f"w{place}" for place in word],
            "number": x + word,
            "kind": np.where(x + word % 3 > 1, "yes", "no"),
        }
    )


@pytest.fixture
def stream(tmp_path, monkeypatch):
    """Write a table to a file and open it as one that is too large, read 400 rows at a time."""
    monkeypatch.setattr(parquet_stream, "_CELLS_AT_A_TIME", 1600)
    monkeypatch.setattr(streamed_table, "_SAMPLE_ROWS", 1000)
    monkeypatch.setattr(parquet_stream, "STREAMED_CELLS", 100)

    def write(frame):
        frame.write_parquet(tmp_path / "table.parquet", row_group_size=700)
        return ParquetStream.open(tmp_path / "table.parquet")

    return write


def test_a_stream_has_all_rows_in_order(stream):
    frame = mixed()
    table = stream(frame)
    assert (table.rows, table.names, table.cells) == (3000, tuple(frame.columns), 12_000)
    blocks = list(table.blocks())
    assert [first for first, _ in blocks] == list(range(0, 3000, 400))
    assert pl.concat([block for _, block in blocks]).equals(frame)
    places = np.array([0, 399, 400, 1234, 2999])
    assert table.take(places).equals(frame[places])
    assert table.column("kind").equals(frame["kind"])


@pytest.mark.parametrize("target", ["kind", "number"])
def test_features_in_the_file_are_those_of_the_rows(stream, target):
    frame = mixed()
    table = StreamedTable.infer(stream(frame), target)
    kept, held = table.hold_out(0.1, seed=3)
    assert len(held) == 300
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(3000))
    assert table.rows_of(held).equals(frame[held])
    preprocessor = table.preprocessor(kept, QUICK)
    chosen = np.zeros(3000, np.bool_)
    chosen[kept] = True
    with table._features_in_a_file(preprocessor, chosen) as (features, targets):
        np.testing.assert_array_equal(features, preprocessor.transform(frame[kept]))
        np.testing.assert_array_equal(targets.ravel(), preprocessor.transform_target(frame[kept]))
        assert isinstance(features, np.memmap)
    again = StreamedTable.infer(table.stream, target)
    np.testing.assert_array_equal(again.hold_out(0.1, seed=3)[1], held)


def test_it_learns_and_validation_rows_are_not_trained_on(stream, monkeypatch):
    table = StreamedTable.infer(stream(mixed()), "kind")
    kept, held = table.hold_out(0.2, seed=0)
    model, trained = table.train(kept, TrainingSettings(hidden=(32,), epochs=40))
    assert model.score(table.rows_of(held))["accuracy"] > 0.93
    assert (
        trained.training_rows + trained.validation_rows == len(kept) == 2500
    )  # at most half the sample is held
    assert trained.validation_rows == 166


def test_the_command_streams_by_itself_and_tells(stream, tmp_path, monkeypatch, capsys):
    path = stream(mixed()).paths[0]
    monkeypatch.chdir(tmp_path)
    assert large_parquet(path) is not None
    train = ["train", str(path), "--target", "kind", "--hidden", "16", "--epochs", "30"]
    assert main([*train, "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["rows"] == {"all": 3000, "training": 2334, "validation": 166, "held_out": 500}
    assert outcome["scores"]["accuracy"] > 0.9
    assert main(["evaluate", "table-model", str(path), "--json"]) == 0
    assert main([*train, "--cv", "3"]) == 2
    assert "--cv 3: cross-validation holds" in (err := capsys.readouterr().err)
    assert "is too large for that (12,000 cells; above " in err
    assert "--test-fraction 0.2" in err
    assert main(["train", str(path), "--target", "kin"]) == 2
    assert "Did you mean 'kind'?" in capsys.readouterr().err


@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_counts_have_means_above_zero_in_a_large_file_too(stream, tmp_path, monkeypatch, capsys, loss):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 3000)
    frame = pl.DataFrame({"x": x, "few": np.minimum(rng.poisson(np.exp(x)), 4)})
    path = stream(frame).paths[0]
    monkeypatch.chdir(tmp_path)
    train = ["train", str(path), "--target", "few", "--loss", loss, "--hidden", "none", "--epochs", "5"]
    assert main([*train, "--preset", "plain", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["task"]["kind"] == "regression"
    assert outcome["scores"][f"{loss}_deviance"] > 0
    stream(frame.with_columns(few=pl.when(pl.arange(pl.len()) == 1234).then(-1).otherwise("few")))
    assert main(train) == 2
    assert "target column 'few', row 1235: -1 is below 0" in " ".join(capsys.readouterr().err.split())


def test_small_files_and_other_formats_are_not_streamed(tmp_path):
    mixed(10).write_parquet(tmp_path / "small.parquet")
    mixed(10).write_csv(tmp_path / "small.csv")
    (tmp_path / "text.parquet").write_text("x,y\n1,2\n")
    for name in ("small.parquet", "small.csv", "text.parquet", "none.parquet", "-"):
        assert large_parquet(tmp_path / name) is None


def test_a_bad_value_is_named_with_its_range_of_rows(stream):
    frame = mixed()
    table = StreamedTable.infer(stream(frame), "kind")
    rare = int(np.setdiff1d(np.arange(800, 1200), table.places)[0])
    values = frame["x"].to_list()
    values[rare] = float("inf")
    broken = stream(frame.with_columns(x=pl.Series(values)))
    table = dataclasses.replace(table, stream=broken)
    with pytest.raises(
        DataError, match=r"rows 801 to 1,200, without those held out: column 'x', row \d+: .* infinite"
    ):
        table.train(np.arange(3000), QUICK)


def test_a_damaged_file_is_named(stream):
    table = stream(mixed())
    data = bytearray(table.paths[0].read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    table.paths[0].write_bytes(bytes(data))
    with pytest.raises(
        DataError, match=r"table\.parquet is a damaged Parquet file, or .*: .* Copy or write it again"
    ):
        StreamedTable.infer(ParquetStream.open(table.paths[0]), "kind")


def test_a_disk_without_room_is_told_before_encoding(stream, monkeypatch):
    table = StreamedTable.infer(stream(mixed()), "kind")
    usage = shutil_usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr(streamed_table.shutil, "disk_usage", lambda place: shutil_usage)
    with pytest.raises(DataError, match="Make room there, or set TMPDIR"):
        table.train(np.arange(3000), QUICK)
    assert usage.free == 1000


def test_a_disk_that_is_really_full_is_told_with_its_place(stream):
    """RLIMIT_FSIZE makes the kernel itself refuse, after part of the file was written."""
    resource = pytest.importorskip("resource", reason="limits of a process are those of Unix")
    table = StreamedTable.infer(stream(mixed()), "kind")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"features of the table could not be .* in /.*: File too large"):
            table.train(np.arange(3000), QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


MEMORY = """
import json, resource, sys
from pathlib import Path
from wengert.cli import main
from wengert.io import parquet_stream, streamed_table
from wengert.train.steps import mapped
parquet_stream.STREAMED_CELLS = 0
streamed_table._SAMPLE_ROWS = 4096
parquet_stream._CELLS_AT_A_TIME = 2**20
mapped._WINDOW = 2**23
small, large = sys.argv[1:]
options = ["--target", "y", "--hidden", "4", "--epochs", "1", "--batch-size", "4096", "--quiet"]
assert main(["train", small, *options]) == 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert main(["train", large, *options]) == 0
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="ru_maxrss and memory maps are counted otherwise elsewhere"
)
def test_memory_is_bounded_by_the_blocks_and_not_by_the_table(tmp_path):
    rng = np.random.default_rng(0)
    columns, rows = 32, 1_000_000

    def write(name, rows):
        values = {f"x{place}": rng.normal(size=rows).astype(np.float32) for place in range(columns - 1)}
        frame = pl.DataFrame(values | {"y": rng.normal(size=rows).astype(np.float32)})
        frame.write_parquet(tmp_path / name, row_group_size=32_768, compression="uncompressed")
        return str(tmp_path / name)

    small, large = write("small.parquet", 40_000), write("large.parquet", rows)
    assert Path(large).stat().st_size > 120_000_000
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, small, large], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    grown = json.loads(run.stdout) * 1024
    # The bound of docs/tables.md, less what the small file took already: 40 bytes a row, and two windows.
    assert grown < 40 * rows + 2 * 2**23 + 2**24
    assert grown < Path(large).stat().st_size / 2


def test_text_is_read_and_rows_without_a_target_are_left_out_as_in_memory(stream):
    frame = mixed().with_columns(
        amount=pl.Series([f"${row:,}.50" for row in range(3000)]),
        day=pl.Series([f"{1 + row % 28:02d}/{1 + row % 12:02d}/2024" for row in range(3000)]),
        kind=pl.when(pl.int_range(3000) % 10 == 3).then(None).otherwise(pl.col("kind")),
    )
    table = StreamedTable.infer(stream(frame), "kind")
    whole = TrainingTable.infer(frame, "kind")
    assert (
        table.left_out
        == whole.left_out
        == ("300 rows of 3,000 have no target ('kind'; the first is row 4) and are left out.")
    )
    assert {column.name: column.kind for column in table.columns} == {
        column.name: column.kind for column in whole.columns
    }
    assert (table.rows, whole.rows) == (2700, 2700)
    kept, held = table.hold_out(0.2, 0)
    assert 3 not in kept % 10
    assert 3 not in held % 10
    model, trained = table.train(kept, QUICK)
    assert trained.training_rows + trained.validation_rows == len(kept)
    assert model.predict(frame.drop("kind")).height == 3000
