"""An argument that is given counts, also where it equals scikit-learn's default and a preset has its own."""

import inspect
import pickle
import warnings
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as TheirClassifier, MLPRegressor as TheirRegressor

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.estimators import preset
from wengert.estimators.arguments import AUTO, DEFAULTS

PAIRS = [(wg.MLPClassifier, TheirClassifier), (wg.MLPRegressor, TheirRegressor)]
X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
GIVEN = {**DEFAULTS, "batch_size": 60}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_auto_stands_for_the_defaults_of_scikit_learn(ours: Any, theirs: Any) -> None:
    meant = ours()._arguments
    for name, parameter in inspect.signature(theirs).parameters.items():
        assert getattr(meant, name) == parameter.default, name


@pytest.mark.parametrize("kind", [wg.MLPClassifier, wg.MLPRegressor])
def test_every_other_default_is_none_or_holds_for_the_preset(kind: Any) -> None:
    """An argument added later has to be "auto" or None as well, or be looked at here."""
    agree = {"shuffle", "verbose", "warm_start", "loss", "executor"}
    for name, parameter in inspect.signature(kind).parameters.items():
        assert parameter.default in (None, AUTO) or name in agree, name
        assert (parameter.default == AUTO) == (name in GIVEN), name


def heard(estimator: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Fit by the preset, and return whether an argument was used or refused by its name."""
    seen: dict[str, Any] = {}

    def recipe(features: Any, outputs: int, rows: int, **options: Any) -> Any:
        seen.update(options, validation_fraction=round(1 - rows / len(X), 3))
        raise InterruptedError

    monkeypatch.setattr(preset, "tabular_recipe", recipe)
    try:
        estimator.fit(X, Y)
    except InterruptedError:
        return bool(seen.get(preset._OPEN.get(name, name)) == value)
    except ConfigurationError as error:
        return f"does not take {name}, got {name}={value!r}" in str(error)
    return False


@pytest.mark.parametrize("way", ["constructor", "set_params", "clone", "pickle", "attribute", "round trip"])
@pytest.mark.parametrize("name", GIVEN)
def test_the_preset_hears_scikit_learns_defaults(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: GIVEN[name]}
    estimator: Any = wg.MLPClassifier(preset="tabular", **given)
    if way == "set_params":
        estimator = wg.MLPClassifier(preset="tabular").set_params(**given)
    elif way == "clone":
        estimator = clone(estimator)
    elif way == "pickle":
        estimator = pickle.loads(pickle.dumps(estimator))
    elif way == "attribute":
        estimator = wg.MLPClassifier(preset="tabular")
        setattr(estimator, name, GIVEN[name])
    elif way == "round trip":
        estimator = wg.MLPClassifier(**estimator.get_params())
    assert heard(estimator, name, GIVEN[name], monkeypatch)


@pytest.mark.parametrize("copy", [clone, lambda one: type(one)(**one.get_params())])
def test_what_is_not_given_stays_so_in_copies(copy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = copy(wg.MLPClassifier(preset="tabular"))
    plain.set_params(**plain.get_params())
    assert plain.get_params() == wg.MLPClassifier(preset="tabular").get_params()
    assert not any(
        heard(plain, name, value, monkeypatch)
        for name, value in GIVEN.items()
        if name != "validation_fraction"
    )


@hypothesis.settings(max_examples=10)
@hypothesis.given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)), st.none()))
def test_without_a_preset_a_default_given_changes_nothing(names: dict[str, None]) -> None:
    quick = {"hidden_layer_sizes": (4,), "max_iter": 1, "tol": 1e9}
    given = {**{name: DEFAULTS[name] for name in names}, **quick}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one = wg.MLPClassifier(random_state=0, **quick).fit(X, Y)
        other = wg.MLPClassifier(random_state=0, **given).fit(X, Y)
    for first, second in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(first, second)
