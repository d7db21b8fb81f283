"""Every check that scikit-learn has for estimators, with no failure expected."""

from typing import Any

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import wengert as wg


@parametrize_with_checks([wg.MLPClassifier(max_iter=100), wg.MLPRegressor(max_iter=100)])
@pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
