"""A network as its neurons: what each layer holds at one example, and the weights between layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wengert.errors import ConfigurationError, ShapeError
from wengert.explain.drawing.contents import Contents, Reader, Value
from wengert.explain.engine import Array
from wengert.explain.lecture_styles import activation_of, before_activation, operands_of
from wengert.explain.printers.layout import Layout
from wengert.explain.printers.typesetting import Style
from wengert.explain.views.delta_view import Layer, layers_of
from wengert.explain.views.index_view import dimensions
from wengert.ir.node import Node
from wengert.ir.primitive import Kind

_INSTEAD = "; view='graph' draws any computation"


@dataclass(frozen=True)
class Weights:
    """The edges into a layer.

    Attributes
    ----------
    name : Layout
    shape : tuple of int
        Of the parameter, as the function has it.
    values : ndarray, shape (neurons, neurons of the layer before)
    bias : ndarray, shape (neurons,), or None
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
        The number that the deltas are derivatives of.
    """

    columns: tuple[Column, ...]
    loss: Value | None


def network(reader: Reader, contents: Contents) -> Network:
    """Return the neurons of a layered network.

    Raises
    ------
    ConfigurationError
        When the function is no chain of dense layers; says where, and what draws it.
    ShapeError
        For a batch of several examples.
    """
    layers = layers_of(reader.problem)
    if not layers:
        raise ConfigurationError(
            f"view='neurons' draws layers, products of weights and inputs, and here are none{_INSTEAD}"
        )
    values = {value.symbol.node: value for value in contents.values}
    columns: list[Column] = []
    products: set[Node] = set()
    before: Node | None = None
    for layer in layers:
        product, place = _product(reader, layer)
        products.add(product)
        source = _unmoved(product.inputs[1 - place])
        if before is not None and source is not before:
            raise ConfigurationError(
                f"view='neurons': layer {layer.number} takes something else than the output of the layer "
                f"before it{_INSTEAD}"
            )
        if source not in values:
            raise ConfigurationError(
                f"view='neurons': what goes into layer {layer.number} has no name{_INSTEAD}"
            )
        if not columns:
            columns.append(_column(reader, values[source], values[source].adjoint, None))
        into = before_activation(layer)
        before = activation_of(into, reader.problem) or into
        weights = _weights(reader, layer, product, place)
        if not {into, before} <= values.keys():
            raise _unnamed(reader, product)
        columns.append(_column(reader, values[before], values[into].adjoint, weights))
    _check_all_drawn(reader, products)
    scalar = contents.values[-1]
    loss = scalar if contents.output is not None and scalar.symbol.node is not before else None
    return Network(tuple(columns), loss)


def _check_all_drawn(reader: Reader, products: set[Node]) -> None:
    """Refuse to leave out a layer that is part of another formula, such as that of the loss."""
    asked = {symbol.node for symbol in reader.problem.wrt}
    for node in reader.problem.program.nodes:
        weighted = node.primitive.kind is Kind.CONTRACTION and node not in products
        if weighted and asked.intersection(map(_unmoved, node.inputs)):
            raise _unnamed(reader, node)


def _unnamed(reader: Reader, product: Node) -> ConfigurationError:
    """Return the error for a layer whose result cannot be shown, since it has no name."""
    factors = [reader.problem.symbols[one].name for one in map(_unmoved, product.inputs) if not one.inputs]
    return ConfigurationError(
        f"view='neurons': the product with {' and '.join(factors)} is part of a longer formula and has no "
        f"name of its own; write z = … for it in the function{_INSTEAD}"
    )


def _product(reader: Reader, layer: Layer) -> tuple[Node, int]:
    """Return the product of a layer, and which of its operands the weight is."""
    weight, _, _ = operands_of(reader.problem, layer)
    stack = [layer.weighted.node]
    while stack:
        node = stack.pop()
        if node.primitive.kind is Kind.CONTRACTION:
            break
        stack += node.inputs
    places = [place for place, operand in enumerate(node.inputs) if _unmoved(operand) is weight]
    ranks = [operand.type.ndim for operand in node.inputs]
    if node.primitive.name != "matmul" or len(places) != 1 or max(ranks) > 2:
        raise ConfigurationError(
            f"view='neurons' draws dense layers, and layer {layer.number} is no product of a matrix and a "
            f"vector{_INSTEAD}"
        )
    return node, places[0]


def _unmoved(node: Node) -> Node:
    while node.inputs and node.primitive.kind is Kind.MOVEMENT:
        node = node.inputs[0]
    return node


def _weights(reader: Reader, layer: Layer, product: Node, place: int) -> Weights:
    values = reader.problem.points[0].values
    matrix = values[product.inputs[place]]
    if matrix.ndim == 1:
        matrix = matrix[np.newaxis, :]
    elif place == 1:
        matrix = matrix.T
    weight, _, biases = operands_of(reader.problem, layer)
    bias = None
    if biases:
        added = sum(np.asarray(values[node], np.float64) for node in biases)
        bias = np.broadcast_to(np.ravel(added), len(matrix))
    return Weights(reader.style.name(reader.problem.symbols[weight].name), weight.type.shape, matrix, bias)


def _column(reader: Reader, value: Value, adjoint: Array | None, weights: Weights | None) -> Column:
    shape = value.symbol.shape
    if value.value.size != (shape[-1] if shape else 1):
        raise ShapeError(
            f"view='neurons' shows one example, and {value.symbol.name} is {dimensions(shape)}: "
            "give one row of the inputs"
        )
    count = value.value.size
    ahead = (0,) * (len(shape) - 1)
    style = Style(reader.style.names)  # the number of a layer stands above, that of a neuron below
    names = tuple(style.element(value.symbol, (*ahead, place) if shape else ()) for place in range(count))
    deltas = None if adjoint is None else np.ravel(adjoint)
    return Column(names, value.formula, np.ravel(value.value), deltas, weights)
