"""Layers and losses of named models, each with its gradient as the literature has it, in NumPy."""

from typing import Any

import numpy as np
from scipy import special
from tests.golden.forum_functions import Asked, softmax_rows

import wengert as wg

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(29)
CAUSAL = np.tril(np.ones((3, 3), bool))


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape)


def positive(*shape: int) -> Array:
    return RNG.uniform(0.5, 2, size=shape)


def masked_attention(Q, K, V, G):
    S = np.where(CAUSAL, Q @ K.T / np.sqrt(2), -np.inf)
    P = wg.softmax(S, axis=1)
    return np.sum(G * (P @ V))


def masked_attention_by_hand(Q, K, V, G):
    P = softmax_rows(np.where(CAUSAL, Q @ K.T / np.sqrt(2), -np.inf))
    dP = G @ V.T
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    return dS @ K / np.sqrt(2), dS.T @ Q / np.sqrt(2), P.T @ G


def split_heads(Q, K, G):
    q, k = (one.reshape(3, 2, 2).transpose(1, 0, 2) for one in (Q, K))
    return np.sum(G * (q @ k.transpose(0, 2, 1)))


def split_heads_by_hand(Q, K, G):
    q, k = (one.reshape(3, 2, 2) for one in (Q, K))
    dq, dk = np.einsum("hij,jhd->ihd", G, k), np.einsum("hij,ihd->jhd", G, q)
    return dq.reshape(3, 4), dk.reshape(3, 4)


def graph_convolution(H, W, A, G):
    Z = A @ H @ W
    return np.sum(G * np.maximum(0, Z))


def graph_convolution_by_hand(H, W, A, G):
    D = G * (A @ H @ W > 0)
    return A.T @ D @ W.T, (A @ H).T @ D


def mean_pooling(X, G):
    return np.sum(G * X.reshape(2, 2, 3, 2).mean(axis=(1, 3)))


def mean_pooling_by_hand(X, G):
    return (np.kron(G, np.ones((2, 2))) / 4,)


def group_norm(x, g, c):
    h = x.reshape(2, 3)
    m = np.mean(h, axis=1, keepdims=True)
    v = np.mean((h - m) ** 2, axis=1, keepdims=True)
    n = (h - m) / np.sqrt(v + 1e-5)
    return np.sum(c * g * n.reshape(6))


def group_norm_by_hand(x, g, c):
    h = x.reshape(2, 3)
    s = np.sqrt(h.var(axis=1, keepdims=True) + 1e-5)
    n = (h - h.mean(axis=1, keepdims=True)) / s
    d = (c * g).reshape(2, 3)
    dx = (d - d.mean(axis=1, keepdims=True) - n * np.mean(d * n, axis=1, keepdims=True)) / s
    return dx.reshape(6), c * n.reshape(6)


def kronecker(A, B, G):
    return np.sum(G * np.kron(A, B))


def kronecker_by_hand(A, B, G):
    blocks = G.reshape(2, 2, 2, 3)
    return np.einsum("ikjl,kl->ij", blocks, B), np.einsum("ikjl,ij->kl", blocks, A)


def upsampling(X, G):
    return np.sum(G * np.repeat(np.repeat(X, 2, axis=0), 2, axis=1))


def upsampling_by_hand(X, G):
    return (G.reshape(2, 2, 3, 2).sum(axis=(1, 3)),)


def strided(x, w):
    return np.sum(x[::2] * w)


def strided_by_hand(x, w):
    return np.ravel(np.column_stack([w, np.zeros(3)])), x[::2]


def forward_step(e, T, a):
    return np.sum(np.log(np.sum(np.exp(a[:, None] + T + e), axis=0)))


def forward_step_by_hand(e, T, a):
    P = special.softmax(a[:, None] + T + e, axis=0)
    return np.ones(3), P, P.sum(axis=1)


def masked_factorisation(U, V, R, M):
    return np.sum(M * (R - U @ V.T) ** 2)


def masked_factorisation_by_hand(U, V, R, M):
    E = M * (R - U @ V.T)
    return -2 * E @ V, -2 * E.T @ U


def fisher_ratio(w, B, W):
    return (w @ B @ w) / (w @ W @ w)


def fisher_ratio_by_hand(w, B, W):
    ratio = (w @ B @ w) / (w @ W @ w)
    return (((B + B.T) @ w - ratio * (W + W.T) @ w) / (w @ W @ w),)


def procrustes(R, A, B):
    return np.sum((A @ R - B) ** 2)


def whitening(W, X):
    Y = X @ W
    C = Y.T @ Y / 4
    return np.sum((C - np.eye(2)) ** 2)


def contrastive(a, b, y):
    d = np.sqrt(np.sum((a - b) ** 2))
    return y * d**2 + (1 - y) * np.maximum(0, 1 - d) ** 2


def contrastive_by_hand(a, b, y):
    d = np.linalg.norm(a - b)
    return (2 * (y * d - (1 - y) * max(0, 1 - d)) * (a - b) / d,)


def gaussian_kernel(X, Y, G, s):
    d = np.sum((X[:, None, :] - Y[None, :, :]) ** 2, axis=2)
    return np.sum(G * np.exp(-d / (2 * s**2)))


def gaussian_kernel_by_hand(X, Y, G, s):
    D = X[:, None] - Y
    K = G * np.exp(-np.sum(D**2, axis=2) / (2 * s**2))
    return -np.einsum("ij,ijk->ik", K, D) / s**2, np.sum(K * np.sum(D**2, axis=2)) / s**3


def total_variation(x):
    return np.sum(np.abs(x[1:] - x[:-1]))


def total_variation_by_hand(x):
    return (-np.diff(np.sign(np.diff(x)), prepend=0, append=0),)


def second_differences(c):
    return np.sum((c[2:] - 2 * c[1:-1] + c[:-2]) ** 2)


def second_differences_by_hand(c):
    D = np.diff(np.eye(6), n=2, axis=0)
    return (2 * D.T @ D @ c,)


def bradley_terry(s):
    d = s[np.array([0, 1, 2])] - s[np.array([1, 2, 0])]
    return -np.sum(np.log(wg.sigmoid(d)))


def bradley_terry_by_hand(s):
    lost = 1 - special.expit(s - s[[1, 2, 0]])
    return (lost[[2, 0, 1]] - lost,)


def centring(X, G):
    return np.sum(G * (X - X.mean(axis=0)))


MODELS: dict[str, Asked] = {
    name: Asked(function, arguments, wrt.split(), literature, source)
    for name, function, arguments, wrt, literature, source in [
        (
            "masked_attention",
            masked_attention,
            (normal(3, 2), normal(3, 2), normal(3, 2), normal(3, 2)),
            "Q K V",
            masked_attention_by_hand,
            "Vaswani et al. 2017, 3.2.3",
        ),
        (
            "split_heads",
            split_heads,
            (normal(3, 4), normal(3, 4), normal(2, 3, 3)),
            "Q K",
            split_heads_by_hand,
            "Vaswani et al. 2017, 3.2.2",
        ),
        (
            "graph_convolution",
            graph_convolution,
            (normal(3, 2), normal(2, 2), positive(3, 3), normal(3, 2)),
            "H W",
            graph_convolution_by_hand,
            "Kipf & Welling 2017",
        ),
        (
            "mean_pooling",
            mean_pooling,
            (normal(4, 6), normal(2, 3)),
            "X",
            mean_pooling_by_hand,
            "Goodfellow, Bengio & Courville 2016, 9.3",
        ),
        (
            "group_norm",
            group_norm,
            (normal(6), normal(6), normal(6)),
            "x g",
            group_norm_by_hand,
            "Wu & He 2018",
        ),
        (
            "kronecker",
            kronecker,
            (normal(2, 2), normal(2, 3), normal(4, 6)),
            "A B",
            kronecker_by_hand,
            "Magnus & Neudecker 2019, 2.2",
        ),
        (
            "upsampling",
            upsampling,
            (normal(2, 3), normal(4, 6)),
            "X",
            upsampling_by_hand,
            "the transpose of sum pooling",
        ),
        (
            "strided",
            strided,
            (normal(6), normal(3)),
            "x w",
            strided_by_hand,
            "the transpose of taking every second element",
        ),
        (
            "forward_step",
            forward_step,
            (normal(3), normal(3, 3), normal(3)),
            "e T a",
            forward_step_by_hand,
            "Sutton & McCallum 2012, 4.1",
        ),
        (
            "masked_factorisation",
            masked_factorisation,
            (normal(3, 2), normal(4, 2), normal(3, 4), np.eye(3, 4)),
            "U V",
            masked_factorisation_by_hand,
            "Koren, Bell & Volinsky 2009",
        ),
        (
            "fisher_ratio",
            fisher_ratio,
            (normal(3), normal(3, 3), normal(3, 3)),
            "w",
            fisher_ratio_by_hand,
            "Bishop 2006, 4.1.4",
        ),
        (
            "procrustes",
            procrustes,
            (normal(3, 3), normal(4, 3), normal(4, 3)),
            "R",
            lambda R, A, B: (2 * A.T @ (A @ R - B),),
            "Golub & Van Loan 2013, 6.4.1",
        ),
        (
            "whitening",
            whitening,
            (normal(3, 2), normal(4, 3)),
            "W",
            lambda W, X: (X.T @ X @ W @ ((X @ W).T @ X @ W / 4 - np.eye(2)),),
            "Kessy, Lewin & Strimmer 2018",
        ),
        (
            "contrastive",
            contrastive,
            (normal(3) / 4, normal(3) / 4, 0.3),
            "a",
            contrastive_by_hand,
            "Hadsell, Chopra & LeCun 2006",
        ),
        (
            "gaussian_kernel",
            gaussian_kernel,
            (normal(3, 2), normal(4, 2), normal(3, 4), 1.2),
            "X s",
            gaussian_kernel_by_hand,
            "Rasmussen & Williams 2006, 5.4",
        ),
        (
            "total_variation",
            total_variation,
            (normal(5),),
            "x",
            total_variation_by_hand,
            "Rudin, Osher & Fatemi 1992",
        ),
        (
            "second_differences",
            second_differences,
            (normal(6),),
            "c",
            second_differences_by_hand,
            "Eilers & Marx 1996",
        ),
        ("bradley_terry", bradley_terry, (normal(3),), "s", bradley_terry_by_hand, "Hunter 2004"),
        (
            "centring",
            centring,
            (normal(4, 2), normal(4, 2)),
            "X",
            lambda X, G: (G - G.mean(axis=0),),
            "Mardia, Kent & Bibby 1979, 1.4",
        ),
    ]
}
PRINTED = {
    "masked_factorisation": ["−2 (M ⊙ (R − U Vᵀ)) V", "−2 (Mᵀ ⊙ (Rᵀ − V Uᵀ)) U"],
    "procrustes": ["2 Aᵀ (A R − B)"],
    "mean_pooling": ["1/4 g_{⌈i/2⌉,⌈j/2⌉}"],
    "centring": ["G − 1/4 𝟏 𝟏ᵀ G"],
    "contrastive": ["2 (y d − (1 − y) max(0, 1 − d) [1 − d > 0]) (a − b)/d"],
}
