"""Names of variables as they are written on paper."""

from __future__ import annotations

_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "lambda_": "λ",
    "lam": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
}


def displayed(name: str) -> str:
    """Return a variable's name as it is written: Greek letters as such."""
    stem = name.rstrip("0123456789")
    return _GREEK.get(stem, stem) + name[len(stem) :]
