"""Files with flipped bits or cut off: no crash, no hang, and never a model that predicts something else."""

import random

import numpy as np
import pytest
from tests.cli.conftest import houses
from tests.io.test_table_model import trained

from wengert import nn, train
from wengert.errors import ModelFileError
from wengert.io.formats.onnx_export import to_onnx
from wengert.io.formats.onnx_import import from_onnx
from wengert.io.formats.portable_model import PortableModel
from wengert.io.formats.safetensors_file import from_safetensors, to_safetensors
from wengert.io.table_models import load_table_model, portable, save_table_model

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)


def network():
    return nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 2, "tanh")).initialise(0)


def places(length, count, seed=0):
    """Return bytes to damage: each of the first and last forty, and some between."""
    edges = {*range(min(40, length)), *range(max(0, length - 40), length)}
    return sorted(edges | set(random.Random(seed).choices(range(length), k=count)))


def flips(data, count=80):
    """Yield the data with one bit turned over, at every region."""
    bits = random.Random(1)
    for place in places(len(data), count):
        yield data[:place] + bytes([data[place] ^ (1 << bits.randrange(8))]) + data[place + 1 :]


def cuts(data, count=40):
    """Yield the data cut off, at every region."""
    for place in places(len(data), count):
        yield data[:place]


def test_a_model_directory(tmp_path):
    model = trained(houses(60), "price")
    save_table_model(model, tmp_path / "model")
    for name in ("config.json", "model.safetensors"):
        path = tmp_path / "model" / name
        intact = path.read_bytes()
        for damaged in (*flips(intact), *cuts(intact)):
            path.write_bytes(damaged)
            with pytest.raises(ModelFileError):
                load_table_model(tmp_path / "model")
        path.write_bytes(intact)
    load_table_model(tmp_path / "model")


def test_safetensors(tmp_path):
    path = tmp_path / "network.safetensors"
    intact = to_safetensors(portable(trained(houses(60), "price")))
    for damaged in (*flips(intact), *cuts(intact)):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            from_safetensors(path)


def test_onnx_of_our_own(tmp_path):
    pytest.importorskip("onnx", reason="ONNX files need the package onnx")
    path = tmp_path / "network.onnx"
    net = network()
    intact = to_onnx(PortableModel.of_network(net, 3))
    expected = train.predict(net, X)
    refused = 0
    for damaged in flips(intact, 10_000):  # every byte
        path.write_bytes(damaged)
        try:
            found = from_onnx(path)
        except ModelFileError:
            refused += 1
        else:  # the flip hid the checksum, and everything else is whole
            assert np.array_equal(train.predict(found, X), expected)
    assert refused >= len(intact) - 20
    for damaged in cuts(intact):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            from_onnx(path)


def test_onnx_of_others_never_crashes(tmp_path):
    """Without a checksum a changed weight cannot be noticed; everything else must be an error of ours."""
    onnx = pytest.importorskip("onnx", reason="ONNX files need the package onnx")
    model = onnx.load_from_string(to_onnx(PortableModel.of_network(network(), 3)))
    del model.metadata_props[:]
    intact = model.SerializeToString()
    path = tmp_path / "network.onnx"
    for damaged in (*flips(intact, 10_000), *cuts(intact)):
        path.write_bytes(damaged)
        try:
            net = from_onnx(path)
        except ModelFileError:
            continue
        assert {type(layer) for layer in net.layers} <= {nn.Dense, nn.Activation}
        assert sum(array.nbytes for array in nn.parameters(net).values()) <= len(damaged)
