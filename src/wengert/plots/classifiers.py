"""What any classifier says of points: the probabilities of the classes, or the classes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn, train
from wengert.errors import ConfigurationError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Verdict:
    """What a classifier says of some points.

    Attributes
    ----------
    probabilities : ndarray, shape (points, classes)
        Of each class; 0 and 1 where the classifier gives classes alone.
    classes : list
        What they are called.
    graded : bool
        Whether the classifier gives probabilities.
    """

    probabilities: Array
    classes: list[Any]
    graded: bool

    @property
    def labels(self) -> Array:
        """Position of the likeliest class of each point, shape (points,)."""
        return np.asarray(np.argmax(self.probabilities, axis=1))


def ask(classifier: Any, points: Array) -> Verdict:
    """Return what a classifier says of points.

    Parameters
    ----------
    classifier : object
        A network (one output: the logit of class 1; several: the logits of the classes; probabilities where
        its last activation is a sigmoid or softmax), or anything with ``predict_proba`` or ``predict``.
    points : ndarray, shape (points, features)

    Raises
    ------
    ConfigurationError
        For anything else, and for outputs that are not of classes.
    """
    if isinstance(classifier, nn.Module):
        return _of_network(classifier, points)
    if hasattr(classifier, "predict_proba"):
        probabilities = np.asarray(classifier.predict_proba(points))
        if probabilities.ndim != 2 or len(probabilities) != len(points):
            raise ConfigurationError(
                f"predict_proba gave shape {probabilities.shape} for {len(points)} points, "
                "not (points, classes)"
            )
        classes = getattr(classifier, "classes_", None)
        return Verdict(
            probabilities, list(range(probabilities.shape[1]) if classes is None else classes), True
        )
    if hasattr(classifier, "predict"):
        labels = np.asarray(classifier.predict(points))
        if labels.shape != (len(points),):
            raise ConfigurationError(f"predict gave shape {labels.shape} for {len(points)} points")
        known = getattr(classifier, "classes_", None)
        classes = list(np.unique(labels) if known is None else known)
        return Verdict((labels[:, None] == np.asarray(classes)).astype(float), classes, False)
    raise ConfigurationError(
        f"a classifier is a network, or has predict_proba or predict; {type(classifier).__name__} has neither"
    )


def _of_network(net: nn.Module, points: Array) -> Verdict:
    outputs = np.asarray(train.predict(net, points), np.float64)
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if outputs.ndim != 2:
        raise ConfigurationError(
            f"the network gives shape {outputs.shape}; a classifier gives (rows, classes)"
        )
    single = outputs.shape[1] == 1
    if _last_activation(net) not in ("sigmoid", "softmax"):
        outputs = nn.sigmoid(outputs) if single else nn.softmax(outputs)
    probabilities = np.hstack([1 - outputs, outputs]) if single else outputs
    return Verdict(probabilities, list(range(probabilities.shape[1])), True)


def _last_activation(net: nn.Module) -> Any:
    """Return the name of the activation that a network ends with."""
    *_, (_, last) = net.walk()
    return getattr(last, "activation", None)


def network_of(model: Any) -> nn.Module:
    """Return a network, or that of an estimator that holds one.

    Raises
    ------
    ConfigurationError
    """
    net = getattr(model, "network_", None) or getattr(model, "network", model)
    if not isinstance(net, nn.Module):
        raise ConfigurationError(f"this plot is of a network of wengert.nn, got {type(model).__name__}")
    return net
