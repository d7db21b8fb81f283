"""Functions of the factors of a matrix, each with its gradient as the literature has it, in NumPy.

Of a matrix that is read as symmetric one triangle counts for both: the literature's gradient, along symmetric
changes, is what `lower` makes of it.
"""

import numpy as np
from tests.golden.forum_functions import COVARIANCE, Array, Asked, normal


def lower(G: Array) -> Array:
    """Return a gradient along symmetric changes as one by the lower triangle."""
    both = G + G.T
    return np.tril(both) - np.diag(np.diag(both)) / 2


def log_eigenvalues(A):
    lam = np.linalg.eigvalsh(A)
    return np.sum(np.log(lam))


def largest_eigenvalue(A):
    lam = np.linalg.eigvalsh(A)
    return lam[-1]


def eigenvectors(A, k, G):
    lam, Q = np.linalg.eigh(A)
    return k @ lam + np.sum(G * Q)


def eigenvectors_by_hand(A, k, G):
    values, Q = np.linalg.eigh(A)
    gaps = values[None, :] - values[:, None] + np.eye(len(k))
    F = (1 - np.eye(len(k))) / gaps
    return (lower(Q @ (np.diag(k) + F * (Q.T @ G)) @ Q.T),)


def principal_variance(X):
    S = X.T @ X
    lam = np.linalg.eigvalsh(S)
    return lam[-1]


def nuclear_norm(A):
    return np.linalg.norm(A, "nuc")


def spectral_norm(A):
    return np.linalg.norm(A, 2)


def singular_vectors(A, G, k, H):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    return np.sum(G * U) + k @ s + np.sum(H * Vh)


def singular_vectors_by_hand(A, G, k, H):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    V = Vh.T
    F = (1 - np.eye(len(s))) / (s[None, :] ** 2 - s[:, None] ** 2 + np.eye(len(s)))
    of_u, of_v = F * (U.T @ G - G.T @ U), F * (V.T @ H.T - H @ V)
    middle = of_u * s + s[:, None] * of_v + np.diag(k)
    return (U @ middle @ V.T + (G - U @ U.T @ G) / s @ V.T,)


def log_diagonal_of_r(A):
    R = np.linalg.qr(A, mode="r")
    return np.sum(np.log(np.abs(np.diag(R))))


def orthogonal_factors(A, G, H):
    Q, R = np.linalg.qr(A)
    return np.sum(G * Q) + np.sum(H * R)


def orthogonal_factors_by_hand(A, G, H):
    Q, R = np.linalg.qr(A)
    M = R @ np.triu(H).T - G.T @ Q
    copied = np.tril(M) + np.tril(M, -1).T
    return ((G + Q @ copied) @ np.linalg.inv(R).T,)


def log_determinant_by_cholesky(A):
    L = np.linalg.cholesky(A)
    return 2 * np.sum(np.log(np.diag(L)))


def cholesky_factor(A, G):
    L = np.linalg.cholesky(A)
    return np.sum(G * L)


def cholesky_factor_by_hand(A, G):
    L = np.linalg.cholesky(A)
    inverse = np.linalg.inv(L)
    P = np.tril(L.T @ G)
    P -= np.diag(np.diag(P)) / 2
    S = inverse.T @ (P + P.T) @ inverse
    return (np.tril(S) - np.diag(np.diag(S)) / 2,)


def gaussian_process(K, y):
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L, y)
    return a @ a / 2 + np.sum(np.log(np.diag(L)))


def gaussian_process_by_hand(K, y):
    inverse = np.linalg.inv(K)
    weights = inverse @ y
    return lower(inverse - np.outer(weights, weights)) / 2, weights


def _first_vectors(A: Array) -> Array:
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return np.outer(U[:, 0], Vh[0])


def _last_vector(S: Array) -> Array:
    return np.linalg.eigh(S)[1][:, -1:]


TALL, SQUARE = normal(4, 3), normal(3, 3)
FACTORED: dict[str, Asked] = {
    "log_eigenvalues": Asked(
        log_eigenvalues, (COVARIANCE,), ["A"], lambda A: (lower(np.linalg.inv(A)),), "Giles 2008, 3.1"
    ),
    "largest_eigenvalue": Asked(
        largest_eigenvalue, (COVARIANCE,), ["A"], lambda A: (lower(_last_vector(A) @ _last_vector(A).T),),
        "Magnus & Neudecker 2019, chapter 8: dλ = qᵀ dA q",
    ),
    "eigenvectors": Asked(
        eigenvectors, (COVARIANCE, normal(3), SQUARE), ["A"], eigenvectors_by_hand, "Giles 2008, 3.1"
    ),
    "principal_variance": Asked(
        principal_variance, (normal(6, 3),), ["X"],
        lambda X: (2 * X @ _last_vector(X.T @ X) @ _last_vector(X.T @ X).T,),
        "Magnus & Neudecker 2019, chapter 8, with dS = dXᵀ X + Xᵀ dX",
    ),
    "nuclear_norm": Asked(
        nuclear_norm, (TALL,), ["A"],
        lambda A: (np.linalg.svd(A, full_matrices=False)[0] @ np.linalg.svd(A, full_matrices=False)[2],),
        "Watson 1992",
    ),
    "spectral_norm": Asked(spectral_norm, (TALL,), ["A"], lambda A: (_first_vectors(A),), "Watson 1992"),
    "singular_vectors": Asked(
        singular_vectors, (TALL, normal(4, 3), normal(3), SQUARE), ["A"], singular_vectors_by_hand,
        "Townsend 2016, (31)",
    ),
    "log_diagonal_of_r": Asked(
        log_diagonal_of_r, (TALL,), ["A"], lambda A: (np.linalg.pinv(A).T,),
        "ln det(AᵀA) / 2: Petersen & Pedersen 2012, section 2.1",
    ),
    "orthogonal_factors": Asked(
        orthogonal_factors, (TALL, normal(4, 3), SQUARE), ["A"], orthogonal_factors_by_hand,
        "Roberts & Roberts 2020, (3.3)",
    ),
    "log_determinant_by_cholesky": Asked(
        log_determinant_by_cholesky, (COVARIANCE,), ["A"], lambda A: (lower(np.linalg.inv(A)),),
        "Murray 2016, (10)",
    ),
    "cholesky_factor": Asked(
        cholesky_factor, (COVARIANCE, SQUARE), ["A"], cholesky_factor_by_hand, "Murray 2016, (10)"
    ),
    "gaussian_process": Asked(
        gaussian_process, (COVARIANCE, normal(3)), ["K", "y"], gaussian_process_by_hand,
        "Rasmussen & Williams 2006, (5.9), by K itself",
    ),
}  # fmt: skip
PRINTED = {
    "log_eigenvalues": ["(Q diag(2/λ) Qᵀ) ⊙ Φ"],
    "largest_eigenvalue": ["2 Φ ⊙ (q_3 q_3ᵀ)"],
    "principal_variance": ["2 X q_3 q_3ᵀ"],
    "nuclear_norm": ["U Vᵀ"],
    "spectral_norm": ["u_1 v_1ᵀ"],
    "log_diagonal_of_r": ["Q R⁻ᵀ"],
    "log_determinant_by_cholesky": ["2 Φ ⊙ (L⁻ᵀ L⁻¹)"],
    "cholesky_factor": ["Φ ⊙ (L⁻ᵀ ((Lᵀ G) ⊙ Φ) L⁻¹ + L⁻ᵀ ((Gᵀ L) ⊙ Φᵀ) L⁻¹)"],
}
