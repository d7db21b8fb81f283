"""Planes in the space of weights: over two weights, in two random directions, or along the trajectory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.checks import unknown_name
from wengert.errors import ConfigurationError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
_ELEMENT = re.compile(r"(.+?)\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")


@dataclass(frozen=True)
class Plane:
    """The networks θ + a·d₁ + b·d₂.

    Attributes
    ----------
    net : Module
        θ.
    first, second : dict of str to ndarray
        d₁ and d₂, for each parameter.
    origin : (float, float)
        The coordinates that θ has: its two weights, or (0, 0).
    names : (str, str)
        Of the axes.
    """

    net: nn.Module
    first: Arrays
    second: Arrays
    origin: tuple[float, float]
    names: tuple[str, str]

    def coordinates(self, net: nn.Module) -> tuple[float, float]:
        """Return where a network lies in the plane, or the point of the plane nearest to it."""
        here, there = nn.parameters(self.net), nn.parameters(net)
        if {name: np.shape(array) for name, array in here.items()} != {
            name: np.shape(array) for name, array in there.items()
        }:
            raise ConfigurationError(
                "a network of the trajectory has other parameters than that of the surface"
            )
        difference = _flat({name: np.asarray(there[name]) - np.asarray(here[name]) for name in here})
        basis = np.stack([_flat(self.first), _flat(self.second)], axis=1)
        a, b = np.linalg.lstsq(basis, difference, rcond=None)[0]
        return self.origin[0] + float(a), self.origin[1] + float(b)


def _flat(arrays: Arrays) -> Array:
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays.values()])


def plane_of_weights(net: nn.Module, weights: Sequence[str]) -> Plane:
    """Return the plane over two weights, such as ``layers.0.weight[0, 1]``.

    Raises
    ------
    ConfigurationError
        For a weight that does not exist; suggests the nearest name.
    """
    if len(weights) != 2 or weights[0] == weights[1]:
        raise ConfigurationError(f"weights={weights!r}: name two different weights")
    directions, origin = [], []
    known = nn.parameters(net)
    for weight in weights:
        found = _ELEMENT.fullmatch(weight)
        if found is None:
            raise ConfigurationError(f"{weight!r}: name one weight, such as layers.0.weight[0, 1]")
        name, place = found[1], tuple(int(one) for one in found[2].split(","))
        if name not in known:
            raise unknown_name("weights", "parameter", name, known)
        shape = np.shape(known[name])
        if len(place) != len(shape) or any(one >= extent for one, extent in zip(place, shape, strict=True)):
            raise ConfigurationError(f"{weight!r}: {name} has shape {shape}")
        direction = _zeros(known)
        direction[name][place] = 1
        directions.append(direction)
        origin.append(float(np.asarray(known[name])[place]))
    return Plane(net, directions[0], directions[1], (origin[0], origin[1]), (weights[0], weights[1]))


def plane_of_directions(net: nn.Module, seed: int) -> Plane:
    """Return the plane of two random directions, normalised filter by filter.

    Each column of a weight matrix, the weights into one unit, has the norm that it has in the network;
    biases and other vectors do not move.

    Notes
    -----
    Li, Xu, Taylor, Studer & Goldstein 2018, section 4.
    """
    rng = np.random.default_rng(seed)
    known = nn.parameters(net)
    first, second = _filter_normalised(known, rng), _filter_normalised(known, rng)
    return Plane(net, first, second, (0.0, 0.0), ("direction 1", "direction 2"))


def plane_of_trajectory(net: nn.Module, networks: Sequence[nn.Module]) -> Plane:
    """Return the plane in which a trajectory lies best: its two principal directions, of length 1.

    Random directions hardly show a trajectory, since in a space of many dimensions they are at right angles
    to it.

    Notes
    -----
    Li et al. 2018, section 7.

    Raises
    ------
    ConfigurationError
        With fewer than three networks.
    """
    if len(networks) < 3:
        raise ConfigurationError("directions='trajectory' needs a trajectory of three networks or more")
    known = nn.parameters(net)
    middle = _flat(known)
    steps = np.stack([_flat(nn.parameters(one)) - middle for one in networks])
    principal = np.linalg.svd(steps, full_matrices=False)[2]
    first, second = (_unflat(direction, known) for direction in principal[:2])
    return Plane(net, first, second, (0.0, 0.0), ("principal direction 1", "principal direction 2"))


def _unflat(flat: Array, known: Arrays) -> Arrays:
    ends = np.cumsum([np.size(array) for array in known.values()])[:-1]
    pieces = np.split(flat, ends)
    return {
        name: piece.reshape(np.shape(array)).astype(np.asarray(array).dtype)
        for (name, array), piece in zip(known.items(), pieces, strict=True)
    }


def _filter_normalised(known: Arrays, rng: np.random.Generator) -> Arrays:
    direction = _zeros(known)
    for name, array in known.items():
        weight = np.asarray(array)
        if weight.ndim >= 2:
            drawn = rng.normal(size=weight.shape)
            axes = tuple(range(weight.ndim - 1))
            scale = np.sqrt(np.sum(weight**2.0, axis=axes) / np.sum(drawn**2, axis=axes))
            direction[name] = (drawn * scale).astype(weight.dtype)
    return direction


def _zeros(known: Arrays) -> Arrays:
    return {name: np.zeros(np.shape(array), np.asarray(array).dtype) for name, array in known.items()}
