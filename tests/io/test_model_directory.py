"""A model directory comes back as it was saved, or is refused with a reason."""

import dataclasses
import json
import os

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert.errors import ModelFileError
from wengert.io import SavedModel, load_model, model_directory as module, save_model

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
)
plain = st.dictionaries(text, nested)
names = text.filter(lambda name: name != "__metadata__")
parameters = st.dictionaries(
    names, hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=2)), max_size=3
)


def example(scale=1.0):
    return SavedModel(
        architecture={"layers": ["dense"]},
        parameters={"w": np.full((3, 2), scale, np.float32), "b": np.zeros(2, np.float32)},
        preprocessing={"means": [0.1, 1e300, 5e-324, -0.0]},
        training={"epochs": 3, "score": scale},
    )


def same(a, b):
    return (
        json.dumps(dataclasses.asdict(a) | {"parameters": 0}, sort_keys=True)
        == json.dumps(dataclasses.asdict(b) | {"parameters": 0}, sort_keys=True)
        and a.parameters.keys() == b.parameters.keys()
        and all(a.parameters[name].tobytes() == b.parameters[name].tobytes() for name in a.parameters)
    )


@pytest.fixture
def saved(tmp_path):
    save_model(tmp_path / "model", example())
    return tmp_path / "model"


@given(st.builds(SavedModel, plain, parameters, plain, plain))
def test_round_trip(tmp_path_factory, model):
    directory = tmp_path_factory.mktemp("models") / "m"
    save_model(directory, model)
    assert same(load_model(directory), model)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_model(tmp_path / name, example())
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_every_flipped_byte_is_refused(saved, file):
    intact = (saved / file).read_bytes()
    for position in range(len(intact)):
        damaged = bytearray(intact)
        damaged[position] ^= 1 << (position % 8)
        (saved / file).write_bytes(damaged)
        with pytest.raises(ModelFileError, match="model"):
            load_model(saved)
    (saved / file).write_bytes(intact)
    assert same(load_model(saved), example())


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_every_truncation_is_refused(saved, file):
    intact = (saved / file).read_bytes()
    for length in range(len(intact)):
        (saved / file).write_bytes(intact[:length])
        with pytest.raises(ModelFileError):
            load_model(saved)


def test_missing_and_partial_directories(saved, tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        load_model(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match="is a file"):
        load_model(saved / "config.json")
    with pytest.raises(ModelFileError, match=r"config\.json does not exist"):
        load_model(tmp_path)
    for file in ("config.json", "model.safetensors"):
        save_model(tmp_path / file, example())
        (tmp_path / file / file).unlink()
        with pytest.raises(ModelFileError, match=file):
            load_model(tmp_path / file)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX")
def test_a_pipe_in_the_place_of_a_file_does_not_hang(saved):
    (saved / "config.json").unlink()
    os.mkfifo(saved / "config.json")
    with pytest.raises(ModelFileError, match="regular"):
        load_model(saved)


def test_files_of_two_saves_do_not_mix(saved, tmp_path):
    save_model(tmp_path / "other", example(2.0))
    (tmp_path / "other" / "config.json").replace(saved / "config.json")
    with pytest.raises(ModelFileError, match="another save"):
        load_model(saved)


def forge(directory, config):
    """Write a directory whose checksums fit, whatever its config says."""
    data = config if isinstance(config, bytes) else json.dumps(config).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_encode_config", lambda model, target: data)
        save_model(directory, example())


GOOD = {"format": "wengert-model", "version": 1, "architecture": {}, "preprocessing": {}, "training": {}}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "not of a model"),
        (GOOD | {"format": "other"}, "not of a model"),
        (GOOD | {"version": 2}, "newer wengert"),
        (GOOD | {"architecture": []}, "architecture"),
        ({key: value for key, value in GOOD.items() if key != "training"}, "training"),
        (json.dumps(GOOD).replace("{", '{"version": 1,', 1).encode(), "twice"),
        (json.dumps(GOOD | {"training": {"loss": float("nan")}}).encode(), "NaN"),
        (b"[" * 100_000, "nested"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_configs_that_are_not_ours(tmp_path, config, said):
    forge(tmp_path / "m", config)
    with pytest.raises(ModelFileError, match=said):
        load_model(tmp_path / "m")


def test_a_config_too_long_is_neither_read_nor_written(saved, monkeypatch):
    monkeypatch.setattr(module, "_MAXIMUM_CONFIG", 50)
    with pytest.raises(ModelFileError, match="50"):
        load_model(saved)
    with pytest.raises(ModelFileError, match="50"):
        save_model(saved, example())


def test_a_newer_model_replaces_an_older(saved):
    save_model(saved, example(2.0))
    assert same(load_model(saved), example(2.0))
    assert sorted(entry.name for entry in saved.parent.iterdir()) == ["model"]


@pytest.mark.parametrize("litter", [".DS_Store", "Thumbs.db"])
def test_litter_of_file_managers_does_not_matter(saved, litter):
    (saved / litter).write_bytes(b"x")
    save_model(saved, example(2.0))
    assert same(load_model(saved), example(2.0))


def foreign_directories():
    def notes(directory):
        save_model(directory, example())
        (directory / "notes.txt").write_text("mine")

    def other_program(directory):
        directory.mkdir()
        (directory / "config.json").write_text('{"model_type": "bert"}')
        (directory / "model.safetensors").write_bytes(b"")

    def damaged(directory):
        save_model(directory, example())
        (directory / "config.json").write_bytes(b"{")

    def code(directory):
        directory.mkdir()
        (directory / "main.py").write_text("print()")

    return [notes, other_program, damaged, code]


@pytest.mark.parametrize("make", foreign_directories())
def test_nothing_of_the_users_is_overwritten(tmp_path, make):
    directory = tmp_path / "d"
    make(directory)
    before = {entry.name: entry.read_bytes() for entry in directory.iterdir()}
    with pytest.raises(ModelFileError, match="not overwritten"):
        save_model(directory, example())
    assert {entry.name: entry.read_bytes() for entry in directory.iterdir()} == before


def test_the_current_directory_is_safe(tmp_path, monkeypatch):
    (tmp_path / "thesis.tex").write_text("years")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="not overwritten"):
        save_model(".", example())
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_what_is_not_plain_json_is_refused_and_the_old_model_stays(saved):
    for bad in ({"loss": float("nan")}, {"array": np.ones(2)}, {"text": "\ud800"}):
        with pytest.raises(ModelFileError, match=r"config\.json"):
            save_model(saved, dataclasses.replace(example(2.0), training=bad))
    with pytest.raises(ModelFileError, match="complex"):
        save_model(saved, dataclasses.replace(example(2.0), parameters={"w": np.array([1j])}))
    assert same(load_model(saved), example())


def test_a_model_whose_writer_was_killed_between_two_renames(saved):
    saved.rename(saved.with_name(".model.previous"))
    assert same(load_model(saved), example())
    save_model(saved, example(2.0))
    assert same(load_model(saved), example(2.0))
    assert sorted(entry.name for entry in saved.parent.iterdir()) == ["model"]


def test_a_save_that_ends_while_we_read_is_read_again(saved, monkeypatch):
    """The reader gets the config of the old directory and the parameters of the new one."""
    real, calls = module.read_file, []

    def read_file(file, *limits):
        data = real(file, *limits)
        if not calls:
            calls.append(file)
            save_model(saved, example(2.0))
        return data

    monkeypatch.setattr(module, "read_file", read_file)
    assert same(load_model(saved), example(2.0))
