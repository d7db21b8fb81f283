"""Losses and layers of machine learning that people ask about, each with its gradient from the literature."""

import numpy as np
from scipy import special
from tests.golden.forum_functions import COVARIANCE, RNG, X63, Asked, normal, positive, softmax_rows

import wengert as wg


def info_nce(Q, K):
    S = Q @ K.T / 0.5
    return -np.mean(np.diag(S) - np.log(np.sum(np.exp(S), axis=1)))


def info_nce_by_hand(Q, K):
    D = (softmax_rows(2 * Q @ K.T) - np.eye(len(Q))) / len(Q) * 2
    return D @ K, D.T @ Q


def focal(p, y):
    return -np.sum(y * (1 - p) ** 2 * np.log(p))


def focal_by_hand(p, y):
    return (y * (2 * (1 - p) * np.log(p) - (1 - p) ** 2 / p),)


def closed_ridge(X, y):
    w = np.linalg.solve(X.T @ X + 0.1 * np.eye(3), X.T @ y)
    return w @ w


def closed_ridge_by_hand(X, y):
    inverse = np.linalg.inv(X.T @ X + 0.1 * np.eye(3))
    w = inverse @ X.T @ y
    v = 2 * inverse @ w
    return np.outer(y - X @ w, v) - np.outer(X @ v, w), X @ v


def principal_axes(W, X):
    return -np.trace(W.T @ X.T @ X @ W)


def tempered(z, T, y):
    p = np.exp(z / T) / np.sum(np.exp(z / T))
    return -np.sum(y * np.log(p))


def tempered_by_hand(z, T, y):
    p = special.softmax(z / T)
    return (p - y) / T, (y - p) @ z / T**2


def cosines(A, B):
    M = A / np.linalg.norm(A, axis=1, keepdims=True)
    N = B / np.linalg.norm(B, axis=1, keepdims=True)
    return np.sum(M * N)


def cosines_by_hand(A, B):
    a = np.linalg.norm(A, axis=1, keepdims=True)
    M, N = A / a, B / np.linalg.norm(B, axis=1, keepdims=True)
    return ((N - np.sum(M * N, axis=1, keepdims=True) * M) / a,)


def root_mean_square(x, g, c):
    r = np.sqrt(np.mean(x**2) + 1e-6)
    return np.sum(c * g * x / r)


def root_mean_square_by_hand(x, g, c):
    r = np.sqrt(np.mean(x**2) + 1e-6)
    return c * g / r - (c * g @ x) * x / (len(x) * r**3), c * x / r


def gated_unit(x, W, V, c):
    a = x @ W
    b = x @ V
    return np.sum(c * a * wg.sigmoid(a) * b)


def gated_unit_by_hand(x, W, V, c):
    a, b = x @ W, x @ V
    s = special.expit(a)
    return np.outer(x, c * b * s * (1 + a * (1 - s))), np.outer(x, c * a * s)


def rotary(q, k, C, S):
    h = np.concatenate([-q[2:], q[:2]])
    r = q * C + h * S
    return r @ k


def rotary_by_hand(q, k, C, S):
    d = k * S
    return (k * C + np.concatenate([d[2:], -d[:2]]),)


def tversky(p, g):
    tp = np.sum(p * g)
    fp = np.sum(p * (1 - g))
    fn = np.sum((1 - p) * g)
    return 1 - tp / (tp + 0.3 * fp + 0.7 * fn)


def tversky_by_hand(p, g):
    tp, fp, fn = np.sum(p * g), np.sum(p * (1 - g)), np.sum((1 - p) * g)
    below = tp + 0.3 * fp + 0.7 * fn
    return ((tp * (g + 0.3 * (1 - g) - 0.7 * g) - below * g) / below**2,)


def entropy(z):
    p = wg.softmax(z)
    return -np.sum(p * np.log(p))


def entropy_by_hand(z):
    p = special.softmax(z)
    return (-p * (np.log(p) - p @ np.log(p)),)


def jensen_shannon(p, q):
    m = (p + q) / 2
    return np.sum(p * np.log(p / m)) / 2 + np.sum(q * np.log(q / m)) / 2


def latent_divergence(mu, s):
    return 0.5 * np.sum(mu**2 + s**2 - np.log(s**2) - 1)


def gumbel_softmax(l, g, c):
    y = wg.softmax((l + g) / 0.5)
    return np.sum(c * y)


def gumbel_softmax_by_hand(l, g, c):
    y = special.softmax((l + g) / 0.5)
    return (2 * y * (c - c @ y),)


def mixture_density(a, mu, s, x):
    p = wg.softmax(a)
    d = np.exp(-((x - mu) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi))
    return -np.log(np.sum(p * d))


def mixture_density_by_hand(a, mu, s, x):
    p = special.softmax(a)
    d = np.exp(-((x - mu) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi))
    shares = p * d / (p @ d)  # how far each component answers for x
    return p - shares, -shares * (x - mu) / s**2, shares * (1 / s - (x - mu) ** 2 / s**3)


def kalman_gain(P, H, R):
    S = H @ P @ H.T + R
    K = P @ H.T @ np.linalg.inv(S)
    return np.trace(P - K @ H @ P)


def weighted_squares(w, X, y, d):
    return np.sum(d * (X @ w - y) ** 2)


def elastic_net(w, X, y):
    return np.sum((X @ w - y) ** 2) / 2 + 0.3 * np.sum(np.abs(w)) + 0.2 * w @ w


def commutator(A, B):
    C = A @ B - B @ A
    return np.sum(C**2)


def commutator_by_hand(A, B):
    C = A @ B - B @ A
    return 2 * (C @ B.T - B.T @ C), 2 * (A.T @ C - C @ A.T)


def scaling_step(u, K, b):
    v = b / (K.T @ u)
    return np.sum(v**2)


def scaling_step_by_hand(u, K, b):
    v = b / (K.T @ u)
    return (-2 * K @ (v**2 / (K.T @ u)),)


def labels(Z, y):
    P = wg.softmax(Z, axis=1)
    return -np.mean(np.log(P[np.arange(4), y]))


def labels_by_hand(Z, y):
    return ((softmax_rows(Z) - np.eye(3)[y]) / 4,)


def smoothness(x):
    return np.sum((x[1:] - x[:-1]) ** 2)


SIMPLEX = RNG.dirichlet(np.ones(4))
BINARY = np.array([1.0, 0, 1, 0])
LEARNED: dict[str, Asked] = {
    "info_nce": Asked(
        info_nce, (normal(4, 3), normal(4, 3)), ["Q", "K"], info_nce_by_hand, "van den Oord et al. 2018"
    ),
    "focal": Asked(focal, (positive(4) / 3, np.eye(4)[1]), ["p"], focal_by_hand, "Lin et al. 2017"),
    "closed_ridge": Asked(
        closed_ridge, (X63, normal(6)), ["X", "y"], closed_ridge_by_hand,
        "Petersen & Pedersen 2012, section 2.2, in the normal equations",
    ),
    "principal_axes": Asked(
        principal_axes, (normal(3, 2), X63), ["W"], lambda W, X: (-2 * X.T @ X @ W,),
        "Petersen & Pedersen 2012, section 2.5",
    ),
    "tempered": Asked(
        tempered, (normal(4), 1.5, np.eye(4)[1]), ["z", "T"], tempered_by_hand,
        "Hinton, Vinyals & Dean 2015",
    ),
    "cosines": Asked(cosines, (normal(4, 3), normal(4, 3)), ["A"], cosines_by_hand, "quotient rule by rows"),
    "root_mean_square": Asked(
        root_mean_square, (normal(4), normal(4), normal(4)), ["x", "g"], root_mean_square_by_hand,
        "Zhang & Sennrich 2019",
    ),
    "gated_unit": Asked(
        gated_unit, (normal(3), normal(3, 4), normal(3, 4), normal(4)), ["W", "V"], gated_unit_by_hand,
        "Shazeer 2020",
    ),
    "rotary": Asked(
        rotary, tuple(normal(4) for _ in range(4)), ["q"], rotary_by_hand,
        "Su et al. 2021: the transpose of a rotation turns back",
    ),
    "tversky": Asked(tversky, (positive(4) / 3, BINARY), ["p"], tversky_by_hand, "Salehi et al. 2017"),
    "entropy": Asked(entropy, (normal(4),), ["z"], entropy_by_hand, "Williams & Peng 1991: −p (ln p + H)"),
    "jensen_shannon": Asked(
        jensen_shannon, (positive(4), positive(4)), ["p", "q"],
        lambda p, q: (np.log(2 * p / (p + q)) / 2, np.log(2 * q / (p + q)) / 2), "Lin 1991",
    ),
    "latent_divergence": Asked(
        latent_divergence, (normal(4), positive(4)), ["mu", "s"], lambda mu, s: (mu, s - 1 / s),
        "Kingma & Welling 2014, appendix B",
    ),
    "gumbel_softmax": Asked(
        gumbel_softmax, (normal(4), normal(4), normal(4)), ["l"], gumbel_softmax_by_hand,
        "Jang, Gu & Poole 2017",
    ),
    "mixture_density": Asked(
        mixture_density, (normal(3), normal(3), positive(3), 0.4), ["a", "mu", "s"], mixture_density_by_hand,
        "Bishop 2006, section 5.6",
    ),
    "kalman_gain": Asked(
        kalman_gain, (COVARIANCE, normal(2, 3), np.eye(2)), ["R"],
        lambda P, H, R: (lambda K: (K.T @ K,))(P @ H.T @ np.linalg.inv(H @ P @ H.T + R)),
        "Petersen & Pedersen 2012, section 2.2: with symmetric P it is KᵀK",
    ),
    "weighted_squares": Asked(
        weighted_squares, (normal(3), X63, normal(6), positive(6)), ["w"],
        lambda w, X, y, d: (2 * X.T @ (d * (X @ w - y)),), "Bishop 2006, exercise 3.3",
    ),
    "elastic_net": Asked(
        elastic_net, (normal(3), X63, normal(6)), ["w"],
        lambda w, X, y: (X.T @ (X @ w - y) + 0.3 * np.sign(w) + 0.4 * w,), "Zou & Hastie 2005",
    ),
    "commutator": Asked(
        commutator, (normal(3, 3), normal(3, 3)), ["A", "B"], commutator_by_hand,
        "Petersen & Pedersen 2012, section 2.5, by the product rule",
    ),
    "scaling_step": Asked(
        scaling_step, (positive(3), positive(3, 4), positive(4)), ["u"], scaling_step_by_hand,
        "Cuturi 2013: half a step of Sinkhorn",
    ),
    "labels": Asked(
        labels, (normal(4, 3), np.array([0, 2, 1, 1])), ["Z"], labels_by_hand, "Bishop 2006, section 4.3.4"
    ),
    "smoothness": Asked(
        smoothness, (normal(6),), ["x"],
        lambda x: (2 * np.diff(np.eye(6), axis=0).T @ np.diff(x),),
        "Boyd & Vandenberghe 2004, section 6.3: 2 DᵀDx",
    ),
}  # fmt: skip
PRINTED = {
    "info_nce": ["1/2 (softmax(S) K − K)", "1/2 (softmax(S)ᵀ Q − Q)"],
    "principal_axes": ["−2 Xᵀ X W"],
    "tempered": ["(p − y)/T", "−yᵀ ((zᵀ p) 𝟏 − z)/T²"],
    "entropy": ["p ⊙ ((ln(p)ᵀ p) 𝟏 − ln(p))"],
    "jensen_shannon": ["1/2 ln(p/m)", "1/2 ln(q/m)"],
    "latent_divergence": ["μ", "s − 1/s"],
    "gumbel_softmax": ["2 y ⊙ (c − (cᵀ y) 𝟏)"],
    "weighted_squares": ["2 Xᵀ (d ⊙ (X w − y))"],
    "elastic_net": ["0.3 sign(w) + 2/5 w + Xᵀ (X w − y)"],
    "commutator": ["2 C Bᵀ − 2 Bᵀ C", "2 Aᵀ C − 2 C Aᵀ"],
    "labels": ["1/4 (p_ij − [j = y_i + 1])"],
    "smoothness": ["2 ((x_i − x_{i−1}) [2 ≤ i] − (x_{i+1} − x_i) [i ≤ 5])"],
}
