"""The derivations of the five lectures, their errata corrected, for the tests of views and printers.

Each is derived once in a process.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg


@functools.cache
def linear_regression() -> list[wg.Derivation]:
    def squared(w: Any, b: Any, x: Any, t: Any) -> Any:
        z = x @ w + b
        J = 0.5 * (t - z) ** 2
        return J

    def mean(w: Any, b: Any, X: Any, t: Any) -> Any:
        z = X @ w + b
        J = 0.5 * np.mean((t - z) ** 2)
        return J

    w, b, x = np.array([1.0, 0.0]), 2.0, np.array([1.0, 0.0])
    examples, targets = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([2.0, 3.0])
    return [
        wg.explain(squared, w, b, x, 2.0, wrt=["w", "b"], step_size=0.5, numbers=True),
        wg.explain(mean, w, b, examples, targets, wrt=["w", "b"]),
        wg.explain(mean, w, b, examples, targets, wrt=["w", "b"], view="batch", notation="columns"),
    ]


@functools.cache
def relu_network() -> list[wg.Derivation]:
    def network(W1: Any, w2: Any, x: Any, c: Any) -> Any:
        a1 = W1 @ x
        h = np.maximum(0, a1)
        z = w2 @ h
        J = 0.5 * (c - z) ** 2
        return J

    arguments = (np.eye(2), np.array([1.0, 2.0]), np.array([1.0, 0.0]), 2.0)
    options = {"wrt": ["W1", "w2"], "notation": "columns", "step_size": 1.0, "numbers": True}
    return [wg.explain(network, *arguments, view="delta", **options)]


@functools.cache
def sigmoid_network() -> list[wg.Derivation]:
    def network(W1: Any, w2: Any, x: Any, c: Any) -> Any:
        a1 = W1 @ x
        h = wg.sigmoid(a1)
        a2 = w2 @ h
        z = wg.sigmoid(a2)
        J = 0.5 * (c - z) ** 2
        return J

    arguments = (np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([1.0, -2.0]), np.array([1.0, 0.5]), 1.0)
    return [
        wg.explain(network, *arguments, wrt=["W1", "w2"]),
        wg.explain(network, *arguments, wrt=["W1", "w2"], view="matrix", notation="columns", tensors=True),
    ]


@functools.cache
def log_loss() -> list[wg.Derivation]:
    def network(W1: Any, b1: Any, w2: Any, b2: Any, x: Any, t: Any) -> Any:
        a1 = W1 @ x + b1
        z1 = wg.sigmoid(a1)
        a2 = w2 @ z1 + b2
        y = wg.sigmoid(a2)
        L = -t * np.log(y) - (1 - t) * np.log(1 - y)
        return L

    arguments = (
        np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0.0, -1.0]), np.array([1.0, -2.0]), 0.5,
        np.array([1.0, 0.5]), 1.0,
    )  # fmt: skip
    options = {"wrt": ["W1", "b1", "w2", "b2"], "notation": "columns", "step_size": 0.1}
    return [wg.explain(network, *arguments, view="delta", **options)]


@functools.cache
def neuron_and_layers() -> list[wg.Derivation]:
    def layers(W1: Any, W01: Any, W2: Any, W02: Any, x: Any, y: Any) -> Any:
        Z1 = W1.T @ x + W01
        A1 = np.tanh(Z1)
        Z2 = W2.T @ A1 + W02
        A2 = wg.softmax(Z2)
        L = -np.sum(y * np.log(A2))
        return L

    arguments = (
        np.array([[1.0, -1.0], [0.5, 0.0]]), np.array([0.0, 0.5]),
        np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 1.0]]), np.zeros(3),
        np.array([1.0, 2.0]), np.array([0.0, 1.0, 0.0]),
    )  # fmt: skip
    names = {"W01": "W₀1", "W02": "W₀2"}
    options = {"wrt": ["W1", "W01", "W2", "W02"], "notation": "mit", "names": names}
    return [wg.explain(layers, *arguments, view=view, **options) for view in ("delta", "matrix")]


@functools.cache
def one_neuron() -> list[wg.Derivation]:
    def forward(x: Any) -> Any:
        f = x + 2
        g = 3 * f
        h = np.sin(g)
        return h

    def neuron(w: Any, w0: Any, x: Any, y: Any) -> Any:
        z = w @ x + w0
        a = wg.sigmoid(z)
        L = -(y * np.log(a) + (1 - y) * np.log(1 - a))
        return L

    def squares(z: Any) -> Any:
        a = z**2
        L = np.sum(a)
        return L

    arguments = (np.array([0.5, 0.25]), 0.1, np.array([1.0, -2.0]), 1.0)
    names = {"w0": "w₀"}
    return [
        wg.explain(forward, 10.0, view="adjoint", numbers=True),
        wg.explain(neuron, *arguments, wrt=["w", "w0"], view="matrix", notation="mit", names=names),
        wg.explain(squares, np.array([1.0, 2.0, 3.0]), view="numbers", notation="mit"),
    ]


@functools.cache
def adjoint_walk() -> list[wg.Derivation]:
    def first(x: Any) -> Any:
        t = x**2
        u1 = np.sin(t)
        u2 = 3 * t
        u = u1 + u2
        J = np.cos(u)
        return J

    def logistic(theta: Any, x: Any, t: Any) -> Any:
        a = theta @ x
        y = wg.sigmoid(a)
        J = -(t * np.log(y) + (1 - t) * np.log(1 - y))
        return J

    def network(alpha: Any, beta: Any, x: Any, t: Any) -> Any:
        a = alpha @ x
        z = wg.sigmoid(a)
        b = beta @ z
        y = wg.sigmoid(b)
        J = -(t * np.log(y) + (1 - t) * np.log(1 - y))
        return J

    theta, x = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    alpha, beta = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]]), np.array([1.0, -1.0])
    names = {"t": "y*"}
    return [
        wg.explain(first, 0.5, view="adjoint", numbers=True),
        wg.explain(logistic, theta, x, 1.0, wrt="theta", view="index", names=names),
        wg.explain(network, alpha, beta, x, 1.0, wrt=["alpha", "beta"], view="adjoint", names=names),
    ]


@functools.cache
def row_vectors() -> list[wg.Derivation]:
    def network(a: Any, W: Any, V: Any, y: Any) -> Any:
        b = a @ W
        c = np.tanh(b)
        e = c @ V
        epsilon = np.sum((e - y) ** 2)
        return epsilon

    arguments = (
        np.array([1.0, 0.0, -1.0]), np.array([[1.0, 0.0], [2.0, -1.0], [0.5, 0.0]]),
        np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([0.0, 1.0]),
    )  # fmt: skip
    return [wg.explain(network, *arguments, wrt=["V", "W"], view=view) for view in ("index", "matrix")]


CASES: dict[str, Callable[[], list[wg.Derivation]]] = {
    "000-linear-regression": linear_regression,
    "000-relu-network": relu_network,
    "000-sigmoid-network": sigmoid_network,
    "001-log-loss": log_loss,
    "002-one-neuron": one_neuron,
    "002-layers": neuron_and_layers,
    "003-adjoints": adjoint_walk,
    "004-row-vectors": row_vectors,
}
