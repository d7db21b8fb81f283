"""What is asked: the layers of a network, its activation and loss, as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wengert.checks import positive_number
from wengert.errors import ConfigurationError
from wengert.explain.formula.parser import nearest

MOST_UNITS, MOST_LAYERS = 4, 3

# Formulas of activations and losses, and what they are called in a sentence.
ACTIVATIONS: Mapping[str, tuple[str, str]] = {
    "relu": ("maximum(0, {0})", "ReLU"),
    "sigmoid": ("sigmoid({0})", "the sigmoid σ"),
    "tanh": ("tanh({0})", "tanh"),
    "identity": ("{0}", "no activation"),
}
LOSSES: Mapping[str, tuple[str, str]] = {
    "half_squared_error": ("sum((y - t)**2) / 2", "half the squared error"),
    "squared_error": ("sum((y - t)**2)", "the squared error"),
    "absolute_error": ("sum(abs(y - t))", "the absolute error"),
    "nll_from_logits": ("sum(softplus(y) - t * y)", "the cross-entropy of the logit y"),
    "nllm_from_logits": ("logsumexp(y) - sum(t * y)", "the cross-entropy of the logits y"),
}


@dataclass(frozen=True)
class Task:
    """A network to work through.

    Attributes
    ----------
    sizes : tuple of int
        Inputs, units of each layer.
    activation, loss : str
    bias : bool
    learning_rate : float
    """

    sizes: tuple[int, ...]
    activation: str
    loss: str
    bias: bool
    learning_rate: float

    @property
    def layers(self) -> int:
        """Layers of weights."""
        return len(self.sizes) - 1

    @property
    def classifies(self) -> bool:
        """Whether the outputs are logits of classes."""
        return self.loss.endswith("from_logits")

    @property
    def parameters(self) -> list[str]:
        """Names of what is learned, in the order of the layers."""
        numbers = range(1, self.layers + 1)
        return [f"{stem}{number}" for number in numbers for stem in ("W", "b")[: 1 + self.bias]]

    @property
    def formula(self) -> str:
        """The loss as a formula: ``z1 = x @ W1 + b1; a1 = …; y = …; L = …``."""
        parts = []
        value = "x"
        for number in range(1, self.layers + 1):
            last = number == self.layers
            name = "y" if last else f"z{number}"
            parts.append(f"{name} = {value} @ W{number}" + (f" + b{number}" if self.bias else ""))
            value = name
            if not last and self.activation != "identity":
                parts.append(f"a{number} = {ACTIVATIONS[self.activation][0].format(name)}")
                value = f"a{number}"
        return "; ".join([*parts, f"L = {LOSSES[self.loss][0]}"])


def task(network: str, activation: str, loss: str, bias: bool, learning_rate: float) -> Task:
    """Return what is asked for, checked; see `wengert.exercise`."""
    for role, value, known in (("activation", activation, ACTIVATIONS), ("loss", loss, LOSSES)):
        if value not in known:
            raise ConfigurationError(
                f"{role}={value!r} is not one of {', '.join(known)}{nearest(str(value), known)}"
            )
    positive_number("", "learning_rate", learning_rate)
    sizes = _sizes(network)
    if loss == "nllm_from_logits" and sizes[-1] < 2:
        raise ConfigurationError(f"nllm_from_logits is of several classes, and {network} has one output")
    return Task(sizes, activation, loss, bool(bias), float(learning_rate))


def _sizes(network: str) -> tuple[int, ...]:
    if not isinstance(network, str) or not re.fullmatch(r"[0-9]{1,9}(-[0-9]{1,9})+", network):
        raise ConfigurationError(f"network={network!r}: write the sizes of the layers as 2-2-1")
    sizes = tuple(int(one) for one in network.split("-"))
    if not all(1 <= size <= MOST_UNITS for size in sizes) or len(sizes) - 1 > MOST_LAYERS:
        raise ConfigurationError(
            f"network={network!r}: for an exercise by hand, layers have 1 to {MOST_UNITS} units, and there "
            f"are at most {MOST_LAYERS} layers of weights"
        )
    return sizes
