"""Derivative programs as text: what changes in them is seen in review.

`UPDATE_GOLDEN=1 pytest tests/golden` writes the files anew; without it they are compared exactly.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.transform.examples import DIFFERENTIABLE, program_of

from wengert.ir.program import Program
from wengert.trace.tracing import abstract, trace
from wengert.transform.gradient import gradient, pullback
from wengert.transform.simplify import simplify

FOLDER = Path(__file__).parent
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


def page(*programs: tuple[str, Program]) -> str:
    """Return each program as a list and as NumPy source, under its name."""
    parts = [f"{program}\n\n{program.to_python(name)}" for name, program in programs]
    return "\n\n".join(parts)


def compare(path: Path, text: str) -> None:
    """Compare a file with what it should hold, or write it."""
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: UPDATE_GOLDEN=1 pytest tests/golden"
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("primitive", DIFFERENTIABLE, ids=lambda primitive: primitive.name)
def test_derivative_of_primitive(primitive):
    program = program_of(primitive)
    floating = [place for place, node in enumerate(program.inputs) if node.type.is_float]
    derivative = simplify(pullback(program, floating))
    compare(
        FOLDER / "primitives" / f"{primitive.name}.txt", page((f"derivative_of_{primitive.name}", derivative))
    )


@pytest.mark.skipif(UPDATE, reason="the files are being written")
def test_no_file_is_left_over():
    files = {path.stem for path in (FOLDER / "primitives").glob("*.txt")}
    assert files == {primitive.name for primitive in DIFFERENTIABLE}
    assert {path.stem for path in (FOLDER / "networks").glob("*.txt")} == set(NETWORKS)


def two_layers(W1, b1, W2, b2, X, T):
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    P = np.exp(Z2) / np.sum(np.exp(Z2), axis=1, keepdims=True)
    return -np.mean(np.sum(T * np.log(P), axis=1))


def labelled(W, b, X, labels):
    Z = X @ W + b
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.mean(np.log(P)[np.arange(8), labels])


def lecture_004(W, V, a, y):
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    return np.sum((e - y) ** 2)


def lecture_003(x):
    return np.cos(np.sin(x**2) + 3 * x**2)


def logistic(w, b, X, t):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def residual(W, X):
    H = X
    for _ in range(2):
        H = H + np.maximum(0, H @ W)
    return 0.5 * np.mean(H**2)


INT = np.int64
NETWORKS: dict[str, tuple[Callable[..., object], list[object], list[int]]] = {
    "two_layers": (two_layers, [(5, 4), (4,), (4, 3), (3,), (8, 5), (8, 3)], [0, 1, 2, 3]),
    "labelled": (labelled, [(5, 3), (3,), (8, 5), ((8,), INT)], [0, 1]),
    "lecture_003": (lecture_003, [()], [0]),
    "lecture_004": (lecture_004, [(3, 4), (4, 2), (3,), (2,)], [0, 1]),
    "logistic": (logistic, [(5,), (), (8, 5), (8,)], [0, 1]),
    "residual": (residual, [(4, 4), (8, 4)], [0]),
}


def abstract_argument(spec: object) -> object:
    if isinstance(spec, tuple) and len(spec) == 2 and spec[1] is INT:
        return abstract(*spec)
    return abstract(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NETWORKS)
def test_derivative_of_network(name):
    function, specs, wrt = NETWORKS[name]
    program = simplify(trace(function, *[abstract_argument(spec) for spec in specs]))
    derivative = simplify(gradient(program, wrt))
    both = simplify(gradient(program, wrt, with_value=True))
    compare(
        FOLDER / "networks" / f"{name}.txt",
        page((name, program), (f"gradient_of_{name}", derivative), (f"value_and_gradient_of_{name}", both)),
    )
