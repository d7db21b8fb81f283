"""A network found in a program: its layers one after another, so that nothing goes past a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wengert.errors import ConfigurationError
from wengert.explain.greek import displayed
from wengert.explain.index.definitions import uniform_value
from wengert.explain.index.letters import letters_of, renames_axes
from wengert.explain.index.operations import bends, exponents, signs
from wengert.explain.symbols import scales
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, ancestors
from wengert.ir.provenance import Region

INSTEAD = "; view='graph' draws any computation"
_UNORDERED = {Kind.MOVEMENT, Kind.INDEXING, Kind.CONTRACTION, Kind.SCAN, Kind.LIBRARY}


@dataclass(frozen=True)
class Link:
    """A layer.

    Attributes
    ----------
    product : Node
        The weights times the activations before.
    place : int
        Which of the operands of the product the weights are.
    weight : Node
        The argument that the weights are, before it is transposed or scaled.
    source : Node
        The activations before.
    before : Node
        The pre-activations: the product, scaled and with its bias.
    after : Node
        The activations.
    biased : bool
        Whether an array is added.
    """

    product: Node
    place: int
    weight: Node
    source: Node
    before: Node
    after: Node
    biased: bool


@dataclass(frozen=True)
class Chain:
    """A network of dense layers.

    Attributes
    ----------
    links : tuple of Link
    loss : Node or None
        The number computed from the last activations.
    names : dict of Node to str
        For what is shown and has no name of its own: z2 and a2 before and after the activation of layer 2.
    """

    links: tuple[Link, ...]
    loss: Node | None
    names: dict[Node, str]

    @property
    def nodes(self) -> set[Node]:
        """The values that are shown, and the pre-activations."""
        return {one for link in self.links for one in (link.source, link.before, link.after)}


def chain(program: Program, wrt: Sequence[Node], results: Sequence[Node]) -> Chain:
    """Return the layers of a program from its inputs to its output.

    Parameters
    ----------
    program : Program
    wrt : sequence of Node
        Inputs to differentiate by.
    results : sequence of Node
        What the function returns.

    Raises
    ------
    ConfigurationError
        When the function is no chain of dense layers; says where, and what draws it.
    """
    return _Finder(program, wrt, results).chain()


def _reshapes(node: Node) -> bool:
    """Whether a line leaves the elements of a vector in their order."""
    return renames_axes(node) and node.type.size == node.inputs[0].type.size


def _is_of_matrices(product: Node) -> bool:
    """Whether a contraction sums over the one index that two operands share, as of matrices."""
    terms, result = letters_of(product)
    if len(terms) != 2 or max(map(len, terms)) > 2:
        return False
    shared = set(terms[0]) & set(terms[1])
    return len(shared) == 1 and shared.isdisjoint(result) and set("".join(terms)) == {*result, *shared}


class _Finder:
    """Follows the values of a program from one product with weights to the next."""

    def __init__(self, program: Program, wrt: Sequence[Node], results: Sequence[Node]) -> None:
        self.program = program
        self.asked = set(wrt)
        self.results = list(results)
        self.users: dict[Node, dict[Node, None]] = {node: {} for node in program.nodes}
        for node in program.nodes:
            for operand in node.inputs:
                self.users[operand].setdefault(node)
        self.products: list[tuple[Node, int]] = []  # with the place of the weights
        self.from_data: set[Node] = set()  # what depends on the inputs of the network

    def chain(self) -> Chain:
        self._find_products()
        if not self.products:
            raise ConfigurationError(
                f"view='neurons' draws layers, products of weights and inputs, and here are none{INSTEAD}"
            )
        links: list[Link] = []
        first, place = self.products[0]
        source = self._unscaled(first.inputs[1 - place])
        inputs = {one for one in ancestors([source]) if not one.inputs and uniform_value(one) is None}
        self.from_data = self._depending(inputs)
        following = [*self.products[1:], None]
        for number, ((product, place), after) in enumerate(zip(self.products, following, strict=True), 1):
            weight = self._unmoved(product.inputs[place])
            if not _is_of_matrices(product):
                raise self._refusal(f"layer {number} is no product of a matrix and a vector")
            if weight.inputs:
                raise self._refusal(f"the weights of layer {number} are computed; give them as an argument")
            before, biased = self._pre_activation(product, last=after is None)
            self._check_path(
                before, source, f"layer {number}", f"layer {number - 1}" if links else "the inputs"
            )
            if after is None:
                activation = self._last_activation(before)
            else:
                activation = self._unscaled(after[0].inputs[1 - after[1]], before)
            if after is not None and activation not in self._depending({before}):
                raise self._refusal(
                    f"layer {number + 1} takes {self._called(activation)}, not the output of layer {number}"
                )
            reader = "the output" if after is None else f"layer {number + 1}"
            self._check_path(activation, before, reader, f"layer {number}")
            self._check_activation(activation, before, number)
            links.append(Link(product, place, weight, source, before, activation, biased))
            source = activation
        return Chain(tuple(links), self._loss(links), self._names(links))

    def _find_products(self) -> None:
        computed: set[Node] = set()  # from products with weights
        for node in self.program.nodes:
            known = [one in computed for one in node.inputs]
            place = self._weights(node, known) if node.primitive.kind is Kind.CONTRACTION else None
            if place is not None:
                self.products.append((node, place))
            if any(known) or place is not None:
                computed.add(node)

    def _weights(self, node: Node, computed: list[bool]) -> int | None:
        """Return which operand of a product is the weights of a layer, None where it has none."""
        given = [self._unmoved(one) for one in node.inputs]
        places = [place for place, one in enumerate(given) if not computed[place] and self._is_parameter(one)]
        if len(places) < 2 or any(computed):
            return places[0] if places else None
        criteria = self._is_asked, self._is_of_module, lambda one: one.type.ndim == 2, self._has_rows
        for said in criteria:
            chosen = [place for place in places if said(node.inputs[place])]
            if len(chosen) == 1:
                return chosen[0]
        left, right = (self._name(one) or "its operands" for one in given)
        raise self._refusal(
            f"which of {left} and {right} are the weights? Name them: wrt='{left}' or wrt='{right}'"
        )

    def _is_parameter(self, node: Node) -> bool:
        """Whether a value may be the weights of a layer, or what they are computed from."""
        return any(
            self._is_asked(one) or one.type.ndim == 2 or self._is_of_module(one)
            for one in ancestors([node])
            if not one.inputs
        )

    def _is_asked(self, node: Node) -> bool:
        return not self.asked.isdisjoint(ancestors([node]))

    def _is_of_module(self, node: Node) -> bool:
        return any("." in self._name(one) for one in ancestors([node]) if not one.inputs)

    @staticmethod
    def _has_rows(node: Node) -> bool:
        return node.type.ndim == 2 and min(node.type.shape) > 1

    @staticmethod
    def _unmoved(node: Node) -> Node:
        """Return what is transposed, reshaped or scaled to give a value."""
        while node.inputs and (node.primitive.kind is Kind.MOVEMENT or scales(node)):
            node = next(one for one in node.inputs if uniform_value(one) is None)
        return node

    def _unscaled(self, node: Node, stop: Node | None = None) -> Node:
        """Return the vector that is only reshaped or multiplied by a number to give another."""
        while node is not stop and not self._name(node) and (_reshapes(node) or scales(node)):
            node = next(one for one in node.inputs if uniform_value(one) is None)
        return node

    def _depending(self, on: Iterable[Node]) -> set[Node]:
        found = set(on)
        for node in self.program.nodes:
            if not found.isdisjoint(node.inputs):
                found.add(node)
        return found

    def _pre_activation(self, product: Node, last: bool) -> tuple[Node, bool]:
        """Return the product with its factors and its bias, and whether it has one."""
        node, biased = product, False
        while node not in self.results and len(self.users[node]) == 1:
            (user,) = self.users[node]
            others = [one for one in user.inputs if one is not node]
            if user.type.size != node.type.size or not self.from_data.isdisjoint(others):
                break
            array, reshaped = any(uniform_value(one) is None for one in others), _reshapes(user)
            place, sign = user.inputs.index(node), signs(user.primitive)
            added = sign == (1, 1) and len(others) == 1
            if self._name(node) and not (added and array) and not reshaped:
                break
            standing = exponents(user.primitive)
            factor = bool(standing) and standing[place] == 1 and user.inputs.count(node) == 1
            # Of the last layer a target may be subtracted, or be a factor.
            less = sign == (1, -1) and place == 0 and others != [] and not last
            if not (added or less or (factor and not (last and array)) or reshaped):
                break
            biased = biased or ((added or less) and array)
            node = user
        return node, biased

    def _check_path(self, head: Node, tail: Node, reader: str, passed: str) -> None:
        """Refuse what takes a value of the inputs or of an earlier layer past `tail`."""
        past = self._past(head, tail)
        if past is not None:
            raise self._refusal(f"{reader} takes {self._called(past)} past {passed}, and no line shows that")

    def _check_activation(self, after: Node, before: Node, number: int) -> None:
        """Refuse activations that are not each of the pre-activation in the same place."""
        if after.type.size != before.type.size:
            raise self._refusal(
                f"layer {number} makes {after.type.size} values of {before.type.size} pre-activations, and a "
                "neuron has one of each"
            )
        computed = self._depending({before}) - {before}
        for node in computed.intersection(ancestors([after])):
            if node.primitive.kind in _UNORDERED and not renames_axes(node):
                raise self._refusal(
                    f"{node.primitive.name} stands between the pre-activations of layer {number} and its "
                    "activations, which no line shows"
                )

    def _past(self, head: Node, tail: Node) -> Node | None:
        """Return what `head` is computed from in another way than through `tail`, None where nothing is."""
        through = self._depending({tail})
        seen: set[Node] = set()
        stack = [head]
        while stack:
            node = stack.pop()
            if node in seen or node is tail or node not in self.from_data:
                continue
            if node not in through and (self._name(node) or not node.inputs):
                return node
            seen.add(node)
            stack += node.inputs
        return None

    def _last_activation(self, before: Node) -> Node:
        """Return the output of the network: what is returned, or what the loss is computed from."""
        known = self.program.provenance
        output = self.program.outputs[0]
        computed = self._depending({before})
        if self.results != [output]:
            ends = [node for node in self.results if node in computed]
            return ends[-1] if ends else before
        inside = [node for node in self.program.lines if node in known and self._regions(node, "layer")]
        if inside and inside[-1] in computed:
            return inside[-1]
        bent = False
        for node in self._bottlenecks(before):
            if node.type.size != before.type.size or self._reads_argument(node, before):
                break
            around = [one for one in self._regions(node, "composite") if one not in self._regions(before, "")]
            curved = bends(node.primitive)
            bent = bent or curved or bool(around)
            if any(around[0] in self._regions(user, "") for user in self.users[node]) if around else False:
                continue  # within a composite
            if node is output:
                return node if bent else before
            if self._name(node) or around or (curved and before in node.inputs):
                return node
        return before

    def _regions(self, node: Node, kind: str) -> list[Region]:
        origin = self.program.provenance.get(node)
        return [one for one in origin.regions if one.kind == kind or not kind] if origin else []

    def _bottlenecks(self, before: Node) -> Iterator[Node]:
        """Yield the values through which all goes from the pre-activations to the output."""
        depending = self._depending({before})
        computed = [node for node in self.program.nodes if node in depending]
        order = {node: place for place, node in enumerate(computed)}
        furthest = 0
        for place, node in enumerate(computed):
            if place and furthest <= place:
                yield node
            furthest = max([furthest, *(order[user] for user in self.users[node])])

    def _reads_argument(self, node: Node, before: Node) -> bool:
        """Whether a target goes in between two values; parameters of a module do not count."""
        stack, seen = [node], {before}
        while stack:
            current = stack.pop()
            if current not in seen:
                seen.add(current)
                stack += current.inputs
        return any(one in seen and not self._is_of_module(one) for one in self.program.inputs)

    def _loss(self, links: list[Link]) -> Node | None:
        last = links[-1].after
        output = self.program.outputs[0]
        if self.results == [output]:
            self._check_path(output, last, self._called(output), "the last layer")
            return None if output is last else output
        shown = {one for link in links for one in (link.before, link.after)}
        for node in self.results:
            if node not in shown:
                raise self._refusal(f"the function returns {self._called(node)}, and no neuron shows it")
        return None

    def _name(self, node: Node) -> str:
        if not node.inputs:
            return str(node.param("name")) if node in self.program.inputs else ""
        known = self.program.provenance.get(node)
        return known.name or "" if known else ""

    def _called(self, node: Node) -> str:
        return displayed(self._name(node)) or (
            f"the result of {node.primitive.name}" if node.inputs else "a constant"
        )

    def _names(self, links: list[Link]) -> dict[Node, str]:
        taken = {displayed(self._name(node)) for node in self.program.nodes}
        found: dict[Node, str] = {}
        for number, link in enumerate(links, 1):
            shown = [(link.before, "zus"), (link.after, "ahy")]
            if number == 1:
                shown.insert(0, (link.source, "xv"))
            for node, letters in shown:
                if node.inputs and not self._name(node) and node not in found:
                    stem = next((one for one in letters if f"{one}{number}" not in taken), letters[-1])
                    found[node] = f"{stem}{number}"
        return found

    @staticmethod
    def _refusal(reason: str) -> ConfigurationError:
        return ConfigurationError(f"view='neurons': {reason}{INSTEAD}")
