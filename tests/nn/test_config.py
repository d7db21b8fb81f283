"""Architectures as configurations: round trips, and strictness on input."""

import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from wengert import nn
from wengert.errors import ConfigurationError

sizes = st.integers(1, 9)
rates = st.floats(0, 0.99)
positive = st.floats(1e-6, 0.5)
initialisers = st.one_of(
    st.none(),
    st.sampled_from(sorted(nn.initialisers.INITIALISERS)),
    st.builds(nn.initialisers.Gaussian, positive),
)
layers = st.one_of(
    st.builds(
        lambda inputs, outputs, activation, initialiser, bias: nn.Dense(
            inputs, outputs, activation, initialiser, bias=bias
        ),
        sizes, sizes, st.sampled_from(sorted(nn.ACTIVATIONS)), initialisers, st.sampled_from([None, False]),
    ),
    st.builds(nn.Dropout, rates),
    st.builds(nn.Embedding, sizes, sizes),
    st.builds(nn.BatchNorm, sizes, positive, positive),
    st.builds(nn.LayerNorm, sizes, positive),
)  # fmt: skip
networks = st.recursive(
    layers, lambda inner: st.lists(inner, max_size=4).map(lambda some: nn.Sequential(*some))
)


@hypothesis.given(networks)
def test_round_trip_through_json(net):
    text = json.dumps(nn.to_config(net), allow_nan=False)
    again = nn.from_config(json.loads(text))
    assert repr(again) == repr(net)
    assert nn.to_config(again) == nn.to_config(net)
    first, second = nn.parameters(net.initialise(1)), nn.parameters(again.initialise(1))
    assert list(first) == list(second)
    for path in first:
        np.testing.assert_array_equal(first[path], second[path])


def test_arrays_are_left_out():
    net = nn.Dense(np.int64(2), 2, bias=False).initialise(0)
    assert nn.to_config(net) == {
        "type": "Dense",
        "inputs": 2,
        "outputs": 2,
        "activation": "identity",
        "initialiser": None,
        "bias": False,
    }


class Wrapped(nn.Module):
    """A module of a user's own with sub-modules in a dictionary."""

    parts: dict[str, nn.Module]
    widths: tuple[int, ...] = (1, 2)


def test_modules_of_ones_own_take_part():
    net = Wrapped({"a": nn.Dense(1, 2)}, widths=(3, 4))
    again = nn.from_config(json.loads(json.dumps(nn.to_config(net))))
    assert repr(again) == repr(net)


def test_what_has_no_name_cannot_be_written():
    with pytest.raises(ConfigurationError, match=r"Sequential.layers.0.activation is <ufunc 'sin'>"):
        nn.to_config(nn.Sequential(nn.Dense(1, 1, np.sin)))


def test_two_classes_of_one_name_are_refused():
    def define():
        class Twice(nn.Module):
            width: int

        return Twice

    first, second = define(), define()
    assert nn.to_config(second(1)) == {"type": "Twice", "width": 1}
    with pytest.raises(ConfigurationError, match="another module class is called 'Twice'"):
        nn.to_config(first(1))


def deep(levels):
    config = {"type": "Dropout", "rate": 0.5}
    for _ in range(levels):
        config = {"type": "Sequential", "layers": [config]}
    return config


DENSE = {"type": "Dense", "inputs": 2, "outputs": 3}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**DENSE, "activatoin": "relu"}, r"unknown setting 'activatoin'; did you mean 'activation'"),
        ({**DENSE, "type": "Dence"}, r"unknown type 'Dence'; did you mean 'Dense'"),
        ({**DENSE, "type": ["Dense"]}, "unknown type"),
        ({**DENSE, "activation": "rellu"}, "network: Dense: unknown activation 'rellu'; did you mean 'relu'"),
        ({**DENSE, "inputs": "2"}, "inputs is an integer above 0, got '2'"),
        ({**DENSE, "inputs": 2.0}, "inputs is an integer above 0"),
        ({**DENSE, "weight": [[1, 2, 3], [4, 5, 6]]}, "weight is an array"),
        ({**DENSE, "initialiser": {"type": "Gaussian", "deviation": 1}}, "unknown setting 'deviation'"),
        ({"type": "Dense", "inputs": 2}, "missing.*outputs"),
        ({"type": "Sequential", "layers": DENSE}, "takes layers|layers is a list"),
        ({"type": "Sequential", "layers": [DENSE, 3]}, "number 1 is 3"),
        (
            {"type": "Sequential", "layers": [DENSE, {**DENSE, "inputs": 0}]},
            r"network.layers.1: Dense: inputs",
        ),
        ({"type": "Sequential", "layers": [], "name": 1}, "unknown setting 'name'"),
        ({"inputs": 2}, "a dictionary with a 'type'"),
        ([DENSE], "a dictionary with a 'type'"),
        ("Dense", "a dictionary with a 'type'"),
        (None, "a dictionary with a 'type'"),
        (deep(200), "nested more than 100 deep"),
    ],
)
def test_strict_on_input(config, message):
    with pytest.raises(ConfigurationError, match=message):
        nn.from_config(config)
