"""A network in one safetensors file: read back bit for bit, readable by others, refused when damaged."""

import json

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from tests.cli.conftest import flowers, houses
from tests.io.formats.examples import INPUTS, every_layer, networks
from tests.io.test_table_model import trained

from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError
from wengert.io.formats.portable_model import PortableModel
from wengert.io.formats.safetensors_file import from_safetensors, to_safetensors
from wengert.io.network_arrays import arrays_of
from wengert.io.table_models import portable
from wengert.storage import encode_tensors, save_tensors
from wengert.tabular.preprocess import Target


@settings(max_examples=20)
@given(networks())
def test_every_network_comes_back(tmp_path_factory, net):
    path = tmp_path_factory.getbasetemp() / "network.safetensors"
    model = PortableModel.of_network(net, INPUTS)
    path.write_bytes(to_safetensors(model))
    again = from_safetensors(path)
    assert nn.to_config(again.network) == nn.to_config(net)
    assert again.feature_names == ("x0", "x1", "x2", "x3")
    arrays = arrays_of(net)
    for name, array in arrays_of(again.network).items():
        assert array.tobytes() == arrays[name].tobytes()


@pytest.mark.parametrize(("net", "X"), every_layer(), ids=lambda one: type(one).__name__)
def test_every_layer(tmp_path, net, X):
    data = to_safetensors(PortableModel.of_network(net, X.shape[1]))
    (tmp_path / "m.safetensors").write_bytes(data)
    assert to_safetensors(from_safetensors(tmp_path / "m.safetensors")) == data


@pytest.mark.parametrize(("frame", "target"), [(houses(), "price"), (flowers(), "kind")])
def test_a_model_of_a_table_comes_back(tmp_path, frame, target):
    model = portable(trained(frame, target))
    (tmp_path / "m.safetensors").write_bytes(to_safetensors(model))
    again = from_safetensors(tmp_path / "m.safetensors")
    assert (again.target, again.columns, again.feature_names) == (
        model.target,
        model.columns,
        model.feature_names,
    )
    assert to_safetensors(again) == to_safetensors(model)


def test_others_can_read_it(tmp_path):
    model = portable(trained(flowers(), "kind"))
    (tmp_path / "m.safetensors").write_bytes(to_safetensors(model))
    with safetensors.safe_open(tmp_path / "m.safetensors", "numpy") as file:
        texts = json.loads(file.metadata()["wengert"])["metadata"]
        for name, array in nn.parameters(model.network).items():
            assert np.array_equal(file.get_tensor(name), array)
    assert json.loads(texts["classes"]) == ["lily", "rose", "tulip"]
    assert json.loads(texts["feature_names"]) == ["length", "width"]
    assert "(inputs, outputs)" in texts["orientation"]


def test_what_has_no_name_cannot_be_written():
    with pytest.raises(ConfigurationError, match="a configuration cannot hold"):
        to_safetensors(PortableModel.of_network(nn.Dense(2, 1, np.sin).initialise(0), 2))


def forged(**changes):
    """Return a file with a right checksum and wrong texts."""
    model = PortableModel.of_network(nn.Dense(2, 1).initialise(0), 2)
    texts = {
        "architecture": json.dumps(nn.to_config(model.network)),
        "feature_names": '["a", "b"]',
        "format": "wengert-network",
        "preprocessing": '{"columns": [], "target": {"name": "y", "kind": "regression", "classes": [], '
        '"mean": 0.0, "scale": 1.0}, "reading": {"columns": [], "format": {"separator": "", "encoding": "", '
        '"decimal": "", "missing": []}}}',
    }
    arrays = {**arrays_of(model.network), **changes.pop("arrays", {})}
    texts = {name: text for name, text in {**texts, **changes}.items() if text is not None}
    return encode_tensors(arrays, texts, "a file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "is not a network that `to_safetensors` wrote"),
        ({"architecture": None}, "'architecture'"),
        ({"architecture": "{"}, "not valid JSON"),
        (
            {"architecture": '{"type": "Dense", "inputs": 1000000000, "outputs": 1000000000}'},
            "does not fit together",
        ),
        ({"architecture": '{"type": "os.system"}'}, "unknown type 'os.system'"),
        ({"arrays": {"weight": np.zeros((2, 1), np.int64)}}, "must be floating-point numbers"),
        ({"arrays": {"extra": np.zeros(1)}}, "'extra' has shape None in the architecture"),
        ({"feature_names": '["a"]'}, "takes 2 features"),
        ({"feature_names": '"ab"'}, "feature names are a list of texts"),
        ({"preprocessing": '{"columns": []}'}, "preprocessing lacks 'target'"),
    ],
)
def test_parts_that_do_not_fit(tmp_path, changes, message):
    (tmp_path / "m.safetensors").write_bytes(forged(**changes))
    with pytest.raises(ModelFileError, match=message):
        from_safetensors(tmp_path / "m.safetensors")


def test_a_target_that_does_not_fit(tmp_path):
    net = nn.Dense(2, 3).initialise(0)
    path = tmp_path / "m.safetensors"
    for target, message in (
        (Target("y", "multiclass", ("a", "b"), 0.0, 1.0), "gives .3,. probabilities for 2 classes"),
        (Target("y", "nonsense", ("a", "b", "c"), 0.0, 1.0), "target.kind must be one of regression"),
    ):
        path.write_bytes(to_safetensors(PortableModel.of_network(net, 2, target)))
        with pytest.raises(ModelFileError, match=message):
            from_safetensors(path)


def test_files_of_other_programs_and_sorts(tmp_path):
    path = tmp_path / "m.safetensors"
    save_tensors(path, {"a": np.zeros(2)}, {"format": "checkpoint"})
    with pytest.raises(ModelFileError, match="is not a network that"):
        from_safetensors(path)
    path.write_bytes(safetensors.numpy.save({"a": np.zeros(2)}))
    with pytest.raises(ModelFileError, match="has no checksum of wengert"):
        from_safetensors(path)
    with pytest.raises(ModelFileError, match="does not exist"):
        from_safetensors(tmp_path / "missing.safetensors")
