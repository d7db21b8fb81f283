"""ONNX files predict what the models predict: in onnxruntime, with preprocessing, for every layer."""

import sys

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from tests.cli.conftest import flowers, houses
from tests.io.formats.examples import INPUTS, every_layer, networks, rows
from tests.io.formats.test_python_predictor import loaded
from tests.io.test_table_model import trained

from wengert import nn, train
from wengert.errors import ConfigurationError, UnsupportedFunctionError
from wengert.io.formats.onnx_export import SEAL, to_onnx
from wengert.io.formats.portable_model import NUMBERS, PortableModel
from wengert.io.formats.python_predictor import to_python
from wengert.io.table_models import load_table_model, portable, save_table_model
from wengert.primitives.composites import softmax
from wengert.storage.checksum import carries_seal
from wengert.tabular.preprocess import Target
from wengert.tabular.training_settings import PRESETS, TrainingSettings

onnx = pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")


def run(data, inputs):
    """Check the model and run it; return its outputs by name."""
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=25)
@given(networks(), rows())
def test_every_network_computes_the_same(net, X):
    outputs = run(to_onnx(PortableModel.of_network(net, INPUTS)), {"X": X})
    assert list(outputs) == ["variable"]
    assert outputs["variable"].dtype == np.float32
    close(outputs["variable"], train.predict(net, X))


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_every_activation_at_small_and_large_values(activation):
    net = nn.Dense(1, 1, activation, weight=np.ones((1, 1)), bias=False).initialise(0)
    X = np.array([0.0, -0.0, 1e-6, -1e-3, 0.5, -2.0, 7.0, 30.0, -30.0, 1e3, -1e3], np.float32)[:, None]
    close(run(to_onnx(PortableModel.of_network(net, 1)), {"X": X})["variable"], train.predict(net, X))


@pytest.mark.parametrize(("net", "X"), every_layer(), ids=lambda one: type(one).__name__)
def test_every_layer(net, X):
    data = to_onnx(PortableModel.of_network(net, X.shape[1]))
    close(run(data, {"X": X})["variable"], np.asarray(net(X)))


def test_no_layer_is_left_out():
    layers = {one for one in vars(nn).values() if isinstance(one, type) and issubclass(one, nn.Module)}
    assert {type(net) for net, _ in every_layer()} == layers - {nn.Module}


class Everything(nn.Module):
    """What no layer of wengert does, and a network of the user's own may do."""

    def __call__(self, x):
        first = x[:, ::-1] * np.flip(x, 1) + np.abs(x[:, :1]) ** 1.5
        total = np.log(np.sum(np.exp(first), axis=1)) + np.logaddexp(x[:, 0], x[:, 1])
        scores = np.stack([np.hypot(x[:, 0], 1), np.cumsum(x, axis=1)[:, -1], total], axis=1)
        shares = np.einsum("ni,nj->nij", scores, x).reshape(-1, 12)
        chosen = np.where(np.isfinite(scores) & (scores != 0), np.expm1(scores / 10), 1)
        masked = np.where(np.any(x > 1, axis=1, keepdims=True), np.log1p(np.square(x)), np.tan(x / 9))
        extremes = np.broadcast_to(np.max(x, axis=1, keepdims=True) - np.min(x, axis=1)[:, None], x.shape)
        position = np.argmax(x, axis=1)[:, None].astype(x.dtype)
        parts = [shares, chosen, masked, extremes, position, np.pad(x, ((0, 0), (1, 0)))]
        return np.concatenate([*parts, np.clip(x, -1, 1) / 3, np.prod(x, axis=1, keepdims=True)], axis=1)


@given(rows())
@settings(max_examples=10)
def test_any_program_over_rows(X):
    net = Everything()
    close(run(to_onnx(PortableModel.of_network(net, INPUTS)), {"X": X})["variable"], np.asarray(net(X)))


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [(("a", "ß"), object), ((3, 7), np.int64), ((False, True), np.bool_), ((0.5, 1.5), np.float64)],
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_two_classes(rng, classes, dtype, outputs):
    net = nn.Dense(3, outputs).initialise(1)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    found = run(to_onnx(PortableModel.of_network(net, 3, Target("y", "binary", classes, 0.0, 1.0))), {"X": X})
    logits = train.predict(net, X)
    logits = logits if outputs == 2 else np.concatenate([0 * logits, logits], axis=1)
    close(found["probabilities"], softmax(logits))
    assert found["label"].dtype == dtype
    assert found["label"].tolist() == [classes[place] for place in logits.argmax(axis=1)]


def test_labels_that_exclude_each_other_not(rng):
    net = nn.Dense(3, 4).initialise(1)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    target = Target("y", "multilabel", (0, 1, 2, 3), 0.0, 1.0)
    found = run(to_onnx(PortableModel.of_network(net, 3, target)), {"X": X})
    close(found["probabilities"], 1 / (1 + np.exp(-train.predict(net, X))))
    assert np.array_equal(found["label"], train.predict(net, X) > 0)


def test_a_table_of_numbers_is_one_input(rng):
    frame = flowers().with_columns(
        pl.when(pl.col("width") > 0.8).then(None).otherwise("width").alias("width")
    )
    model = trained(frame, "kind")
    X = frame.select("length", "width").to_numpy().astype(np.float32)
    found = run(to_onnx(portable(model)), {"X": X})
    rounded = pl.DataFrame({"length": X[:, 0], "width": X[:, 1]}).fill_nan(None)
    close(found["probabilities"], np.exp(model.log_probabilities(rounded)))
    assert found["label"].tolist() == model.predict(rounded)["predicted_kind"].to_list()


def table_inputs(model, frame):
    """Return the columns of a table as an ONNX model with an input a column takes them."""
    inputs = {}
    for column in model.preprocessor.columns:
        values = frame.get_column(column.name)
        if hasattr(column, "categories"):
            inputs[column.name] = values.fill_null("").to_numpy().astype(object)[:, None]
        else:
            if values.dtype.is_temporal():
                values = values.to_physical()
            inputs[column.name] = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()[:, None]
    return inputs


def test_a_table_with_words_gaps_and_dates():
    frame = houses(300).with_columns(pl.col("built").str.to_date())
    model = trained(frame, "price")
    new = pl.concat([houses(40).with_columns(pl.col("built").str.to_date())] * 2).with_columns(
        district=pl.Series(["north", "Mars", None, "south"] * 20)
    )
    found = run(to_onnx(portable(model)), table_inputs(model, new))
    np.testing.assert_allclose(found["variable"][:, 0], model.predict(new)["predicted_price"], rtol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_many_words_and_gaps_of_both_presets(preset, rng):
    words = pl.Series([f"w{place}" for place in rng.integers(0, 15, 400)] + [None] * 20)
    frame = pl.DataFrame({"word": words, "x": rng.normal(size=420), "y": rng.normal(size=420)})
    model = trained(frame, "y", TrainingSettings(preset, (8,), epochs=3))
    assert len(model.preprocessor.feature_names) == (2 if preset == "tabular" else 17)
    new = pl.concat([frame[400:], pl.DataFrame({"word": ["unknown"], "x": [1e9], "y": [0.0]})])
    found = run(to_onnx(portable(model)), table_inputs(model, new))
    np.testing.assert_allclose(
        found["variable"][:, 0], model.predict(new)["predicted_y"], rtol=1e-5, atol=1e-6
    )
    by_source = loaded(to_python(portable(model)))["predict"](
        {"word": new["word"].to_list(), "x": new["x"].to_list()}
    )
    np.testing.assert_allclose(by_source, model.predict(new)["predicted_y"], rtol=1e-5, atol=1e-6)


def test_a_target_that_float32_cannot_carry(rng):
    frame = pl.DataFrame({"x": rng.normal(size=200).astype(np.float32)})
    frame = frame.with_columns(y=pl.col("x").cast(pl.Float64) + 1.7e9)
    model = trained(frame, "y")
    found = run(to_onnx(portable(model)), {"X": frame.select("x").to_numpy()})["variable"][:, 0]
    assert found.dtype == np.float64
    predicted = model.predict(frame)["predicted_y"]
    np.testing.assert_allclose(found, predicted, rtol=0, atol=1e-5)
    assert len(np.unique(found)) > 100


def test_columns_called_like_outputs_and_numbers_that_float32_cannot_carry():
    moments = [1.7e9 + 60 * place for place in range(100)]
    frame = pl.DataFrame({"label": moments, "y": ["early", "late"] * 50})
    model = trained(frame, "y")
    data = to_onnx(portable(model))
    graph = onnx.load_from_string(data).graph
    assert [one.name for one in graph.input] == ["label"]
    assert [one.name for one in graph.output] == ["label_2", "probabilities"]
    found = run(data, {"label": np.array(moments)[:, None]})
    close(found["probabilities"], np.exp(model.log_probabilities(frame)))


def test_rare_words_go_together():
    kinds = ["a"] * 3000 + ["b"] * 3000 + ["c", "d"]
    frame = pl.DataFrame(
        {"kind": kinds, "y": [place % 2 + (kinds[place] == "a") / 2 for place in range(6002)]}
    )
    model = trained(frame, "y")
    assert model.preprocessor.columns[0].has_other
    found = run(to_onnx(portable(model)), table_inputs(model, frame[5990:]))
    close(found["variable"][:, 0], model.predict(frame[5990:])["predicted_y"])


def test_the_same_bytes_sealed_with_what_people_look_for():
    model = portable(trained(flowers(), "kind"))
    data = to_onnx(model)
    assert data == to_onnx(model)
    proto = onnx.load_from_string(data)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert carries_seal(data, metadata[SEAL])
    assert metadata["classes"] == '["lily", "rose", "tulip"]'
    assert metadata["feature_names"] == '["length", "width"]'
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 13)
    assert {one.name for one in proto.graph.initializer} >= {
        "layers.0.layers.0.layers.0.scale",
        "layers.0.layers.0.layers.1.network.layers.0.weight",
        "layers.0.layers.1.layers.0.bias",
        "layers.1.slope",
    }


class Angle(nn.Module):
    def __call__(self, x):
        return np.arctan2(x[:, :1], x[:, 1:])


class Shared(nn.Module):
    def __call__(self, x):
        return x / x.shape[0]


def test_what_cannot_be_said_is_named():
    with pytest.raises(UnsupportedFunctionError, match=r"computes arctan2 .*--format numpy"):
        to_onnx(PortableModel.of_network(Angle(), 2))
    with pytest.raises(UnsupportedFunctionError, match=r"depends on the number of rows .*without len\(x\)"):
        to_onnx(PortableModel.of_network(Shared(), 2))


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wengert\[onnx\]'"):
        to_onnx(PortableModel.of_network(nn.Dense(2, 1).initialise(0), 2))


@given(st.integers(0, 2**31))
@settings(max_examples=5)
def test_float64_networks_are_written_in_float32(seed):
    net = nn.Sequential(nn.Dense(INPUTS, 5, "gelu"), nn.Dense(5, 2)).initialise(seed, np.float64)
    X = np.random.default_rng(seed).normal(size=(6, INPUTS))
    found = run(to_onnx(PortableModel.of_network(net, INPUTS, NUMBERS)), {"X": X.astype(np.float32)})
    close(found["variable"], train.predict(net, X.astype(np.float32)))


def test_a_saved_model_exports_what_it_predicts(tmp_path):
    save_table_model(trained(flowers(), "kind"), tmp_path / "model")
    model = load_table_model(tmp_path / "model")
    frame = flowers(30)
    X = frame.select("length", "width").to_numpy().astype(np.float32)
    found = run(to_onnx(portable(model)), {"X": X})
    close(found["probabilities"], np.exp(model.log_probabilities(frame)))


def test_a_category_has_every_spelling_of_its_value():
    cells = ["1", "true", "b", None] * 10
    frame = pl.DataFrame({"g": pl.Series(cells, dtype=pl.Categorical), "y": [i % 4 + 0.5 for i in range(40)]})
    model = trained(frame, "y")
    data = to_onnx(portable(model))
    expected = model.predict(pl.DataFrame({"g": ["1", "true", "b", None, "new"]}))["predicted_y"]
    spelled = [["1", "1.0"], ["true", "True", "TRUE"], ["b"], ["", "NA", "nan"], ["new"]]
    for spellings, wanted in zip(spelled, expected, strict=True):
        answers = run(data, {"g": np.array(spellings, object)[:, None]})["variable"][:, 0]
        close(answers, np.full(len(spellings), wanted))
