"""Which values of a program get a name in the derivation, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from wengert.explain.factors.companions import TRIANGLES
from wengert.explain.factors.stacked_parts import factor_of, is_factorisation
from wengert.explain.greek import displayed
from wengert.explain.index.definitions import (
    Formulas,
    counter,
    has_formula,
    is_diagonal_mask,
    may_guard,
    solves,
    source_of,
    spaced,
    uniform_value,
)
from wengert.explain.index.expressions import Element, Symbol
from wengert.explain.index.indices import distinct
from wengert.explain.index.letters import Letters, diagonal_of, renames_axes
from wengert.explain.index.notation import exponent, is_root
from wengert.explain.index.operations import exponents, signs
from wengert.explain.index.softmax import is_normaliser, is_softmax_quotient
from wengert.explain.loops.opening import State
from wengert.explain.matrix.symmetry import symmetric_lines
from wengert.explain.quotients import inside_quotients
from wengert.ir.node import INPUT, Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, reading_order

# Parts of a formula above which a line gets a name. Its derivative grows with the square of that, and a line
# that stands in many others would be written out as often as there are paths to it.
HEAVIEST = 24
_UNNAMED = ("carry", "value")  # what a carry is called that nobody named


def _last_name(path: str) -> str:
    """Return what the end of a path is called: an element of a list, p.1.0, after the list, p1_0."""
    owner, _, last = path.rpartition(".")
    if not owner or not last.isdigit():
        return last
    name = _last_name(owner)
    return f"{name}_{last}" if name[-1].isdigit() else f"{name}{last}"


def _parameter_names(program: Program, bias: str) -> dict[Node, str]:
    """Return short names for the leaves of a network: ``net.layers.2.weight`` is W2 if it is the second."""
    result: dict[Node, str] = {}
    numbers: dict[str, int] = {}
    for node in program.inputs:
        path = str(node.param("name"))
        last = _last_name(path)
        if "." in path and last in ("weight", "bias"):
            stem = "W" if last == "weight" else bias
            owner = path.rpartition(".")[0]
            number = numbers.setdefault(owner, len(numbers) + 1)
            result[node] = f"{stem}{number}"
        else:
            result[node] = displayed(re.sub(r"\W+", "_", last if "." in path else path))
    return result


def _consumers(program: Program) -> dict[Node, list[Node]]:
    """Return the lines that use each line; of a guard only what it guards counts as used."""
    found: dict[Node, list[Node]] = {node: [] for node in program.nodes}
    for node in reversed(program.nodes):
        if found[node] or node in program.outputs:
            for operand in node.inputs[2:] if may_guard(node) else node.inputs:
                found[operand].append(node)
    return found


def _moves_name(node: Node, named: Mapping[Node, object], rescaled: bool = False) -> bool:
    """Whether a line only moves something that has a name already, with `rescaled` also times a number."""
    while node not in named and has_formula(node):
        if rescaled and scales(node):
            node = next(one for one in node.inputs if uniform_value(one) is None)
        elif node.primitive.kind is Kind.MOVEMENT:
            node = node.inputs[0]
        else:
            break
    return node in named or uniform_value(node) is not None


def _has_sum(node: Node, named: Mapping[Node, object]) -> bool:
    """Whether a line, written out down to named values, contains a sum or a product of matrices."""
    stack = [node]
    while stack:
        current = stack.pop()
        if current in named and current is not node:
            continue
        if current.primitive.kind in (Kind.CONTRACTION, Kind.REDUCTION) or solves(current):
            return True
        stack += current.inputs
    return False


def scales(node: Node) -> bool:
    """Whether a line multiplies or divides by a number."""
    standing = exponents(node.primitive)
    varying = [place for place, one in enumerate(node.inputs) if uniform_value(one) is None]
    return len(standing) > 1 and len(varying) == 1 and standing[varying[0]] == 1


def _is_root(node: Node) -> bool:
    """Whether a line is a square root, as a norm is, guarded perhaps."""
    while may_guard(node):
        node = node.inputs[2]
    return is_root(node.primitive)


def _is_taken_apart(node: Node, consumers: list[Node]) -> bool:
    """Whether a line only hands on a diagonal, or factors of a matrix, which have names of their own."""
    if consumers and all(diagonal_of(one) not in (None, node) for one in consumers):
        return True
    mine = factor_of(node)
    stack = node if mine is None else mine.stack
    found = [factor_of(one) for one in consumers] if is_factorisation(stack) else []
    return bool(found) and all(one is not None and one.stack is stack for one in found)


def _in_order(program: Program, usual: Collection[Node]) -> Iterator[Node]:
    """Yield the lines of a program, those that only a derivation needs as soon as they can be computed."""
    late = [node for node in program.nodes if node in usual]
    seen: set[Node] = set()
    for node in program.nodes:
        ready = [one for one in late if is_factorisation(node) and node in reading_order([one])]
        for one in [node, *reading_order(ready)]:
            if one not in seen:
                seen.add(one)
                yield one


def _shifts(node: Node, named: Mapping[Node, object]) -> bool:
    """Whether a line is something that has a name and a number added to it, as in 1 − p."""
    varying = [one for one in node.inputs if uniform_value(one) is None]
    return len(signs(node.primitive)) == 2 and len(varying) == 1 and _moves_name(varying[0], named)


def _raises(node: Node, named: Mapping[Node, object]) -> bool:
    """Whether a line is a power, with a number as exponent, of something that has a name, as in s²."""
    return exponent(node.primitive) not in (None, 1) and _moves_name(node.inputs[0], named)


def _is_solution(node: Node) -> bool:
    """Whether a line is A⁻¹b, moved perhaps."""
    while renames_axes(node):
        node = node.inputs[0]
    return solves(node)


def _stem(node: Node, consumers: list[Node], named: Mapping[Node, object]) -> str | None:
    """Return the stem of an automatic name, None where the line is better written out where it is used."""
    if _moves_name(node, named, rescaled=True) or not node.type.is_float:
        return None
    if len(consumers) == 1 and may_guard(consumers[0]):
        return None  # named, if at all, as what it guards
    fed = [one for one in consumers if not one.primitive.linear and not scales(one)]
    bends = [one for one in fed if one.primitive.kind in (Kind.ELEMENTWISE, Kind.REDUCTION)]
    softmax = any(is_softmax_quotient(one) or is_normaliser(one) for one in consumers)
    if (bends or softmax) and _has_sum(node, named):
        if is_normaliser(node) and len(consumers) == 1:
            return None
        if is_softmax_quotient(node):
            return "a"
        if _is_root(node):
            return "r"
        if len(consumers) == 1 and _is_root(consumers[0]):
            return None
        if softmax or any(len(exponents(one.primitive)) < 2 for one in bends):
            return "z"
        pure = node.primitive.kind in (Kind.CONTRACTION, Kind.REDUCTION)
        return None if pure and len(set(consumers)) == 1 else "u"
    if any(one.primitive.kind is Kind.CONTRACTION for one in fed):
        if _is_solution(node) and len(set(consumers)) == 1:
            return None
        return "a" if node.primitive.kind is Kind.ELEMENTWISE else "u"
    shared = len(set(consumers)) > 1 and not _shifts(node, named) and not _raises(node, named)
    return "u" if shared else None


def _says_what_it_is(node: Node) -> bool:
    """Whether a constant is written as a number, as δ, or as the number of an iteration."""
    return uniform_value(node) is not None or is_diagonal_mask(node) or counter(node) is not None


class Table:
    """The named values of a program.

    Parameters
    ----------
    program : Program
    letters : Letters
    renamed : mapping of str to str
        Names that the reader wants in place of the program's.
    every_line : bool
        Name each line, as the adjoint walk needs it; otherwise only what a reader would name.
    mit : bool
        Name biases W₀ and the values of layers Z and A, as 6.390 does.
    hidden : collection of Node
        Lines that get no name whatever they are: the inside of what a drawing shows folded.
    given : mapping of Node to str
        Names that go before all others: those of a lecture.
    usual : mapping of Node to str
        Letters that lines without a name have in the literature.
    states : sequence of State
        Carries of loops: what stands for one and what computes it are one value.
    """

    def __init__(
        self,
        program: Program,
        letters: Letters,
        renamed: Mapping[str, str],
        every_line: bool = False,
        mit: bool = False,
        hidden: Collection[Node] = (),
        given: Mapping[Node, str] = MappingProxyType({}),
        usual: Mapping[Node, str] = MappingProxyType({}),
        states: Sequence[State] = (),
    ) -> None:
        self.letters = letters
        self.symbols: dict[Node, Symbol] = {}
        self._renamed = renamed
        self._mit = mit
        self._taken: set[str] = set()
        self._symmetric = symmetric_lines(program)
        self._usual = usual
        parameters = _parameter_names(program, "W₀" if mit else "b")
        wanted = {node: self._wanted(program, node) for node in program.nodes}
        others = [*parameters.items(), *wanted.items()]
        self._reserved = {name for node, name in others if name and node not in given} | {*given.values()}
        carries = {state.given: state.computed for state in states}
        for node in program.inputs:
            if node in carries:
                own = given.get(carries[node], wanted[carries[node]] or str(node.param("name")))
                self._enter_carry(node, carries[node], own)
            else:
                self._enter(node, given.get(node, renamed.get(parameters[node], parameters[node])))
        consumers = _consumers(program)
        plain = inside_quotients(program, consumers)
        kept_apart = set(self._apart(program))
        weights: dict[Node, int] = {}
        for node in _in_order(program, usual):
            weights[node] = 1 + sum(1 if one in self.symbols else weights[one] for one in node.inputs)
            if node in self.symbols or node in hidden or _is_taken_apart(node, consumers[node]):
                continue
            name = given.get(node, wanted[node])
            if name is None and node in usual:
                name = self._free(usual[node])
            if node is program.outputs[0]:
                own = "L" if node.type.shape == () and "L" not in self._taken else "f"
                self._enter(node, name or renamed.get(own, own))
            elif not node.inputs:
                if node in kept_apart or not _says_what_it_is(node):
                    self._enter(node, name or self._spare("K"))
            elif name and node.type.is_float:
                self._enter(node, name)
            else:
                needed = not has_formula(node) or node in kept_apart
                heavy = weights[node] > HEAVIEST and node.type.is_float
                stem = None if node in plain else _stem(node, consumers[node], self.symbols)
                if every_line and not needed:
                    stem = None if _moves_name(node, self.symbols) or self._is_element(node) else "v"
                elif needed or heavy:
                    stem = stem or "u"
                if stem is not None:
                    self._enter(node, self._spare(stem), automatic=True)
        self._sort([*program.inputs, *_in_order(program, usual)], carries)

    def _is_element(self, node: Node) -> bool:
        """Whether a line, written out, is an element of what has a name: a sum over one, a bound far off."""
        formulas = Formulas(self.symbols, self.letters)
        axes = distinct([self.letters.index(node, axis) for axis in range(node.type.ndim)])
        return isinstance(formulas.express(node, axes, frozenset(axes)), Element)

    def _wanted(self, program: Program, node: Node) -> str | None:
        known = program.provenance.get(node)
        if known is None or not known.name or node.primitive is INPUT:
            return None
        shown = displayed(known.name)
        return self._renamed.get(known.name, self._renamed.get(shown, shown))

    @staticmethod
    def _apart(program: Program) -> Iterator[Node]:
        """Yield what slices, lines shown as their source, and inverses name as their operands."""
        for node in program.nodes:
            if spaced(node):
                yield source_of(node)
            elif node.inputs and not has_formula(node):
                yield from node.inputs
            elif solves(node):
                matrix = node.inputs[0]
                while renames_axes(matrix):
                    matrix = matrix.inputs[0]
                yield matrix

    def _free(self, letter: str) -> str:
        """Return a letter of the literature, with a number where the program has it for something else."""
        found = letter if letter not in self._taken | self._reserved else self._spare(letter)
        return self._renamed.get(found, found)

    def _spare(self, stem: str) -> str:
        """Return the stem with the first free number: z1, z2, …"""
        if self._mit and stem in ("a", "z"):
            stem = stem.upper()
        number = 1
        while f"{stem}{number}" in self._taken | self._reserved:
            number += 1
        found = f"{stem}{number}"
        return self._renamed.get(found, found)

    def _sort(self, nodes: Sequence[Node], carries: Collection[Node]) -> None:
        """Put the values in the order of `nodes`, what stands for a carry last."""
        if not carries:  # only these have their names before all others
            return
        order = [node for node in nodes if node in self.symbols and node not in carries]
        self.symbols = {node: self.symbols[node] for node in (*order, *carries)}

    def _enter_carry(self, state: Node, computed: Node, name: str) -> None:
        """Name what a loop carries, once where two loops, or two parts of a carry, are the same."""
        if computed not in self.symbols:
            name = self._spare("s") if name in _UNNAMED or not name.isidentifier() else name
            self._enter(computed, self._renamed.get(name, name))
        self.symbols[state] = self.symbols[computed]

    def _enter(self, node: Node, name: str, automatic: bool = False) -> None:
        found = name
        number = 2
        while found in self._taken:
            found = f"{name}{number}"
            number += 1
        self._taken.add(found)
        axes = distinct([self.letters.index(node, axis) for axis in range(node.type.ndim)])
        symmetric = node in self._symmetric
        triangle = TRIANGLES.get(self._usual.get(node, ""), "")
        self.symbols[node] = Symbol(found, node, node.type.shape, axes, automatic, symmetric, triangle)
