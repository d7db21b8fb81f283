"""Computations that take long can be given up, and give the same numbers if they are not."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim, train
from wengert.run import recent, threads
from wengert.run.llvm import LLVMExecutor, compiled_loop, compiled_program
from wengert.run.llvm.codegen import cancellation, loop_function
from wengert.run.llvm.matmul import blocking
from wengert.run.llvm.runtime.loop_state import NativeProgress
from wengert.train.steps.native import Pace


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every computation look often, however short it is, and products add up their terms in blocks."""
    monkeypatch.setattr(cancellation, "_AS_GOOD_AS_DONE", -1.0)
    monkeypatch.setattr(cancellation, "_BETWEEN_LOOKS", 1e-9)
    monkeypatch.setattr(blocking, "PANEL_PART", 128)
    monkeypatch.setattr(recent, "_known", OrderedDict())


ROWS = 400
STEPS = 12


def fit(epochs: int, threads: int, **options: Any) -> train.FitResult:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(ROWS, 20)), rng.integers(0, 3, ROWS)
    layers = nn.Dense(20, 30, "tanh"), nn.Dropout(0.2), nn.Dense(30, 3)
    net = nn.Sequential(*layers).initialise(seed=1, dtype=np.float64)
    given = {"loss": "nllm_from_logits", "optimizer": optim.Adam(0.01), "progress": False} | options
    return train.fit(net, X, y, batch_size=ROWS, epochs=epochs, threads=threads, **given)


def test_looking_changes_no_bit(looking: None) -> None:
    found = [fit(STEPS, count) for count in (1, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cancellation, "_AS_GOOD_AS_DONE", 1e9)
        patch.setattr(recent, "_known", OrderedDict())
        wanted = fit(STEPS, 1)
    for one, path in itertools.product(found, nn.parameters(wanted.net)):
        np.testing.assert_array_equal(nn.parameters(one.net)[path], nn.parameters(wanted.net)[path])


def states_of(steps: int) -> list[dict[str, Any]]:
    """Return the parameters before the first step and after each."""
    states: list[Any] = []

    class Record(train.Callback):
        def on_train_begin(self, state: train.TrainingState) -> None:
            states.append(nn.parameters(state.net))

        def on_epoch_end(self, state: train.TrainingState) -> None:
            states.append(nn.parameters(state.net))

    fit(steps, 1, callbacks=[Record()])
    return states


def assert_is_one_of(states: list[dict[str, Any]], result: train.FitResult) -> None:
    for path, value in nn.parameters(result.net).items():
        np.testing.assert_array_equal(value, states[result.steps][path])


def interrupted_in(number: int, seconds: float) -> Any:
    """Return a way to start native code that Ctrl-C strikes in that run, so long after it began."""
    original, runs = threads._Crew.start, itertools.count()

    def start(crew: Any) -> None:
        original(crew)
        if next(runs) == number:
            time.sleep(seconds)
            raise KeyboardInterrupt

    return start


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_step_is_taken_as_a_whole_or_not_at_all(
    looking: None, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Wherever Ctrl-C strikes, the parameters are those after some step."""
    states = states_of(STEPS)
    several = LLVMExecutor(threads=count)
    monkeypatch.setattr(Pace, "next", lambda self, seconds: (self._candidates[-1], 1))
    rng = np.random.default_rng(count)
    for before in [*range(STEPS), *range(STEPS)]:
        with monkeypatch.context() as patch:
            patch.setattr(threads._Crew, "start", interrupted_in(before, rng.uniform(0, 0.002)))
            with pytest.warns(wg.errors.InterruptionWarning):
                result = fit(STEPS, None, executor=several)
        assert result.steps in (before, before + 1)
        assert_is_one_of(states, result)


def test_parameters_in_pieces_are_put_back(looking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    states = states_of(STEPS)
    runs = itertools.count()
    original = compiled_loop.NativeLoop.run

    def run(self: Any, *arguments: Any) -> None:
        if next(runs) < 4:
            original(self, *arguments)
            return
        self._progress.begin()
        self._progress.elements[0].reshape(-1)[:5] = np.nan
        self._progress.words[loop_function.IN_PIECES] = 1
        raise KeyboardInterrupt

    monkeypatch.setattr(compiled_loop.NativeLoop, "run", run)
    with pytest.warns(wg.errors.InterruptionWarning):
        result = fit(STEPS, 1)
    assert result.steps == 4
    assert_is_one_of(states, result)


@pytest.mark.parametrize("first_written", [0, 1])
def test_a_loop_that_is_given_up_says_whether_it_has_begun_to_write(
    looking: None, monkeypatch: pytest.MonkeyPatch, first_written: int
) -> None:
    original = compiled_loop.scheduled

    def scheduled(*arguments: Any) -> Any:
        return replace(original(*arguments), first_written=first_written)

    monkeypatch.setattr(compiled_loop, "scheduled", scheduled)
    monkeypatch.setattr(NativeProgress, "begin", NativeProgress.finish)  # wished from the start
    X = np.ones((8, 3))
    step = train.compile_step(nn.Dense(3, 1).initialise(seed=0), X, X[:, :1], loss="squared_error")
    loop: Any = step._loop()
    loop.run(np.arange(8), 0, 1, 1)
    assert loop._progress.steps == 0
    assert loop._progress.is_whole == (first_written > 0)


def test_a_call_is_given_up(looking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first look: what comes behind it is not computed."""
    X = np.ones((60, 60))
    run: Any = LLVMExecutor().compile(wg.trace(lambda x: (x @ x, np.tanh(x @ x) @ x), X))
    frames = []
    original = type(run).frame

    def recorded(self: Any, arguments: Any) -> Any:
        frame = original(self, arguments)
        for node in self.layout.memory.direct.values():
            frame.alone[node][...] = np.nan
        frames.append(frame)
        return frame

    def at_once(call: Any, count: int, finish: Any, abandon: Any) -> None:
        finish()
        call(0)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(run), "frame", recorded)
    assert np.isfinite(run([X])).all()
    monkeypatch.setattr(compiled_program, "run_on_threads", at_once)
    with pytest.raises(KeyboardInterrupt):
        run([X])
    first, second = (frames[-1].alone[node] for node in run.layout.memory.direct.values())
    assert np.isnan(second).all()
    assert np.isnan(first).any()  # a product that takes its terms in blocks gives up between two


def test_it_is_looked_for_in_what_takes_long_only() -> None:
    small = wg.trace(lambda x: np.tanh(x @ x), np.ones((50, 50)))
    large = wg.trace(lambda x: np.tanh(x @ x), np.ones((2700, 2700)))
    assert not LLVMExecutor().compile(small).layout.slices  # type: ignore[attr-defined]
    layout = LLVMExecutor().compile(large).layout  # type: ignore[attr-defined]
    ((kernel, units),) = layout.slices.items()
    assert 1 <= units < layout.generators.units(kernel)
