"""Estimators with scikit-learn's interface, trained through compiled programs."""

from __future__ import annotations

from wengert.estimators.classifier import MLPClassifier as MLPClassifier
from wengert.estimators.regressor import MLPRegressor as MLPRegressor
