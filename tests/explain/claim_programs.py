"""Losses and networks of lectures, right claims on them, and mutations of claims."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import wengert as wg

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Exercise:
    """A function, arguments, and right claims in NumPy code."""

    function: Callable[..., Any]
    shapes: dict[str, tuple[int, ...]]
    claims: dict[str, str]
    targets: dict[str, str] = field(default_factory=dict)

    def arguments(self, rng: np.random.Generator) -> list[Array]:
        """Draw arguments; targets as the loss wants them."""
        return [self._drawn(name, shape, rng) for name, shape in self.shapes.items()]

    def _drawn(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        match self.targets.get(name):
            case "class":
                return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
            case "class of columns":
                return np.eye(shape[0])[:, rng.integers(shape[0], size=shape[1])]
            case "0 or 1":
                return rng.integers(2, size=shape).astype(float)
            case "±1":
                return rng.choice([-1.0, 1.0], shape)
            case "positive":
                return rng.uniform(0.5, 1.5, shape)
        return rng.normal(size=shape)


def squared_error(w, b, X, t):
    z = X @ w + b
    return 0.5 * np.mean((t - z) ** 2)


def ridge(w, X, t, lam):
    z = X @ w
    return np.sum((z - t) ** 2) / len(t) + lam * np.sum(w**2)


def lasso(w, X, t, lam):
    z = X @ w
    return np.sum((z - t) ** 2) + lam * np.sum(np.abs(w))


def logistic(w, X, y):
    p = wg.sigmoid(X @ w)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def written_out_neuron(w, x, t):
    a = 1 / (1 + np.exp(-(w @ x)))
    return (a - t) ** 2


def margin(w, X, y):
    f = X @ w
    return np.mean(np.log(1 + np.exp(-y * f)))


def hinge(w, X, y, lam):
    f = X @ w
    return np.mean(np.maximum(0, 1 - y * f)) + 0.5 * lam * np.sum(w**2)


def softmax(W, b, X, Y):
    Z = X @ W + b
    P = wg.softmax(Z)
    return -np.sum(Y * np.log(P)) / len(X)


def softmax_of_columns(W, X, Y):
    Z = W @ X
    P = wg.softmax(Z, axis=0)
    return -np.sum(Y * np.log(P))


def softmax_by_hand(z, y):
    e = np.exp(z)
    p = e / np.sum(e)
    return -np.sum(y * np.log(p))


def brier(z, y):
    p = wg.softmax(z)
    return np.sum((p - y) ** 2)


def rows(a, W, V, y):
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    return np.sum((e - y) ** 2)


def sigmoid_network(W1, b1, w2, x, t):
    a1 = W1 @ x + b1
    z1 = wg.sigmoid(a1)
    a2 = w2 @ z1
    y = wg.sigmoid(a2)
    return 0.5 * (y - t) ** 2


def relu_network(W1, W2, x, t):
    a = W1 @ x
    h = np.maximum(0, a)
    o = W2 @ h
    return 0.5 * np.sum((o - t) ** 2)


def quadratic(x, A, c):
    return x @ A @ x + c @ x


def gaussian(mu, s, x):
    d = x - mu
    return np.sum(d**2) / (2 * s**2) + len(x) * np.log(s)


def poisson(w, X, n):
    r = np.exp(X @ w)
    return np.sum(r - n * np.log(r))


EXERCISES = [
    Exercise(squared_error, {"w": (3,), "b": (), "X": (6, 3), "t": (6,)}, {
        "w": "X.T @ (z - t) / 6", "b": "mean(z - t)"}),
    Exercise(ridge, {"w": (3,), "X": (6, 3), "t": (6,), "lam": ()}, {
        "w": "2 * X.T @ (z - t) / len(t) + 2 * lam * w"}),
    Exercise(lasso, {"w": (3,), "X": (6, 3), "t": (6,), "lam": ()}, {
        "w": "2 * X.T @ (z - t) + lam * sign(w)"}),
    Exercise(logistic, {"w": (3,), "X": (6, 3), "y": (6,)}, {
        "w": "X.T @ (p - y) / X.shape[0]"}, {"y": "0 or 1"}),
    Exercise(written_out_neuron, {"w": (3,), "x": (3,), "t": ()}, {"w": "2 * (a - t) * a * (1 - a) * x"}),
    Exercise(margin, {"w": (3,), "X": (6, 3), "y": (6,)}, {
        "w": "X.T @ (-y * sigmoid(-y * f)) / 6", "f": "-y * sigmoid(-y * f) / 6"}, {"y": "±1"}),
    Exercise(hinge, {"w": (3,), "X": (6, 3), "y": (6,), "lam": ()}, {
        "w": "-X.T @ (y * (y * f < 1)) / 6 + lam * w"}, {"y": "±1"}),
    Exercise(softmax, {"W": (3, 4), "b": (4,), "X": (5, 3), "Y": (5, 4)}, {
        "W": "X.T @ (P - Y) / 5", "b": "sum(P - Y, axis=0) / 5", "Z": "(P - Y) / 5"}, {"Y": "class"}),
    Exercise(softmax_of_columns, {"W": (4, 3), "X": (3, 5), "Y": (4, 5)}, {"W": "(P - Y) @ X.T"}, {
        "Y": "class of columns"}),
    Exercise(softmax_by_hand, {"z": (4,), "y": (4,)}, {"z": "p - y"}, {"y": "class"}),
    Exercise(brier, {"z": (4,), "y": (4,)}, {"z": "2 * p * (p - y - sum(p * (p - y)))"}, {"y": "class"}),
    Exercise(rows, {"a": (5, 3), "W": (3, 2), "V": (2, 4), "y": (5, 4)}, {
        "W": "a.T @ (2 * (e - y) @ V.T * (1 - c**2))", "V": "c.T @ (2 * (e - y))",
        "a": "2 * (e - y) @ V.T * (1 - c**2) @ W.T"}),
    Exercise(sigmoid_network, {"W1": (3, 2), "b1": (3,), "w2": (3,), "x": (2,), "t": ()}, {
        "W1": "outer((y - t) * y * (1 - y) * w2 * z1 * (1 - z1), x)",
        "b1": "(y - t) * y * (1 - y) * w2 * z1 * (1 - z1)", "w2": "(y - t) * y * (1 - y) * z1"}),
    Exercise(relu_network, {"W1": (3, 2), "W2": (4, 3), "x": (2,), "t": (4,)}, {
        "W1": "outer(W2.T @ (o - t) * (a > 0), x)", "W2": "outer(o - t, h)",
        "a": "W2.T @ (o - t) * (a > 0)"}),
    Exercise(quadratic, {"x": (3,), "A": (3, 3), "c": (3,)}, {"x": "(A + A.T) @ x + c", "A": "outer(x, x)"}),
    Exercise(gaussian, {"mu": (4,), "s": (), "x": (4,)}, {
        "mu": "-d / s**2", "s": "-sum(d**2) / s**3 + 4 / s"}, {"s": "positive"}),
    Exercise(poisson, {"w": (3,), "X": (6, 3), "n": (6,)}, {"w": "X.T @ (r - n)"}),
]  # fmt: skip


def _replaced(node: ast.expr, names: list[str]) -> Iterator[ast.expr]:
    """Yield what a mistake may put in the place of an expression."""
    load = ast.Load()
    if not isinstance(node, ast.Constant):
        yield ast.UnaryOp(ast.USub(), node)
        yield ast.Attribute(node, "T", load)
        yield ast.BinOp(node, ast.Mult(), ast.Constant(2))
        yield ast.BinOp(node, ast.Div(), ast.Constant(6))
        for name in ("sum", "mean", "abs", "diag"):
            yield ast.Call(ast.Name(name, load), [node], [])
        for axis in (0, 1):
            yield ast.Call(ast.Name("sum", load), [node], [ast.keyword("axis", ast.Constant(axis))])
        yield ast.Subscript(node, ast.Constant(0), load)
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield left
            yield right
            yield ast.BinOp(right, op, left)
            for other in (ast.Mult(), ast.MatMult(), ast.Add(), ast.Sub(), ast.Div()):
                yield ast.BinOp(left, other, right)
            yield ast.Call(ast.Name("outer", load), [left, right], [])
        case ast.Attribute(value=value):
            yield value
        case ast.Call(args=[left, right]):
            yield ast.Call(node.func, [right, left], node.keywords)
            yield ast.BinOp(left, ast.Mult(), right)
            yield ast.BinOp(left, ast.MatMult(), right)
        case ast.Call(args=[inner]):
            yield inner
        case ast.Compare(left=left, comparators=[right]):
            yield ast.Compare(right, node.ops, [left])
            yield left
        case ast.Name():
            yield from (ast.Name(name, load) for name in names if name != node.id)
            yield ast.BinOp(node, ast.Pow(), ast.Constant(2))
        case ast.Constant(value=value):
            yield ast.Constant(1 if value != 1 else 2)


def mutations(claim: str, names: list[str]) -> list[str]:
    """Return a claim with one part replaced, at each place in each way."""
    tree = ast.parse(claim, mode="eval").body
    places = [
        node
        for node in ast.walk(tree)
        if isinstance(
            node, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Call | ast.Compare | ast.Name | ast.Constant
        )
        and not (isinstance(node, ast.Name) and node.id in _FUNCTIONS)
    ]
    found: dict[str, None] = {}
    for place in places:
        for new in _replaced(place, names):
            found.setdefault(ast.unparse(swapped(tree, place, new)))
    return list(found)


_FUNCTIONS = {"sum", "mean", "outer", "sigmoid", "sign", "len", "diag", "abs", "exp"}


def swapped(tree: ast.expr, old: ast.expr, new: ast.expr) -> ast.expr:
    """Return a tree with another expression in the place of one."""
    return _Swap(old, new).visit(tree)


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return self.new
        copied = type(node)(**dict(ast.iter_fields(node)))
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(copied, name, self.visit(value))
            elif isinstance(value, list):
                setattr(copied, name, [self.visit(one) if isinstance(one, ast.AST) else one for one in value])
        return copied
