"""Functions whose derivations are asked for most, as they are written by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

Array = np.ndarray[Any, Any]
Case = tuple[Callable[..., Any], tuple[Any, ...]]

_RNG = np.random.default_rng(5)
CLASSES = 5


def _normal(*shape: int) -> Array:
    return _RNG.normal(size=shape)


def _positive(*shape: int) -> Array:
    return _RNG.uniform(0.5, 2, size=shape)


def _labels(rows: int) -> Array:
    return np.eye(CLASSES)[np.arange(rows) % CLASSES]


def softmax_by_hand(z: Any, y: Any) -> Any:
    p = np.exp(z) / np.sum(np.exp(z))
    return -np.sum(y * np.log(p))


def shifted_softmax(z: Any, y: Any) -> Any:
    e = np.exp(z - np.max(z))
    p = e / np.sum(e)
    return -np.sum(y * np.log(p))


def batched_softmax(W: Any, b: Any, X: Any, T: Any) -> Any:
    Z = X @ W + b
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.mean(np.sum(T * np.log(P), axis=1))


def log_softmax(z: Any, y: Any) -> Any:
    return -np.sum(y * (z - np.log(np.sum(np.exp(z)))))


def batched_log_softmax(Z: Any, T: Any) -> Any:
    return -np.mean(np.sum(T * (Z - wg.logsumexp(Z, axis=1, keepdims=True)), axis=1))


def temperature(z: Any, y: Any) -> Any:
    p = np.exp(z / 2) / np.sum(np.exp(z / 2))
    return np.sum((p - y) ** 2)


def layer_norm(x: Any, g: Any, b: Any, t: Any) -> Any:
    m = np.mean(x)
    v = np.mean((x - m) ** 2)
    n = (x - m) / np.sqrt(v + 1e-5)
    return np.sum((g * n + b - t) ** 2)


def batched_layer_norm(X: Any, g: Any, b: Any, T: Any) -> Any:
    m = np.mean(X, axis=1, keepdims=True)
    s = np.std(X, axis=1, keepdims=True)
    return np.mean((g * (X - m) / s + b - T) ** 2)


def batch_norm(X: Any, g: Any, b: Any, T: Any) -> Any:
    m = X.mean(axis=0)
    v = X.var(axis=0)
    return np.sum((g * (X - m) / np.sqrt(v + 1e-3) + b - T) ** 2)


def rms_norm(x: Any, g: Any, t: Any) -> Any:
    return np.sum((g * x / np.sqrt(np.mean(x**2) + 1e-6) - t) ** 2)


def nested_norms(x: Any, t: Any) -> Any:
    a = x / np.sum(x)
    b = a / np.sqrt(np.sum(a * a))
    c = np.exp(b) / np.sum(np.exp(b))
    return np.sum((c - t) ** 2)


def attention(Q: Any, K: Any, V: Any, T: Any) -> Any:
    S = Q @ K.T / np.sqrt(3)
    A = np.exp(S) / np.sum(np.exp(S), axis=1, keepdims=True)
    return np.sum((A @ V - T) ** 2)


def self_attention(X: Any, W: Any) -> Any:
    A = wg.softmax(X @ W @ X.T, axis=1)
    return np.sum((A @ X) ** 2)


def heads(Q: Any, K: Any, V: Any) -> Any:
    A = wg.softmax(np.einsum("hik,hjk->hij", Q, K), axis=-1)
    return np.sum(np.einsum("hij,hjk->hik", A, V) ** 2)


def own_sum(x: Any) -> Any:
    return np.sum(x * np.sum(x))


def weighted_share(z: Any, t: Any) -> Any:
    s = np.sum(z)
    w = z * s
    return np.sum(w * t)


def share(z: Any, t: Any) -> Any:
    p = z / np.sum(z)
    return np.sum((p - t) ** 2)


def logged_share(z: Any) -> Any:
    p = np.log(z / np.sum(z))
    return np.sum(p**2)


def tiled(c: Any) -> Any:
    v = np.log(np.exp(c) / np.sum(np.exp(c), axis=1, keepdims=True))
    return np.sum(np.tile(v, 3))


def gelu(x: Any, w: Any) -> Any:
    return np.sum(w * 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def exact_gelu(x: Any, w: Any) -> Any:
    return np.sum(w * x * (1 + wg.erf(x / np.sqrt(2))) / 2)


def swish(x: Any) -> Any:
    return np.sum(x / (1 + np.exp(-x)))


def mish(x: Any) -> Any:
    return np.sum(x * np.tanh(np.log(1 + np.exp(x))))


def tanh_by_hand(x: Any, t: Any) -> Any:
    a = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    return np.sum((a - t) ** 2)


def cosine_similarity(u: Any, v: Any) -> Any:
    return u @ v / (np.linalg.norm(u) * np.linalg.norm(v))


def cosine_by_hand(u: Any, v: Any) -> Any:
    return np.sum(u * v) / (np.sqrt(np.sum(u**2)) * np.sqrt(np.sum(v**2)))


def contrastive(A: Any, B: Any) -> Any:
    a = A / np.sqrt(np.sum(A**2, axis=1, keepdims=True))
    b = B / np.sqrt(np.sum(B**2, axis=1, keepdims=True))
    s = a @ b.T
    return -np.mean(np.diag(s) - np.log(np.sum(np.exp(s), axis=1)))


def logistic(w: Any, X: Any, y: Any) -> Any:
    p = 1 / (1 + np.exp(-(X @ w)))
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def logistic_with_bias(w: Any, b: Any, X: Any, y: Any) -> Any:
    z = X @ w + b
    p = np.exp(z) / (1 + np.exp(z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def neuron(w: Any, x: Any, t: Any) -> Any:
    a = np.exp(w @ x) / (1 + np.exp(w @ x))
    return (a - t) ** 2


def signed_logistic(w: Any, X: Any, y: Any) -> Any:
    return np.sum(np.log(1 + np.exp(-y * (X @ w)))) + 0.1 * np.sum(w**2)


def ridge(w: Any, X: Any, y: Any) -> Any:
    return 0.5 * np.sum((X @ w - y) ** 2) + 0.05 * np.sum(w**2)


def lasso(w: Any, X: Any, y: Any) -> Any:
    return np.mean((X @ w - y) ** 2) + 0.1 * np.sum(np.abs(w))


def quadratic_form(x: Any, A: Any) -> Any:
    return x @ A @ x


def matrix_least_squares(X: Any, A: Any, B: Any) -> Any:
    return np.sum((A @ X - B) ** 2)


def trace_of_product(A: Any, B: Any) -> Any:
    return np.trace(A @ B)


def traces(A: Any, B: Any) -> Any:
    return np.trace(A.T @ B @ A) + np.einsum("ii->", B)


def reconstruction(W: Any, X: Any) -> Any:
    return np.sum((X - X @ W @ W.T) ** 2)


def rayleigh(w: Any, S: Any) -> Any:
    return w @ S @ w / (w @ w)


def variance(x: Any) -> Any:
    return np.sum((x - np.mean(x)) ** 2) / (len(x) - 1)


def numpy_variance(x: Any) -> Any:
    return np.var(x, ddof=1) + np.std(x)


def covariance(X: Any) -> Any:
    C = (X - X.mean(axis=0)).T @ (X - X.mean(axis=0)) / len(X)
    return np.sum(C**2)


def gaussian(mu: Any, sigma: Any, x: Any) -> Any:
    return np.sum(0.5 * ((x - mu) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi))


def kullback_leibler(m: Any, s: Any) -> Any:
    return 0.5 * np.sum(s**2 + m**2 - 1 - 2 * np.log(s))


def mixture(mu: Any, w: Any, x: Any) -> Any:
    p = np.exp(w) / np.sum(np.exp(w))
    d = np.exp(-0.5 * (x[:, None] - mu) ** 2) * p
    return -np.sum(np.log(np.sum(d, axis=1)))


def huber(w: Any, X: Any, y: Any) -> Any:
    r = X @ w - y
    return np.sum(np.where(np.abs(r) < 1, 0.5 * r**2, np.abs(r) - 0.5))


def hinge(w: Any, X: Any, y: Any) -> Any:
    return np.mean(np.maximum(0, 1 - y * (X @ w))) + 0.5 * w @ w


def distances(X: Any) -> Any:
    d = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    return np.sum(np.exp(-d))


def network(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, t: Any) -> Any:
    return np.sum((np.tanh(x @ W1 + b1) @ W2 + b2 - t) ** 2)


def softmax_network(W1: Any, W2: Any, X: Any, T: Any) -> Any:
    H = np.maximum(0, X @ W1)
    Z = H @ W2
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = P / P.sum(axis=1, keepdims=True)
    return -np.sum(T * np.log(P)) / len(X)


def recurrent(W: Any, U: Any, X: Any) -> Any:
    h = np.zeros(2)
    for t in range(3):
        h = np.tanh(X[t] @ W + h @ U)
    return np.sum(h**2)


def embedded(E: Any, w: Any) -> Any:
    return np.sum((E[np.array([0, 2, 2])] @ w) ** 2)


def columns(x: Any, A: Any, y: Any) -> Any:
    return np.sum((A @ x - y) ** 2) + np.sum(x.T @ x)


def total_variation(x: Any) -> Any:
    return np.sum(np.abs(x[1:] - x[:-1]))


def curvature(x: Any) -> Any:
    return np.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2)


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def autoregression(x: Any, phi: Any) -> Any:
    return np.sum((x[2:] - phi[0] * x[1:-1] - phi[1] * x[:-2]) ** 2)


def palindrome(x: Any, y: Any) -> Any:
    return np.sum((x * y[::-1]) ** 2) + np.sum(x[::2] * x[1::2])


def differences(x: Any) -> Any:
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sum(np.flip(x) * np.cumsum(x))


def joined(a: Any, b: Any) -> Any:
    c = np.concatenate([a, b, 2 * a])
    return np.sum(np.tanh(c) ** 2) + np.sum(np.pad(a, (1, 2)) ** 2)


def folded(x: Any, W: Any) -> Any:
    return np.sum((x.reshape(2, 3) @ W) ** 2) + np.prod(x)


def bilinear(x: Any, W: Any, y: Any) -> Any:
    return np.einsum("i,kij,j->", x, W, y) ** 2


def picked_class(Z: Any) -> Any:
    return -np.mean(Z[np.arange(3), np.array([0, 1, 1])] - np.log(np.sum(np.exp(Z), axis=1)))


def power_sums(x: Any, w: Any) -> Any:
    n = np.sum(np.abs(x) ** 3) ** (1 / 3)
    return np.sum(x / n * w)


def spread(x: Any) -> Any:
    n = (x - np.min(x)) / (np.max(x) - np.min(x))
    return np.sum(n**2)


def gated(x: Any, W: Any, V: Any) -> Any:
    return np.sum((x @ W) * wg.sigmoid(x @ V) * np.sum(x))


CASES: dict[str, Case] = {
    function.__name__: (function, arguments)
    for function, arguments in (
        (softmax_by_hand, (_normal(CLASSES), np.eye(CLASSES)[1])),
        (shifted_softmax, (_normal(CLASSES), np.eye(CLASSES)[1])),
        (batched_softmax, (_normal(2, CLASSES), _normal(CLASSES), _normal(4, 2), _labels(4))),
        (log_softmax, (_normal(CLASSES), np.eye(CLASSES)[1])),
        (batched_log_softmax, (_normal(4, CLASSES), _labels(4))),
        (temperature, (_normal(CLASSES), np.eye(CLASSES)[1])),
        (layer_norm, (_normal(5), _normal(5), _normal(5), _normal(5))),
        (batched_layer_norm, (_normal(4, 5), _normal(5), _normal(5), _normal(4, 5))),
        (batch_norm, (_normal(5, 4), _normal(4), _normal(4), _normal(5, 4))),
        (rms_norm, (_normal(5), _normal(5), _normal(5))),
        (nested_norms, (_positive(5), _normal(5))),
        (attention, (_normal(4, 3), _normal(5, 3), _normal(5, 2), _normal(4, 2))),
        (self_attention, (_normal(4, 3), _normal(3, 3) / 2)),
        (heads, (_normal(2, 4, 3), _normal(2, 4, 3), _normal(2, 4, 3))),
        (own_sum, (_normal(5),)),
        (weighted_share, (_normal(5), _normal(5))),
        (share, (_positive(5), _normal(5))),
        (logged_share, (_positive(5),)),
        (tiled, (_normal(1, 5),)),
        (gelu, (_normal(4), _normal(4))),
        (exact_gelu, (_normal(4), _normal(4))),
        (swish, (_normal(4),)),
        (mish, (_normal(4),)),
        (tanh_by_hand, (_normal(4), _normal(4))),
        (cosine_similarity, (_normal(5), _normal(5))),
        (cosine_by_hand, (_normal(5), _normal(5))),
        (contrastive, (_normal(4, 3), _normal(4, 3))),
        (logistic, (_normal(3), _normal(6, 3), np.array([1.0, 0, 1, 1, 0, 1]))),
        (logistic_with_bias, (_normal(3), 0.3, _normal(6, 3), np.array([1.0, 0, 1, 1, 0, 1]))),
        (neuron, (_normal(3), _normal(3), 1.0)),
        (signed_logistic, (_normal(3), _normal(6, 3), np.array([1.0, -1, 1, 1, -1, 1]))),
        (ridge, (_normal(3), _normal(6, 3), _normal(6))),
        (lasso, (_normal(3), _normal(6, 3), _normal(6))),
        (quadratic_form, (_normal(4), _normal(4, 4))),
        (matrix_least_squares, (_normal(3, 2), _normal(4, 3), _normal(4, 2))),
        (trace_of_product, (_normal(3, 4), _normal(4, 3))),
        (traces, (_normal(4, 4), _normal(4, 4))),
        (reconstruction, (_normal(4, 2), _normal(5, 4))),
        (rayleigh, (_normal(4), _normal(4, 4))),
        (variance, (_normal(5),)),
        (numpy_variance, (_normal(5),)),
        (covariance, (_normal(5, 4),)),
        (gaussian, (0.3, 1.2, _normal(5))),
        (kullback_leibler, (_normal(4), _positive(4))),
        (mixture, (_normal(4), _normal(4), _normal(5))),
        (huber, (_normal(3), _normal(6, 3), _normal(6))),
        (hinge, (_normal(3), _normal(6, 3), np.array([1.0, -1, 1, 1, -1, 1]))),
        (distances, (_normal(4, 2),)),
        (network, (_normal(3, 4), _normal(4), _normal(4, 2), _normal(2), _normal(3), _normal(2))),
        (softmax_network, (_normal(3, 4), _normal(4, CLASSES), _normal(6, 3), _labels(6))),
        (recurrent, (_normal(2, 2), _normal(2, 2), _normal(3, 2))),
        (embedded, (_normal(4, 3), _normal(3))),
        (columns, (_normal(4, 1), _normal(3, 4), _normal(3, 1))),
        (differences, (_normal(5),)),
        (total_variation, (_normal(6),)),
        (curvature, (_normal(6),)),
        (rosenbrock, (_normal(2),)),
        (autoregression, (_normal(5), _normal(2))),
        (palindrome, (_normal(6), _normal(6))),
        (joined, (_normal(4), _normal(5))),
        (folded, (_normal(6), _normal(3, 4))),
        (bilinear, (_normal(4), _normal(2, 4, 5), _normal(5))),
        (picked_class, (_normal(3, 4),)),
        (power_sums, (_normal(4), _normal(4))),
        (spread, (_normal(5),)),
        (gated, (_normal(4), _normal(4, 4), _normal(4, 4))),
    )
}
