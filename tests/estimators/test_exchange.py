"""Estimators to files of other programs and back."""

import io
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, ModelFileError, WengertWarning
from wengert.estimators.preset import in_units
from wengert.io.formats.export import export_model
from wengert.io.table_models import portable
from wengert.tabular.seed_average import SeedAverage
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def fitted(task: str, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    X = rng.normal(size=(50, 3)).astype(np.float32)
    options = {"hidden_layer_sizes": (5, 4), "activation": "tanh", "max_iter": 4, "random_state": 0}
    signal = X @ rng.normal(size=(3, 3))
    if task == "binary":
        return wg.MLPClassifier(**options).fit(X, np.where(signal[:, 0] > 0, "yes", "no")), X
    if task == "multiclass":
        return wg.MLPClassifier(**options).fit(X, signal.argmax(axis=1) * 5), X
    if task == "multilabel":
        return wg.MLPClassifier(**options).fit(X, (signal > 0).astype(int)), X
    if task == "counts":
        return wg.MLPRegressor("poisson", **options).fit(X, rng.poisson(2, 50)), X
    return wg.MLPRegressor(**options).fit(X, signal if task == "multi-output" else signal[:, 0]), X


TASKS = ["binary", "multiclass", "multilabel", "regression", "multi-output", "counts"]


def through_files(estimator: Any, folder: Path) -> list[Any]:
    """Return the estimator read back from each format that can be read."""
    pytest.importorskip("onnx")
    estimator.to_safetensors(folder / "model.safetensors")
    estimator.to_onnx(folder / "model.onnx")
    kind = type(estimator)
    return [kind.from_safetensors(folder / "model.safetensors"), kind.from_onnx(folder / "model.onnx")]


@pytest.mark.parametrize(
    ("center", "scale"), [(1e9, 1), (-1.7e9, 1e3), (0, 1e-9), (1e12, 1e12), (3e5, 1e-3), (0, 1)]
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_onnx_of_the_preset_keeps_the_digits_of_numbers_far_from_zero(
    center: float, scale: float, outputs: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    numbers = rng.normal(size=(60, 2))
    X = center + scale * numbers
    y = np.column_stack([X[:, 0], numbers.sum(axis=1)])[:, :outputs]
    model = wg.MLPRegressor(preset="tabular", max_iter=4, executor="numpy", random_state=0)
    model.fit(X, y if outputs == 2 else y[:, 0])
    predicted = model.predict(X).reshape(y.shape)
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    dtypes = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    inputs = [(one.name, dtypes[one.type]) for one in session.get_inputs()]
    columns = [X] if len(inputs) == 1 else np.split(X, 2, axis=1)
    given = {name: part.astype(dtype) for (name, dtype), part in zip(inputs, columns, strict=True)}
    [answered] = session.run(None, given)
    wide = abs(center) > 1e4 * scale
    assert answered.dtype == (np.float64 if wide else np.float32)
    assert np.abs(answered - predicted).max(axis=0) / y.std(axis=0) == pytest.approx(0, abs=1e-4)
    again = wg.MLPRegressor.from_onnx(tmp_path / "model.onnx").predict(X).reshape(y.shape)
    assert np.abs(again - predicted).max(axis=0) / y.std(axis=0) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_onnx_gives_the_same_answers(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    estimator, X = fitted(task, rng)
    estimator.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    results = session.run(None, {"X": X})
    if task in ("binary", "multiclass", "multilabel"):
        np.testing.assert_array_equal(results[0], estimator.predict(X))
        np.testing.assert_allclose(results[1], estimator.predict_proba(X), atol=1e-5)
    else:
        np.testing.assert_allclose(np.squeeze(results[0]), estimator.predict(X), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_source_gives_the_same_answers(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    estimator, X = fitted(task, rng)
    estimator.to_python(tmp_path / "model.py")
    predict = runpy.run_path(str(tmp_path / "model.py"))["predict"]
    predicted, wanted = np.squeeze(predict(X)), estimator.predict(X)
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(predicted, wanted, atol=1e-5, rtol=1e-5)
    else:
        np.testing.assert_array_equal(predicted, wanted)


def test_source_for_a_table_predicts_all_of_several_numbers(tmp_path: Path, rng: np.random.Generator) -> None:
    X = rng.normal(size=(40, 2))
    regressor = wg.MLPRegressor(hidden_layer_sizes=(4,), categorical_features="from_dtype", max_iter=3)
    regressor.fit(pd.DataFrame(X, columns=["a", "b"]), 3 * X + 1)
    regressor.to_python(tmp_path / "model.py")
    table = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist()}
    predicted = runpy.run_path(str(tmp_path / "model.py"))["predict"](table)
    np.testing.assert_allclose(predicted, regressor.predict(pd.DataFrame(table)), atol=1e-5)
    csv = tmp_path / "table.csv"
    pd.DataFrame(table).to_csv(csv, index=False)
    printed = subprocess.run(
        [sys.executable, tmp_path / "model.py", csv], capture_output=True, text=True, check=True
    ).stdout
    np.testing.assert_allclose(pd.read_csv(io.StringIO(printed)).to_numpy(), predicted)


@pytest.mark.parametrize("task", TASKS)
def test_safetensors_come_back_as_an_estimator(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    estimator, X = fitted(task, rng)
    estimator.to_safetensors(tmp_path / "model.safetensors")
    back = type(estimator).from_safetensors(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))
    assert back.hidden_layer_sizes == (5, 4)
    back.partial_fit(X, estimator.predict(X))
    other = wg.MLPRegressor if task in TASKS[:3] else wg.MLPClassifier
    with pytest.raises(ModelFileError, match="is for another task"):
        other.from_safetensors(tmp_path / "model.safetensors")


def test_a_table_comes_back_with_its_columns(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = pd.DataFrame({"n": rng.normal(size=40), "w": rng.choice(["x", "y", None], 40)})
    frame.loc[0, "n"] = np.nan
    classifier = wg.MLPClassifier((3,), categorical_features="from_dtype", max_iter=3, random_state=0)
    classifier.fit(frame, frame["w"] == "x")
    for back in through_files(classifier, tmp_path):
        np.testing.assert_array_equal(back.predict_proba(frame), classifier.predict_proba(frame))
        assert list(back.feature_names_in_) == ["n", "w"]


@pytest.mark.parametrize("task", ["classes", "labels", "number", "numbers"])
def test_a_preset_comes_back(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    frame = pd.DataFrame({"n": rng.normal(size=40), "w": rng.choice([f"w{i}" for i in range(12)], 40)})
    X: Any = frame if task in ("classes", "number") else rng.normal(size=(40, 2))
    column = rng.normal(size=40)
    y: Any = {
        "classes": np.where(column > 0, "high", "low"),
        "labels": np.column_stack([column > 0, column > 1]).astype(int),
        "number": 100 * column,
        "numbers": np.column_stack([column, 5 + column]),
    }[task]
    kind = wg.MLPClassifier if task in ("classes", "labels") else wg.MLPRegressor
    estimator = kind(hidden_layer_sizes=(8, 4), preset="tabular", max_iter=3, random_state=0).fit(X, y)
    exact, from_onnx = through_files(estimator, tmp_path)
    expected = estimator.predict(X)
    np.testing.assert_array_equal(exact.predict(X), expected)
    if kind is wg.MLPClassifier:
        np.testing.assert_array_equal(from_onnx.predict(X), expected)
    else:  # of float64, in which the last layer is, ONNX keeps the digits of float32
        np.testing.assert_allclose(
            from_onnx.predict(X), expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max()
        )
    for back in (exact, from_onnx):
        assert (back.preset, back.hidden_layer_sizes, back.n_features_in_) == ("tabular", (8, 4), 2)
        back.set_params(max_iter=2).fit(X, y)


def test_one_class_comes_back(tmp_path: Path, rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 2))
    with pytest.warns(WengertWarning, match="one class only"):
        classifier = wg.MLPClassifier((3,), max_iter=2).fit(X, np.full(20, "only"))
    for back in through_files(classifier, tmp_path):
        np.testing.assert_array_equal(back.predict(X), classifier.predict(X))


@pytest.mark.parametrize("preset", ["plain", "tabular"])
def test_a_model_of_a_table_predicts_in_the_units_of_its_target(
    preset: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    columns = {"a": rng.normal(size=60), "b": rng.normal(size=60)}
    table = pl.DataFrame({**columns, "y": 1000 + 50 * columns["a"]})
    settings = TrainingSettings(preset=preset, hidden=(8,), epochs=3)
    model, _ = TrainingTable.infer(table, "y").train(np.arange(60), settings)
    export_model(portable(model), tmp_path / "model.safetensors", "safetensors")
    back = wg.MLPRegressor.from_safetensors(tmp_path / "model.safetensors")
    wanted = model.predict(table)["predicted_y"].to_numpy()
    np.testing.assert_allclose(back.predict(table.drop("y")), wanted, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_mean_of_several_seeds_predicts_in_the_units_of_its_target(
    loss: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = rng.uniform(-2, 2, size=60)
    frame = pl.DataFrame({"x": x, "y": 1000 * np.exp(x)})
    settings = TrainingSettings(hidden=(8,), epochs=15, loss=loss, executor="numpy")
    table = TrainingTable.infer(frame, "y", loss=loss)
    average = SeedAverage.of(
        lambda one, display: table.train(np.arange(60), one, progress=display), settings, 2, 1, False
    )
    export_model(portable(average.model), tmp_path / "model.safetensors", "safetensors")
    back = wg.MLPRegressor.from_safetensors(tmp_path / "model.safetensors")
    wanted = average.model.predict(frame)["predicted_y"].to_numpy()
    assert np.std(wanted) > 100
    np.testing.assert_allclose(back.predict(frame.drop("y")), wanted, rtol=1e-4)


_DEEP, _LINE = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 1)), nn.Dense(3, 1)
_MEMBERS = nn.Sequential(nn.NTKDense(3, 4, "tanh", members=2), nn.NTKDense(4, 1, members=2))
_BENT = nn.Blend((_LINE, nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 1, bias=False))), (1.0, 1.0))
_TREES = nn.ObliviousTrees(3, 1, ((0, 2), (1, 1)))
_LIMITED, _MEANS = nn.Clip(-0.2, 0.1), nn.Sequential(_DEEP, nn.Activation("exp"), nn.Clip(0.9, 1.2))


@pytest.mark.parametrize(
    ("layers", "center"),
    [
        ((_DEEP, _LIMITED), 30.0),
        ((nn.Blend((nn.Ensemble(2, _MEMBERS), _LINE), (0.7, 0.3)), _LIMITED), 30.0),
        ((nn.Blend((_DEEP, _BENT), (0.6, 0.4)), _LIMITED), 30.0),
        ((nn.Blend((_DEEP, _BENT, _TREES), (0.5, 0.3, 0.2)), _LIMITED), 30.0),
        ((nn.Blend((nn.Sequential(_DEEP, _LIMITED), nn.Sequential(_BENT, _LIMITED)), (0.5, 0.5)),), 30.0),
        ((nn.Blend((_MEANS, _MEANS), (0.5, 0.5)),), 0.0),
    ],
)
def test_a_network_in_units_gives_scaled_outputs_whatever_it_is_made_of(
    layers: Any, center: float, rng: np.random.Generator
) -> None:
    net = nn.Sequential(*layers).initialise(seed=1)
    X = rng.normal(size=(50, 3)).astype(np.float32)
    scaled = in_units(net, np.array([center]), np.array([7.0]))
    np.testing.assert_allclose(scaled(X), 7.0 * np.asarray(net(X)) + center, rtol=1e-5, atol=1e-5)


def test_a_regressor_keeps_the_last_activation_of_a_torch_module(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid())
    X = rng.normal(size=(10, 3)).astype(np.float32)
    wanted = module(torch.tensor(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(wg.MLPRegressor.from_torch(module).predict(X), wanted, atol=1e-6)


def test_networks_of_onnx_and_torch(tmp_path: Path, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    X = rng.normal(size=(10, 3)).astype(np.float32)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3), torch.nn.Softmax(1)
    )
    classifier = wg.MLPClassifier.from_torch(net, classes=["a", "b", "c"], feature_names=["u", "v", "w"])
    frame = pd.DataFrame(X, columns=["u", "v", "w"])
    wanted = net(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(classifier.predict_proba(frame), wanted, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(frame), np.array(["a", "b", "c"])[wanted.argmax(axis=1)])
    classifier.to_onnx(tmp_path / "model.onnx")
    again = wg.MLPClassifier.from_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(again.predict_proba(frame), wanted, atol=1e-6)
    np.testing.assert_array_equal(again.classes_, ["a", "b", "c"])
    again = wg.MLPClassifier.from_onnx(tmp_path / "model.onnx", classes=[0, 1, 2], feature_names="xyz")
    np.testing.assert_array_equal(again.classes_, [0, 1, 2])
    np.testing.assert_array_equal(again.feature_names_in_, ["x", "y", "z"])
    regressor = wg.MLPRegressor.from_torch(net[:3])
    np.testing.assert_allclose(regressor.predict(X), net[:3](torch.tensor(X)).detach().numpy(), atol=1e-6)
    binary = wg.MLPClassifier.from_torch(torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid()))
    assert binary.predict_proba(X).shape == (10, 2)
    labels = wg.MLPClassifier.from_torch(torch.nn.Sequential(net[0], torch.nn.Sigmoid()))
    wanted = torch.sigmoid(net[0](torch.tensor(X))).detach().numpy()
    np.testing.assert_allclose(labels.predict_proba(X), wanted, atol=1e-6)
    np.testing.assert_array_equal(labels.predict(X), wanted > 0.5)
    with pytest.raises(
        ConfigurationError, match="2 classes for a network of 3 outputs, which distinguishes 3"
    ):
        wg.MLPClassifier.from_torch(net, classes=["a", "b"])
    with pytest.raises(ConfigurationError, match="MLPRegressor predicts numbers"):
        wg.MLPRegressor.from_torch(net, classes=["a", "b"])
    with pytest.raises(ModelFileError, match="no stack of dense layers"):
        wg.MLPRegressor.from_torch(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4)))


@pytest.mark.parametrize("task", TASKS)
def test_estimators_come_back_from_onnx(task: str, tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    estimator, X = fitted(task, rng)
    estimator.to_onnx(tmp_path / "model.onnx")
    back = type(estimator).from_onnx(tmp_path / "model.onnx")
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(back, method)(X), getattr(estimator, method)(X))
    assert back.out_activation_ == estimator.out_activation_
    assert all(
        one.tobytes() == other.tobytes() for one, other in zip(back.coefs_, estimator.coefs_, strict=True)
    )
    np.testing.assert_array_equal(getattr(back, "classes_", []), getattr(estimator, "classes_", []))
    back.set_params(max_iter=1).fit(X, estimator.predict(X))


def test_an_activation_of_ones_own_in_files(tmp_path: Path, rng: np.random.Generator) -> None:
    """ONNX and Python source hold the computation; what reads by names says so, and what can be done."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    X = rng.normal(size=(30, 3)).astype(np.float32)
    options: dict[str, Any] = {"activation": lambda z: z * np.tanh(z), "max_iter": 2, "random_state": 0}
    regressor = wg.MLPRegressor(hidden_layer_sizes=(4,), **options).fit(X, X[:, 0])
    with pytest.raises(ConfigurationError, match=r"says by names .* ONNX and Python source \(to_onnx, to_py"):
        regressor.to_safetensors(tmp_path / "m.safetensors")
    regressor.to_onnx(tmp_path / "m.onnx")
    regressor.to_python(tmp_path / "m.py")
    wanted = regressor.predict(X)
    (found,) = runtime.InferenceSession(tmp_path / "m.onnx").run(None, {"X": X})
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)
    found = runpy.run_path(str(tmp_path / "m.py"))["predict"](X)
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)
    with pytest.raises(ModelFileError, match=r"the operator Mul \(node 'Mul_\d+'\) does not have one input"):
        wg.MLPRegressor.from_onnx(tmp_path / "m.onnx")


def test_counts_come_back_from_onnx(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    regressor, X = fitted("counts", rng)
    regressor.to_onnx(tmp_path / "model.onnx")
    back = wg.MLPRegressor.from_onnx(tmp_path / "model.onnx")
    assert (back.loss, back.out_activation_) == ("poisson", "exp")
    np.testing.assert_allclose(back.predict(X), regressor.predict(X), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.bool_, np.float64])
def test_labels_up_to_the_ends_of_their_type_come_back(dtype: Any, tmp_path: Path) -> None:
    """The largest unsigned label does not fit into 64 signed bits."""
    X = np.linspace(-1, 1, 40)[:, np.newaxis]
    ends = {"i": np.iinfo, "u": np.iinfo}.get(np.dtype(dtype).kind)
    pair = np.array([0, 1] if ends is None else [ends(dtype).min, ends(dtype).max], dtype)
    classifier = wg.MLPClassifier((2,), max_iter=2, random_state=0).fit(X, pair[(X[:, 0] > 0).astype(int)])
    classifier.to_safetensors(tmp_path / "m.safetensors")
    again = wg.MLPClassifier.from_safetensors(tmp_path / "m.safetensors")
    assert again.classes_.tolist() == classifier.classes_.tolist() == pair.tolist()
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    classifier.to_onnx(tmp_path / "m.onnx")
    assert wg.MLPClassifier.from_onnx(tmp_path / "m.onnx").classes_.tolist() == pair.tolist()
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    label, _ = session.run(None, {"X": X.astype(np.float32)})
    assert label.tolist() == classifier.predict(X).tolist()


def test_a_file_that_predicts_numbers_is_no_classifier(tmp_path: Path, rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 2))
    wg.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, X[:, 0]).to_onnx(tmp_path / "r.onnx")
    for named in ({}, {"classes": [0, 1]}):
        with pytest.raises(ModelFileError, match="holds a regression model, and MLPClassifier"):
            wg.MLPClassifier.from_onnx(tmp_path / "r.onnx", **named)
