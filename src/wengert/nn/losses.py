"""Losses: how far a prediction is from its target, in plain NumPy.

Every loss has the signature ``loss(prediction, target, *, weights=None, reduction="mean")``. The loss of one
example (row) is the sum over its outputs; ``reduction`` is ``"mean"`` (over the examples, weighted Σwℓ/Σw),
``"sum"`` (Σwℓ) or ``"none"`` (wℓ, one for each example). Raised by all of them: `ShapeError` for shapes that
differ, since (3, 1) against (3,) would broadcast; `ConfigurationError` for an unknown reduction; `DataError`
for weights that are negative or all zero; where the values are known, `IndexRangeError` for a label out of
range.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import in_range
from wengert.ir.composite import composite
from wengert.nn.reduction import like, matching, probabilities_of_classes, reduce_examples, require_targets
from wengert.primitives.composites import logsumexp
from wengert.primitives.exponential import softplus

Loss = Callable[..., Any]


@composite
def half_squared_error(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """½ Σ (t − z)²; ∂/∂z = z − t.

    Parameters
    ----------
    prediction, target : array or tensor, shape (N,) or (N, outputs)
    weights : array or tensor, shape (N,), optional
    reduction : {"mean", "sum", "none"}

    Notes
    -----
    Lecture 000. The negative log-likelihood of Gaussian noise of variance 1, up to a constant.
    """
    prediction, target = matching("half_squared_error", prediction, target)
    return reduce_examples(0.5 * np.square(prediction - target), weights, reduction)


@composite
def squared_error(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """Σ (t − z)²; ∂/∂z = 2 (z − t). Parameters as in `half_squared_error`.

    Notes
    -----
    Lecture 002, notation 14; lecture 004.
    """
    prediction, target = matching("squared_error", prediction, target)
    return reduce_examples(np.square(prediction - target), weights, reduction)


@composite
def absolute_error(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """Σ |t − z|; ∂/∂z = sign(z − t), 0 at 0. Parameters as in `half_squared_error`.

    Notes
    -----
    Lecture 002, notation 14.
    """
    prediction, target = matching("absolute_error", prediction, target)
    return reduce_examples(np.abs(prediction - target), weights, reduction)


@composite
def huber(
    prediction: Any, target: Any, *, delta: float = 1.0, weights: Any = None, reduction: str = "mean"
) -> Any:
    """½ r² where |r| ≤ δ, δ (|r| − ½ δ) beyond, r = z − t; ∂/∂z = clip(r, −δ, δ).

    Parameters as in `half_squared_error`, and

    Parameters
    ----------
    delta : float
        Above 0: where the square turns into a straight line.

    Notes
    -----
    Huber 1964. Written c (r − ½ c) with c = clip(r, −δ, δ), which is the same on all three pieces.
    """
    in_range("huber", "delta", delta, 0, math.inf, low_open=True)
    prediction, target = matching("huber", prediction, target)
    residual = prediction - target
    clipped = np.clip(residual, -delta, delta)
    return reduce_examples(clipped * (residual - 0.5 * clipped), weights, reduction)


@composite
def quantile(
    prediction: Any, target: Any, *, quantile: float = 0.5, weights: Any = None, reduction: str = "mean"
) -> Any:
    """Σ max(q r, (q − 1) r), r = t − z; ∂/∂z = −q where z < t, 1 − q where z > t, ½ − q at z = t.

    Parameters as in `half_squared_error`, and

    Parameters
    ----------
    quantile : float
        q in (0, 1). The minimum is at the q-quantile of the target: its median for ½.

    Notes
    -----
    Koenker & Bassett 1978, the check function; also called pinball loss. Written ½ |r| + (q − ½) r.
    """
    in_range("quantile", "quantile", quantile, 0, 1, low_open=True)
    prediction, target = matching("quantile", prediction, target)
    residual = target - prediction
    return reduce_examples(0.5 * np.abs(residual) + (quantile - 0.5) * residual, weights, reduction)


@composite
def poisson(
    prediction: Any, target: Any, *, log_input: bool = True, weights: Any = None, reduction: str = "mean"
) -> Any:
    """Σ eᶻ − t z for counts t; ∂/∂z = eᶻ − t. Parameters as in `half_squared_error`, and

    Parameters
    ----------
    log_input : bool
        Whether the prediction z is the logarithm of the expected count (log link), so that any real number
        will do, or the expected count m = eᶻ itself: Σ m − t ln m, ∂/∂m = 1 − t/m.

    Notes
    -----
    McCullagh & Nelder 1989, section 6.2. The term ln t!, which does not depend on the prediction, is left
    out. A target below 0 is refused. A logarithm is clamped as in `nll`.
    """
    prediction, target = matching("poisson", prediction, target)
    require_targets("poisson", target, lambda known: known < 0, "counts are 0 or more")
    if log_input:
        return reduce_examples(np.exp(prediction) - target * prediction, weights, reduction)
    return reduce_examples(prediction - target * _clamped_log(prediction), weights, reduction)


@composite
def tweedie(
    prediction: Any,
    target: Any,
    *,
    power: float = 1.5,
    log_input: bool = True,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    """Σ e^((2 − p) z) / (2 − p) − t e^((1 − p) z) / (1 − p) for amounts t; ∂/∂z = e^((1 − p) z) (eᶻ − t).

    Half the deviance of amounts of which many are 0, such as claims, up to what does not depend on the
    prediction. Parameters as in `half_squared_error`, and

    Parameters
    ----------
    power : float
        p in (1, 2): the variance is proportional to the mean to this power; `poisson` is the limit of 1.
    log_input : bool
        Whether the prediction z is the logarithm of the expected amount, or the amount m = eᶻ itself:
        ∂/∂m = m^−p (m − t).

    Notes
    -----
    Jørgensen 1987; Dunn & Smyth 2005. A target below 0 is refused. A logarithm is clamped as in `nll`.
    """
    in_range("tweedie", "power", power, 1, 2, low_open=True)
    prediction, target = matching("tweedie", prediction, target)
    require_targets("tweedie", target, lambda known: known < 0, "amounts are 0 or more")
    z = prediction if log_input else _clamped_log(prediction)
    losses = np.exp((2 - power) * z) / (2 - power) + target * np.exp((1 - power) * z) / (power - 1)
    return reduce_examples(losses, weights, reduction)


@composite
def nll(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """−Σ t ln p + (1 − t) ln(1 − p) for probabilities p of two classes; ∂/∂p = (p − t) / (p (1 − p)).

    Parameters
    ----------
    prediction : array or tensor, shape (N,) or (N, outputs)
        Probabilities of class 1.
    target : array or tensor of that shape
        In [0, 1].
    weights, reduction
        As in `half_squared_error`.

    Notes
    -----
    Lecture 002, (7.3) with its minus sign: the negative log-likelihood of Bernoulli outcomes. Logarithms are
    clamped at ln(tiny), tiny the smallest normal number of the dtype (−708 for float64, −87 for float32),
    where the derivative is 0. When p is a sigmoid, `simplify` removes the clamp and the loss is that of the
    logits.
    """
    prediction, target = matching("nll", prediction, target)
    _require_probabilities("nll", target)
    log_one, log_zero = _clamped_log(prediction), _clamped_log(1 - prediction)
    return reduce_examples(-(target * log_one + (1 - target) * log_zero), weights, reduction)


@composite
def nll_from_logits(
    prediction: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    """ln(1 + eᶻ) − t z, `nll` of p = σ(z), without overflow; ∂/∂z = σ(z) − t.

    Parameters as in `nll`; the prediction is the logit z. And

    Parameters
    ----------
    label_smoothing : float
        ε in [0, 1): (1 − ε) t + ½ ε takes the place of the target t.

    Notes
    -----
    Lecture 001: δ = y − t at the output.
    """
    in_range("nll_from_logits", "label_smoothing", label_smoothing, 0, 1)
    prediction, target = matching("nll_from_logits", prediction, target)
    _require_probabilities("nll_from_logits", target)
    if label_smoothing:
        target = (1 - label_smoothing) * target + 0.5 * label_smoothing
    return reduce_examples(softplus(prediction) - target * prediction, weights, reduction)


@composite
def nllm(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """−Σₖ tₖ ln pₖ for probabilities p of K classes; ∂/∂pₖ = −tₖ/pₖ.

    Parameters
    ----------
    prediction : array or tensor, shape (N, K) or (..., K)
        Probabilities; they are not normalised here.
    target : array or tensor
        Integer labels of shape (N,) or (...), from 0 to K − 1, or probabilities (one-hot) of the prediction's
        shape.
    weights, reduction
        As in `half_squared_error`.

    Notes
    -----
    Lecture 002, NLLM. Logarithms are clamped as in `nll`; when p is a softmax, `simplify` removes the clamp
    and the loss is that of the logits.
    """
    prediction = like(prediction)
    logarithm = _clamped_log(prediction)
    labels, probabilities = probabilities_of_classes("nllm", prediction, target)
    if labels is not None:
        return reduce_examples(-np.squeeze(_of_class(logarithm, labels), -1), weights, reduction)
    return reduce_examples(-np.sum(probabilities * logarithm, axis=-1), weights, reduction)


@composite
def nllm_from_logits(
    prediction: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    """Σₖ tₖ (ln Σⱼ exp zⱼ − zₖ), `nllm` of p = softmax(z), without overflow; ∂/∂z = p − t.

    Parameters as in `nllm`; the prediction is the logits z. And

    Parameters
    ----------
    label_smoothing : float
        ε in [0, 1): (1 − ε) tₖ + ε/K takes the place of the target tₖ.

    Notes
    -----
    Lecture 002, concept 19: loss and output activation differentiated as one. Label smoothing: Szegedy,
    Vanhoucke, Ioffe, Shlens & Wojna 2016, section 7.
    """
    in_range("nllm_from_logits", "label_smoothing", label_smoothing, 0, 1)
    prediction = like(prediction)
    labels, probabilities = probabilities_of_classes("nllm_from_logits", prediction, target)
    # With its axis kept, the gradient finds the same line again when it needs p = exp(z − total).
    total = logsumexp(prediction, -1, keepdims=True)
    if labels is not None:
        losses = np.squeeze(total - _of_class(prediction, labels), -1)
    else:
        losses = np.sum(probabilities * (total - prediction), axis=-1)
    if label_smoothing:
        uniform = np.mean(total - prediction, axis=-1)
        losses = (1 - label_smoothing) * losses + label_smoothing * uniform
    return reduce_examples(losses, weights, reduction)


def _clamped_log(values: Any) -> Any:
    """Return logarithms, of what lies below the smallest normal number that of this number."""
    return np.log(np.maximum(values, np.finfo(values.dtype).tiny))


def _of_class(values: Any, labels: Any) -> Any:
    """Return for each example the value of its class, in a last axis of extent 1."""
    return np.take_along_axis(values, np.expand_dims(labels, -1), axis=-1)


@composite
def hinge(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    """Σ max(0, 1 − t z) for targets t = ±1; ∂/∂z = −t where t z < 1, else 0.

    Parameters as in `half_squared_error`; the targets are −1 and 1.

    Notes
    -----
    Lecture 003, hinge loss.
    """
    prediction, target = matching("hinge", prediction, target)
    require_targets("hinge", target, lambda known: np.abs(known) != 1, "targets are -1 and 1")
    return reduce_examples(np.maximum(0, 1 - target * prediction), weights, reduction)


def _require_probabilities(name: str, target: Any) -> None:
    require_targets(name, target, lambda known: ~((known >= 0) & (known <= 1)), "targets lie in [0, 1]")


LOSSES: dict[str, Loss] = {
    function.__name__: function
    for function in (
        half_squared_error, squared_error, absolute_error, huber, quantile, poisson, tweedie, nll,
        nll_from_logits, nllm, nllm_from_logits, hinge,
    )
}  # fmt: skip
