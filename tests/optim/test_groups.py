"""Groups of parameters: each is updated as its own optimiser would, and nothing is left out."""

import numpy as np
import pytest
from tests.optim import references

import wengert as wg
from wengert import optim
from wengert.errors import ConfigurationError


def run(optimizer, parameters, gradients):
    step = wg.trace(optimizer.update, parameters, gradients[0], optimizer.init(parameters))
    state = optimizer.init(parameters)
    for gradient in gradients:
        parameters, state = step(parameters, gradient, state)
    return parameters


def test_each_group_follows_its_own_optimiser(rng):
    parameters = {name: rng.normal(size=(3,)) for name in ("0.weight", "0.bias", "1.weight", "1.bias")}
    gradients = [{name: rng.normal(size=3) for name in parameters} for _ in range(40)]
    rate = optim.CosineCycles(0.1, 40)
    optimizer = optim.ParameterGroups(
        (("*.bias", optim.SGD(0.2)), ("0.*", optim.AdamW(rate, weight_decay=0.3))), optim.Adam(0.01)
    )
    got = run(optimizer, parameters, gradients)

    def alone(name):
        return parameters[name], [gradient[name] for gradient in gradients]

    for name in ("0.bias", "1.bias"):
        np.testing.assert_allclose(got[name], references.sgd(*alone(name), lambda t: 0.2), rtol=1e-12)
    wanted = references.adam(*alone("0.weight"), lambda t: float(rate(t)), weight_decay=0.3, decoupled=True)
    np.testing.assert_allclose(got["0.weight"], wanted, rtol=1e-10)
    wanted = references.adam(*alone("1.weight"), lambda t: 0.01)
    np.testing.assert_allclose(got["1.weight"], wanted, rtol=1e-10)
    assert list(got) == list(parameters)


def test_the_rate_of_the_groups_is_that_of_the_rest():
    assert optim.ParameterGroups((), optim.Adam(0.25)).learning_rate == 0.25


def test_the_first_pattern_that_matches_decides():
    optimizer = optim.ParameterGroups((("a*", optim.SGD(1.0)), ("*", optim.SGD(2.0))), optim.Adam())
    ones = {"ab": np.ones(1), "b": np.ones(1)}
    after, _ = optimizer.update(ones, ones, optimizer.init(ones))
    assert (after["ab"], after["b"]) == (0.0, -1.0)


@pytest.mark.parametrize(
    "groups", [(("*.wieght", optim.Adam()),), (("*", optim.Adam()), ("a", optim.Adam()))]
)
def test_a_pattern_without_parameters_is_refused(groups):
    with pytest.raises(ConfigurationError, match=r"is left without parameters; there are a\.weight, a"):
        optim.ParameterGroups(groups, optim.SGD()).init({"a.weight": np.zeros(2), "a": np.zeros(1)})


@pytest.mark.parametrize(
    ("groups", "otherwise", "message"),
    [
        ((("*", optim.LBFGS()),), optim.Adam(), "no optimiser that takes steps"),
        ((), 0.1, "no optimiser that takes steps"),
        ((optim.Adam(),), optim.Adam(), "a group is a pair"),
    ],
)
def test_what_is_no_group(groups, otherwise, message):
    with pytest.raises(ConfigurationError, match=message):
        optim.ParameterGroups(groups, otherwise)
