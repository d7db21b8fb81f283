"""The cache of machine code: what is in it is used, what is damaged is not, and nothing depends on it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.parity.random_programs import Drawn
from tests.transform.examples import PRIMITIVES, program_of

import wengert as wg
from wengert.errors import WengertWarning
from wengert.ir.program import Program
from wengert.run import recent
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.call_function import Layout, layout
from wengert.run.llvm.fusion.decomposition import expand
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.runtime import cache
from wengert.run.llvm.runtime.fingerprint import fingerprint
from wengert.run.llvm.runtime.target import AVX2, object_code
from wengert.run.llvm.schedule.buffers import memory_of


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


def test_the_home_directory_may_be_written_as_a_tilde(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("WENGERT_CACHE_DIR", "~/machine code")
    run()
    assert list((tmp_path / "machine code" / "llvm").iterdir())


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


def test_a_full_disk_is_as_if_there_were_no_cache(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    run()
    run()
    assert len(compilations) == 2
    assert not list((tmp_path / "cache" / "llvm").iterdir())


def test_the_oldest_entries_make_room(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(1.0)
    (first,) = entries(tmp_path)
    monkeypatch.setattr(cache, "LARGEST_BYTES", int(first.stat().st_size * 1.5))
    run(2.0)
    assert len(entries(tmp_path)) == 1
    assert not first.exists()


def test_files_of_others_stay(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [tmp_path / "cache" / "llvm" / name for name in ("README.txt", "main.object", "0123abcd.cpp")]
    others[0].parent.mkdir(parents=True)
    for other in others:
        other.write_text("mine")
        os.utime(other, (0, 0))
    monkeypatch.setattr(cache, "LARGEST_BYTES", 1)
    run()
    assert entries(tmp_path) == sorted(others)


def test_what_is_in_the_cache_is_not_even_generated(
    compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()

    def refuse(layout: Layout) -> str:
        raise AssertionError("generated again")

    monkeypatch.setattr(Layout, "text", refuse)
    run()
    assert len(compilations) == 1
    with pytest.raises(AssertionError, match="generated again"):
        run(2.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither owners nor modes to set here")
@pytest.mark.parametrize("part", ["the directory", "the one above", "the entry"])
@pytest.mark.parametrize("unsafe", ["writable", "foreign"])
def test_code_that_others_could_have_put_there_is_not_run(
    part: str, unsafe: str, compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    (entry,) = entries(tmp_path)
    place = {"the directory": entry.parent, "the one above": entry.parents[1], "the entry": entry}[part]
    if unsafe == "writable":
        place.chmod(0o777 if place.is_dir() else 0o666)
    elif os.geteuid() == 0:
        os.chown(place, 65534, 65534)
    else:  # all of it belongs to another user as seen from there
        monkeypatch.setattr(os, "geteuid", lambda: 1 + os.getuid())
    compilations.clear()
    if part == "the entry" and os.geteuid() == os.getuid():
        run()
        run()  # and it was replaced by one of our own
        assert len(compilations) == 1
        return
    with pytest.warns(WengertWarning, match="neither read from .* nor kept there, since .*(belongs|written)"):
        run()
    run()  # which is said once
    assert len(compilations) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_entries_are_private_whatever_the_umask(compilations: list[str], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run()
    finally:
        os.umask(before)
    run()
    assert len(compilations) == 1
    (entry,) = entries(tmp_path)
    assert [place.stat().st_mode & 0o077 for place in (entry, *entry.parents[:2])] == [0, 0, 0]


TRAINING = """
import numpy as np, wengert as wg
wg.trace(lambda x: x * {other}, np.ones({other}))  # nodes get other serial numbers
rng = np.random.default_rng(0)
net = wg.nn.Sequential(wg.nn.Dense(5, 8, "relu"), wg.nn.Dense(8, 3)).initialise(seed=0)
X, y = rng.normal(size=(64, 5)), rng.integers(0, 3, 64)
options = dict(loss="nllm_from_logits", optimizer=wg.optim.Adam(), epochs=1, batch_size=32, progress=False)
wg.train.fit(net, X, y, **options)
"""


def test_another_process_finds_the_entries_of_the_first(tmp_path: Path) -> None:
    counts = []
    for other in (3, 4):
        environment = {
            **os.environ,
            "WENGERT_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONHASHSEED": str(other),
        }
        script = TRAINING.format(other=other)
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=300)
        counts.append(len(entries(tmp_path)))
    assert counts[0] > 0
    assert counts[1] == counts[0]


def layout_of(program: Program) -> Layout:
    made = plan(expand(program))
    return layout(made, memory_of(made), AVX2)


def test_programs_with_one_fingerprint_have_one_code() -> None:
    texts: dict[str, str] = {}
    for seed in range(40):
        for _ in range(2):
            made = layout_of(Drawn(seed, lines=6).program)
            assert texts.setdefault(fingerprint(made), made.text()) == made.text()
    assert len(texts) > 20


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x * 3.0,
        lambda x: x + 2.0,
        lambda x: x.T * 2.0,
        lambda x: x[::-1] * 2.0,
        lambda x: (x * 2.0, x + 1.0),
        lambda x: (x * 2.0).astype(np.float32),
        lambda x: np.clip(x * 2.0, -1e9, 1e9),
    ],
)
def test_different_programs_have_different_fingerprints(other: Any) -> None:
    x = np.arange(16.0).reshape(4, 4)
    first, again, second = (
        fingerprint(layout_of(wg.trace(function, x)))
        for function in (lambda x: x * 2.0, lambda x: x * 2.0, other)
    )
    assert first == again
    assert first != second


def test_every_primitive_has_a_fingerprint() -> None:
    texts: dict[str, str] = {}
    for primitive in PRIMITIVES:
        made = layout_of(program_of(primitive))
        # Movements that are mere views have no kernel, and so one fingerprint.
        assert texts.setdefault(fingerprint(made), made.text()) == made.text(), primitive.name
    assert len(texts) > 0.9 * len(PRIMITIVES)
