"""The training step to look into: its kernels and their times, its code and its program."""

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, ShapeError, WengertWarning
from wengert.run import default
from wengert.run.llvm import LLVMExecutor


@pytest.fixture
def rows(rng):
    return rng.normal(size=(40, 5)), rng.integers(0, 3, 40)


def network():
    return nn.Sequential(nn.Dense(5, 16, "relu"), nn.Dense(16, 3)).initialise(seed=0)


def test_it_shows_the_kernels_that_fit_runs(rows, monkeypatch):
    taken = []
    original = LLVMExecutor.loop

    def recorded(self, *arguments):
        taken.append(original(self, *arguments))
        return taken[-1]

    monkeypatch.setattr(LLVMExecutor, "loop", recorded)
    options = {"loss": "nllm_from_logits", "optimizer": optim.SGD(0.1), "batch_size": 8}
    train.fit(network(), *rows, epochs=1, progress=False, **options)
    wanted = taken[0].kernels(False)
    found = train.compile_step(network(), *rows, **options).kernels()
    assert found == wanted
    assert found[0].form == "rows"
    assert found[0].operations == ("X",)
    # The update is fused into the product that gives the gradient.
    products = [one.operations for one in found if one.form == "product"]
    assert ("matmul", "mul", "sub") in products


@pytest.mark.parametrize("batch_size", [1, 8], ids=["one function", "functions"])
def test_its_kernels_are_timed_and_the_network_is_not_changed(rows, batch_size):
    net = nn.Sequential(nn.Dense(2, 4, "sigmoid"), nn.Dense(4, 1)).initialise(seed=0)
    before = [np.array(value) for value in nn.parameters(net).values()]
    X = rows[0].astype(np.float32)
    step = train.compile_step(net, X[:, :2], X[:, :1], loss="half_squared_error", batch_size=batch_size)
    profile = step.kernels(profile=True)
    assert [one.operations for one in profile] == [one.operations for one in step.kernels()]
    assert all(one.seconds > 0 and one.share > 0 for one in profile)
    for value, old in zip(nn.parameters(net).values(), before, strict=True):
        assert np.array_equal(value, old)


def test_it_is_a_program_and_code(rows):
    step = train.compile_step(network(), *rows, loss="nllm_from_logits", clip_norm=1.0)
    assert "matmul" in str(step.program)
    assert step.program.inputs[-2].type.shape == (2,)
    assert step.program.inputs[-4].type.shape == (32, 5)  # the batch that is usual
    assert "@loop" in step.llvm() or '@"loop"' in step.llvm()


def test_a_step_with_a_line_for_numpy_is_shown_as_it_is_called(rows):
    def loss(prediction, target):
        return np.cumsum((prediction - target) ** 2, axis=1).sum(axis=1)

    X, _ = rows
    step = train.compile_step(nn.Dense(5, 3).initialise(seed=0), X, X[:, :3], loss=loss, batch_size=8)
    profile = step.kernels(profile=True)
    assert "numpy" in [one.form for one in profile]
    assert all(one.seconds > 0 for one in profile)
    assert "define" in step.llvm()


def test_what_fit_refuses_is_refused(rows):
    X, y = rows
    with pytest.raises(ShapeError, match="takes 5 features"):
        train.compile_step(network(), X[:, :4], y, loss="nllm_from_logits")
    with pytest.raises(ConfigurationError, match="batch_size"):
        train.compile_step(network(), X, y, loss="nllm_from_logits", batch_size=0)
    with pytest.warns(WengertWarning, match="clipped to the 40 rows"):
        train.compile_step(network(), X, y, loss="nllm_from_logits", batch_size=50)
    with pytest.raises(ConfigurationError, match="L-BFGS takes no steps"):
        train.compile_step(network(), X, y, loss="nllm_from_logits", optimizer=optim.LBFGS())


def test_without_llvm_there_is_nothing_to_show(rows, monkeypatch):
    monkeypatch.setattr(default, "_llvm_executor", lambda: None)
    step = train.compile_step(network(), *rows, loss="nllm_from_logits")
    for look in (step.llvm, step.kernels):
        with pytest.raises(ConfigurationError, match="runs with NumPy"):
            look()
