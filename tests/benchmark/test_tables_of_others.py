"""A table that cannot be had is left out by its name, whatever is missing."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from benchmarks.tables import data

pd = pytest.importorskip("pandas", reason="readers return its frames")


def raising(error: BaseException) -> Any:
    def read() -> Any:
        raise error

    return read


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no rdata"),
        FileNotFoundError("diamonds.csv"),
        ConnectionError("no network"),
        StopIteration(),
    ],
)
def test_what_is_missing_is_told(error: BaseException) -> None:
    with pytest.raises(data.Unavailable, match=type(error).__name__):
        data.Source("y", raising(error)).table()


def test_pyarrow_is_needed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(data.Unavailable, match="pyarrow"):
        data.Source("y", lambda: pd.DataFrame({"y": [1, 2]})).table()


@pytest.mark.parametrize("load", [data.mnist, data.fashion_mnist])
@pytest.mark.parametrize("leaves", [False, True])
def test_downloads_that_fail_or_bring_something_else(
    load: Any, leaves: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **options: Any) -> None:
        if not leaves:
            raise subprocess.CalledProcessError(1, command, stderr="no such package")
        if "download" in command:
            (tmp_path / "debian" / "dataset-fashion-mnist_1.deb").write_text("")

    monkeypatch.setattr(data, "CACHE", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(data.Unavailable):
        load()
