"""Networks of ONNX and PyTorch compute here what they compute there; what cannot be taken over is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.cli.conftest import flowers, houses
from tests.io.formats.examples import INPUTS, every_layer, networks, rows
from tests.io.test_table_model import trained

from wengert import nn, train
from wengert.errors import ModelFileError, ShapeError, UnsupportedFunctionError
from wengert.io.formats.onnx_export import to_onnx
from wengert.io.formats.onnx_import import from_onnx, model_from_onnx
from wengert.io.formats.portable_model import PortableModel
from wengert.io.formats.torch_import import from_torch
from wengert.io.table_models import portable
from wengert.tabular.preprocess import Target
from wengert.tabular.training_settings import PRESETS, TrainingSettings

onnx = pytest.importorskip("onnx", reason="ONNX files need the package onnx")
ONE_OPERATOR = ("relu", "tanh", "sigmoid", "softplus", "softmax", "identity")


def dense_only(net):
    """Leave out the normalisations, which an export writes as several operators."""
    kinds = (nn.BatchNorm, nn.LayerNorm)
    return nn.Sequential(*[layer for layer in net.layers if not isinstance(layer, kinds)])


def without_description(data):
    """Leave the graph alone, as another program writes it."""
    model = onnx.load_from_string(data)
    del model.metadata_props[:]
    return model.SerializeToString()


@settings(max_examples=30)
@given(networks(ONE_OPERATOR), rows())
def test_a_graph_of_dense_layers_is_read(tmp_path_factory, net, X):
    path = tmp_path_factory.getbasetemp() / "network.onnx"
    net = dense_only(net)
    path.write_bytes(without_description(to_onnx(PortableModel.of_network(net, INPUTS))))
    again = from_onnx(path)
    assert np.array_equal(train.predict(again, X), train.predict(net, X))


@pytest.mark.parametrize("activation", [name for name in nn.ACTIVATIONS if name != "step"])
def test_activations_are_found_in_a_graph(tmp_path, rng, activation):
    """An export writes most of them out in several operators."""
    net = nn.Sequential(nn.Dense(3, 4, activation), nn.Dense(4, 1, activation), nn.Dense(1, 2)).initialise(0)
    (tmp_path / "m.onnx").write_bytes(without_description(to_onnx(PortableModel.of_network(net, 3))))
    X = rng.normal(size=(50, 3)).astype(np.float32)
    again = from_onnx(tmp_path / "m.onnx")
    assert nn.to_config(again) == nn.to_config(net)
    np.testing.assert_allclose(train.predict(again, X), train.predict(net, X), rtol=1e-6)


@pytest.mark.parametrize(
    "function", ["x * np.tanh(x)", "np.maximum(x, 0.2 * x)", "x * x", "x / (1 + np.exp(-1.001 * x))"]
)
def test_what_is_nearly_an_activation_is_none(tmp_path, function):
    net = nn.Sequential(nn.Dense(3, 4, eval(f"lambda x: {function}")), nn.Dense(4, 1)).initialise(0)
    (tmp_path / "m.onnx").write_bytes(to_onnx(PortableModel.of_network(net, 3)))
    with pytest.raises(
        ModelFileError,
        match=r"the operator \w+ \(node '\w+'\) (is not supported; supported are|does not have one input)",
    ):
        from_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("name", ["SiLU", "GELU", "Mish", "SELU", "LeakyReLU", "Softplus"])
@pytest.mark.filterwarnings("ignore")
def test_activations_as_torch_exports_them(tmp_path, name, opset):
    torch = pytest.importorskip("torch", reason="the exporter is PyTorch's")
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), getattr(torch.nn, name)(), torch.nn.Linear(4, 2))
    X = torch.randn(6, 3)
    names = {"input_names": ["X"], "dynamic_axes": {"X": {0: "rows"}}}
    torch.onnx.export(module, (X,), tmp_path / "m.onnx", opset_version=opset, dynamo=False, **names)
    found = train.predict(from_onnx(tmp_path / "m.onnx"), X.numpy())
    np.testing.assert_allclose(found, module(X).detach().numpy(), rtol=1e-5, atol=1e-6)


@settings(max_examples=30)
@given(networks(), rows())
def test_what_was_exported_comes_back(tmp_path_factory, net, X):
    path = tmp_path_factory.getbasetemp() / "network.onnx"
    path.write_bytes(to_onnx(PortableModel.of_network(net, INPUTS)))
    again = from_onnx(path)
    assert nn.to_config(again) == nn.to_config(net)
    assert np.array_equal(train.predict(again, X), train.predict(net, X))


@pytest.mark.parametrize(("net", "X"), every_layer(), ids=lambda one: type(one).__name__)
def test_every_layer_comes_back(tmp_path, net, X):
    data = to_onnx(PortableModel.of_network(net, X.shape[1]))
    (tmp_path / "m.onnx").write_bytes(data)
    assert to_onnx(model_from_onnx(tmp_path / "m.onnx")) == data


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("frame", "target"), [(houses(), "price"), (flowers(), "kind")])
def test_a_model_of_a_table_comes_back(tmp_path, frame, target, preset):
    model = portable(trained(frame, target, TrainingSettings(preset=preset, epochs=2)))
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(model))
    again = model_from_onnx(path)
    assert (again.target, again.columns, again.feature_names) == (
        model.target, model.columns, model.feature_names,
    )  # fmt: skip
    assert to_onnx(again) == to_onnx(model)
    with pytest.raises(ModelFileError, match=r"holds preprocessing .* with wengert.io.model_from_onnx or"):
        from_onnx(path)


def test_a_description_that_may_be_of_another_graph_is_not_believed(tmp_path):
    """Another program has changed the graph; it dropped the checksum, and kept the rest of the metadata."""
    net = nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 1)).initialise(0)
    model = onnx.load_from_string(to_onnx(PortableModel.of_network(net, 3)))
    kept = [entry for entry in model.metadata_props if entry.key != "wengert.sha256"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    for node in model.graph.node:
        node.op_type = {"Relu": "Tanh"}.get(node.op_type, node.op_type)
    assert read(tmp_path, model).layers[0].activation == "tanh"


@pytest.mark.parametrize(("kind", "classes", "outputs"), [
    ("multiclass", ("a", "b", "c"), 3), ("binary", (0, 1), 2), ("binary", (0, 1), 1),
    ("multilabel", (0, 1), 2),
])  # fmt: skip
def test_of_a_classifier_the_probabilities_come_back(tmp_path, rng, kind, classes, outputs):
    net = nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, outputs)).initialise(0)
    target = Target("y", kind, classes, 0.0, 1.0)
    model = PortableModel.of_network(net, 3, target)
    X = rng.normal(size=(5, 3)).astype(np.float32)
    one_each = kind == "multilabel" or outputs == 1
    expected = np.asarray((nn.sigmoid if one_each else nn.softmax)(train.predict(net, X)))
    for data in (to_onnx(model), without_description(to_onnx(model))):
        if outputs > 1 or data == to_onnx(model):  # the graph for one logit is no chain
            (tmp_path / "network.onnx").write_bytes(data)
            found = train.predict(from_onnx(tmp_path / "network.onnx"), X)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def chain(*nodes, arrays=(), inputs=(None, 3), **options):
    """Build an ONNX model of nodes (operator, attributes, names of arrays) one after the other."""
    made, value = [], "X"
    for place, (operator, attributes, names) in enumerate(nodes):
        made.append(onnx.helper.make_node(operator, [value, *names], [f"v{place}"], **attributes))
        value = f"v{place}"
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        made,
        "g",
        [onnx.helper.make_tensor_value_info("X", kind, inputs)],
        [onnx.helper.make_tensor_value_info(value, kind, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in dict(arrays).items()],
    )
    opsets = [onnx.helper.make_opsetid("", options.get("opset", 20))]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)


def read(tmp_path, model):
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    return from_onnx(tmp_path / "model.onnx")


def test_every_supported_operator(tmp_path, rng):
    onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")

    def array(*shape):
        return rng.uniform(0.2, 1, shape).astype(np.float32)

    arrays = {
        "w1": array(4, 3), "b1": array(4), "s": array(4), "h": array(4), "m": array(4), "v": array(4),
        "w2": array(4, 5), "b2": array(1, 5), "w3": array(5, 2),
    }  # fmt: skip
    gemm = {"transB": 1, "alpha": 0.5, "beta": 2.0}
    nodes = [
        ("Gemm", gemm, ["w1", "b1"]),
        ("BatchNormalization", {"epsilon": 1e-3}, ["s", "h", "m", "v"]),
        ("LeakyRelu", {}, []),
        ("LayerNormalization", {}, ["s", "h"]),
        ("Dropout", {}, []),
        ("MatMul", {}, ["w2"]),
        ("Add", {}, ["b2"]),
        *(
            (name, {}, [])
            for name in ("Gelu", "Mish", "Tanh", "Identity", "Selu", "Relu", "Softplus", "Sigmoid")
        ),
        ("Gemm", {}, ["w3"]),
        ("Cast", {"to": 1}, []),
        ("Softmax", {}, []),
    ]
    model = chain(*nodes, arrays=arrays)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    X = rng.normal(size=(6, 3)).astype(np.float32)
    (expected,) = session.run(None, {"X": X})
    np.testing.assert_allclose(train.predict(read(tmp_path, model), X), expected, rtol=1e-5, atol=1e-6)


W, B = np.ones((3, 2), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [("MatMul", {}, ["W"]), ("Elu", {}, [])],
            r"operator Elu \(node ''\) is not supported; supported are Add,",
        ),
        ([("LeakyRelu", {"alpha": 0.2}, [])], "LeakyRelu with another alpha than usual"),
        ([("Gemm", {"transA": 1}, ["W"])], "transA is not supported"),
        ([("Add", {}, ["B"])], "it has no dense layer"),
        (
            [("MatMul", {}, ["W"]), ("Relu", {}, []), ("Mul", {}, ["B"]), ("Relu", {}, [])],
            "before an activation",
        ),
        (
            [("Add", {}, ["B"]), ("MatMul", {}, ["W"])],
            "a scaling of 2 features before a dense layer that takes 3",
        ),
        ([("Add", {}, ["B"]), ("Add", {}, ["C"]), ("MatMul", {}, ["W"])], "offsets of 2 and of 3 features"),
        ([("MatMul", {}, ["W"]), ("MatMul", {}, ["W"])], "takes 3 features follows a layer that gives 2"),
        (
            [("MatMul", {}, ["W"]), ("Add", {}, ["W"])],
            "a bias or a factor of shape .* is not one of features",
        ),
        ([("MatMul", {}, ["B"])], "has shape .2,., and 2 axes are needed"),
        ([("Relu", {}, [])], "it has no dense layer"),
        ([("MatMul", {}, ["missing"])], "does not have one input of rows"),
        ([("Softmax", {"axis": 0}, [])], "Softmax with another axis than usual"),
        ([("Cast", {"to": 7}, [])], "Cast to another type"),
    ],
)
def test_what_is_not_such_a_network_is_named(tmp_path, nodes, message):
    with pytest.raises(ModelFileError, match=message):
        read(tmp_path, chain(*nodes, arrays={"W": W, "B": B, "C": np.ones(3, np.float32)}))


def attacked(change):
    model = chain(("MatMul", {}, ["W"]), ("Add", {}, ["B"]), arrays={"W": W, "B": B})
    change(model.graph)
    return model


def external(graph):
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def huge(graph):
    graph.initializer[0].dims[:] = [2**40, 2**20]


def negative(graph):
    graph.initializer[0].dims[:] = [-3, -2]


def twice(graph):
    graph.initializer.append(graph.initializer[0])


def cycle(graph):
    graph.node[0].input[0] = "v1"


def two_makers(graph):
    graph.node.append(graph.node[0])


def many_axes(graph):
    graph.initializer[0].dims[:] = [1] * 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "is not in the folder of the model and is not opened"),
        (huge, "needs 1152921504606846976 numbers, and has 6"),
        (negative, "impossible shape"),
        (many_axes, "impossible shape"),
        (twice, "stands there twice"),
        (cycle, "comes from nowhere"),
        (two_makers, "two nodes make the value"),
    ],
)
def test_attacks_are_refused(tmp_path, change, message):
    with pytest.raises(ModelFileError, match=message):
        read(tmp_path, attacked(change))


def test_bytes_that_are_no_model(tmp_path):
    for data in (b"", b"\x00" * 64, b"PK\x03\x04" + b"x" * 50, b"\x80\x04\x95" + bytes(30)):
        (tmp_path / "model.onnx").write_bytes(data)
        with pytest.raises(ModelFileError, match=r"model\.onnx is (damaged|not an ONNX model)"):
            from_onnx(tmp_path / "model.onnx")


def test_arrays_as_constants_and_under_second_names(tmp_path):
    model = chain(("MatMul", {}, ["same"]), ("Add", {}, ["B"]), arrays={"W": W})
    constant = onnx.helper.make_node("Constant", [], ["B"], value=onnx.numpy_helper.from_array(B))
    model.graph.node.insert(0, onnx.helper.make_node("Identity", ["W"], ["same"]))
    model.graph.node.insert(0, constant)
    net = read(tmp_path, model)
    assert np.array_equal(train.predict(net, np.eye(3, dtype=np.float32)), W + B)


def torch_or_skip():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def test_every_layer_of_torch(rng):
    torch = torch_or_skip()
    torch.manual_seed(0)
    t = torch.nn
    module = t.Sequential(
        t.Linear(4, 6), t.BatchNorm1d(6), t.ReLU(), t.Sequential(t.Linear(6, 5, bias=False), t.Tanh()),
        t.Identity(),
        t.LayerNorm(5), t.Dropout(0.2), t.Linear(5, 5), t.GELU(), t.SiLU(), t.Mish(), t.SELU(), t.LeakyReLU(),
        t.Softplus(), t.Linear(5, 3), t.Sigmoid(), t.Softmax(dim=1),
    )  # fmt: skip
    module(torch.randn(32, 4))  # moves the running statistics
    module.eval()
    X = rng.normal(size=(7, 4)).astype(np.float32)
    net = from_torch(module)
    expected = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(train.predict(net, X), expected, rtol=2e-5, atol=1e-6)
    before = train.predict(net, X)
    with torch.no_grad():
        module[0].weight.zero_()
    assert np.array_equal(train.predict(net, X), before)  # copies


@pytest.mark.filterwarnings("ignore")  # PyTorch's exporter warns of itself
def test_what_torch_exports_as_onnx(tmp_path, rng):
    torch = torch_or_skip()
    t = torch.nn
    module = t.Sequential(t.Linear(4, 8), t.ReLU(), t.BatchNorm1d(8), t.Linear(8, 3), t.Softmax(dim=1)).eval()
    torch.onnx.export(module, (torch.zeros(2, 4),), tmp_path / "t.onnx", dynamo=False)
    X = rng.normal(size=(5, 4)).astype(np.float32)
    expected = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(train.predict(from_onnx(tmp_path / "t.onnx"), X), expected, rtol=1e-5)


def test_torch_in_other_precisions_and_embeddings(rng):
    torch = torch_or_skip()
    assert nn.parameters(from_torch(torch.nn.Linear(2, 1).double()))["layers.0.weight"].dtype == np.float64
    assert nn.parameters(from_torch(torch.nn.Linear(2, 1).half()))["layers.0.weight"].dtype == np.float32
    table = torch.nn.Embedding(5, 3)
    net = from_torch(torch.nn.Sequential(table))
    expected = table.weight.detach().numpy()[[[4, 0]]]
    assert np.array_equal(train.predict(net, np.array([[4, 0]])), expected)


def test_what_torch_has_and_we_do_not():
    torch = torch_or_skip()
    t = torch.nn
    with pytest.raises(
        UnsupportedFunctionError, match=r"layer '1' is Conv1d\(.*no such layer. Known are BatchNorm1d"
    ):
        from_torch(t.Sequential(t.Linear(2, 2), t.Conv1d(1, 1, 1)))
    with pytest.raises(UnsupportedFunctionError, match="approximate must be 'none', and is 'tanh'"):
        from_torch(t.Sequential(t.GELU(approximate="tanh")))
    with pytest.raises(UnsupportedFunctionError, match="running statistics"):
        from_torch(t.Sequential(t.BatchNorm1d(3, track_running_stats=False)))
    with pytest.raises(UnsupportedFunctionError, match="not classes of one's own"):
        from_torch(type("Mine", (t.Module,), {})())
    with pytest.raises(ShapeError, match=r"layer 1: a dense layer that takes 5 features follows .* gives 2"):
        from_torch(t.Sequential(t.Linear(3, 2), t.Linear(5, 1)))
