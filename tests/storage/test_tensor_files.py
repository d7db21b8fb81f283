"""Arrays go to disk and come back bit for bit; nothing damaged or hostile comes back at all."""

import json
import struct
import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings, strategies as st
from tests.drawn import CHARACTERS, random_examples

from wengert.errors import ModelFileError
from wengert.storage import decode_tensors, encode_tensors, load_tensors, save_tensors
from wengert.storage.checksum import PLACEHOLDER, seal
from wengert.storage.tensor_header import DTYPES

dtypes = st.sampled_from(list(DTYPES.values()))
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
arrays = st.tuples(dtypes, shapes).flatmap(lambda pair: hnp.arrays(*pair))
names = st.text(CHARACTERS, max_size=20).filter(lambda s: s != "__metadata__")
texts = st.text(CHARACTERS, max_size=80)
short_texts = st.text(CHARACTERS, max_size=3)
metadata = st.dictionaries(texts, texts | st.just("0" * 64), max_size=4)


def identical(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@given(st.dictionaries(names, arrays, max_size=4), metadata)
def test_round_trip_is_bit_for_bit(tensors, extra):
    loaded, read_extra = decode_tensors(encode_tensors(tensors, extra, "f"), "f")
    assert read_extra == extra
    assert loaded.keys() == tensors.keys()
    assert all(identical(loaded[name], tensors[name]) for name in tensors)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded.values())


@given(arrays)
def test_unusual_memory_is_accepted_by_copy_and_never_written(array):
    foreign = array.astype(array.dtype.newbyteorder(">" if sys.byteorder == "little" else "<"))
    reversed_rows = array[::-1] if array.ndim else array
    read_only = array.copy()
    read_only.flags.writeable = False
    before = foreign.tobytes()
    given_arrays = {
        "foreign": foreign,
        "reversed": reversed_rows,
        "transposed": array.T,
        "read_only": read_only,
    }
    loaded, _ = decode_tensors(encode_tensors(given_arrays, {}, "f"), "f")
    assert foreign.tobytes() == before
    expected = {
        "foreign": array,
        "reversed": reversed_rows.copy(),
        "transposed": np.array(array.T, order="C"),
        "read_only": array,
    }
    assert all(identical(loaded[name], value) for name, value in expected.items())


def test_memory_mapped_arrays_are_accepted(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    save_tensors(tmp_path / "a.safetensors", {"a": mapped}, {})
    loaded, _ = load_tensors(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(loaded["a"], np.arange(6.0))


def test_same_arrays_same_bytes_in_any_order():
    a, b = np.arange(3.0), np.ones((2, 2), np.float32)
    one = encode_tensors({"a": a, "b": b}, {"x": "1", "y": "2", "z": "3"}, "f")
    other = encode_tensors({"b": b, "a": a}, {"z": "3", "y": "2", "x": "1"}, "f")
    assert one == other


def test_other_programs_can_read_the_file(tmp_path):
    save_tensors(tmp_path / "m.safetensors", {"w": np.eye(3, dtype=np.float32)}, {"note": "hello"})
    np.testing.assert_array_equal(safetensors.numpy.load_file(tmp_path / "m.safetensors")["w"], np.eye(3))


SMALL = encode_tensors({"w": np.arange(4, dtype=np.float32), "b": np.array(True)}, {"note": "n"}, "f")


@pytest.mark.parametrize("bit", [0, 5, 7])
def test_every_flipped_byte_is_refused(bit):
    for position in range(len(SMALL)):
        damaged = bytearray(SMALL)
        damaged[position] ^= 1 << bit
        with pytest.raises(ModelFileError, match="f"):
            decode_tensors(bytes(damaged), "f")


def test_every_truncation_and_extension_is_refused():
    for length in range(len(SMALL)):
        with pytest.raises(ModelFileError):
            decode_tensors(SMALL[:length], "f")
    for tail in (b"\0", b" ", SMALL):
        with pytest.raises(ModelFileError):
            decode_tensors(SMALL + tail, "f")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data):
    with pytest.raises(ModelFileError):
        decode_tensors(data, "f")


def raw(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


FOUR, EIGHT = b"\0" * 4, b"\0" * 8
ATTACKS = {
    "huge header length": (raw(b"{}", length=2**64 - 1), "claims"),
    "zero header length": (raw(b"", FOUR), "begin"),
    "header longer than the file": (raw(b"{}", length=1000), "truncated"),
    "shorter than a length": (b"\x02\0\0", "too few"),
    "not JSON": (raw(b"{nonsense}"), "JSON"),
    "not UTF-8": (raw(b'{"\xff":1}'), "UTF-8"),
    "not an object": (raw(b"[]"), "begin"),
    "leading white space": (raw(b" {}"), "begin"),
    "duplicate key": (raw(b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), FOUR), "twice"),
    "overlap": (raw({"a": entry(), "b": entry(offsets=(2, 6))}, b"\0" * 6), "overlaps"),
    "the same range twice": (raw({"a": entry(), "b": entry()}, FOUR), "overlaps"),
    "hole": (raw({"a": entry(), "b": entry(offsets=(6, 10))}, b"\0" * 10), "hole"),
    "hole at the beginning": (raw({"a": entry(offsets=(4, 8))}, EIGHT), "hole"),
    "out of range": (raw({"a": entry(shape=(2,), offsets=(0, 8))}, FOUR), "follow"),
    "bytes that belong to nobody": (raw({"a": entry()}, EIGHT), "follow"),
    "negative offset": (raw({"a": entry(offsets=(-4, 0))}, FOUR), "range"),
    "negative size": (raw({"a": entry(shape=(-1,))}, FOUR), "shape"),
    "reversed offsets": (raw({"a": entry(offsets=(4, 0))}, FOUR), "range"),
    "three offsets": (raw({"a": entry(offsets=(0, 4, 8))}, FOUR), "range"),
    "size against shape": (raw({"a": entry(shape=(2,))}, FOUR), "needs"),
    "unknown dtype": (raw({"a": entry(dtype="F33")}, FOUR), "dtype"),
    "dtype of another kind": (raw({"a": entry(dtype=["F32"])}, FOUR), "dtype"),
    "float16": (raw({"a": entry(dtype="F16", shape=(2,))}, FOUR), "dtype"),
    "sizes that overflow": (raw({"a": entry(shape=(2**62, 2**62, 16))}, FOUR), "needs"),
    "a size beyond 63 bits": (raw({"a": entry(shape=(2**64,))}, FOUR), "shape"),
    "a zero hides huge sizes": (raw({"a": entry(shape=(0, 2**63), offsets=(0, 0))}), "shape"),
    "too many axes": (raw({"a": entry(shape=(1,) * 65)}, FOUR), "shape"),
    "a fraction as size": (raw({"a": entry(shape=(1.0,))}, FOUR), "shape"),
    "true as size": (raw({"a": entry(shape=(True,))}, FOUR), "shape"),
    "NaN as size": (raw({"a": entry(shape=(float("nan"),))}, FOUR), "NaN"),
    "an infinite size": (raw(b'{"a":1e999}'), "too large"),
    "deep nesting": (raw(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"), "nested"),
    "a number of 10,000 digits": (raw(b'{"a":' + b"9" * 10_000 + b"}"), "JSON"),
    "metadata that is not text": (raw({"__metadata__": {"a": 1}}), "metadata"),
    "metadata that is a list": (raw({"__metadata__": ["a"]}), "metadata"),
    "an entry that is not an object": (raw({"a": 3}), "made of"),
    "an entry with more keys": (raw({"a": entry() | {"x": 1}}, FOUR), "made of"),
    "no checksum": (raw({"__metadata__": {"format": "pt"}, "a": entry()}, FOUR), "checksum"),
    "no metadata": (raw({"a": entry()}, FOUR), "checksum"),
    "our entry, not JSON": (raw({"__metadata__": {"wengert": "?"}}), "JSON"),
    "our entry, not an object": (raw({"__metadata__": {"wengert": "[]"}}), "checksum"),
    "our entry, a wrong checksum": (raw({"__metadata__": {"wengert": '{"checksum":"0"}'}}), "checksum"),
    "our entry, a checksum elsewhere": (
        raw({"__metadata__": {"wengert": json.dumps({"checksum": "a" * 63 + "\u0660"})}}),
        "checksum",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_header_attacks_are_refused(attack, tmp_path):
    data, said = ATTACKS[attack]
    file = tmp_path / "attack.safetensors"
    file.write_bytes(data)
    with pytest.raises(ModelFileError, match=said) as caught:
        load_tensors(file)
    assert "attack.safetensors" in str(caught.value)


@settings(max_examples=random_examples(80, explore=2000))
@given(st.data())
def test_random_header_edits_are_refused(data):
    """Damage to the header's values, each still valid JSON."""
    length = struct.unpack("<Q", SMALL[:8])[0]
    header = json.loads(SMALL[8 : 8 + length])
    name = data.draw(st.sampled_from(["w", "b"]))
    field = data.draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
    scalar = st.integers() | short_texts | st.booleans() | st.none() | st.floats(allow_nan=False)
    value = data.draw(scalar | st.lists(scalar, max_size=3) | st.sampled_from(list(DTYPES)))
    if header[name][field] != value or isinstance(value, bool):
        header[name][field] = value
        with pytest.raises(ModelFileError):
            decode_tensors(raw(header, SMALL[8 + length :]), "f")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([1j]), "complex128"),
        (np.array(["a"]), "dtype"),
        (np.array([None]), "object"),
        (np.float16([1]), "float16"),
        (np.ma.masked_array([1.0], [True]), "MaskedArray"),
        ([1.0], "list"),
    ],
)
def test_what_cannot_be_saved_is_named(tmp_path, array, said):
    with pytest.raises(ModelFileError, match=said) as caught:
        save_tensors(tmp_path / "x.safetensors", {"weight": array}, {})
    assert "weight" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"a": 1}, {1: "a"}])
def test_metadata_must_be_text(tmp_path, bad):
    with pytest.raises(ModelFileError, match="text"):
        save_tensors(tmp_path / "x", {}, bad)


def test_names_must_be_unicode_text(tmp_path):
    for name in (1, "\ud800"):
        with pytest.raises(ModelFileError):
            save_tensors(tmp_path / "x", {name: np.ones(1)}, {})
    with pytest.raises(ModelFileError):
        save_tensors(tmp_path / "x", {}, {"a": "\ud800"})


def test_missing_and_odd_files(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        load_tensors(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match="regular"):
        load_tensors(tmp_path)


def test_a_header_too_long_to_read_is_not_written(tmp_path):
    with pytest.raises(ModelFileError, match="exceed"):
        save_tensors(tmp_path / "x", {}, {"a": "b" * (16 * 2**20)})


def test_booleans_other_than_0_and_1_are_refused():
    """Nobody says what NumPy or machine code makes of them."""
    data = bytearray(encode_tensors({"b": np.array([True, False])}, {}, "f"))
    length = struct.unpack("<Q", data[:8])[0]
    digest = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["wengert"])["checksum"].encode()
    start = data.index(digest)
    data[start : start + 64] = PLACEHOLDER.encode()
    data[-1] = 7
    with pytest.raises(ModelFileError, match="'b' has booleans that are neither 0 nor 1"):
        decode_tensors(seal(bytes(data)), "f")


@given(st.none() | st.lists(short_texts) | st.dictionaries(texts, st.integers() | st.none(), min_size=1))
def test_metadata_of_another_type_is_refused_under_a_right_checksum(metadata):
    text = json.dumps({"checksum": PLACEHOLDER, "metadata": metadata})
    with pytest.raises(ModelFileError, match=r"cannot be read|surrogate"):
        decode_tensors(seal(raw({"__metadata__": {"wengert": text}})), "f")
