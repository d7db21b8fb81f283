"""Log-likelihood of text under a network of LSTM cells with elementwise weights, character by character."""

from __future__ import annotations

from typing import Any

import numpy

SIZES = {"tiny": (2, 4), "small": (2, 20), "medium": (2, 100), "large": (2, 400)}  # layers, characters
ALPHABET = 14  # characters, each a vector of bits


def data(size: str) -> dict[str, Any]:
    """Return the parameters, which are to be differentiated, the first state and the text."""
    layers, length = SIZES[size]
    rng = numpy.random.default_rng(0)
    return {
        "cells": rng.normal(size=(layers, 2, 4, ALPHABET)) * 0.5,
        "outer": rng.normal(size=(3, ALPHABET)) * 0.5,
        "state": rng.normal(size=(layers, 2, ALPHABET)) * 0.5,
        "text": numpy.eye(ALPHABET)[rng.integers(0, ALPHABET, length)],
    }


def objective(cells: Any, outer: Any, state: Any, text: Any, np: Any = numpy) -> Any:
    """Return the mean negative log-likelihood of each character, given those before it.

    Parameters
    ----------
    cells : array, shape (layers, 2, 4, b)
        Weights and biases of the forget, input and output gates and of the change.
    outer : array, shape (3, b)
        Weight of the input, weight and bias of the output.
    state : array, shape (layers, 2, b)
        Hidden values and cells before the first character.
    text : array, shape (length, b)
    """
    inputs = text[:-1] * outer[0]
    hidden = [(state[layer, 0], state[layer, 1]) for layer in range(len(state))]
    outputs = []
    for x in inputs:
        hidden = advance(cells, hidden, x, np)
        outputs.append(hidden[-1][0])
    return loss(np.stack(outputs), outer, text, np)


def advance(cells: Any, hidden: list[tuple[Any, Any]], x: Any, np: Any) -> list[tuple[Any, Any]]:
    """Return the state after one more character: each layer takes the hidden values of the one below it."""
    after = []
    for layer, (value, cell) in enumerate(hidden):
        weight, bias = cells[layer, 0], cells[layer, 1]
        forget = sigmoid(x * weight[0] + bias[0], np)
        take = sigmoid(value * weight[1] + bias[1], np)
        give = sigmoid(x * weight[2] + bias[2], np)
        change = np.tanh(value * weight[3] + bias[3])
        cell = cell * forget + take * change
        x = give * np.tanh(cell)
        after.append((x, cell))
    return after


def loss(outputs: Any, outer: Any, text: Any, np: Any) -> Any:
    """−mean Σ target · (y − log(2 + Σ exp y)) with y = output · weight + bias."""
    prediction = outputs * outer[1] + outer[2]
    normaliser = np.log(2 + np.sum(np.exp(prediction), axis=1))
    return np.sum(text[1:] * (normaliser[:, None] - prediction)) / len(outputs)


def sigmoid(x: Any, np: Any) -> Any:
    """1/(1 + exp(−x))."""
    return 1 / (1 + np.exp(-x))
