"""The functions that people ask about in forums, each with its gradient as the literature has it, in NumPy.

A cotangent that comes from further up is written G, so that the result is that of the function alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

import wengert as wg

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(17)


@dataclass(frozen=True)
class Asked:
    """A function that is asked about.

    Attributes
    ----------
    function : callable
    arguments : tuple
    wrt : list of str
    literature : callable
        Of the arguments: the derivative by each of `wrt`.
    source : str
    order : int
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    wrt: list[str]
    literature: Callable[..., tuple[Any, ...]]
    source: str
    order: int = 1


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape)


def positive(*shape: int) -> Array:
    return RNG.uniform(0.5, 2, size=shape)


def softmax_rows(Z: Array) -> Array:
    return special.softmax(Z, axis=-1)


def batch_norm(X, g, b, G):
    m = np.mean(X, axis=0)
    v = np.mean((X - m) ** 2, axis=0)
    N = (X - m) / np.sqrt(v + 1e-5)
    Y = g * N + b
    return np.sum(G * Y)


def batch_norm_by_hand(X, g, b, G):
    count = len(X)
    m, v = X.mean(axis=0), X.var(axis=0)
    s = np.sqrt(v + 1e-5)
    N = (X - m) / s
    dN = G * g
    dv = np.sum(dN * (X - m), axis=0) * -0.5 / s**3
    dm = np.sum(dN * -1 / s, axis=0) + dv * np.sum(-2 * (X - m), axis=0) / count
    return dN / s + dv * 2 * (X - m) / count + dm / count, np.sum(G * N, axis=0), np.sum(G, axis=0)


def layer_norm(x, g, b, c):
    m = np.mean(x)
    v = np.mean((x - m) ** 2)
    n = (x - m) / np.sqrt(v + 1e-5)
    return np.sum(c * (g * n + b))


def layer_norm_by_hand(x, g, b, c):
    s = np.sqrt(x.var() + 1e-5)
    n = (x - x.mean()) / s
    d = c * g
    return (d - d.mean() - n * np.mean(d * n)) / s, c * n, c


def attention(Q, K, V, G):
    S = Q @ K.T / np.sqrt(3)
    A = wg.softmax(S, axis=1)
    Y = A @ V
    return np.sum(G * Y)


def attention_by_hand(Q, K, V, G):
    A = softmax_rows(Q @ K.T / np.sqrt(3))
    dA = G @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    return dS @ K / np.sqrt(3), dS.T @ Q / np.sqrt(3), A.T @ G


def lstm_cell(zi, zf, zo, zg, c, k):
    i = wg.sigmoid(zi)
    f = wg.sigmoid(zf)
    o = wg.sigmoid(zo)
    g = np.tanh(zg)
    s = f * c + i * g
    h = o * np.tanh(s)
    return np.sum(k * h)


def lstm_by_hand(zi, zf, zo, zg, c, k):
    i, f, o, g = special.expit(zi), special.expit(zf), special.expit(zo), np.tanh(zg)
    s = f * c + i * g
    ds = k * o * (1 - np.tanh(s) ** 2)
    return (
        ds * g * i * (1 - i),
        ds * c * f * (1 - f),
        k * np.tanh(s) * o * (1 - o),
        ds * i * (1 - g**2),
        ds * f,
    )


def gru_cell(zr, zu, a, b, h, k):
    r = wg.sigmoid(zr)
    u = wg.sigmoid(zu)
    n = np.tanh(a + r * b)
    y = (1 - u) * n + u * h
    return np.sum(k * y)


def gru_by_hand(zr, zu, a, b, h, k):
    r, u = special.expit(zr), special.expit(zu)
    n = np.tanh(a + r * b)
    dn = k * (1 - u) * (1 - n**2)
    return dn * b * r * (1 - r), k * (h - n) * u * (1 - u), dn, dn * r, k * u


def gelu(x, c):
    return np.sum(c * x * (1 + wg.erf(x / np.sqrt(2))) / 2)


def gelu_by_hand(x, c):
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return (c * (special.ndtr(x) + x * density),)


def silu(x, c):
    return np.sum(c * x / (1 + np.exp(-x)))


def silu_by_hand(x, c):
    s = special.expit(x)
    return (c * s * (1 + x * (1 - s)),)


def cosine(u, v):
    a = np.linalg.norm(u)
    b = np.linalg.norm(v)
    return u @ v / (a * b)


def cosine_by_hand(u, v):
    a, b = np.linalg.norm(u), np.linalg.norm(v)
    c = u @ v / (a * b)
    return v / (a * b) - c * u / a**2, u / (a * b) - c * v / b**2


def kullback_leibler(z, q):
    p = wg.softmax(z)
    return np.sum(p * (np.log(p) - np.log(q)))


def kullback_leibler_by_hand(z, q):
    p = special.softmax(z)
    d = np.log(p / q)
    return p * (d - p @ d), -p / q


def gaussian(mu, sigma, x):
    return np.sum(-0.5 * np.log(2 * np.pi) - np.log(sigma) - (x - mu) ** 2 / (2 * sigma**2))


def gaussian_by_hand(mu, sigma, x):
    return np.sum(x - mu) / sigma**2, np.sum((x - mu) ** 2) / sigma**3 - len(x) / sigma


def poisson(w, X, y):
    mu = np.exp(X @ w)
    return np.sum(mu - y * np.log(mu))


def huber(w, X, y):
    r = X @ w - y
    return np.sum(np.where(np.abs(r) <= 1, 0.5 * r**2, np.abs(r) - 0.5))


def logsumexp(z):
    return np.log(np.sum(np.exp(z)))


def triple_product(a, b, w):
    c = np.cross(a, b)
    return w @ c


def cross_entropy(W, X, T):
    Z = X @ W
    P = wg.softmax(Z, axis=1)
    return -np.sum(T * np.log(P))


def binary_cross_entropy(z, y):
    return np.sum(np.log(1 + np.exp(z)) - y * z)


def hinge(w, X, y):
    return np.sum(np.maximum(0, 1 - y * (X @ w)))


def embedding(E, G, ids):
    Y = E[ids]
    return np.sum(G * Y)


def embedding_by_hand(E, G, ids):
    gradient = np.zeros_like(E)
    np.add.at(gradient, ids, G)
    return (gradient,)


def max_pool(x, c):
    Y = x.reshape(3, 2)
    m = np.max(Y, axis=1)
    return np.sum(c * m)


def max_pool_by_hand(x, c):
    Y = x.reshape(3, 2)
    return (((Y.max(axis=1, keepdims=True) == Y) * c[:, None]).reshape(-1),)


def convolution(x, w, c):
    y = w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]
    return np.sum(c * y)


def convolution_by_hand(x, w, c):
    return np.convolve(c, w), np.correlate(x, c)


def log_determinant(X):
    return np.log(np.linalg.det(X))


def multivariate_normal(mu, S, x):
    d = x - mu
    return -0.5 * np.log(np.linalg.det(S)) - 0.5 * d @ np.linalg.solve(S, d)


def multivariate_normal_by_hand(mu, S, x):
    P = np.linalg.inv(S)
    d = (x - mu)[:, None]
    return (P @ d)[:, 0], -0.5 * (P.T - P.T @ d @ d.T @ P.T)


def logistic(w, X, y):
    p = wg.sigmoid(X @ w)
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def logistic_hessian(w, X, y):
    p = special.expit(X @ w)
    return (X.T @ np.diag(p * (1 - p)) @ X,)


def ridge(w, X, y):
    return np.sum((X @ w - y) ** 2) + 0.1 * w @ w


def trace_of_three(X, A, B):
    return np.trace(A @ X @ B)


def frobenius(X, A, B):
    return np.sum((A @ X - B) ** 2)


def determinant(X):
    return np.linalg.det(X)


def bilinear_inverse(X, a, b):
    return a @ np.linalg.inv(X) @ b


def quadratic_form(x, A):
    return x @ A @ x


def rayleigh(x, A):
    R = x @ A @ x / (x @ x)
    return R


def normalised(x):
    r = np.linalg.norm(x)
    u = x / r
    return u


def softmax(z):
    p = np.exp(z) / np.sum(np.exp(z))
    return p


def triplet(a, p, n):
    return np.maximum(0, np.sum((a - p) ** 2) - np.sum((a - n) ** 2) + 1)


def triplet_by_hand(a, p, n):
    active = float(np.sum((a - p) ** 2) - np.sum((a - n) ** 2) + 1 > 0)
    return 2 * active * (n - p), -2 * active * (a - p), 2 * active * (a - n)


def reconstruction(W, X):
    R = X @ W @ W.T - X
    return np.sum(R**2)


def reconstruction_by_hand(W, X):
    R = X @ W @ W.T - X
    return (2 * (X.T @ R @ W + R.T @ X @ W),)


def factorisation(U, V, M):
    R = U @ V.T - M
    return np.sum(R**2)


def mahalanobis(x, mu, P):
    d = x - mu
    return d @ P @ d


def variance(x):
    return np.var(x)


X63, SQUARE = normal(6, 3), normal(3, 3)
COVARIANCE = SQUARE @ SQUARE.T + np.eye(3)
SIGNS = np.array([1.0, -1, 1, 1, -1, 1])
ASKED: dict[str, Asked] = {
    "batch_norm": Asked(
        batch_norm, (normal(5, 3), normal(3), normal(3), normal(5, 3)), ["X", "g", "b"], batch_norm_by_hand,
        "Ioffe & Szegedy 2015, section 3",
    ),
    "layer_norm": Asked(
        layer_norm, (normal(5), normal(5), normal(5), normal(5)), ["x", "g", "b"], layer_norm_by_hand,
        "Ioffe & Szegedy 2015, section 3, with the sums over features (Ba, Kiros & Hinton 2016, section 3)",
    ),
    "attention": Asked(
        attention, (normal(4, 3), normal(5, 3), normal(5, 2), normal(4, 2)), ["Q", "K", "V"],
        attention_by_hand, "Vaswani et al. 2017, section 3.2.1; softmax backwards, row by row",
    ),
    "lstm_cell": Asked(
        lstm_cell, tuple(normal(4) for _ in range(6)), ["zi", "zf", "zo", "zg", "c"], lstm_by_hand,
        "Goodfellow, Bengio & Courville 2016, section 10.10.1",
    ),
    "gru_cell": Asked(
        gru_cell, tuple(normal(4) for _ in range(6)), ["zr", "zu", "a", "b", "h"], gru_by_hand,
        "Cho et al. 2014, section 2.3, with the reset gate as PyTorch has it",
    ),
    "gelu": Asked(gelu, (normal(4), normal(4)), ["x"], gelu_by_hand, "Hendrycks & Gimpel 2016: Φ(x) + x φ(x)"),
    "silu": Asked(silu, (normal(4), normal(4)), ["x"], silu_by_hand, "Elfwing, Uchibe & Doya 2018"),
    "cosine": Asked(cosine, (normal(4), normal(4)), ["u", "v"], cosine_by_hand, "quotient rule"),
    "kullback_leibler": Asked(
        kullback_leibler, (normal(4), RNG.dirichlet(np.ones(4))), ["z", "q"], kullback_leibler_by_hand,
        "Murphy 2022, section 6.2",
    ),
    "gaussian": Asked(
        gaussian, (0.3, 1.2, normal(5)), ["mu", "sigma"], gaussian_by_hand, "Bishop 2006, section 1.2.4"
    ),
    "poisson": Asked(
        poisson, (normal(3) / 3, X63, np.array([1.0, 0, 2, 3, 1, 0])), ["w"],
        lambda w, X, y: (X.T @ (np.exp(X @ w) - y),), "McCullagh & Nelder 1989, chapter 6",
    ),
    "huber": Asked(
        huber, (normal(3), X63, normal(6)), ["w"], lambda w, X, y: (X.T @ np.clip(X @ w - y, -1, 1),),
        "Huber 1964: ψ(r) is r, bounded by ±1",
    ),
    "logsumexp": Asked(
        logsumexp, (normal(4),), ["z"], lambda z: (special.softmax(z),),
        "Boyd & Vandenberghe 2004, section 3.1.5",
    ),
    "logsumexp_hessian": Asked(
        logsumexp, (normal(4),), ["z"],
        lambda z: (np.diag(special.softmax(z)) - np.outer(special.softmax(z), special.softmax(z)),),
        "Boyd & Vandenberghe 2004, section 3.1.5", order=2,
    ),
    "triple_product": Asked(
        triple_product, ([1.0, 2.0, -1.0], [0.5, 0.0, 3.0], [2.0, -1.0, 1.5]), ["a", "b", "w"],
        lambda a, b, w: (np.cross(b, w), np.cross(w, a), np.cross(a, b)),
        "Petersen & Pedersen 2012, 10.3",
    ),
    "cross_entropy": Asked(
        cross_entropy, (normal(3, 4), X63, np.eye(4)[[0, 1, 2, 3, 0, 1]]), ["W"],
        lambda W, X, T: (X.T @ (softmax_rows(X @ W) - T),), "Bishop 2006, section 4.3.4",
    ),
    "binary_cross_entropy": Asked(
        binary_cross_entropy, (normal(4), np.array([1.0, 0, 1, 0])), ["z"],
        lambda z, y: (special.expit(z) - y,), "Bishop 2006, section 4.3.2",
    ),
    "hinge": Asked(
        hinge, (normal(3), X63, SIGNS), ["w"],
        lambda w, X, y: (-X.T @ (y * (y * (X @ w) < 1)),), "Shalev-Shwartz & Ben-David 2014, section 15.5",
    ),
    "embedding": Asked(
        embedding, (normal(4, 3), normal(3, 3), np.array([0, 2, 2])), ["E"], embedding_by_hand,
        "a row receives the sum of what its copies receive",
    ),
    "max_pool": Asked(
        max_pool, (normal(6), normal(3)), ["x"], max_pool_by_hand,
        "Goodfellow, Bengio & Courville 2016, section 9.3",
    ),
    "convolution": Asked(
        convolution, (normal(7), normal(3), normal(5)), ["x", "w"], convolution_by_hand,
        "Goodfellow, Bengio & Courville 2016, section 9.5",
    ),
    "log_determinant": Asked(
        log_determinant, (COVARIANCE,), ["X"], lambda X: (np.linalg.inv(X).T,),
        "Petersen & Pedersen 2012, section 2.1",
    ),
    "multivariate_normal": Asked(
        multivariate_normal, (normal(3), COVARIANCE, normal(3)), ["mu", "S"], multivariate_normal_by_hand,
        "Bishop 2006, section 2.3.4",
    ),
    "logistic_hessian": Asked(
        logistic, (normal(3), X63, (SIGNS + 1) / 2), ["w"], logistic_hessian, "Bishop 2006, section 4.3.3",
        order=2,
    ),
    "ridge": Asked(
        ridge, (normal(3), X63, normal(6)), ["w"],
        lambda w, X, y: (2 * X.T @ (X @ w - y) + 0.2 * w,), "Hastie, Tibshirani & Friedman 2009, section 3.4.1",
    ),
    "trace_of_three": Asked(
        trace_of_three, (normal(3, 4), normal(2, 3), normal(4, 2)), ["X"], lambda X, A, B: (A.T @ B.T,),
        "Petersen & Pedersen 2012, section 2.5",
    ),
    "frobenius": Asked(
        frobenius, (normal(3, 2), normal(4, 3), normal(4, 2)), ["X"],
        lambda X, A, B: (2 * A.T @ (A @ X - B),), "Petersen & Pedersen 2012, section 2.5",
    ),
    "determinant": Asked(
        determinant, (COVARIANCE,), ["X"], lambda X: (np.linalg.det(X) * np.linalg.inv(X).T,),
        "Petersen & Pedersen 2012, section 2.1",
    ),
    "bilinear_inverse": Asked(
        bilinear_inverse, (COVARIANCE, normal(3), normal(3)), ["X"],
        lambda X, a, b: (-np.linalg.inv(X).T @ np.outer(a, b) @ np.linalg.inv(X).T,),
        "Petersen & Pedersen 2012, section 2.2",
    ),
    "quadratic_form": Asked(
        quadratic_form, (normal(3), SQUARE), ["x"], lambda x, A: ((A + A.T) @ x,),
        "Petersen & Pedersen 2012, section 2.4",
    ),
    "rayleigh": Asked(
        rayleigh, (normal(3), COVARIANCE), ["x"],
        lambda x, A: (2 / (x @ x) * (A @ x - (x @ A @ x) / (x @ x) * x),), "Absil, Mahony & Sepulchre 2008, 4.6",
    ),
    "normalised": Asked(
        normalised, (normal(3),), ["x"],
        lambda x: ((np.eye(3) - np.outer(x, x) / (x @ x)) / np.linalg.norm(x),),
        "Petersen & Pedersen 2012, section 2.6: the second derivative of the norm",
    ),
    "softmax": Asked(
        softmax, (normal(4),), ["z"],
        lambda z: (np.diag(special.softmax(z)) - np.outer(special.softmax(z), special.softmax(z)),),
        "Bishop 2006, section 4.3.4",
    ),
    "triplet": Asked(
        triplet, (normal(3), normal(3), normal(3)), ["a", "p", "n"], triplet_by_hand,
        "Schroff, Kalenichenko & Philbin 2015, section 3.1",
    ),
    "reconstruction": Asked(
        reconstruction, (normal(3, 2), X63), ["W"], reconstruction_by_hand,
        "Petersen & Pedersen 2012, section 2.5, by the product rule",
    ),
    "factorisation": Asked(
        factorisation, (normal(4, 2), normal(3, 2), normal(4, 3)), ["U", "V"],
        lambda U, V, M: (2 * (U @ V.T - M) @ V, 2 * (U @ V.T - M).T @ U),
        "Koren, Bell & Volinsky 2009, for all entries at once",
    ),
    "mahalanobis": Asked(
        mahalanobis, (normal(3), normal(3), COVARIANCE), ["x", "mu"],
        lambda x, mu, P: ((P + P.T) @ (x - mu), -(P + P.T) @ (x - mu)),
        "Petersen & Pedersen 2012, section 2.4",
    ),
    "variance": Asked(
        variance, (normal(5),), ["x"], lambda x: (2 / 5 * (x - x.mean()),), "differences from the mean sum to 0"
    ),
}  # fmt: skip
