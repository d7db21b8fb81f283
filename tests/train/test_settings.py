"""Settings are inputs of the training step: changing one compiles nothing."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from wengert import nn, optim, train
from wengert.run import recent
from wengert.run.llvm import executor
from wengert.trace.settings import settings, with_settings

X = np.linspace(-1, 1, 24).reshape(12, 2)
Y = X[:, :1] * X[:, 1:]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The programs that have been compiled to loops since the test began."""
    made: list[Any] = []
    compiled_loop = executor.compiled_loop

    def counting(program: Any, *others: Any) -> Any:
        made.append(program)
        return compiled_loop(program, *others)

    monkeypatch.setattr(executor, "compiled_loop", counting)
    monkeypatch.setattr(recent, "_known", OrderedDict())
    return made


def _fit(optimizer: Any, **options: Any) -> train.FitResult:
    net = nn.Sequential(nn.Dense(2, 3, "tanh"), nn.Dense(3, 1)).initialise(seed=0, dtype=np.float64)
    return train.fit(
        net, X, Y, loss="half_squared_error", optimizer=optimizer, epochs=2, batch_size=6, **options
    )


# For each kind of optimiser: a function of three numbers in (0, 1).
KINDS: dict[str, Callable[[float, float, float], Any]] = {
    "SGD": lambda a, b, c: optim.SGD(a, momentum=b, nesterov=True, weight_decay=c),
    "Adam": lambda a, b, c: optim.Adam(a, betas=(b, c), epsilon=a / 100, weight_decay=c),
    "AdamW": lambda a, b, c: optim.AdamW(a, betas=(b, c), weight_decay=b),
    "RMSProp": lambda a, b, c: optim.RMSProp(a, decay=b, epsilon=a / 100, momentum=c, weight_decay=b),
    "Muon": lambda a, b, c: optim.Muon(a, momentum=b, weight_decay=c, betas=(c, b)),
    "groups": lambda a, b, c: optim.ParameterGroups(
        (("*.bias", optim.SGD(b)),), optim.Adam(a, weight_decay=c)
    ),
    "schedule": lambda a, b, c: optim.SGD(optim.WarmUp(2, optim.Cosine(a, 4, final=b / 10)), momentum=c),
}
GRID = [(0.1, 0.5, 0.9), (0.02, 0.9, 0.5), (0.3, 0.25, 0.125)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_of_settings_compiles_once(kind: str, compilations: list[Any]) -> None:
    results = [_fit(KINDS[kind](*numbers)) for numbers in GRID]
    assert len(compilations) == 1
    weights = [nn.parameters(result.net)["layers.0.weight"] for result in results]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])


def test_penalty_and_clipping_are_settings_too(compilations: list[Any]) -> None:
    for number in (0.5, 0.1, 0.02):
        _fit(optim.SGD(0.1), penalty=nn.L2(number), clip_norm=number)
    assert len(compilations) == 1


def test_a_term_that_is_switched_off_is_another_program(compilations: list[Any]) -> None:
    for momentum in (0.0, 0.5, 0.9):
        _fit(optim.SGD(0.1, momentum=momentum))
    assert len(compilations) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_settings_as_inputs_give_the_bits_that_constants_give(kind: str, dtype: Any) -> None:
    """The reference executes the optimiser on plain arrays, its numbers being numbers of Python."""
    rng = np.random.default_rng(0)
    optimizer = KINDS[kind](*GRID[0])
    numbers = {path: np.float64(value) for path, value in settings(optimizer).items()}
    traced = with_settings(optimizer, numbers)
    parameters = {
        "layers.0.weight": rng.normal(size=(2, 3)).astype(dtype),
        "layers.0.bias": rng.normal(size=3).astype(dtype),
    }
    both = [parameters, parameters]
    states = [optimizer.init(parameters), traced.init(parameters)]
    for _ in range(5):
        gradients = {
            path: rng.normal(size=np.shape(value)).astype(dtype) for path, value in parameters.items()
        }
        for place, rule in enumerate((optimizer, traced)):
            both[place], states[place] = rule.update(both[place], gradients, states[place])
        for path in parameters:
            assert both[1][path].dtype == dtype
            np.testing.assert_array_equal(both[0][path], both[1][path])


@given(st.floats(1e-6, 1.0), st.floats(0.0, 0.999), st.floats(0.0, 1.0))
def test_settings_go_back_to_the_object_they_are_of(rate: float, momentum: float, decay: float) -> None:
    optimizer = optim.ParameterGroups(
        (("*.bias", optim.SGD(optim.Cosine(rate, 7), momentum=momentum)),),
        optim.Adam(rate, weight_decay=decay),
    )
    found = settings(optimizer)
    assert all(found.values())
    assert with_settings(optimizer, found) == optimizer
    doubled = with_settings(optimizer, {path: 2 * value for path, value in found.items()})
    assert settings(doubled) == {path: 2 * value for path, value in found.items()}
    assert settings(optimizer) == found


def test_an_optimiser_of_the_users_own_keeps_its_numbers_as_constants() -> None:
    @dataclasses.dataclass(frozen=True)
    class Signs:
        learning_rate: float = 0.1

        def init(self, parameters: Any) -> Any:
            return {}

        def update(self, parameters: Any, gradients: Any, state: Any) -> Any:
            rate = float(self.learning_rate)
            return {
                path: value - rate * np.sign(gradients[path]) for path, value in parameters.items()
            }, state

    assert settings(Signs()) == {}
    assert _fit(Signs()).stopped == "epochs"
