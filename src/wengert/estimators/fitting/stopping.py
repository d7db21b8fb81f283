"""When an estimator has learnt enough, and how its learning rate falls: scikit-learn's rules."""

from __future__ import annotations

import math
from dataclasses import dataclass

# An adaptive rate is divided by five until it is as small as this.
_SMALLEST_RATE = 1e-6


@dataclass
class Patience:
    """Counts epochs without an improvement of at least `tol`, of the training loss or of a score.

    Attributes
    ----------
    tol : float
    epochs : int or inf
        The most in a row that are allowed.
    best : float
        The best value yet; lower is better (a score counts with its sign changed).
    count : int
    """

    tol: float
    epochs: float
    best: float = math.inf
    count: int = 0

    def note(self, value: float) -> bool:
        """Take the value of an epoch in; return whether it is the best yet."""
        self.count = self.count + 1 if value > self.best - self.tol else 0
        if value < self.best:
            self.best = value
            return True
        return False

    @property
    def exhausted(self) -> bool:
        """Whether there were too many epochs without improvement."""
        return self.count > self.epochs


@dataclass
class Rate:
    """The learning rate of one run.

    Attributes
    ----------
    initial : float
    rule : {"constant", "invscaling", "adaptive"}
    power : float
        Of invscaling: η = η₀ / (rows seen + 1)^power, from epoch to epoch.
    """

    initial: float
    rule: str = "constant"
    power: float = 0.5

    def __post_init__(self) -> None:
        self.now = self.initial

    def epoch_ends(self, rows_seen: int) -> None:
        """Lower the rate with the number of rows seen, where the rule says so."""
        if self.rule == "invscaling":
            self.now = self.initial / (rows_seen + 1) ** self.power

    def lowered(self) -> bool:
        """Divide an adaptive rate by five; return False where the rule does not, or it is too small."""
        if self.rule != "adaptive" or self.now <= _SMALLEST_RATE:
            return False
        self.now /= 5
        return True
