"""Arrays that are assigned to, in traced functions, against NumPy."""

from __future__ import annotations

import functools
import pickle
import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wengert.autodiff.check import check_grad
from wengert.autodiff.gradients import grad
from wengert.errors import TraceError
from wengert.ir.verify import verify
from wengert.trace.memory import Memory
from wengert.trace.tracing import abstract, trace

X = np.array([0.5, -1.25, 2.0, 0.75, -0.5, 1.5])

_MAKERS = (
    "np.zeros((2, 3))", "np.empty((2, 3)) * 0", "np.full((2, 3), x[1])", "np.array([x[:3], x[3:]])",
    "np.ones((3, 2)).T.copy()", "np.array(x.reshape(2, 3))", "np.zeros_like(x.reshape(2, 3))",
    "x.reshape(2, 3).copy()", "np.arange(6.0).reshape(2, 3)", "x.reshape(2, 3) * 2", "+x.reshape(2, 3)",
    "x.reshape(3, 2).T + 0", "np.sin(x.reshape(3, 2).T)", "np.array(x.reshape(3, 2).T)",
    "np.zeros((2, 3), order='F')", "np.zeros_like(x.reshape(3, 2).T)", "x.reshape(3, 2).T.copy()",
    "x.reshape(3, 2)[:, [1, 0]].T",
)  # fmt: skip
_VIEWS = (
    "{a}[...]", "{a}[:]", "{a}.T.T", "{a}[::-1]", "{a}[:, ::-1]", "{a}[::-1, 1:]", "{a}[:1]", "{a}[:, :2]",
    "np.transpose({a})", "np.flip({a}, 1)", "{a}.reshape(3, 2)", "{a}.ravel()", "{a}[1]", "{a}[:, 1]",
    "{a}[None]", "np.split({a}, 2)[1]", "{a}.copy()", "np.array({a})", "np.asarray({a})", "{a}[[1, 0]]",
    "{a}[{a} > 0.5]", "{a} * 1", "np.squeeze({a})", "np.atleast_2d({a})", "np.swapaxes({a}, 0, 1)",
    "{a}.flatten()", "np.roll({a}, 0)", "np.concatenate([{a}])", "next(iter({a}))", "{a}[np.argmax(x[:2])]",
    "{a}.astype(float)", "{a}.T.reshape(-1)", "{a}[::-1].ravel()", "{a}[..., ::2].ravel()", "{a}.T.ravel()",
    "np.ascontiguousarray({a})", "np.ascontiguousarray({a}[::2])", "np.asfortranarray({a})",
    "np.asarray({a}, order='C')", "np.array({a}, order='F')", "np.einsum('ij->ji', {a})",
    "np.einsum('ii->i', {a}[:2, :2])", "np.einsum('ij->j', {a})", "np.diag({a})", "np.linalg.diagonal({a})",
    "np.broadcast_arrays({a}, np.ones((3, 1, 1)))[0]", "np.broadcast_arrays(x[:3], {a})[1]",
    "np.atleast_2d({a}, x)[0]", "{a}[..., [1, 0]]", "{a}[[1, 0]].reshape(-1)", "{a}[..., [1, 0]].reshape(-1)",
    "np.reshape(shape=-1, a={a})" if np.lib.NumpyVersion(np.__version__) < "2.1.0" else "{a}.view()",
    "{a} + {a}.T.T", "{a} @ {a}.T", "np.where({a} > 0, {a}, 1)", "np.sort({a}, axis=0)", "np.cumsum({a}, 0)",
    "np.concatenate([{a}, {a}])", "np.stack([{a}, {a}])", "np.sum({a}, 0)", "{a}.reshape(2, -1) * x[0]",
    "np.moveaxis({a}[None], 0, -1).reshape(-1)", "np.zeros_like({a})", "np.outer({a}, x[:2])",
    "np.tile({a}, 2)", "np.pad({a}, 1)", "np.linalg.inv({a}[:2, :2])", "np.roll({a}, 1, axis=0)",
    "{a}[...].copy('K')",
)  # fmt: skip
_WRITES = (
    "{a}[...] = x[{i}]", "{a}[0] = x[{i}] * 2", "{a}[-1] += x[{i}]", "{a}[:] = {b}", "{a} += {b}",
    "{a} *= x[{i}]",
    "{a}[..., 0] = 3.0", "{a}[..., ::2] -= x[{i}]", "{a}[{a} > x[{i}]] = 0.25", "{a}[[0, -1]] = x[{i}]",
    "{a}[[0, 0]] += 1", "{a}.fill(x[{i}])", "np.copyto({a}, {b})", "{a}[..., -1] = {a}[..., 0]", "{a} /= 2",
    "np.put({a}, [0, -1], [x[{i}], 1.0])", "np.add({a}, 1, out={a})", "np.add.at({a}, 0, x[{i}])",
    "{a}.flat[-1] = x[{i}]", "{a}.flat = x[{i}]", "{a}.put([0], x[{i}])", "{a}[1:] *= x[{i}]",
    "np.copyto({a}, x[{i}], where={a} > 0)", "np.putmask({a}, {a} > 0, x[{i}])",
    "{a}[{a} > 0] *= x[{i}]", "{a}[::-1] = {a}", "{a}[1:] = {a}[:-1]",
)  # fmt: skip


def random_program(seed: int) -> str:
    """Return the source of a function of x that makes arrays and views of them, and assigns to all."""
    draw = random.Random(seed)
    names = ["a0"]
    lines = [f"a0 = {draw.choice(_MAKERS)}"]
    for step in range(1, draw.randint(3, 12)):
        a, b = draw.choice(names), draw.choice(names)
        if draw.random() < 0.5:
            maker = draw.choice(_MAKERS if draw.random() < 0.2 else _VIEWS)
            lines.append(f"a{step} = {maker.format(a=a)}")
            names.append(f"a{step}")
        else:
            lines.append(draw.choice(_WRITES).format(a=a, b=b, i=draw.randrange(6)))
    returned = f"return [np.array(one) for one in ({', '.join(names)},)]"
    return "\n    ".join(["def program(x):", *lines, returned])


def compiled_source(source: str) -> Any:
    """Return the function of a source, as a notebook has it."""
    names: dict[str, Any] = {"np": np}
    exec(source, names)
    return names["program"]


def traced_or_refused(function: Any) -> Any:
    """Return the program; None where NumPy's choice between view and copy cannot be known."""
    reasons = r"Write \.copy\(\)|copy it first|write b\[\.\.\.\] = value"
    try:
        return trace(function, X)
    except TraceError as error:
        if re.search(reasons, str(error)) is None:
            raise
        return None


@settings(max_examples=2 * settings.default.max_examples)  # 2,000 with the profile "explore"
@given(st.integers(0, 2**32))
def test_random_programs_agree_with_numpy(seed: int) -> None:
    source = random_program(seed)
    function = compiled_source(source)
    try:
        expected = function(X.copy())
    except np.linalg.LinAlgError:  # at the run, and not where the inverse is overwritten
        return
    # NumPy refuses it, or warns that it will refuse to write to what it broadcast: so does the trace.
    except (ValueError, IndexError, DeprecationWarning):
        with pytest.raises((ValueError, IndexError, TraceError)):
            trace(function, X)
        return
    # It is a scalar, whose items and `flat` are read-only; a tensor without axes cannot be told from one.
    except (TypeError, AttributeError):
        return
    program = traced_or_refused(function)
    if program is None:
        return
    verify(program)
    for mine, theirs in zip(program(X), expected, strict=True):
        assert mine.shape == theirs.shape, source
        assert mine.dtype == theirs.dtype, source
        assert np.array_equal(mine, theirs), source


def test_two_thousand_random_programs_are_not_all_alike() -> None:
    sources = [random_program(seed) for seed in range(200)]
    assert len(set(sources)) > 190
    assert all(
        any(write.split("{a}")[-1] in source for source in sources) for write in ("+= x[3]", ".fill(x[1])")
    )


@dataclass
class Oscillator:
    """A dataclass that is filled, with methods that fill arrays."""

    stiffness: Any
    damping: Any

    def slope(self, state: Any) -> Any:
        out = np.empty(2)
        out[0] = state[1]
        out[1] = -self.stiffness * state[0] - self.damping * state[1]
        return out

    def __call__(self, state: Any) -> Any:
        path = np.zeros((6, 2))
        path[0] = state
        for step in range(5):
            path[step + 1] = path[step] + 0.1 * self.slope(path[step])
        return np.sum(path[1:] ** 2)


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        result = np.zeros(2)
        result[1] = function(*args)
        return result[1] * 2

    return wrapper


@decorated
def of_generators(x: Any) -> Any:
    def squares() -> Iterator[Any]:
        last = np.zeros(1)
        for value in x:
            last[0] = value**2 + last[0] / 2
            yield last[0]

    return np.sum(np.array(list(squares())))


def by_lists(x: Any) -> Any:
    rows = []
    for value in x:
        rows.append([value, value**2])
    table = np.array(rows)
    table[:, 0] += np.apply_along_axis(np.sum, 1, table)
    return np.sum(table * np.vectorize(lambda v, w: v * w)(table, 2.0))


def between(x: Any) -> Any:
    points = np.linspace(x[0], x[1], 4)
    points[1:] *= np.full(3, x[2])
    return np.sum(points**3)


_FILLING = {
    "method": lambda: (Oscillator(2.0, 0.3).__call__, (np.array([1.0, 0.5]),)),
    "callable": lambda: (Oscillator(2.0, 0.3), (np.array([1.0, 0.5]),)),
    "pickled": lambda: (pickle.loads(pickle.dumps(of_generators)), (X,)),
    "decorated generator": lambda: (of_generators, (X,)),
    "partial": lambda: (functools.partial(between), (X,)),
    "lists": lambda: (by_lists, (X,)),
    "notebook": lambda: (
        compiled_source("def program(x):\n y = np.zeros(3)\n y[1:] = x[:2] ** 2\n return np.sum(y)"),
        (X,),
    ),
}


@pytest.mark.parametrize("name", _FILLING)
def test_functions_of_every_kind(name: str) -> None:
    function, arguments = _FILLING[name]()
    assert trace(function, *arguments)(*arguments) == pytest.approx(function(*arguments), rel=1e-14)
    report = check_grad(function, *arguments)
    assert report, str(report)


def test_numpy_is_untouched_outside_of_the_trace() -> None:
    functions = {name: getattr(np, name) for name in ("zeros", "array", "asarray", "linspace", "vectorize")}
    inside, checked = threading.Event(), threading.Event()
    seen: list[bool] = []

    def watch() -> None:
        inside.wait(10)
        for _ in range(100):
            seen.extend(getattr(np, name) is function for name, function in functions.items())
            seen.append(type(np.zeros(2)) is np.ndarray)
        checked.set()

    def function(x: Any) -> Any:
        inside.set()
        checked.wait(10)
        assert np.zeros is not functions["zeros"]
        return x * np.zeros(3)

    watcher = threading.Thread(target=watch)
    watcher.start()
    trace(function, np.ones(3))
    watcher.join()
    assert len(seen) == 600
    assert all(seen)
    assert all(getattr(np, name) is function for name, function in functions.items())


def test_arguments_are_not_written_to() -> None:
    def function(x: Any) -> Any:
        x[0] *= 2
        x += 1
        return np.sum(x**2)

    x = np.array([1.0, 2.0])
    assert grad(function)(x).tolist() == [12.0, 6.0]
    assert x.tolist() == [1.0, 2.0]


def test_masks_of_unknown_values_take_numbers() -> None:
    def function(x: Any) -> Any:
        y = x.copy()
        y[y < 0] = 0.0
        return y

    assert trace(function, abstract(6))(X).tolist() == np.maximum(X, 0).tolist()


def test_a_number_has_no_items() -> None:
    with pytest.raises(TraceError, match="a Python number has no items"):
        trace(lambda x: x.__setitem__((), 1.0), 2.0)


def test_names_that_are_imported_and_arrays_from_outside() -> None:
    source = """
from numpy import array, zeros
start = np.array([1.0, 0.0])
calls = 0
def helper(p):
    y = zeros(3)
    y[0] = p
    y[1:] = array([p, p * 2])
    return y
def factorial(n, x):
    return zeros(1)[0] + (1.0 if n == 0 else x * factorial(n - 1, x))
def counted(x):
    global calls
    calls += 1
    return x
def program(x):
    state = start.copy()
    state[0] += counted(x)
    state += helper(x)[:2]
    return np.sum(state**2) + factorial(3, x)
def writes(x):
    start[0] = x
    return start
"""
    names: dict[str, Any] = {"np": np}
    exec(source, names)
    assert grad(names["program"])(2.0) == pytest.approx(4 * 5.0 + 2 * 2.0 + 12.0, rel=1e-14)
    assert names["calls"] == 1
    assert names["start"].tolist() == [1.0, 0.0]
    with pytest.raises(TraceError, match=r"made outside of the traced function.*copy it first"):
        trace(names["writes"], 1.0)


def test_functions_within_functions_and_their_cells() -> None:
    from numpy import zeros

    weights, count = np.ones(2), 0

    def recursive(n: int, x: Any) -> Any:
        nonlocal count
        count += 1
        out = zeros(2)
        out[0] = x * weights[1]
        return out if n == 0 else recursive(n - 1, x) * 2 + out

    assert trace(recursive, 2, 3.0)(2, 3.0).tolist() == [21.0, 0.0]
    assert count == 3


def test_an_array_that_is_filled_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    read = Memory.read
    monkeypatch.setattr(Memory, "read", lambda self, places: sizes.append(places.size) or read(self, places))

    def filled(x: Any) -> Any:
        a = np.zeros(50)
        a[0] = x
        for t in range(1, 50):
            a[t] = np.sin(a[t - 1])
        return a.sum()

    assert trace(filled, 1.0)(1.0) == filled(1.0)
    assert sorted(sizes) == [1] * 49 + [50]
