"""The candidates of the benchmark on tables: each is fitted on a table and predicts for another."""

from __future__ import annotations

import dataclasses
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from wengert.tabular.table_model import TableModel
from wengert.tabular.table_training import recipe_for
from wengert.tabular.task import Task
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable
from wengert.train.row_split import Division

# (whole table, rows to learn from) → (rows to predict) → probabilities of the classes, or numbers.
Predictor = Callable[[np.ndarray], np.ndarray]
Candidate = Callable[[TrainingTable, np.ndarray], Predictor]


def wengert(preset: str) -> Candidate:
    """Return `wengert train` with a preset."""

    def fit(table: TrainingTable, kept: np.ndarray) -> Predictor:
        model, _ = table.train(kept, TrainingSettings(preset))
        return _predictor(model, table)

    return fit


def _predictor(model: TableModel, table: TrainingTable) -> Predictor:
    def predict(held: np.ndarray) -> np.ndarray:
        if model.is_classifier:
            return np.exp(model.log_probabilities(table.frame[held]))
        return model.predict(table.frame[held])[f"predicted_{table.target}"].to_numpy()

    return predict


def ablation(*, held_out: bool = False, **changes: Any) -> Candidate:
    """Return the tabular preset with its recipe changed, or with a tenth of the rows held out."""

    def fit(table: TrainingTable, kept: np.ndarray) -> Predictor:
        settings = TrainingSettings()
        preprocessor = table.preprocessor(kept, settings)
        features, targets = preprocessor.encode(table.frame[kept])
        deciding = None
        if held_out:
            classes = None if table.task.kind == "regression" else targets
            division = Division(len(features), classes)
            learnt, others = division.hold_out(round(len(features) / 10), np.random.default_rng(1))
            deciding = features[others], targets[others]
            features, targets = features[learnt], targets[learnt]
        recipe = dataclasses.replace(recipe_for(preprocessor, features, targets, settings), **changes)
        result = recipe.fit(features, targets, validation_data=deciding, progress=False)
        return _predictor(TableModel(preprocessor, result.net, {}), table)

    return fit


def scikit_learn_mlp(table: TrainingTable, kept: np.ndarray) -> Predictor:
    """scikit-learn's MLP as one would set it up with care, with the network of the tabular preset.

    Numbers standardised (missing: median, and marked), words one-hot, targets of regression standardised;
    hidden layers of 256, 256, 256, Adam, early stopping on a tenth of the rows with patience 20, at most 200
    epochs; else its defaults.
    """
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, target = _pandas(table)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=1e-3, sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("words", words, make_column_selector(dtype_exclude="number")),
        ]
    )
    options: dict[str, Any] = {
        "hidden_layer_sizes": (256, 256, 256),
        "early_stopping": True,
        "n_iter_no_change": 20,
        "max_iter": 200,
        "random_state": 0,
    }
    if table.task.kind == "regression":
        network = TransformedTargetRegressor(MLPRegressor(**options), transformer=StandardScaler())
    else:
        network = MLPClassifier(**options)
    return _fitted(make_pipeline(columns, network), frame, target, kept, table.task)


def lightgbm(table: TrainingTable, kept: np.ndarray) -> Predictor:
    """LightGBM with its defaults; words as categories; one thread, the fastest on so few rows."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    frame, target = _pandas(table, categories=True)
    frame.columns = [f"c{place}" for place in range(frame.shape[1])]  # it refuses some characters in names
    make = LGBMRegressor if table.task.kind == "regression" else LGBMClassifier
    return _fitted(make(random_state=0, verbose=-1, n_jobs=1), frame, target, kept, table.task)


def histogram_boosting(table: TrainingTable, kept: np.ndarray) -> Predictor:
    """scikit-learn's histogram gradient boosting with its defaults; words as categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame, target = _pandas(table, categories=True)
    regression = table.task.kind == "regression"
    make = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    model = make(random_state=0, categorical_features="from_dtype")
    return _fitted(model, frame, target, kept, table.task)


def catboost(table: TrainingTable, kept: np.ndarray) -> Predictor:
    """CatBoost with its defaults; words as categories; one thread."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    frame, target = _pandas(table)
    words = [name for name in frame.columns if frame[name].dtype.kind not in "iuf"]
    make = CatBoostRegressor if table.task.kind == "regression" else CatBoostClassifier
    model = make(random_state=0, verbose=0, thread_count=1, allow_writing_files=False, cat_features=words)
    return _fitted(model, frame, target, kept, table.task)


def xgboost(table: TrainingTable, kept: np.ndarray) -> Predictor:
    """XGBoost with its defaults; words as categories; one thread."""
    from xgboost import XGBClassifier, XGBRegressor

    frame, target = _pandas(table, categories=True)
    frame.columns = [f"c{place}" for place in range(frame.shape[1])]  # it refuses some characters in names
    make = XGBRegressor if table.task.kind == "regression" else XGBClassifier
    model = make(random_state=0, n_jobs=1, enable_categorical=True)
    return _fitted(model, frame, target, kept, table.task)


def pytabkit(name: str) -> Candidate:
    """Return a network of pytabkit with its defaults; words as categories, missing: median; one thread."""

    def fit(table: TrainingTable, kept: np.ndarray) -> Predictor:
        import pytabkit

        frame, target = _pandas(table, categories=True)
        numbers = frame.select_dtypes("number").columns
        # It refuses gaps among numbers; 0 where all of them are missing.
        frame[numbers] = frame[numbers].fillna(frame[numbers].iloc[kept].median()).fillna(0)
        make = getattr(pytabkit, f"{name}_{'Regressor' if table.task.kind == 'regression' else 'Classifier'}")
        model = make(device="cpu", random_state=0, n_threads=1)
        return _fitted(model, frame, target, kept, table.task)

    return fit


CANDIDATES: dict[str, Candidate] = {
    "wengert tabular": wengert("tabular"),
    "scikit-learn MLP": scikit_learn_mlp,
    "CatBoost": catboost,
    "LightGBM": lightgbm,
    "XGBoost": xgboost,
    "HistGradientBoosting": histogram_boosting,
}
if importlib.util.find_spec("pytabkit") is not None:  # with PyTorch, which is large
    CANDIDATES |= {"RealMLP": pytabkit("RealMLP_TD"), "TabM": pytabkit("TabM_D")}

# What the tabular preset is without one of its parts.
ABLATIONS: dict[str, Candidate] = {
    "wengert tabular": wengert("tabular"),
    "no line and no trees": ablation(numbers=0),
    "nor calibration": ablation(numbers=0, calibration=None),
    "a tenth held out": ablation(held_out=True, members=0),
    "plain preset": wengert("plain"),
}


def _fitted(model: Any, frame: Any, target: np.ndarray, kept: np.ndarray, task: Task) -> Predictor:
    known, learnt = np.array([]), target[kept]
    if task.kind != "regression":
        known, learnt = np.unique(learnt, return_inverse=True)  # one may be missing in this fold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sets that were not converged, or of columns without values
        model.fit(frame.iloc[kept], learnt)

    def predict(held: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if task.kind == "regression":
                return np.asarray(model.predict(frame.iloc[held]), np.float64)
            found = np.zeros((len(held), len(task.classes)))
            found[:, known] = model.predict_proba(frame.iloc[held])
        return found

    return predict


def _pandas(table: TrainingTable, *, categories: bool = False) -> tuple[Any, np.ndarray]:
    """Return the features that wengert uses as a pandas frame, and the target as numbers of classes."""
    import pandas

    names = [column.name for column in table.columns if column.kind != "dropped"]
    frame = table.frame.select(names).with_columns(pl.selectors.boolean().cast(pl.Int8)).to_pandas()
    for name in frame.columns:
        if frame[name].dtype.kind == "M":  # in days, since none of the others takes dates
            frame[name] = (frame[name] - pandas.Timestamp(0)) / pandas.Timedelta(days=1)
        elif frame[name].dtype.kind not in "iuf":
            words = frame[name].astype(object).where(frame[name].notna(), None)
            frame[name] = words.astype("category") if categories else words.fillna("missing")
    target = table.frame[table.target]
    if table.task.kind == "regression":
        return frame, target.to_numpy().astype(np.float64)
    places = {str(known): place for place, known in enumerate(table.task.classes)}
    return frame, np.array([places[str(value)] for value in target.to_list()])
