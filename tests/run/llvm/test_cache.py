"""The cache of machine code: what is in it is used, what is damaged is not, and nothing depends on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.run.llvm import LLVMExecutor, cache, recent
from wengert.run.llvm.target import AVX2, object_code


@pytest.fixture
def compilations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the modules that are compiled; the cache is empty, and nothing is kept in memory."""
    compiled: list[str] = []

    def counted(text: str, target: Any) -> bytes:
        compiled.append(text)
        return object_code(text, target)

    monkeypatch.setattr(cache, "object_code", counted)
    monkeypatch.setattr(recent, "_known", OrderedDict())
    monkeypatch.setattr(recent, "_MOST", 0)
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "cache"))
    return compiled


def run(offset: float = 1.0, executor: LLVMExecutor | None = None) -> None:
    x = np.arange(40.0)
    program = wg.trace(lambda x: np.tanh(x) * 2 + offset, x)
    (got,) = (executor or LLVMExecutor()).compile(program)([x])
    np.testing.assert_allclose(got, np.tanh(x) * 2 + offset, rtol=1e-14)


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "llvm").iterdir())


def test_the_same_program_is_compiled_once(compilations: list[str], tmp_path: Path) -> None:
    run()
    run()
    assert len(compilations) == 1
    assert len(entries(tmp_path)) == 1


def test_another_program_or_processor_is_another_entry(compilations: list[str], tmp_path: Path) -> None:
    run(1.0)
    run(2.0)
    run(1.0, LLVMExecutor(AVX2))
    assert len(compilations) == 3
    assert len(entries(tmp_path)) == 3


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


@pytest.mark.parametrize("damage", [flipped, lambda data: data[:100], lambda data: b""])
def test_a_damaged_entry_is_made_again(
    damage: Callable[[bytes], bytes], compilations: list[str], tmp_path: Path
) -> None:
    run()
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    run()
    assert len(compilations) == 2
    assert entry.read_bytes() == whole


def test_an_entry_under_a_foreign_name_is_not_used(compilations: list[str], tmp_path: Path) -> None:
    run(1.0)
    (first,) = entries(tmp_path)
    run(2.0)
    (second,) = set(entries(tmp_path)) - {first}
    second.write_bytes(first.read_bytes())
    run(2.0)
    assert len(compilations) == 3


def test_without_a_place_to_write_it_is_off(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(blocked))
    run()
    monkeypatch.setenv("WENGERT_CACHE_DIR", "")
    run()
    assert len(compilations) == 2
    assert blocked.read_text() == "no directory"


def test_the_oldest_entries_make_room(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(1.0)
    (first,) = entries(tmp_path)
    monkeypatch.setattr(cache, "LARGEST_BYTES", int(first.stat().st_size * 1.5))
    run(2.0)
    assert len(entries(tmp_path)) == 1
    assert not first.exists()
