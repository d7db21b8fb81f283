"""Programs, transformed functions and traced values are copied and pickled."""

from __future__ import annotations

import copy
import functools
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.trace.tree import flatten


def square(x: Any) -> Any:
    """Sum of squares."""
    return np.sum(x**2)


@wg.compile
def decorated(x: Any) -> Any:
    return np.sum(np.sin(x))


COPIES = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
MADE = {
    "grad": wg.grad(square),
    "value_and_grad": wg.value_and_grad(square),
    "jacobian": wg.jacobian(square),
    "hessian": wg.hessian(square),
    "compile": wg.compile(square),
    "compile numpy": wg.compile(square, "numpy"),
    "compiled gradient": wg.compile(wg.grad(square)),
    "compiled hessian": wg.compile(wg.hessian(square)),
    "decorated": decorated,
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("copied", COPIES)
def test_transformed_functions_are_copied_and_pickled(made: str, copied: Any) -> None:
    x = np.array([1.0, 2.0])
    original = MADE[made]
    before = original(x)
    again = copied(original)
    for mine, theirs in zip(flatten(again(x))[0], flatten(before)[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert again.__name__ == original.__name__
    assert again.__doc__ == original.__doc__


@functools.cache
def programs() -> list[Any]:
    x = np.arange(3.0)
    length = sys.getrecursionlimit()  # of pairs of lines
    chain = wg.trace(lambda x: [x := np.sin(x) * 1.5 for _ in range(length)][-1], 1.0)
    return [
        wg.trace(lambda x: np.sum(np.sin(x) ** 2), x),
        wg.trace(lambda x: ({"a": x * np.array([1.0, np.nan, -0.0])}, x[::2]), x),
        wg.trace(wg.grad(square), x),
        wg.trace(wg.hessian(lambda x, kind: np.sum(x**3)), x, "cube"),
        wg.trace(lambda x: wg.softmax(x)[[0, 0, 2]], x),
        wg.trace(lambda x: wg.random.uniform(wg.random.key(3), (3,)) * x, x),
        wg.trace(lambda x, y: x, x, x),
        chain,
    ]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("place", range(8))
def test_programs_are_copied_and_pickled(place: int, copied: Any) -> None:
    program = programs()[place]
    again = copied(program)
    assert again == program
    assert str(again) == str(program)
    assert again.to_python() == program.to_python()
    arguments = [np.linspace(0.5, 1, node.type.size).reshape(node.type.shape) for node in program.inputs]
    statics = ["cube"] if "cube" in str(program.signature) else []
    pairs = zip(
        flatten(again(*arguments, *statics))[0], flatten(program(*arguments, *statics))[0], strict=True
    )
    for mine, theirs in pairs:
        np.testing.assert_array_equal(mine, theirs)


def test_a_pickle_is_read_by_another_process() -> None:
    def function(x: Any, kind: str) -> Any:
        return wg.scan(lambda total, t: (total + t, None), np.sum(np.sin(x) ** 2), x)[0]

    program = wg.trace(function, np.ones(3), "l2")
    code = (
        "import pickle, sys, numpy as np\n"
        "program = pickle.load(sys.stdin.buffer)\n"
        "print(repr(float(program(np.ones(3), 'l2'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(program),
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert float(done.stdout) == program(np.ones(3), "l2")


def test_traced_values_are_copied_as_they_are() -> None:
    for copied in (copy.copy, copy.deepcopy):
        got = wg.grad(lambda p, copied=copied: np.sum(copied(p)["w"] * 2))({"w": np.ones(2)})
        np.testing.assert_array_equal(got["w"], [2.0, 2.0])
