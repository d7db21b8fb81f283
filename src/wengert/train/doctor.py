"""What is wrong with a network in training, in plain words with numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.autodiff.gradients import value_and_grad
from wengert.nn.module import observer
from wengert.train.chance import Chance

Array = np.ndarray[Any, Any]

# What counts as a finding. Shares are of units or of values, ratios of norms.
_DEAD_SHARE = 0.2
_SATURATED_SHARE = 0.5
_VANISHED = 1e-4
_EXPLODED = 1e4
_SMALL_UPDATE, _LARGE_UPDATE = 1e-6, 1e-1
_SCALES_APART = 100.0
# How near to its bounds a bounded activation is saturated: its slope is below a tenth of the steepest.
_BOUNDED = {"tanh": (-1.0, 1.0, 0.05), "sigmoid": (0.0, 1.0, 0.026)}
_MOST_ROWS = 2048
# Which part of what can be gained over guessing a network gains if it has learnt something, and which part of
# that it may lose on other rows.
_LEARNT, _BY_HEART = 0.02, 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know.

    Attributes
    ----------
    kind : str
        ``"dead units"``, ``"saturation"``, ``"vanishing gradient"``, ``"exploding gradient"``,
        ``"small update"``, ``"large update"``, ``"divergence"``, ``"scales"``, ``"not finite"``,
        ``"nothing learnt"`` or ``"learnt by heart"``.
    layer : str or None
        Path of the layer.
    text : str
        What is found, with its numbers.
    advice : str
        What to do.
    """

    kind: str
    layer: str | None
    text: str
    advice: str

    def __str__(self) -> str:
        where = f"{self.layer}: " if self.layer else ""
        return f"{where}{self.text}. {self.advice}."


@dataclass(frozen=True)
class LayerHealth:
    """The numbers of one layer with weights.

    Attributes
    ----------
    layer : str
    weight_norm, gradient_norm : float
        Root mean square of the weight and of the gradient by it.
    update_ratio : float or None
        Norm of the change of the weight in one step over the norm of the weight; None without a step.
    dead : float or None
        Share of units that are 0 for every row; None where the activation is no ReLU.
    saturated : float or None
        Share of values at a bound of tanh or sigmoid; None for other activations.
    """

    layer: str
    weight_norm: float
    gradient_norm: float
    update_ratio: float | None
    dead: float | None
    saturated: float | None


@dataclass(frozen=True)
class Losses:
    """The losses at the end of training.

    Attributes
    ----------
    learnt : float or None
        On the rows that were learnt from.
    fresh : float or None
        On rows held out.
    """

    learnt: float | None
    fresh: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    loss : float
    layers : tuple of LayerHealth
        From the input to the output.
    findings : tuple of Finding
        Empty for a network in good health.
    """

    loss: float
    layers: tuple[LayerHealth, ...]
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        lines = [f"loss {self.loss:.4g}", _table(self.layers)]
        if not self.findings:
            lines.append("Nothing stands out.")
        lines += [f"- {finding}" for finding in self.findings]
        return "\n".join(lines)


def diagnose(
    net: Any,
    X: Array,
    y: Array,
    loss: Callable[[Any, Any], Any],
    *,
    step: Callable[[Any], Any] | None = None,
    rate: float | None = None,
    diverged: str | None = None,
    chance: Chance | None = None,
    losses: Losses | None = None,
) -> Diagnosis:
    """Examine a network at rows.

    Parameters
    ----------
    net : Module
    X, y : ndarray
        Rows as the network and the loss take them; of very many, the first 2048 are looked at.
    loss : callable
        ``loss(prediction, target)``, a scalar.
    step : callable, optional
        Takes a network and returns it after one step of training, which shows the size of updates.
    rate : float, optional
        The learning rate of that step, for the advice.
    diverged : str, optional
        What is known of a divergence.
    chance : Chance, optional
        What a trained network has to be better than.
    losses : Losses, optional
        What training said of the rows that were learnt from, and of others.

    Returns
    -------
    Diagnosis
    """
    X, y = X[:_MOST_ROWS], y[:_MOST_ROWS]
    outputs: dict[str, tuple[Any, Array]] = {}
    token = observer.set(lambda path, module, result: outputs.__setitem__(path, (module, np.asarray(result))))
    try:
        with np.errstate(all="ignore"):
            prediction = np.asarray(net(X))
    finally:
        observer.reset(token)
    with np.errstate(all="ignore"):
        value, gradients = value_and_grad(lambda values: loss(nn.with_parameters(net, values)(X), y))(
            nn.parameters(net)
        )
        after = None if step is None else nn.parameters(step(net))
        compared = None if chance is None else chance.losses(loss, y)
    layers = _layers(net, outputs, gradients, after)
    findings = [*_of_data(X, prediction, float(value)), *_of_divergence(diverged, rate)]
    if compared is not None and np.isfinite([float(value), *compared]).all():
        findings += _of_learning(float(value), *compared, losses)
    for layer in layers:
        findings += _of_layer(layer, rate)
    findings += _of_depth(layers)
    return Diagnosis(float(value), tuple(layers), tuple(findings))


def _layers(
    net: Any, outputs: dict[str, tuple[Any, Array]], gradients: dict[str, Any], after: dict[str, Any] | None
) -> list[LayerHealth]:
    layers = []
    for path, weight in nn.arrays.penalised(net).items():
        layer = path.rpartition(".")[0]
        module, output = outputs.get(layer, (None, None))
        norm = _rms(weight)
        ratio = None
        if after is not None and norm > 0:
            ratio = _rms(after[path] - weight) / norm
        dead = saturated = None
        if output is not None:
            dead, saturated = _activity(getattr(module, "activation", None), output)
        layers.append(LayerHealth(layer, norm, _rms(gradients[path]), ratio, dead, saturated))
    return layers


def _activity(activation: Any, output: Array) -> tuple[float | None, float | None]:
    """Return the shares of dead units and of saturated values."""
    flat = output.reshape(-1, output.shape[-1])
    if activation == "relu":
        return float((flat <= 0).all(axis=0).mean()), None
    if activation in _BOUNDED:
        low, high, margin = _BOUNDED[activation]
        return None, float(((flat < low + margin) | (flat > high - margin)).mean())
    return None, None


def _rms(array: Any) -> float:
    wide = np.asarray(array, np.float64)
    return float(np.sqrt(np.mean(np.square(wide)))) if wide.size else 0.0


def _of_data(X: Array, prediction: Array, loss: float) -> list[Finding]:
    findings = []
    if not (np.isfinite(prediction).all() and np.isfinite(loss)):
        text = f"the network gives numbers that are not finite (loss {loss})"
        findings.append(Finding("not finite", None, text, "Train again with a smaller learning rate"))
    if X.ndim == 2 and X.dtype.kind == "f":
        scales = X.std(axis=0, dtype=np.float64)
        used = scales[scales > 0]
        if used.size and used.max() > _SCALES_APART * np.median(used):
            large, middle = int(scales.argmax()), float(np.median(used))
            text = f"feature {large} varies by {scales[large]:.3g}, half of all by {middle:.3g} at most"
            advice = "Bring the features to one scale (StandardScaler)"
            findings.append(Finding("scales", None, text, advice))
    return findings


def _of_learning(value: float, guess: float, right: float, losses: Losses | None) -> list[Finding]:
    """Compare the loss with that of guessing, and with that of the rows that were learnt from."""
    gained, size = guess - value, guess - right
    if size <= 0:  # a loss of one's own, which other answers minimise
        return []
    learnt = None if losses is None else losses.learnt
    fresh = value if losses is None or losses.fresh is None else max(value, losses.fresh)
    had = 0.0 if learnt is None else guess - learnt
    if learnt is not None and had > _LEARNT * size and fresh - learnt > _BY_HEART * had:
        text = f"the loss was {learnt:.3g} on the rows that were learnt from, and is {fresh:.3g} on others"
        advice = "Take more rows, a smaller network, dropout, or a larger penalty; stop earlier"
        return [Finding("learnt by heart", None, text, advice)]
    if gained <= _LEARNT * size:
        text = f"the loss {value:.4g} is hardly better than {guess:.4g}"
        if gained < 0:
            text = f"the loss {value:.4g} is worse than {guess:.4g}"
        text += ", which the same answer for all rows gives: the frequencies of the classes, or the mean"
        advice = "Train longer, or with a larger learning rate; or the features do not tell the target"
        return [Finding("nothing learnt", None, text, advice)]
    return []


def _of_divergence(diverged: str | None, rate: float | None) -> list[Finding]:
    if diverged is None:
        return []
    smaller = "a smaller learning rate" if rate is None else f"the learning rate {rate / 10:.2g}"
    return [Finding("divergence", None, diverged, f"Try {smaller}")]


def _of_layer(layer: LayerHealth, rate: float | None) -> list[Finding]:
    findings = []
    if layer.dead is not None and layer.dead >= _DEAD_SHARE:
        text = f"{layer.dead:.0%} of the units are dead: 0 for every row, so they learn nothing"
        advice = "Use a smaller learning rate, or leaky_relu"
        findings.append(Finding("dead units", layer.layer, text, advice))
    if layer.saturated is not None and layer.saturated >= _SATURATED_SHARE:
        text = (
            f"{layer.saturated:.0%} of the values are saturated, where the slope is below a tenth of its most"
        )
        findings.append(
            Finding("saturation", layer.layer, text, "Scale the inputs, or start with smaller weights")
        )
    if not layer.gradient_norm <= _EXPLODED:
        text = f"the gradient is {layer.gradient_norm:.2g} a weight (root mean square)"
        findings.append(
            Finding("exploding gradient", layer.layer, text, "Clip it (grad_clip_norm), or scale y")
        )
    ratio = layer.update_ratio
    if ratio is not None and ratio > _LARGE_UPDATE:
        target = "" if rate is None else f"; try {rate * 0.001 / ratio:.1g}"
        text = f"one step changes the weight by {ratio:.2g} of itself, and about 0.001 is usual"
        findings.append(Finding("large update", layer.layer, text, f"Lower the learning rate{target}"))
    elif ratio is not None and 0 < ratio < _SMALL_UPDATE:
        text = f"one step changes the weight by {ratio:.2g} of itself, and about 0.001 is usual"
        findings.append(Finding("small update", layer.layer, text, "Raise the learning rate"))
    return findings


def _of_depth(layers: list[LayerHealth]) -> list[Finding]:
    """Compare the gradient of the first layer with that of the last."""
    if len(layers) < 2:
        return []
    first, last = layers[0], layers[-1]
    # A network at its minimum has no gradient anywhere, which is no illness.
    if last.gradient_norm > 0 and first.gradient_norm < _VANISHED * last.gradient_norm:
        ratio = first.gradient_norm / last.gradient_norm
        text = (
            f"the gradient is {first.gradient_norm:.2g} here and {last.gradient_norm:.2g} in {last.layer}: "
        )
        text += f"{ratio:.1g} of it arrives"
        advice = "Use relu or selu in place of sigmoid and tanh, or fewer layers"
        return [Finding("vanishing gradient", first.layer, text, advice)]
    return []


def _table(layers: tuple[LayerHealth, ...]) -> str:
    def cell(value: float | None, text: str) -> str:
        return "" if value is None else format(value, text)

    rows = [("layer", "weight", "gradient", "update/weight", "dead", "saturated")]
    rows += [
        (
            layer.layer,
            f"{layer.weight_norm:.2g}",
            f"{layer.gradient_norm:.2g}",
            cell(layer.update_ratio, ".1g"),
            cell(layer.dead, ".0%"),
            cell(layer.saturated, ".0%"),
        )
        for layer in layers
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )
