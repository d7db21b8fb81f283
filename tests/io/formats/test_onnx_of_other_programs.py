"""Classifiers of other programs keep their labels and scalings; nothing outside the folder is read."""

import itertools
import os
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.io.formats.test_imports import chain

import wengert as wg
from wengert import train
from wengert.errors import ModelFileError
from wengert.io.formats.onnx_import import from_onnx, model_from_onnx

onnx = pytest.importorskip("onnx", reason="ONNX files need the package onnx")
KINDS = {
    "words": np.array(["a'b", "ä", "\n"]),
    "numbers": np.array([-7, 0, 2**30]),
    "positions": np.array([0, 1, 2]),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
WHOLE = st.integers(-(2**63), 2**63 - 1)
ENDS = {"plain": False, "dictionaries": True, "columns": "columns"}  # values of the option zipmap


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["none", "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "two"]),
    st.sampled_from(["identity", "logistic", "tanh", "relu"]),
    st.lists(st.integers(1, 5), max_size=2),
    st.sampled_from([*KINDS, "multilabel", "number"]),
    st.integers(2, 3),
    st.sampled_from(sorted(ENDS)),
    st.sampled_from([13, 15, 17, 18, 21]),
)
def test_scikit_learn_as_skl2onnx_writes_it(
    tmp_path_factory: Any,
    scaler: str,
    activation: str,
    hidden: list[int],
    kind: str,
    count: int,
    end: str,
    opset: int,
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx", reason="the exporter of scikit-learn's models")
    from sklearn import neural_network, pipeline, preprocessing

    X = np.random.default_rng(0).normal(50, 3, size=(60, 3)).astype(np.float32)
    place = np.digitize(X[:, 0], [49, 51][: count - 1])
    options = {
        "hidden_layer_sizes": tuple(hidden),
        "activation": activation,
        "max_iter": 3,
        "random_state": 0,
    }
    theirs, ours = neural_network.MLPClassifier(**options), wg.MLPClassifier
    y = KINDS[kind][place] if kind in KINDS else np.column_stack([place > 0, place < 1]).astype(int)
    if kind == "number":
        theirs, ours, y = neural_network.MLPRegressor(**options), wg.MLPRegressor, X[:, 0]
    scalers = {"none": [], "two": [preprocessing.StandardScaler(), preprocessing.MinMaxScaler()]}
    steps = scalers[scaler] if scaler in scalers else [getattr(preprocessing, scaler)()]
    fitted = pipeline.make_pipeline(*steps, theirs).fit(X, y)
    choices = {} if kind == "number" else {id(theirs): {"zipmap": ENDS[end]}}
    path = tmp_path_factory.getbasetemp() / "skl.onnx"
    path.write_bytes(skl2onnx.to_onnx(fitted, X[:1], options=choices, target_opset=opset).SerializeToString())
    again = ours.from_onnx(path)
    wanted = fitted.predict(X)
    if kind == "number":
        np.testing.assert_allclose(again.predict(X), wanted, rtol=1e-4)
        return
    np.testing.assert_array_equal(again.predict(X), wanted)
    assert again.predict(X).dtype.kind == wanted.dtype.kind
    assert again.classes_.tolist() == theirs.classes_.tolist()
    np.testing.assert_allclose(again.predict_proba(X), fitted.predict_proba(X), atol=1e-5)


def decided(labels: np.ndarray, *tail: tuple[str, dict[str, Any], list[str]]) -> Any:
    """Return a graph of two features whose label is looked up, and whose only other output are the logits."""
    model = chain(
        ("MatMul", {}, ["W"]), arrays={"W": np.eye(2, len(labels), dtype=np.float32)}, inputs=(None, 2)
    )
    graph, helper = model.graph, onnx.helper
    graph.initializer.append(onnx.numpy_helper.from_array(labels, "labels"))
    graph.node.append(helper.make_node("ArgMax", ["v0"], ["place"], axis=1, keepdims=0))
    graph.node.append(helper.make_node("Gather", ["labels", "place"], ["w0"]))
    value = "w0"
    for number, (operator, attributes, more) in enumerate(tail):
        graph.node.append(helper.make_node(operator, [value, *more], [f"w{number + 1}"], **attributes))
        value = f"w{number + 1}"
    kind = onnx.TensorProto.STRING if labels.dtype.kind == "O" else onnx.TensorProto.INT64
    graph.output.append(helper.make_tensor_value_info(value, kind, [None]))
    return model


@given(st.one_of(st.tuples(TEXT, TEXT), st.tuples(WHOLE, WHOLE)).filter(lambda pair: pair[0] != pair[1]))
def test_labels_of_a_graph_are_those_of_the_model(tmp_path_factory: Any, labels: tuple[Any, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.onnx"
    array = np.array(labels, object if isinstance(labels[0], str) else np.int64)
    path.write_bytes(decided(array).SerializeToString())
    assert model_from_onnx(path).target.classes == labels
    assert wg.MLPClassifier.from_onnx(path).predict([[0.0, 1.0]]).tolist() == [labels[1]]
    assert wg.MLPClassifier.from_onnx(path, classes=["x", "y"]).predict([[1.0, 0.0]]).tolist() == ["x"]
    np.testing.assert_array_equal(train.predict(from_onnx(path), np.eye(2)), np.eye(2))
    with pytest.raises(ModelFileError, match="is for another task"):
        wg.MLPRegressor.from_onnx(path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (decided(np.array([1, 2]), ("Neg", {}, [])), "labels that comes from the operator Neg.* classes="),
        (decided(np.array([1, 2]), ("Add", {}, ["labels"])), "labels that comes from the operator Add"),
        (decided(np.array([3, 3])), "has the same label twice"),
        (decided(np.array([1, 2]), ("Cast", {"to": 3}, [])), "converts its labels to the data type 3"),
    ],
)
def test_labels_that_are_not_understood_are_asked_for(tmp_path: Any, model: Any, message: str) -> None:
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=message):
        wg.MLPClassifier.from_onnx(tmp_path / "m.onnx")
    assert wg.MLPClassifier.from_onnx(tmp_path / "m.onnx", classes=[5, 6]).predict([[1.0, 0.0]]) == [5]


def test_as_many_labels_as_classes(tmp_path: Any) -> None:
    model = decided(np.array([1, 2]))
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.eye(2, 3, dtype=np.float32), "W"))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="has 2 labels, and decides between 3 classes"):
        wg.MLPClassifier.from_onnx(tmp_path / "m.onnx")


def test_a_circle_of_identities_ends(tmp_path: Any) -> None:
    model = chain(("Identity", {}, []), ("Identity", {}, []))
    model.graph.node[0].input[0] = "v1"
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="comes from nowhere"):
        from_onnx(tmp_path / "m.onnx")


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(["Add", "Sub", "Mul", "Div", "Scaler", "sub", "scalar"]), max_size=4),
    st.booleans(),
)
def test_scalings_anywhere_beside_dense_layers(
    tmp_path_factory: Any, operators: list[str], last: bool
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the oracle")
    rng = np.random.default_rng(len(operators))
    arrays = {name: rng.uniform(0.5, 2, 3).astype(np.float32) for name in "abcd"}
    arrays |= {"W": rng.normal(size=(3, 3)).astype(np.float32), "one": np.float32([1.5])}
    scaling = []
    for operator, name in zip(operators, "abcd", strict=False):
        if operator == "Scaler":
            scaling.append(
                ("Scaler", {"offset": [1.0, 2, 3], "scale": [0.5, 1, 2], "domain": "ai.onnx.ml"}, [])
            )
        else:
            scaling.append(
                (
                    operator.title() if operator != "scalar" else "Mul",
                    {},
                    ["one" if operator == "scalar" else name],
                )
            )
    dense = [("MatMul", {}, ["W"])]
    model = chain(*(dense + scaling if last else scaling + dense), arrays=arrays)
    model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 2))
    for node, operator in zip(model.graph.node[last:], operators, strict=False):
        if operator == "sub":  # an array minus the features
            node.input[:] = node.input[::-1]
    path = tmp_path_factory.getbasetemp() / "scaled.onnx"
    path.write_bytes(model.SerializeToString())
    X = rng.normal(size=(4, 3)).astype(np.float32)
    (wanted,) = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"X": X})
    np.testing.assert_allclose(train.predict(from_onnx(path), X), wanted, rtol=1e-4, atol=1e-4)


def beside(folder: Any, location: str, **entries: str) -> Any:
    """Write a model whose weight lies in another file."""
    model = chain(("MatMul", {}, ["W"]), arrays={"W": np.arange(6, dtype=np.float32).reshape(3, 2)})
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@pytest.fixture
def folder(tmp_path: Any) -> Any:
    """A folder with weights in it, beside it, and behind links."""
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    numbers = np.arange(7, dtype="<f4").tobytes()
    for name in ("inside/w.bin", "inside/sub/w.bin", "w.bin", "inside_w.bin"):
        (tmp_path / name).write_bytes(numbers)
    os.symlink(tmp_path / "w.bin", inside / "link")
    os.symlink(tmp_path, inside / "up")
    os.symlink("circle", inside / "circle")
    os.symlink(inside / "w.bin", inside / "honest")
    os.mkfifo(inside / "pipe")
    return inside


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        ("w.bin", {}),
        ("./w.bin", {"offset": "4", "length": "24"}),
        ("sub/w.bin", {}),
        ("honest", {}),
        ("sub/../w.bin", {}),
    ],
)
def test_arrays_in_another_file_of_the_folder(folder: Any, location: str, entries: dict[str, str]) -> None:
    found = from_onnx(beside(folder, location, **entries)).layers[0].weight
    first = int(entries.get("offset", 0)) // 4
    np.testing.assert_array_equal(found, np.arange(first, first + 6).reshape(3, 2))


OUTSIDE = [
    "../w.bin",
    "link",
    "up/w.bin",
    "/etc/passwd",
    "../inside_w.bin",
    "",
    ".",
    "..",
    "\0",
    "circle",
    "sub/../../w.bin",
    "x" * 5000,
]
WRONG = [
    ("w.bin", {"offset": "8"}, "bytes"),
    ("w.bin", {"length": "3"}, "needs 24 bytes"),
    ("w.bin", {"offset": "-4"}, "no number"),
    ("w.bin", {"offset": "٣"}, "no number"),
    ("w.bin", {"offset": "9" * 500}, "no number"),
    ("pipe", {}, "not a regular file"),
    ("sub", {}, "not a regular file"),
    ("absent.bin", {}, "is missing beside it"),
]


@pytest.mark.parametrize(
    ("location", "entries", "message"),
    [*((one, {}, "not in the folder of the model and is not opened|is missing") for one in OUTSIDE), *WRONG],
)
def test_no_other_file_is_opened(folder: Any, location: str, entries: dict[str, str], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        from_onnx(beside(folder, location, **entries))


@pytest.mark.parametrize("large", [False, True])
def test_networks_as_torch_exports_them_by_default(tmp_path: Any, large: bool) -> None:
    torch = pytest.importorskip("torch", reason="the exporter is PyTorch's")
    pytest.importorskip("onnxscript", reason="PyTorch's exporter needs it")
    from torch import nn

    width = 80 if large else 3
    module = nn.Sequential(
        nn.Linear(4, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, 2),
    ).eval()
    X = torch.randn(5, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (X,), str(tmp_path / "net.onnx"), verbose=False)
    assert (tmp_path / "net.onnx.data").exists()
    found = train.predict(from_onnx(tmp_path / "net.onnx"), X.numpy())
    np.testing.assert_allclose(found, module(X).detach().numpy(), rtol=1e-4, atol=1e-5)


NAMES = [
    "label",
    "label_2",
    "probabilities",
    "variable",
    "cast_0",
    "labelencoder_0",
    "labelencoder_1",
    "concat_2",
]
NAMES += ["cast_1", "constant_0", "X", "numbers"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True), st.booleans())
def test_inputs_are_named_after_columns_whatever_their_names(
    tmp_path_factory: Any, names: list[str], classifies: bool
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
    import pandas as pd

    rng = np.random.default_rng(0)
    columns = [
        rng.choice(["u", "v"], 40) if place % 2 else rng.normal(size=40) for place in range(len(names))
    ]
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)))
    kind: Any = wg.MLPClassifier if classifies else wg.MLPRegressor
    model = kind(hidden_layer_sizes=(3,), max_iter=2, categorical_features="from_dtype", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.fit(frame, rng.integers(0, 2, 40))
    path = tmp_path_factory.getbasetemp() / "names.onnx"
    model.to_onnx(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert {one.name for one in session.get_inputs()} == set(names)
    inputs = {
        name: frame[[name]].to_numpy(object if place % 2 else float) for place, name in enumerate(names)
    }
    *_, found = session.run(None, inputs)
    wanted = model.predict_proba(frame) if classifies else model.predict(frame)[:, np.newaxis]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    named = [one.name for one in session.get_outputs()]
    for name, plain in zip(named, ["label", "probabilities"] if classifies else ["variable"], strict=True):
        candidates = (plain if number == 1 else f"{plain}_{number}" for number in itertools.count(1))
        assert name == next(one for one in candidates if one not in names)
