"""ONNX files with one thing wrong in their structure: an error of ours, or a network; never anything else."""

import itertools
import json
import tracemalloc

import numpy as np
import pytest
from tests.cli.conftest import houses
from tests.drawn import thinned
from tests.io.test_table_model import trained
from tests.storage.mutations import mutants

from wengert import nn, train
from wengert.errors import ModelFileError, WengertError
from wengert.io.formats.onnx_export import DESCRIPTION, to_onnx
from wengert.io.formats.onnx_import import from_onnx, model_from_onnx
from wengert.io.formats.portable_model import PortableModel
from wengert.io.table_models import portable
from wengert.storage.checksum import PLACEHOLDER, seal

onnx = pytest.importorskip("onnx", reason="ONNX files need the package onnx")

MOST_BYTES = 2**26
NUMBERS = (0, -1, 1, 7, 2**31 - 1, 2**62)
TEXTS = ("", "x", "X", "y" * 100_000, "\x1b[2J", "../../etc/passwd")


def network():
    return nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 2, "silu")).initialise(0)


def messages(message, path=()):
    """Yield all messages in a message, each with its path."""
    yield path, message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if hasattr(value, "ListFields"):
            yield from messages(value, (*path, (field.name, None)))
        else:
            for place, one in enumerate(value):
                yield from messages(one, (*path, (field.name, place)))


def at(model, path):
    for name, place in path:
        model = getattr(model, name) if place is None else getattr(model, name)[place]
    return model


def changes(message):
    """Yield a description and a function that changes a message, for each thing that can be wrong in it."""
    for field in message.DESCRIPTOR.fields:
        name, value = field.name, getattr(message, field.name)
        if hasattr(value, "extend"):
            if len(value):
                yield f"{name} is missing", lambda m, name=name: m.ClearField(name)
                yield f"{name} loses one", lambda m, name=name: getattr(m, name).pop()
                yield f"{name} twice", lambda m, name=name: getattr(m, name).extend(list(getattr(m, name)))
                for place, other in itertools.product((0, len(value) - 1), others(value[0])):
                    changed = f"{name}[{place}] = {str(other)[:9]!r}"
                    yield changed, lambda m, n=name, p=place, o=other: getattr(m, n).__setitem__(p, o)
        elif field.message_type is None:
            for other in others(value):
                yield f"{name} = {str(other)[:9]!r}", lambda m, name=name, o=other: setattr(m, name, o)
        elif message.HasField(name):
            yield f"{name} is missing", lambda m, name=name: m.ClearField(name)


def others(value):
    if isinstance(value, bytes):
        return b"", value[:-1], value + b"\0" * 4, b"\xff" * len(value)
    return TEXTS if isinstance(value, str) else NUMBERS if isinstance(value, (int, float)) else ()


def structural_mutants(model):
    for path, message in messages(model):
        for what, change in changes(message):
            mutant = onnx.ModelProto()
            mutant.CopyFrom(model)
            try:
                change(at(mutant, path))
            except (ValueError, TypeError):  # a number out of the field's range
                continue
            yield f"{path} {what}", mutant


def survives(path, read):
    try:
        return read(path)
    except ModelFileError as error:
        message = str(error)
    assert len(message) < 3000
    return None


def test_every_change_of_the_structure(tmp_path):
    model = onnx.ModelProto.FromString(to_onnx(PortableModel.of_network(network(), 3)))
    del model.metadata_props[:]  # as of another program
    path = tmp_path / "network.onnx"
    rows = np.ones((2, 3), np.float32)
    refused = loaded = 0
    tracemalloc.start()
    try:
        for what, mutant in thinned(structural_mutants(model), 4):
            path.write_bytes(mutant.SerializeToString())
            tracemalloc.reset_peak()
            try:
                found = survives(path, from_onnx)
                if found is not None:
                    with np.errstate(all="ignore"):
                        train.predict(found, rows, executor="numpy")
            except WengertError:  # rows that no longer fit
                pass
            except Exception as error:
                raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES, what
            refused, loaded = refused + (found is None), loaded + (found is not None)
    finally:
        tracemalloc.stop()
    assert min(refused, loaded) > 25


def test_every_change_of_the_description(tmp_path):
    """Of a file of our own, sealed again."""
    model = onnx.ModelProto.FromString(to_onnx(portable(trained(houses(60), "price"))))
    path = tmp_path / "network.onnx"
    entries = {entry.key: entry for entry in model.metadata_props}
    seal_entry = next(entry for entry in model.metadata_props if len(entry.value) == len(PLACEHOLDER))
    refused = 0
    for part in ("architecture", "classes", "feature_names", "preprocessing"):
        entry = entries[DESCRIPTION + part]
        intact = entry.value
        for what, mutant in thinned(mutants(json.loads(intact)), 3):
            entry.value, seal_entry.value = json.dumps(mutant), PLACEHOLDER
            path.write_bytes(seal(model.SerializeToString(deterministic=True)))
            try:
                refused += survives(path, model_from_onnx) is None
            except Exception as error:
                raise AssertionError(f"{part}: {what}: {type(error).__name__}: {error}") from error
        entry.value = intact
    assert refused > 100
