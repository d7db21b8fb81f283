"""Likelihoods with gamma and beta functions, each with its gradient as the literature has it, in NumPy."""

import numpy as np
from scipy import special
from tests.golden.forum_functions import Asked
from tests.golden.model_functions import RNG, normal, positive


def gamma_likelihood(x, a, b):
    return np.sum(special.gammaln(a) - a * np.log(b) - (a - 1) * np.log(x) + b * x)


def gamma_by_hand(x, a, b):
    return np.sum(special.psi(a) - np.log(b) - np.log(x)), np.sum(x) - len(x) * a / b


def beta_likelihood(x, a, b):
    return np.sum(special.betaln(a, b) - (a - 1) * np.log(x) - (b - 1) * np.log(1 - x))


def beta_by_hand(x, a, b):
    both = special.psi(a + b)
    return np.sum(special.psi(a) - both - np.log(x)), np.sum(special.psi(b) - both - np.log(1 - x))


def dirichlet_likelihood(a, p):
    return np.sum(special.gammaln(a)) - special.gammaln(np.sum(a)) - np.sum((a - 1) * np.log(p))


def dirichlet_by_hand(a, p):
    return (special.psi(a) - special.psi(np.sum(a)) - np.log(p),)


def student_likelihood(x, m, v):
    kernel = (v + 1) / 2 * np.log(1 + (x - m) ** 2 / v)
    return np.sum(special.gammaln(v / 2) - special.gammaln((v + 1) / 2) + np.log(v * np.pi) / 2 + kernel)


def student_by_hand(x, m, v):
    d = x - m
    normaliser = special.psi(v / 2) / 2 - special.psi((v + 1) / 2) / 2 + 1 / (2 * v)
    kernel = np.log(1 + d**2 / v) / 2 - (v + 1) / 2 * d**2 / (v * (v + d**2))
    return -np.sum((v + 1) * d / (v + d**2)), np.sum(normaliser + kernel)


def negative_binomial(k, r, p):
    terms = special.gammaln(k + r) - special.gammaln(r) + r * np.log(1 - p) + k * np.log(p)
    return -np.sum(terms)


def negative_binomial_by_hand(k, r, p):
    by_r = special.psi(k + r) - special.psi(r) + np.log(1 - p)
    return -np.sum(by_r), -np.sum(k / p - r / (1 - p))


def weibull_likelihood(x, k, s):
    return -np.sum(np.log(k / s) + (k - 1) * np.log(x / s) - (x / s) ** k)


def weibull_by_hand(x, k, s):
    u = x / s
    return -np.sum(1 / k + np.log(u) - u**k * np.log(u)), np.sum(k / s - k / s * u**k)


LIKELIHOODS: dict[str, Asked] = {
    name: Asked(function, arguments, wrt.split(), literature, source)
    for name, function, arguments, wrt, literature, source in [
        (
            "gamma_likelihood",
            gamma_likelihood,
            (positive(5), 1.3, 0.7),
            "a b",
            gamma_by_hand,
            "Minka 2002, Estimating a gamma distribution",
        ),
        (
            "beta_likelihood",
            beta_likelihood,
            (RNG.uniform(0.1, 0.9, 5), 1.3, 0.7),
            "a b",
            beta_by_hand,
            "Johnson, Kotz & Balakrishnan 1995, 25.4",
        ),
        (
            "dirichlet_likelihood",
            dirichlet_likelihood,
            (positive(4), RNG.dirichlet(np.ones(4))),
            "a",
            dirichlet_by_hand,
            "Minka 2000, Estimating a Dirichlet distribution",
        ),
        (
            "student_likelihood",
            student_likelihood,
            (normal(5), 0.3, 4.0),
            "m v",
            student_by_hand,
            "Lange, Little & Taylor 1989",
        ),
        (
            "negative_binomial",
            negative_binomial,
            (np.array([1.0, 2, 5]), 2.5, 0.4),
            "r p",
            negative_binomial_by_hand,
            "Lawless 1987",
        ),
        (
            "weibull_likelihood",
            weibull_likelihood,
            (positive(4), 1.5, 1.1),
            "k s",
            weibull_by_hand,
            "Lawless 2003, 5.2",
        ),
    ]
}
PRINTED = {
    "gamma_likelihood": ["5 ψ(a) − 5 ln(b) − ln(x)ᵀ 𝟏", "−5 a/b + xᵀ 𝟏"],
    "beta_likelihood": ["5 ψ(a) − 5 ψ(a + b) − ln(x)ᵀ 𝟏", "5 ψ(b) − 5 ψ(a + b) − ln(1 − x)ᵀ 𝟏"],
    "dirichlet_likelihood": ["ψ(a) − ln(p) − ψ(z1) 𝟏"],
}
