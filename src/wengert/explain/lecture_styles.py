"""The names that each of the five lectures gives to the parts of a network, and how it writes vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wengert.errors import ConfigurationError
from wengert.explain.index.operations import bends, signs
from wengert.explain.index.softmax import is_normaliser
from wengert.explain.problem import Problem
from wengert.explain.views.delta_view import Layer, layers_of
from wengert.ir.node import Node
from wengert.ir.primitive import Kind


@dataclass(frozen=True)
class LectureStyle:
    """The names of one lecture; ``{n}`` stands for the number of the layer, ``{w}`` for W or w.

    Attributes
    ----------
    notation : str
        How vectors are written; see `wengert.explain`.
    data, target, loss : str
    weights, biases, before, after : tuple of str
        One for each layer, or one for all. `before` is the pre-activation, `after` the activation.
    output : str
        What comes out of the last layer.
    """

    notation: str
    data: str
    target: str
    loss: str
    weights: tuple[str, ...]
    biases: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    output: str


STYLES = {
    "000": LectureStyle("columns", "x", "c", "J", ("{w}{n}",), ("b{n}",), ("a{n}",), ("h{n}",), "z"),
    "001": LectureStyle("columns", "x", "t", "L", ("{w}{n}",), ("b{n}",), ("a{n}",), ("z{n}",), "y"),
    "002": LectureStyle("mit", "x", "y", "L", ("W{n}",), ("W₀{n}",), ("Z{n}",), ("A{n}",), "A{n}"),
    "003": LectureStyle("columns", "x", "y*", "J", ("α", "β"), ("α₀", "β₀"), ("a", "b"), ("z",), "y"),
    "004": LectureStyle("rows", "a", "y", "ε", ("W", "V"), ("W₀", "V₀"), ("b", "d"), ("c",), "e"),
}


def lecture_names(lecture: str, problem: Problem, kept: Mapping[str, str]) -> dict[Node, str]:
    """Return the lecture's names for the parts of a network.

    Parameters
    ----------
    lecture : str
        A key of `STYLES`.
    problem : Problem
        The network, with names of its own.
    kept : mapping
        Names that the reader chose; they stay.

    Raises
    ------
    ConfigurationError
        When the function is no layered network, or has more layers than the lecture has names for.
    """
    style = STYLES[lecture]
    layers = layers_of(problem)
    if not layers:
        raise ConfigurationError(f"style={lecture!r} names the layers of a network, and here are none")
    if len(style.weights) > 1 and len(layers) > len(style.weights):
        raise ConfigurationError(
            f"style={lecture!r} has names for {len(style.weights)} layers, and here are {len(layers)}; "
            "000, 001 and 002 number theirs"
        )
    found = _parts(style, layers, problem)
    found[problem.output.node] = style.loss
    chosen = set(kept.values())
    symbols = problem.symbols
    return {
        node: name for node, name in found.items() if node not in symbols or symbols[node].name not in chosen
    }


def _parts(style: LectureStyle, layers: list[Layer], problem: Problem) -> dict[Node, str]:
    found: dict[Node, str] = {}
    for layer in layers:
        weight, data, biases = operands_of(problem, layer)
        last = layer is layers[-1]
        before = before_activation(layer)
        after = activation_of(before, problem)
        found[weight] = _name(style.weights, layer.number, weight)
        if data is not None:
            found[data] = style.data
        found |= dict.fromkeys(biases, _name(style.biases, layer.number, weight))
        found[before] = _name(style.before, layer.number, weight)
        if after is not None:
            found[after] = _name((style.output,) if last else style.after, layer.number, weight)
        elif last and style.notation != "mit":
            found[before] = style.output
    spare = [one.node for one in problem.inputs if one.node not in found]
    if len(spare) == 1:
        found[spare[0]] = style.target
    return found


def _name(names: tuple[str, ...], number: int, weight: Node) -> str:
    pattern = names[0] if len(names) == 1 else names[number - 1]
    return pattern.format(n=number, w="W" if weight.type.ndim > 1 else "w")


def before_activation(layer: Layer) -> Node:
    """Return the pre-activation itself where a target is subtracted from it at once."""
    node = layer.weighted.node
    while _subtracts(node):
        node = next(one for one in node.inputs if _has_product(one))
    return node


def _subtracts(node: Node) -> bool:
    return signs(node.primitive) == (1, -1)


def _has_product(node: Node) -> bool:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.primitive.kind is Kind.CONTRACTION:
            return True
        stack += current.inputs
    return False


def activation_of(before: Node, problem: Problem) -> Node | None:
    """Return the activation: the one function that the pre-activation goes into, if it is one."""
    users = [node for node in problem.program.nodes if before in node.inputs]
    whole = _composite(before, users, problem)
    if whole is not None:
        return whole
    functions = [node for node in users if not is_normaliser(node)]  # the sum below a softmax
    if len(functions) != 1 or functions[0] is problem.output.node:
        return None
    (node,) = functions
    return node if bends(node.primitive) else None


def _composite(before: Node, users: list[Node], problem: Problem) -> Node | None:
    """Return the result of the composite, such as SELU, that alone uses a value and keeps its shape."""
    provenance = problem.program.provenance
    inside = [[one for one in provenance[node].regions if one.kind == "composite"] for node in users]
    if not inside or not inside[0] or any(one[:1] != inside[0][:1] for one in inside):
        return None
    region = inside[0][0]
    if region in provenance[before].regions:
        return None
    members = [
        node
        for node in problem.program.nodes
        if node in provenance and region in provenance[node].regions and node.inputs
    ]
    last = members[-1]
    return last if last.type.shape == before.type.shape and last is not problem.output.node else None


def operands_of(problem: Problem, layer: Layer) -> tuple[Node, Node | None, list[Node]]:
    """Return the weight of a layer, its input where that is given, and its biases."""
    product, added = None, []
    stack = [layer.weighted.node]
    while stack:
        node = stack.pop()
        if node.primitive.kind is Kind.CONTRACTION:
            product = node
        elif node in problem.symbols and node is not layer.weighted.node:
            added += [] if node.inputs else [node]
        elif _subtracts(node):  # what the product is subtracted from, or is subtracted from it, is a target
            stack += [one for one in node.inputs if _has_product(one)]
        else:
            stack += node.inputs
    assert product is not None, "a layer is found by its product"
    operands = [_unmoved(operand) for operand in product.inputs]
    given = [node for node in operands if not node.inputs]
    asked = [node for node in given if node in problem.engine.wrt]
    if len(given) > 1 and len(asked) != 1:
        asked = given[:1] if problem.convention.vectors == "columns" else given[-1:]
    weight = (asked or given)[0]
    return weight, next((node for node in given if node is not weight), None), added


def _unmoved(node: Node) -> Node:
    while node.inputs and node.primitive.kind is Kind.MOVEMENT:
        node = node.inputs[0]
    return node
