"""Tiles of every width give the same bits, and the search for the fastest is kept and checked."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llvmlite import binding as llvm, ir

import wengert as wg
from wengert.run import recent
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.codegen.irtypes import F32
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.matmul import tile_search
from wengert.run.llvm.matmul.blocking import GROUP_TILES, _heights, blocking_of
from wengert.run.llvm.matmul.matrix_products import product_of
from wengert.run.llvm.matmul.microkernel import tile_function
from wengert.run.llvm.matmul.operands import MANY_TERMS
from wengert.run.llvm.matmul.tile_shapes import Tile, tile_of
from wengert.run.llvm.runtime import processor as processors
from wengert.run.llvm.runtime.processor import Processor
from wengert.run.llvm.runtime.target import AVX2, NEON, SSE, Target, host_target

HOST = host_target()
TWO_UNITS = Processor("Some processor", "GenuineIntel", "6", "207", "2", 2**21, 4096, True)
ONE_UNIT = dataclasses.replace(TWO_UNITS, vendor="AuthenticAMD", family="25")
WIDE = Target("x", "", 64, 32, processor=TWO_UNITS)
WIDTHS = {"host": HOST, "AVX2": AVX2, "128 bits": SSE}
if HOST.vector_bytes == 64:
    WIDTHS["256 bits, 32 registers"] = dataclasses.replace(HOST, vector_bytes=32)


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache directory of the test's own, and nothing kept in the process."""
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(recent, "_MOST", 0)
    tile_search._kept.cache_clear()
    yield tmp_path
    tile_search._kept.cache_clear()


@pytest.mark.parametrize("target", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.usefixtures("own_cache")
def test_every_tile_gives_the_same_bits(target: Target, rng: np.random.Generator) -> None:
    # Beyond each limit of blocking: terms in blocks, several panels and tiles, ends of all kinds.
    small = dataclasses.replace(target.processor, l2_bytes=60 * 3 * 4 * target.vector_bytes, recognised=False)
    x, y = rng.normal(size=(61, 230)).astype(np.float32), rng.normal(size=(230, 141)).astype(np.float32)
    program = wg.trace(lambda x, y: np.maximum(x @ y, 0), x, y)
    found = []
    for tile in tile_search.candidates(target):
        for far in (1, 2**20):
            chosen = dataclasses.replace(
                target, processor=small, tiles=((tile.rows, tile.vectors, 1.0),), far_bytes=far
            )
            run = LLVMExecutor(chosen, threads=1).compile(program)
            cut = blocking_of(product_of(run.plan.kernels[0]), chosen)
            assert (cut.tile.vectors, cut.packs_right, cut.blocks > 1) == (tile.vectors, far == 1, True)
            found.append(run([x, y])[0])
    np.testing.assert_allclose(found[0], np.maximum(x.astype(float) @ y, 0), atol=2e-4)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_a_tile_in_several_chains_can_copy_as_well(rows: int) -> None:
    module = ir.Module()
    tile_function(module, F32, rows, 4, (4,), copies=True)
    llvm.parse_assembly(str(module)).verify()


@pytest.mark.parametrize("terms", [64, MANY_TERMS])
def test_a_tile_that_can_copy_serves_products_that_do_not(rng: np.random.Generator, terms: int) -> None:
    # The rows of the first right matrix are far apart, those of the second are not.
    x, y = rng.random((60, 64), np.float32), rng.random((64, 256), np.float32)
    z, w = rng.random((60, terms), np.float32), rng.random((terms, 64), np.float32)
    program = wg.trace(lambda x, y, z, w: (x @ y, z @ w), x, y, z, w)
    target = dataclasses.replace(AVX2, tiles=((6, 2, 1.0),), far_bytes=1024)
    run = LLVMExecutor(target, threads=1).compile(program)
    assert [blocking_of(product_of(kernel), target).packs_right for kernel in run.plan.kernels] == [
        True,
        False,
    ]
    assert set(re.findall(r"@\"(tile\w+)\"", run.llvm())) == {"tile_f32_6_by_8_8_of_8_copying"}
    for mine, known in zip(run([x, y, z, w]), program(x, y, z, w), strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-5)


def test_a_product_beyond_the_real_limits_of_blocking(rng: np.random.Generator) -> None:
    x, y = rng.random((3000, 410), np.float32), rng.random((3000, 300), np.float32)
    run = LLVMExecutor(threads=1).compile(wg.trace(lambda x, y: x.T @ y, x, y))
    cut = blocking_of(product_of(run.plan.kernels[0]), run.layout.generators.target)
    assert cut.packs_left
    np.testing.assert_allclose(run([x, y])[0], x.T.astype(float) @ y, rtol=1e-5)


@pytest.mark.parametrize(("rows", "terms", "packs"), [(784, 200, True), (784, 32, False), (64, 200, False)])
def test_a_transposed_left_matrix_is_packed_where_it_is_read_often_and_large(
    rows: int, terms: int, packs: bool
) -> None:
    x, y = np.zeros((terms, rows), np.float32), np.zeros((terms, 100), np.float32)
    product = product_of(plan(wg.trace(lambda x, y: x.T @ y, x, y)).kernels[0])
    processor = dataclasses.replace(AVX2.processor, l2_bytes=2**20)
    cut = blocking_of(product, dataclasses.replace(AVX2, processor=processor))
    assert cut.packs_left == packs
    assert (cut.groups > 1) == packs
    assert cut.group < 2 * GROUP_TILES or not packs


def test_wide_tiles_where_two_multiply_adds_begin_in_a_cycle() -> None:
    one = dataclasses.replace(WIDE, processor=ONE_UNIT)
    assert tile_of(128, 512, 16, WIDE) == Tile(6, 4)
    assert tile_of(128, 784, 16, WIDE) == Tile(6, 4)
    assert tile_of(128, 144, 16, WIDE) == Tile(8, 3)
    assert tile_of(128, 512, 16, one).vectors == 2
    assert tile_of(128, 512, 8, AVX2) == Tile(6, 2)
    for target in (WIDE, one, AVX2, SSE, NEON):
        for rows in (1, 3, 5, 7, 13, 100):
            for columns in (1, 17, 40, 64, 100, 1000):
                tile = tile_of(rows, columns, target.lanes(4), target)
                assert tile.rows <= rows
                # Results, a row of vectors and an element in registers.
                assert tile.rows * tile.vectors + tile.vectors + 1 <= target.vector_registers


@pytest.mark.parametrize("target", [WIDE, AVX2, SSE, NEON], ids=["two units", "AVX2", "128 bits", "NEON"])
def test_tiles_share_the_rows_evenly(target: Target) -> None:
    for tile in tile_search.candidates(target):
        chosen = dataclasses.replace(target, tiles=((tile.rows, tile.vectors, 1.0),))
        for rows in range(1, 200):
            largest = tile_of(rows, 1000, target.lanes(4), chosen).rows
            count = -(-rows // largest)
            tall, short = _heights(rows, largest, count, is_even=True)
            assert 1 <= tall <= count
            assert tall * largest + (count - tall) * short == rows
            # Sums in several chains would have other last bits than those of the tall tiles.
            assert tall == count or short >= 3
            tall, rest = _heights(rows, 16, -(-rows // 16), is_even=False)
            assert 16 * tall + rest == rows


def test_what_a_search_found_decides() -> None:
    assert tile_of(128, 512, 16, dataclasses.replace(WIDE, tiles=((14, 2, 1.0), (6, 4, 1.5)))).vectors == 2
    assert tile_of(128, 512, 16, dataclasses.replace(WIDE, tiles=((14, 2, 1.5), (6, 4, 1.0)))) == Tile(6, 4)


def test_a_search_takes_the_fastest_tile_of_each_width_and_packs_where_that_is_faster() -> None:
    tiles = [Tile(6, 4), Tile(8, 3), Tile(12, 2), Tile(14, 2)]
    plain = dict(zip(tiles, (2.0, 1.5, 3.0, 4.0), strict=True))
    packed = dict(zip(tiles, (1.0, 1.1, 2.0, 1.5), strict=True))
    seconds = {(tile, False): plain[tile] for tile in tiles} | {(tile, True): packed[tile] for tile in tiles}
    found = tile_search._decided(tiles, seconds, WIDE)
    assert found == {"tiles": ((6, 4, 1.0), (8, 3, 1.1), (14, 2, 1.5)), "far_bytes": 512}
    unpacked = {key: value + 9 * key[1] for key, value in seconds.items()}
    found = tile_search._decided(tiles, unpacked, WIDE)
    assert found == {"tiles": ((6, 4, 1.333), (8, 3, 1.0), (12, 2, 2.0)), "far_bytes": 4096}


def large_product() -> Any:
    return wg.trace(lambda x, y: x @ y, np.zeros((256, 256), np.float32), np.zeros((256, 256), np.float32))


def test_a_search_is_made_once_and_what_is_damaged_or_foreign_is_discarded(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []
    host = dataclasses.replace(HOST, processor=TWO_UNITS)
    found = {"tiles": ((6, 4, 1.0),), "far_bytes": 512}
    monkeypatch.setattr(tile_search, "search", lambda target: searches.append(target) or found)

    def again() -> Target:
        tile_search._kept.cache_clear()
        return tile_search.searched(host, large_product())

    assert again() == again() == dataclasses.replace(host, **found)
    assert len(searches) == 1
    (entry,) = own_cache.rglob("*.tiles")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1] + b"?")
    again()
    assert len(searches) == 2
    assert entry.read_bytes() == whole
    # The same name with what another processor found, or with tiles that no search gives.
    key = json.loads(whole[32:])
    for change in (
        {"processor": key["processor"] | {"stepping": "3"}},
        {"tiles": [[6, 400, 1.0]]},
        {"tiles": []},
        {"far_bytes": -1},
    ):
        name = json.dumps({name: key[name] for name in key if name not in found}, sort_keys=True)
        tile_search.write_entry(name, tile_search.SUFFIX, json.dumps(key | change).encode())
        before = len(searches)
        assert again().tiles == found["tiles"]
        assert len(searches) == before + 1
    # Another stepping has an entry of its own.
    other = dataclasses.replace(host, processor=dataclasses.replace(TWO_UNITS, stepping="9"))
    tile_search.searched(other, large_product())
    assert len(list(own_cache.rglob("*.tiles"))) == 2


def test_no_search_for_small_products_known_processors_and_without_a_cache(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_search, "search", lambda target: pytest.fail("a search was made"))
    host = dataclasses.replace(HOST, processor=TWO_UNITS)
    small = wg.trace(lambda x: x @ x, np.zeros((64, 64)))
    assert tile_search.searched(host, small) is host
    known = dataclasses.replace(WIDE, processor=ONE_UNIT)
    for target in (known, dataclasses.replace(HOST, processor=Processor())):
        assert tile_search.searched(target, large_product()) is target
    monkeypatch.setenv("WENGERT_CACHE_DIR", "")
    assert tile_search.searched(host, large_product()) is host


@pytest.mark.usefixtures("own_cache")
def test_a_search_is_made_where_a_known_processor_is_not_used_at_its_full_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As in a virtual machine that hides AVX-512.
    found = {"tiles": ((4, 3, 1.0),), "far_bytes": 512}
    monkeypatch.setattr(tile_search, "search", lambda target: found)
    narrow = dataclasses.replace(AVX2, processor=ONE_UNIT)
    assert tile_search.searched(narrow, large_product()) == dataclasses.replace(narrow, **found)


def test_a_search_on_this_processor_gives_what_is_read_again() -> None:
    found = tile_search.search(HOST)
    assert {vectors for _, vectors, _ in found["tiles"]} == {
        tile.vectors for tile in tile_search.candidates(HOST)
    }
    assert min(cost for _, _, cost in found["tiles"]) == 1.0
    assert tile_search._read(json.dumps(found).encode(), {}) == found


def test_a_processor_that_is_not_recognised_has_safe_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processors, "_CPUINFO", tmp_path / "none")
    monkeypatch.setattr(processors, "_CACHES", tmp_path / "none")
    found = processors.host_processor.__wrapped__()
    assert not found.recognised
    assert (found.vendor, found.l2_bytes) == ("", 2**18)
    for number, (level, size) in enumerate((("1", "48K"), ("2", "2048K"))):
        (tmp_path / f"index{number}").mkdir()
        (tmp_path / f"index{number}" / "level").write_text(level + "\n")
        (tmp_path / f"index{number}" / "size").write_text(size + "\n")
    monkeypatch.setattr(processors, "_CACHES", tmp_path)
    (tmp_path / "cpuinfo").write_text(
        "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Xeon\nstepping\t: 2\n"
    )
    monkeypatch.setattr(processors, "_CPUINFO", tmp_path / "cpuinfo")
    found = processors.host_processor.__wrapped__()
    assert found == Processor(
        "Xeon (family 6, model 207)", "GenuineIntel", "6", "207", "2", 2**21, processors.mmap.PAGESIZE, True
    )
