"""Whatever is to be read, memory stays bounded, and the error names the file and the row."""

import csv
import io
import os
import subprocess
import sys
import threading

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from tests.drawn import random_examples

from wengert.cli.config_file import read_config
from wengert.errors import ConfigurationError, DataError, ModelFileError
from wengert.io import load_model, read_table, text_rows
from wengert.io.formats.onnx_import import from_onnx
from wengert.io.formats.safetensors_file import from_safetensors
from wengert.storage import load_tensors, memory, reading

needs_devices = pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs devices of Unix")


@pytest.fixture
def little_memory(monkeypatch):
    """Let a megabyte be all that is free, and as much come from a pipe."""
    monkeypatch.setattr(reading, "free_memory", lambda: 2**20)
    monkeypatch.setattr(reading, "LARGEST_STREAM", 2**20)


def piped(tmp_path, name, data):
    """Return a named pipe that somebody writes to until nobody reads."""
    path = tmp_path / name
    os.mkfifo(path)

    def write():
        try:
            with open(path, "wb") as pipe:
                for part in data:
                    pipe.write(part)
        except BrokenPipeError:
            pass

    threading.Thread(target=write, daemon=True).start()
    return path


@needs_devices
def test_what_never_ends_is_not_read_to_its_end(little_memory, tmp_path):
    with pytest.raises(DataError, match="/dev/zero gives more than 1,048,576 bytes"):
        read_table("/dev/zero")
    endless = (b"1,2\n" * 1000 for _ in iter(int, 1))
    with pytest.raises(DataError, match=r"pipe gives more than .* Save it as a file first"):
        read_table(piped(tmp_path, "pipe", endless))
    for read in (load_model, load_tensors, from_safetensors, from_onnx):
        with pytest.raises(ModelFileError, match=r"not a regular file|is a file"):
            read("/dev/zero")
    with pytest.raises(ConfigurationError, match="more than 1,048,576 bytes"):
        read_config("/dev/zero")


@needs_devices
def test_a_pipe_that_ends_is_a_table(tmp_path):
    assert read_table(piped(tmp_path, "pipe", [b"a,b\n", b"1,2\n" * 10])).shape == (10, 2)


def test_a_file_larger_than_the_memory_is_not_read(little_memory, tmp_path):
    for suffix, read, error in (
        (".csv", read_table, DataError),
        (".parquet", read_table, DataError),
        (".safetensors", load_tensors, ModelFileError),
        (".onnx", from_onnx, ModelFileError),
    ):
        sparse = tmp_path / f"sparse{suffix}"
        with open(sparse, "wb") as file:
            file.truncate(2**30)
        with pytest.raises(error, match=rf"sparse{suffix} takes about .* of memory to read, and .* are free"):
            read(sparse)


def test_rows_that_a_parquet_file_only_claims(monkeypatch, tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": pl.repeat(1, 10**7, eager=True)}).write_parquet(path)
    assert path.stat().st_size < 10**5
    monkeypatch.setattr(reading, "free_memory", lambda: 10**7)
    with pytest.raises(DataError, match=r"t.parquet takes about 0.08 GB of memory"):
        read_table(path)


def test_a_long_cell_is_a_cell(tmp_path):
    path = tmp_path / "t.csv"
    for cell in ("z" * 300_000, '"' + 'a,""b""\n' * 50_000 + '"'):
        path.write_text(f"t,y\nab,1\n{cell},2\n")
        frame = read_table(path)
        assert frame.shape == (2, 2)
        assert len(frame["t"][1]) > 250_000
    assert csv.field_size_limit() == 131_072


def test_a_cell_beyond_all_measure_is_named(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("t,y\nab,1\n" + "z" * (2**24 + 1) + ",2\n")
    with pytest.raises(DataError, match=r"t.csv, row 2 \(line 3\) has a cell of more than 16,777,216 char"):
        read_table(path)
    path.write_text("a,b\n1,2\n3" + "," * 2**20 + "\n")
    with pytest.raises(DataError, match=r"t.csv, row 2 \(line 3\) has more than 1,048,576 cells in a line"):
        read_table(path)


@settings(max_examples=random_examples(100, explore=3000))
@given(st.text(st.sampled_from('ab,"\n\r\u2028 '), max_size=60), st.integers(1, 9))
def test_lines_are_those_of_python_whatever_the_stretch(text, stretch):
    before = text_rows._STRETCH
    text_rows._STRETCH = stretch
    try:
        lines = list(text_rows._lines(text, ","))
    finally:
        text_rows._STRETCH = before
    assert "".join(lines) == text
    expected = list(io.StringIO(text, newline=""))
    # A line longer than a stretch stays in one piece, also at carriage returns, which csv then refuses.
    assert lines == expected or ("\r" in text and len(lines) < len(expected))


def test_free_memory_is_what_the_system_says():
    free = memory.free_memory()
    assert 0 < free <= sys.maxsize


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are those of Linux")
def test_a_limit_of_the_process_counts():
    code = (
        "import resource; from wengert.storage.memory import free_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32)); print(free_memory())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert 2**30 < int(said) < 2**32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b"x = " + b"{a=" * 50_000, "nested too deeply"),
        (b"#" * (2**20 + 1), "more than"),
        (b"out = 'a\xff'", "cannot be read"),
        (b'out = "a\\u0000b"', "'out' must be text"),
        (b"seed = 2020-01-01", "'seed' must be a whole number"),
        (b"[target]\na = 1", "'target' must be text"),
        (b"target = [[1], 2]", "'target' must be text"),
    ],
)
def test_hostile_configurations(tmp_path, text, said):
    path = tmp_path / "c.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=said):
        read_config(str(path))
