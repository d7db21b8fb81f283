"""A layer, a loss, an optimiser, a schedule, a format and a kind of column, entered while the tests run.

Each is entered where CONTRIBUTING says, and nowhere else, and then works in every place that takes one.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.cli.conftest import flowers

import wengert as wg
from wengert import io, nn, optim, train
from wengert.errors import ConfigurationError
from wengert.estimators import MLPClassifier, MLPRegressor
from wengert.io import formats
from wengert.io.formats.portable_model import PortableModel
from wengert.io.table_models import load_table_model, portable
from wengert.nn import layers, losses
from wengert.nn.initialisers import ones
from wengert.nn.module import MODULES, ArrayRules
from wengert.nn.reduction import reduce_examples
from wengert.optim.optimiser import counted, rate_at, updated
from wengert.optim.registry import OPTIMISERS, SCHEDULES, named_optimiser, named_schedule
from wengert.tabular.features import SCALINGS
from wengert.tabular.number_columns import NumbersAndGaps
from wengert.tabular.preprocess import PREPROCESSING, TablePreprocessor
from wengert.tabular.reading.column_values import as_numbers
from wengert.trace.settings import cast

ROWS, INPUTS = 40, 3


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """Take out after each test what it entered."""
    before = [
        (table, dict(table)) for table in (MODULES, nn.LOSSES, OPTIMISERS, SCHEDULES, io.FORMATS, SCALINGS)
    ]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(ROWS, INPUTS))
    return X, X @ np.array([[1.0], [-2.0], [0.5]]) + 1


SETTINGS: dict[str, Any] = {"batch_size": 8, "epochs": 4, "progress": False}


def fitted(
    net: nn.Module, rows: tuple[np.ndarray, np.ndarray], executor: str = "llvm", **options: Any
) -> Any:
    settings = {"loss": "squared_error", "optimizer": optim.SGD(0.01), **SETTINGS, **options}
    return train.fit(net, *rows, executor=executor, **settings)


def assert_learns(net: nn.Module, rows: Any, **options: Any) -> nn.Module:
    """Train in both executors, which agree, and see the loss fall."""
    runs = [fitted(net, rows, executor, **options) for executor in ("numpy", "llvm")]
    losses = [[epoch.loss for epoch in run.history] for run in runs]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)  # float32
    assert losses[0][-1] < losses[0][0]
    return runs[1].net


def by_onnx(model: PortableModel, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    pytest.importorskip("onnx", reason="writing ONNX needs the package onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
    session = onnxruntime.InferenceSession(io.to_onnx(model), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def dense() -> nn.Module:
    return nn.Sequential(nn.Dense(INPUTS, 4, "tanh"), nn.Dense(4, 1)).initialise(seed=0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")
def test_a_layer(rows: Any, tmp_path: Path) -> None:
    class Gate(nn.Module):
        """x σ(gate ⊙ x)."""

        features: int
        gate: Any = nn.parameter(penalised=True)

        def array_rules(self) -> ArrayRules:
            return {"gate": ((self.features,), ones)}

        def __call__(self, x: Any) -> Any:
            return x * wg.sigmoid(self.gate * x)

    start = nn.Sequential(nn.Dense(INPUTS, 4), Gate(4), nn.Dense(4, 1)).initialise(seed=0)
    net = assert_learns(start, rows, penalty=nn.L2(0.01))
    X = rows[0].astype(np.float32)
    answers = train.predict(net, X)

    again = nn.with_parameters(nn.from_config(nn.to_config(net)).initialise(seed=1), nn.parameters(net))
    np.testing.assert_array_equal(train.predict(again, X), answers)
    assert "Gate" in str(nn.summary(net))
    portable = PortableModel.of_network(net, INPUTS)
    (by_file,) = by_onnx(portable, {"X": X})
    np.testing.assert_allclose(by_file, answers, rtol=1e-5, atol=1e-6)
    io.export_model(portable, tmp_path / "net.safetensors")
    read_back = io.from_safetensors(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(train.predict(read_back.network, X), answers)
    namespace: dict[str, Any] = {"__name__": "predictor"}
    exec(io.to_python(portable), namespace)
    np.testing.assert_allclose(namespace["predict"](X), answers, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:max_iter")
def test_a_loss(rows: Any) -> None:
    def log_cosh(z: Any, t: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
        return reduce_examples(np.log(np.cosh(z - t)), weights, reduction)

    nn.LOSSES["log_cosh"] = log_cosh
    assert_learns(dense(), rows, loss="log_cosh")
    slope = wg.grad(lambda z, t: nn.LOSSES["log_cosh"](z, t))(np.ones((2, 1)), np.zeros((2, 1)))
    np.testing.assert_allclose(slope, np.tanh(1) / 2, rtol=1e-12)
    assert wg.explain(lambda z, t: nn.LOSSES["log_cosh"](z, t), np.ones((2, 1)), np.zeros((2, 1))).verify()
    X, y = rows
    estimator = MLPRegressor(log_cosh, (4,), learning_rate_init=0.01, max_iter=4, random_state=0).fit(
        X, y.ravel()
    )
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


@pytest.fixture
def signs() -> type:
    @named_optimiser("signs", rate=0.01)
    @dataclasses.dataclass(frozen=True)
    class SignDescent:
        """w ← w − η sign g."""

        learning_rate: Any = 0.01

        def init(self, parameters: Any) -> Any:
            return {"step": np.zeros((), np.int64)}

        def update(self, parameters: Any, gradients: Any, state: Any) -> Any:
            taken, step = counted(state)
            rate = rate_at(self.learning_rate, taken)

            def rule(parameter: Any, gradient: Any) -> tuple[Any]:
                return (parameter - cast(rate, parameter.dtype) * np.sign(gradient),)

            (moved,) = updated(rule, parameters, gradients)
            return moved, {"step": step}

    return SignDescent


@pytest.mark.filterwarnings("ignore:max_iter")
def test_an_optimiser(signs: type, rows: Any, command: Any, flower_table: Any) -> None:
    assert_learns(dense(), rows, optimizer=signs())
    chosen = ("--preset", "plain", "--optimizer", "signs", "--epochs", 30, "--hidden", 8, "--quiet")
    assert command("train", flower_table, "--target", "kind", *chosen).code == 0
    frame = flowers()
    assert load_table_model("flowers-model").score(frame)["accuracy"] > 0.8
    X, y = frame.select("length", "width").to_numpy(), frame["kind"].to_numpy()
    options = {"learning_rate_init": 0.01, "max_iter": 30, "random_state": 0}
    assert MLPClassifier((8,), solver="signs", **options).fit(X, y).score(X, y) > 0.8
    refused = command("train", flower_table, "--target", "kind", "--preset", "plain", "--optimizer", "sings")
    assert refused.code == 2
    assert "signs" in refused.err


@pytest.mark.filterwarnings("ignore:max_iter")
def test_a_schedule(rows: Any) -> None:
    @named_schedule("halved")
    @dataclasses.dataclass(frozen=True)
    class Halved:
        """The rate, and half of it in the second half."""

        rate: float
        steps: int

        def __call__(self, t: Any) -> Any:
            return np.where(t < self.steps / 2, self.rate, self.rate / 2)

    assert_learns(dense(), rows, optimizer=optim.SGD(optim.SCHEDULES["halved"](0.01, 20)))
    frame = flowers()
    X, y = frame.select("length", "width").to_numpy(), frame["kind"].to_numpy()
    options = {"learning_rate_init": 0.01, "max_iter": 30, "random_state": 0}
    by_name = MLPClassifier((8,), lr_schedule="halved", **options).fit(X, y)
    steps = 30 * -(-len(X) // min(200, len(X)))
    by_hand = MLPClassifier((8,), lr_schedule=Halved(0.01, steps), **options).fit(X, y)
    np.testing.assert_allclose(by_name.predict_proba(X), by_hand.predict_proba(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:max_iter")
def test_a_format(command: Any, flower_table: Any) -> None:
    io.FORMATS["names"] = io.Format(
        suffix=".names",
        encode=lambda model: "\n".join(model.feature_names).encode(),
        description=lambda model, path: [f"{len(model.feature_names)} names"],
        file_name=str.upper,
    )
    assert command("train", flower_table, "--target", "kind", "--epochs", 1, "--quiet").code == 0
    outcome = command("export", "flowers-model", "--format", "names")
    assert outcome.code == 0
    assert "Written to FLOWERS-MODEL.names (" in outcome.out
    assert "  2 names" in outcome.out
    assert Path("FLOWERS-MODEL.names").read_text() == "length\nwidth"
    assert command("export", "flowers-model", "--out", "by-suffix.names").code == 0
    io.export_model(PortableModel.of_network(dense(), INPUTS), "net.names")
    assert Path("net.names").read_text() == "x0\nx1\nx2"
    assert "names" in command("export", "flowers-model", "--format", "nmaes").err
    frame = flowers()
    rows = pd.DataFrame(frame.select("length", "width").to_dict(as_series=False))
    estimator = MLPClassifier((4,), max_iter=1).fit(rows, frame["kind"])
    estimator.export("estimator.names")
    assert Path("estimator.names").read_text() == "length\nwidth"
    with pytest.raises(ConfigurationError, match="got a MLPClassifier, and takes a PortableModel"):
        io.export_model(estimator, "estimator.names")  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True)
class LogColumn(NumbersAndGaps):
    """sign z · ln(1 + |z|) of z = (x − middle) / width."""

    name: str
    kind: str
    middle: float
    width: float
    marks_missing: bool
    scaled = "on a scale of logarithms"

    @staticmethod
    def fit(column: pl.Series, kind: str) -> LogColumn:
        numbers = as_numbers(column)
        known = numbers[~np.isnan(numbers)]
        return LogColumn(
            column.name, kind, float(np.median(known)), float(np.ptp(known)) or 1.0, known.size < numbers.size
        )

    @property
    def statistics(self) -> tuple[float, ...]:
        return self.middle, self.middle, self.width

    def expand(self, values: Any, *statistics: Any) -> tuple[Any, ...]:
        z = (values - statistics[0]) / statistics[1]
        return (np.sign(z) * np.log1p(np.abs(z)),)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx")
def test_a_kind_of_column(monkeypatch: Any, command: Any, tables: Any) -> None:
    SCALINGS["logarithmic"] = (LogColumn,)
    monkeypatch.setitem(PREPROCESSING, "plain", {"scaling": "logarithmic", "most_indicators": None})
    frame = flowers().with_columns(
        pl.when(pl.col("width") > 0.9).then(None).otherwise("width").alias("width")
    )
    preprocessor = TablePreprocessor.fit(frame, "kind", scaling="logarithmic")
    z = (frame["length"].to_numpy() - frame["length"].median()) / np.ptp(frame["length"].to_numpy())
    features = preprocessor.transform(frame)
    np.testing.assert_allclose(features[:, 0], np.sign(z) * np.log1p(np.abs(z)), rtol=1e-6)
    assert TablePreprocessor.from_json(preprocessor.to_json()) == preprocessor

    table = tables(frame, "flowers.csv")
    outcome = command("train", table, "--target", "kind", "--preset", "plain", "--epochs", 3)
    assert outcome.code == 0
    assert "on a scale of logarithms" in outcome.out + outcome.err
    model = load_table_model("flowers-model")
    assert all(isinstance(column, LogColumn) for column in model.preprocessor.columns)
    predicted = model.predict(frame)["predicted_kind"].to_list()
    X = frame.select("length", "width").to_numpy().astype(np.float32)
    label, _ = by_onnx(portable(model), {"X": X})
    assert label.tolist() == predicted
    namespace: dict[str, Any] = {"__name__": "predictor"}
    exec(io.to_python(portable(model)), namespace)
    columns = {name: frame[name].to_list() for name in ("length", "width")}
    assert list(namespace["predict"](columns)) == predicted


TABLES = {
    "layers": (MODULES, lambda entry: issubclass(entry, nn.Module) and entry.__doc__),
    "losses": (nn.LOSSES, callable),
    "optimisers": (OPTIMISERS, lambda entry: callable(entry.make) and (entry.rate is None or entry.rate > 0)),
    "schedules": (SCHEDULES, lambda make: make(0.1, 40)(np.int64(3)) <= 0.1),
    "formats": (io.FORMATS, lambda entry: entry.suffix.startswith(".") and callable(entry.encode)),
    "kinds of columns": (
        SCALINGS,
        lambda kinds: all(issubclass(kind, NumbersAndGaps) and kind.scaled for kind in kinds),
    ),
}


@pytest.mark.parametrize(("table", "complete"), TABLES.values(), ids=TABLES)
def test_what_is_entered_is_complete(table: dict[str, Any], complete: Any) -> None:
    assert table
    assert all(complete(entry) for entry in table.values())


def test_suffixes_and_fields_tell_members_apart() -> None:
    suffixes = [entry.suffix for entry in io.FORMATS.values()]
    fields = [
        frozenset(field.name for field in dataclasses.fields(kind))
        for kind in itertools.chain(*SCALINGS.values())
    ]
    assert len(set(suffixes)) == len(suffixes)
    assert len(set(fields)) == len(fields)


def declared(package: Any) -> Iterator[Any]:
    """Yield what the modules of a package declare themselves, and do not import."""
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        for name, member in vars(module).items():
            if getattr(member, "__module__", "") == module.__name__ and not name.startswith("_"):
                yield member


def test_every_optimiser_and_schedule_of_the_package_is_entered() -> None:
    classes = {one for one in vars(optim).values() if isinstance(one, type) and hasattr(one, "learning_rate")}
    assert classes - {optim.ParameterGroups, optim.Optimiser} <= {one.make for one in OPTIMISERS.values()}
    known = {*OPTIMISERS, *SCHEDULES}
    assert list(declared(optim))  # imports every file of the package
    unknown = {*OPTIMISERS, *SCHEDULES} - known
    assert not unknown, f"{unknown} stand in files that optim/__init__.py does not import"


def test_every_layer_of_the_package_is_entered_and_exported() -> None:
    classes = [one for one in declared(layers) if isinstance(one, type) and issubclass(one, nn.Module)]
    assert nn.Dense in classes
    for one in classes:
        exported = getattr(nn, one.__name__, None)
        assert MODULES[one.__name__] is exported is one, f"{one.__name__} is not imported in nn/__init__.py"


def test_every_loss_of_the_package_is_entered() -> None:
    functions = [
        one
        for name, one in vars(losses).items()
        if inspect.isfunction(one) and one.__module__ == losses.__name__ and not name.startswith("_")
    ]
    assert losses.squared_error in functions
    assert set(functions) <= set(nn.LOSSES.values())


def test_every_format_of_the_package_is_entered() -> None:
    modules = [
        importlib.import_module(f"{formats.__name__}.{one.name}")
        for one in pkgutil.iter_modules(formats.__path__)
    ]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, io.Format)]
    assert {id(one) for one in found} == {id(one) for one in io.FORMATS.values()}


def test_every_kind_of_column_of_the_package_is_entered() -> None:
    kinds = {one for one in NumbersAndGaps.__subclasses__() if one.__module__.startswith("wengert.")}
    assert kinds == set(itertools.chain(*SCALINGS.values()))
