"""The tabular preset as a model of AutoGluon, to run TabArena's own harness on it.

    pip install tabarena 'wengert[sklearn]'

TabArena takes a class as a model (`tabarena.benchmark.experiment.AGModelBagExperiment`; its examples show how
tables are chosen), such as

    AGModelBagExperiment(name="Wengert_c1_BAG_L1", model_cls=WengertModel, model_hyperparameters={})

and runs it in bags of eight folds. It pickles the class, so it stands in a file of its own. Hyperparameters
are arguments of the estimators, such as ``{"max_iter": 512}``.
"""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
from autogluon.core.models import AbstractModel

_HEADROOM = 0.95  # of the time, so that what follows training is within it as well
_LIBRARIES, _BYTES_A_CELL = 1_500_000_000, 40


class WengertModel(AbstractModel):
    """`wengert.MLPClassifier` and `wengert.MLPRegressor` with ``preset="tabular"``."""

    ag_key = "WENGERT"
    ag_name = "Wengert"
    seed_name = "random_state"
    _supported_problem_types = ("binary", "multiclass", "regression")

    def _fit(
        self,
        X: pd.DataFrame,
        y: pd.Series,
        X_val: pd.DataFrame | None = None,
        y_val: pd.Series | None = None,
        time_limit: float | None = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> None:
        began = time.monotonic()
        from wengert import MLPClassifier, MLPRegressor

        estimator = MLPRegressor if self.problem_type == "regression" else MLPClassifier
        X = self.preprocess(X, is_train=True)
        held = {} if X_val is None else {"X_val": self.preprocess(X_val), "y_val": y_val}
        options = {"preset": "tabular", **self._get_model_params()}
        if time_limit is not None:
            options["time_limit"] = max(1.0, _HEADROOM * time_limit - (time.monotonic() - began))
        self.model = estimator(**options).fit(X, y, sample_weight, **held)

    def _get_default_auxiliary_params(self) -> dict[str, Any]:
        # Numbers, categories and gaps as they are: the estimators know them.
        return {
            **super()._get_default_auxiliary_params(),
            "valid_raw_types": ["int", "float", "category", "bool", "datetime", "object"],
        }

    @classmethod
    def _estimate_memory_usage_static(cls, *, X: pd.DataFrame, **kwargs: Any) -> int:
        return _LIBRARIES + _BYTES_A_CELL * X.size
