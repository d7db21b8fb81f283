"""A model directory whose checksums are right and whose contents are not: our error, or a model that works.

Whoever can write the files can also compute the checksums again, so what they say is checked for itself.
"""

import contextlib
import hashlib
import json
import tracemalloc
import warnings

import numpy as np
import pytest
from tests.cli.conftest import flowers, houses
from tests.drawn import thinned
from tests.storage.mutations import mutants

from wengert.cli import main
from wengert.errors import ModelFileError, WengertError
from wengert.io.formats.safetensors_file import from_safetensors, to_safetensors
from wengert.io.model_directory import load_model
from wengert.io.table_models import load_table_model, portable
from wengert.storage import decode_tensors, encode_tensors

NAMES = ("numbers", "tabular", "classes")
ROWS = houses(4)
MOST_BYTES = 2**26  # taken for a model of a few hundred numbers
HUGE = (10**9, 2**31, 2**62)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a directory with a model of each sort, made by the command."""
    place = tmp_path_factory.mktemp("made")
    houses(60).write_csv(place / "houses.csv")
    flowers(60).write_csv(place / "flowers.csv")
    for name, table, *arguments in (
        ("numbers", "houses.csv", "--target", "price", "--preset", "plain", "--dropout", "0.1"),
        ("tabular", "houses.csv", "--target", "garden"),
        ("classes", "flowers.csv", "--target", "kind", "--preset", "plain", "--cv", "2"),
    ):
        options = ("--hidden", "4", "--epochs", "2", "--quiet", "--out", str(place / name))
        assert main(["train", str(place / table), *arguments, *options]) == 0
    return place


def opened(directory):
    return json.loads((directory / "config.json").read_bytes()), load_model(directory).parameters


def reseal(directory, config, arrays):
    """Write the two files of a model with checksums that fit."""
    data = json.dumps(config).encode()
    digest = hashlib.sha256(data).hexdigest()
    (directory / "config.json").write_bytes(data)
    (directory / "model.safetensors").write_bytes(encode_tensors(arrays, {"config_sha256": digest}, "f"))


def survives(load):
    """Load a model; only errors of ours may come, with a message that can be read. Return the model."""
    try:
        return load()
    except ModelFileError as error:
        message = str(error)
    assert len(message) < 3000
    return None


def use(model):
    with contextlib.suppress(WengertError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.predict(ROWS)


def named(what, error):
    return AssertionError(f"{what}: {type(error).__name__}: {str(error)[:300]}")


@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_the_configuration(made, name, tmp_path):
    config, arrays = opened(made / name)
    loaded = 0
    for what, mutant in thinned(mutants(config), 13):
        reseal(tmp_path, mutant, arrays)
        try:
            model = survives(lambda: load_table_model(tmp_path))
            if model is not None:
                use(model)
                loaded += 1
        except Exception as error:
            raise named(what, error) from error
    assert loaded > 1  # another text or number is another model


@pytest.mark.parametrize("name", NAMES)
def test_no_number_makes_it_allocate(made, name, tmp_path):
    config, arrays = opened(made / name)
    tracemalloc.start()
    try:
        for what, mutant in thinned(mutants(config, HUGE), 13):
            reseal(tmp_path, mutant, arrays)
            tracemalloc.reset_peak()
            survives(lambda: load_table_model(tmp_path))
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES, what
    finally:
        tracemalloc.stop()


def changed_arrays(arrays):
    """Yield a description and other arrays, each with one thing wrong."""
    for name, array in arrays.items():
        others = {
            "a row more": np.concatenate([array, array[:1]]),
            "a row less": array[1:],
            "empty": array[:0],
            "no axes": array.reshape(-1)[:1].reshape(()),
            "an axis more": array[np.newaxis],
            "turned": array.T if array.ndim > 1 else array[:, np.newaxis],
            "float64": array.astype(np.float64),
            "int64": array.astype(np.int64),
            "bool": array.astype(np.bool_),
            "not a number": np.full_like(array, np.nan),
            "infinite": np.full_like(array, np.inf),
            "huge": np.full_like(array, 3e38),
        }
        for what, other in others.items():
            yield f"{name} {what}", {**arrays, name: np.array(other, order="C")}
        without = {key: value for key, value in arrays.items() if key != name}
        yield f"{name} missing", without
        yield f"{name} renamed", {**without, f"{name}2": array}
    yield "one more", {**arrays, "another": np.zeros(3, np.float32)}
    yield "none", {}


@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_the_arrays(made, name, tmp_path):
    config, arrays = opened(made / name)
    for what, others in changed_arrays(arrays):
        reseal(tmp_path, config, others)
        try:
            model = survives(lambda: load_table_model(tmp_path))
            if model is not None:
                use(model)
        except Exception as error:
            raise named(what, error) from error
        usable = any(word in what for word in ("float64", "not a number", "infinite", "huge"))
        assert (model is not None) == usable, what


@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_the_description_in_a_safetensors_file(made, name, tmp_path):
    intact = to_safetensors(portable(load_table_model(made / name)))
    arrays, description = decode_tensors(intact, "f")
    path = tmp_path / "f.safetensors"
    for part in ("architecture", "classes", "feature_names", "preprocessing"):
        for what, mutant in thinned(mutants(json.loads(description[part])), 13):
            path.write_bytes(encode_tensors(arrays, {**description, part: json.dumps(mutant)}, "f"))
            try:
                survives(lambda: from_safetensors(path))
            except Exception as error:
                raise named(f"{part}: {what}", error) from error
    for what, others in changed_arrays(arrays):
        path.write_bytes(encode_tensors(others, description, "f"))
        try:
            survives(lambda: from_safetensors(path))
        except Exception as error:
            raise named(what, error) from error


@pytest.mark.parametrize("name", NAMES)
def test_commands_say_what_they_read(made, name, tmp_path, capsys):
    """Whatever the record of the training says: shown, or refused in words."""
    config, arrays = opened(made / name)
    shown = 0
    for what, mutant in thinned(mutants({"training": config["training"]}, (None, "\x1b[2J", [])), 4):
        if not isinstance(mutant, dict):
            continue
        reseal(tmp_path, {**{key: config[key] for key in config if key != "training"}, **mutant}, arrays)
        code = main(["inspect", str(tmp_path)])
        output = capsys.readouterr()
        assert code in (0, 2), (what, output.err)
        assert "\x1b" not in output.out + output.err, what
        shown += code == 0
    assert shown > 5
