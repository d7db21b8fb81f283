"""Estimators with scikit-learn's interface, trained through compiled programs."""

from __future__ import annotations

from wengert.extras import optional_library

# Before anything that imports it, so that one message says what is missing.
optional_library("sklearn", "the estimators are those of scikit-learn's interface and need it", "sklearn")

from wengert.estimators.classifier import MLPClassifier as MLPClassifier  # noqa: E402
from wengert.estimators.regressor import MLPRegressor as MLPRegressor  # noqa: E402
