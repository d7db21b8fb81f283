"""A network as its neurons: what each layer holds at one example, and the weights between layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from wengert.errors import ConfigurationError, DerivationError, ShapeError
from wengert.explain.drawing.chain import INSTEAD, Chain, Link
from wengert.explain.drawing.contents import Contents, Reader, Value
from wengert.explain.engine import Array
from wengert.explain.index.expressions import Symbol
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.typesetting import Style
from wengert.explain.views.index_view import dimensions
from wengert.ir.node import Node, make_input, with_operands
from wengert.ir.program import Program, ancestors
from wengert.run.numpy import NumpyExecutor
from wengert.transform.gradient import pullback

_LONGEST_NAME = 12  # characters


@dataclass(frozen=True)
class Weights:
    """The edges into a layer.

    Attributes
    ----------
    name : Layout
    shape : tuple of int
        Of the parameter, as the function has it.
    values : ndarray, shape (neurons, neurons of the layer before)
        Derivatives of the pre-activations by the activations before.
    bias : ndarray, shape (neurons,), or None
        What is added: the pre-activations where all activations before are 0.
    """

    name: Layout
    shape: tuple[int, ...]
    values: Array
    bias: Array | None


@dataclass(frozen=True)
class Column:
    """The inputs, or the neurons of a layer.

    Attributes
    ----------
    names : tuple of Layout
        One for each neuron.
    formula : Layout or None
        How the activations are computed; None for inputs.
    values : ndarray, shape (neurons,)
        Activations.
    deltas : ndarray, shape (neurons,), or None
        Derivatives of the output by the pre-activations, or by the inputs; None where there are none.
    weights : Weights or None
        From the column before; None for inputs.
    """

    names: tuple[Layout, ...]
    formula: Layout | None
    values: Array
    deltas: Array | None
    weights: Weights | None


@dataclass(frozen=True)
class Network:
    """Everything a drawing of neurons shows.

    Attributes
    ----------
    columns : tuple of Column
        The inputs, then the layers.
    loss : Value or None
        The number computed from the activations of the last layer.
    output : Layout or None
        The name of what the deltas are derivatives of; None where there are none.
    """

    columns: tuple[Column, ...]
    loss: Value | None
    output: Layout | None


def network(reader: Reader, contents: Contents, found: Chain) -> Network:
    """Return the neurons of a layered network.

    Raises
    ------
    ConfigurationError
        For inputs that are a constant of the function.
    ShapeError
        For a batch of several examples.
    """
    values = {value.symbol.node: value for value in contents.values}
    first = found.links[0].source
    if first not in values:
        raise ConfigurationError(f"view='neurons': give the inputs as an argument{INSTEAD}")
    columns = [_column(reader, values[first], values[first].adjoint, None)]
    for link in found.links:
        weights = _weights(reader, link)
        columns.append(_column(reader, values[link.after], values[link.before].adjoint, weights))
    loss = output = None
    if found.loss is not None:
        loss = replace(values[found.loss], name=_name(reader, values[found.loss].symbol))
    if contents.output is not None:
        output = _name(reader, reader.problem.output)
    return Network(tuple(columns), loss, output)


def _name(reader: Reader, symbol: Symbol) -> Layout:
    return reader.style.name(_short(symbol.name))


def _weights(reader: Reader, link: Link) -> Weights:
    """Return the derivatives of the pre-activations by the activations before, and what is added.

    A layer scales its product element by element, so that the derivatives are the weights times a factor
    for each row and each column.
    """
    values = reader.problem.points[0].values
    matrix = values[link.product.inputs[link.place]]
    if matrix.ndim == 1:
        matrix = matrix[np.newaxis, :]
    elif link.place == 1:
        matrix = matrix.T
    scaled = _Between(link.product, link.before, values)
    rows, columns = scaled.slope(), _Between(link.source, link.product.inputs[1 - link.place], values).slope()
    slopes = rows[:, np.newaxis] * matrix * columns
    offset = scaled.at_zero()
    expected = np.ravel(values[link.before])
    if not np.allclose(slopes @ np.ravel(values[link.source]) + offset, expected, rtol=1e-9, atol=1e-9):
        raise DerivationError("the lines into a layer do not give its pre-activations")
    bias = offset if link.biased or offset.any() else None
    symbol = reader.problem.symbols[link.weight]
    return Weights(_name(reader, symbol), link.weight.type.shape, slopes, bias)


class _Between:
    """What is computed from one value to another element by element, all else as it is at the point."""

    def __init__(self, tail: Node, head: Node, values: Mapping[Node, Array]) -> None:
        new = {tail: make_input("tail", tail.type)}
        held: dict[Node, Node] = {}
        for node in ancestors([head]):
            if node in new or not any(operand in new for operand in node.inputs):
                continue
            for operand in node.inputs:
                if operand not in new:
                    held.setdefault(operand, make_input(f"held{len(held)}", operand.type))
            new[node] = with_operands(node, *(new.get(one) or held[one] for one in node.inputs))
        self._program = Program([new[tail], *held.values()], [new[head]])
        self._held = [values[node] for node in held]
        self._tail, self._head = tail.type, head.type

    def slope(self) -> Array:
        """Return the derivative of each element by the one that it is computed from."""
        tail, head = np.zeros(self._tail.shape), np.ones(self._head.shape)
        (found,) = NumpyExecutor().compile(pullback(self._program, [0]))([tail, *self._held, head])
        return np.ravel(found)

    def at_zero(self) -> Array:
        """Return what comes out where the first value is 0."""
        (found,) = NumpyExecutor().compile(self._program)([np.zeros(self._tail.shape), *self._held])
        return np.ravel(found)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _column(reader: Reader, value: Value, adjoint: Array | None, weights: Weights | None) -> Column:
    shape = value.symbol.shape
    count = max(shape, default=1)
    if value.value.size != count:
        raise ShapeError(
            f"view='neurons' shows one example, and {value.symbol.name} is {dimensions(shape)}: "
            "give one row of the inputs"
        )
    symbol = replace(value.symbol, name=_short(value.symbol.name))
    style = Style(reader.style.names)  # the number of a layer stands above, that of a neuron below
    long = shape.index(count) if count > 1 else len(shape) - 1
    places = [tuple(place if axis == long else 0 for axis in range(len(shape))) for place in range(count)]
    names = tuple(style.element(symbol, place) for place in places)
    deltas = None if adjoint is None else np.ravel(adjoint)
    return Column(names, value.formula, np.ravel(value.value), deltas, weights)
