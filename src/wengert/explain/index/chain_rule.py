"""The chain rule in index notation, one named value after the other, from the output to the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wengert.explain.algebra.finishing import finish
from wengert.explain.algebra.folding import is_quotient, with_name
from wengert.explain.algebra.simplification import (
    length,
    neat,
    simplified,
    size,
)
from wengert.explain.factors.stacked_parts import LAWS, factor_of
from wengert.explain.index.construction import add, multiply, over, pulled_out, total, without_deltas
from wengert.explain.index.differentiation import Rules, differentiate, fold
from wengert.explain.index.equalities import Equalities
from wengert.explain.index.expressions import (
    ONE,
    ZERO,
    Delta,
    Differential,
    Element,
    ElementAt,
    Expression,
    Number,
    Partial,
    Sum,
    Symbol,
    Verbatim,
    free_indices,
    rebuild,
    walk,
)
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.selections import selected
from wengert.explain.index.single_rules import single_rules
from wengert.explain.index.softmax import fold_softmax, with_sigmoid, with_softmax
from wengert.explain.index.substitution import as_position, counted, places_of, substitute
from wengert.explain.places.related_places import can_move, moved_to, same
from wengert.explain.problem import Problem
from wengert.explain.steps import Step

INSERTED = "insert what is known"
_SIGMOID = "σ(x) stands for 1/(1 + exp(−x))"
LONGEST = 60  # parts of an adjoint that is still written out where it is used


@dataclass(frozen=True)
class Local:
    """A local partial derivative, worked out.

    Attributes
    ----------
    partial : Partial
    result : Expression
        The partial itself where there is no formula.
    steps : list of Step
    """

    partial: Partial
    result: Expression
    steps: list[Step]


class ChainRule:
    """Works out local partial derivatives and adjoints in index notation.

    Parameters
    ----------
    problem : Problem
    insert_adjoints : bool
        Write adjoints out while they are short; otherwise they stay ∂L/∂u, as in the δ-recursion.
    """

    def __init__(self, problem: Problem, insert_adjoints: bool = True) -> None:
        self.problem = problem
        self.insert_adjoints = insert_adjoints
        self.locals: dict[tuple[Symbol, Symbol], Local] = {}
        output = problem.output
        self.adjoints: dict[Symbol, tuple[Element, Expression]] = {output: (problem.element(output), ONE)}

    def local(self, of_symbol: Symbol, by_symbol: Symbol) -> Local:
        """Return ∂of/∂by through the definition of `of`."""
        key = (of_symbol, by_symbol)
        if key not in self.locals:
            self.locals[key] = self._local(of_symbol, by_symbol)
        return self.locals[key]

    def _local(self, of_symbol: Symbol, by_symbol: Symbol) -> Local:
        of = self.problem.element(of_symbol)
        by = self.problem.element(by_symbol, of.positions)
        partial = self.problem.direct(of, by)
        definition = self.problem.definition(of_symbol, of.positions, by.positions)
        chain = Equalities(partial)
        if isinstance(definition, Verbatim):
            picked = selected(self.problem, of, by)
            if picked is not None:
                chain.put(picked, _origin(of_symbol, definition))
            return Local(partial, chain.last, chain.steps)
        rules = Rules()
        known = with_sigmoid(definition)
        raw = differentiate(known, by, rules)
        if not isinstance(definition, Number):  # a constant is no name for the numbers that equal it
            raw = with_sigmoid(neat(fold(raw, known, of)))
        rule = str(rules)
        if self.problem.convention.detail == "full":
            chain.put(Differential(by, definition), f"definition of {of_symbol.name}")
            for after, applied in single_rules(Differential(by, definition)):
                chain.put(after, applied)
            rule = _SIGMOID if known != definition else "write it shorter"
        elif known != definition:
            chain.put(Differential(by, known), _SIGMOID)
        elif len(rules.names) > 2:
            chain.put(Differential(by, definition), f"definition of {of_symbol.name}")
        reason = "it does not stand in the formula" if raw == ZERO else "it is the element itself"
        chain.put(raw, rule or reason)
        chain.put(neat(without_deltas(chain.last)), _keeping(chain.last))
        self._shorten(chain, definition, of)
        return Local(partial, chain.last, chain.steps)

    @staticmethod
    def _shorten(chain: Equalities, definition: Expression, of: Element) -> None:
        folded = fold_softmax(chain.last, definition, of)
        if folded is not None:
            chain.put(folded, f"write {of.symbol.name} for the quotient that defines it")
            return
        shorter = simplified(chain.last)
        if length(shorter) < length(chain.last):
            chain.put(shorter, "collect terms")
        if is_quotient(definition):
            named = with_name(chain.last, of, definition)
            chain.put(named, f"write {of.symbol.name} for the quotient that defines it")
        chain.put(with_softmax(chain.last), "softmax(z) stands for exp(z)/Σ exp(z)")

    def adjoint(self, symbol: Symbol) -> tuple[Expression, list[Step]]:
        """Return ∂output/∂symbol and the steps that lead there; those of its users must be known already."""
        by = self.problem.element(symbol)
        chain = Equalities(self.problem.total(by))
        users = self.problem.consumers(symbol)
        if users == [self.problem.output]:
            found = self.local(self.problem.output, symbol)
            chain.start(self.moved(found, self.problem.element(self.problem.output), by))
            finish(self.problem, chain)
        elif users:
            self._chained(chain, by, users)
        else:
            chain.put(ZERO, "all that it goes into has derivative 0")
        self.adjoints[symbol] = (by, chain.last)
        return chain.last, chain.steps

    def _chained(self, chain: Equalities, by: Element, users: list[Symbol]) -> None:
        pure, worked = [], []
        for user in users:
            of = self.problem.element(user, by.positions)
            outer = ONE if user is self.problem.output else self.problem.total(of)
            indices = [at for at in of.positions if isinstance(at, Index)]
            pure.append(total(indices, multiply(outer, self.problem.direct(of, by))))
            worked.append(total(indices, multiply(outer, self.moved(self.local(user, by.symbol), of, by))))
        chain.put(add(*pure), "chain rule", self._why(by, users))
        chain.put(add(*worked), "insert the local derivatives")
        short = over(without_deltas(chain.last))
        chain.put(short, _keeping(chain.last, short))
        if self.insert_adjoints:
            known = over(without_deltas(pulled_out(without_deltas(self._with_adjoints(chain.last)))))
            if size(known) > LONGEST:  # then at least those that are as short as their names
                known = over(without_deltas(pulled_out(without_deltas(self._with_adjoints(chain.last, 3)))))
            if size(known) <= LONGEST:
                chain.put(known, INSERTED)
        finish(self.problem, chain)
        if self.problem.carries:  # [t = 1] may stand alone only once it is collected
            alone = over(without_deltas(chain.last))
            chain.put(alone, _keeping(chain.last, alone))

    def _with_adjoints(self, expression: Expression, longest: int = LONGEST // 2) -> Expression:
        """Write out the adjoints that are known and have no more parts than `longest`."""
        if (
            isinstance(expression, Partial)
            and not expression.direct
            and expression.by.symbol in self.adjoints
            and expression.by.symbol not in self.problem.carries  # else the recursion never ends
        ):
            element, known = self.adjoints[expression.by.symbol]
            if size(known) > longest or not can_stand(known, (element, expression.by)):
                return expression
            return at_elements(known, (element, expression.by))
        return rebuild(expression, lambda part: self._with_adjoints(part, longest))

    def closed(self, carry: Symbol) -> list[Step]:
        """Put what is known into the recursion of a carry, once all adjoints are: δ_t by δ_{t+1} alone."""
        by, known = self.adjoints[carry]
        chain = Equalities(self.problem.total(by))
        chain.start(known)
        for _ in self.problem.order:  # at most one after the other stands in the way to the next iteration
            if self._with_adjoints(chain.last) == chain.last:
                break
            inserted = over(without_deltas(pulled_out(without_deltas(self._with_adjoints(chain.last)))))
            if size(inserted) > LONGEST:
                break
            chain.put(inserted, INSERTED)
            finish(self.problem, chain)
        self.adjoints[carry] = (by, chain.last)
        return chain.steps

    def moved(self, local: Local, of: Element, by: Element) -> Expression:
        """Return a local derivative at other indices."""
        result = local.result
        if isinstance(result, Partial):
            return self.problem.direct(of, by)
        old = (*local.partial.of.positions, *local.partial.by.positions)
        return at_positions(result, old, (*of.positions, *by.positions))

    def _why(self, by: Element, users: list[Symbol]) -> str:
        name = by.symbol.name
        output = self.problem.output.name
        if len(users) > 1:
            through = ", ".join(user.name for user in users[:-1]) + f" and {users[-1].name}"
            return f"{name} reaches {output} through {through}, so the contributions are added."
        return ""


def _origin(symbol: Symbol, definition: Verbatim) -> str:
    """Return where the derivative of a line without a formula comes from."""
    factor = factor_of(symbol.node)
    if factor is not None:
        return f"{definition.text}: {LAWS[factor.stack.primitive.formula].source}"
    return f"{symbol.node.primitive.name}: {symbol.name} = {definition.text}"


def _keeping(before: Expression, after: Expression | None = None) -> str:
    """Return what has been done to sums over indices that must be equal, or stand in a relation."""
    left = after is None or any(isinstance(part, Sum) for part in walk(after))
    if any(isinstance(part, Delta) for part in walk(before)):
        keeper = "δ"
    elif after is not None and _sums(after) >= _sums(before):
        return "multiply out"
    else:
        keeper = "[ ]"
    return f"{keeper} keeps one term of the sum" + ("" if left else ": no sum is left")


def _sums(expression: Expression) -> int:
    return sum(len(part.indices) for part in walk(expression) if isinstance(part, Sum))


AnyElement = Element | ElementAt


def at_elements(expression: Expression, *pairs: tuple[AnyElement, AnyElement]) -> Expression:
    """Put the places of elements in place of those of others, each pair (others, elements), all at once.

    Where an index cannot be calculated, as in A⁻¹, a sum takes the place: Σ_k (A⁻¹)_kj [k = 4 − i].
    """
    taken = {at for pair in pairs for element in pair for at in free_indices(element)}
    taken.update(free_indices(expression))
    names: dict[Index, Position] = {}
    calculated: dict[Index, Expression] = {}
    for old, place in _moves(pairs):
        position = as_position(place, old.extent)
        if position is None:
            position = fresh(old, taken.union(calculated))
            calculated[position] = place
        names[old] = position
    renamed = substitute(expression, names)
    fixed = {at: place for at, place in calculated.items() if not can_move(renamed, at)}
    moved = moved_to(renamed, {at: place for at, place in calculated.items() if at not in fixed})
    return total(list(fixed), multiply(moved, *(same(counted(at), place) for at, place in fixed.items())))


def can_stand(expression: Expression, *pairs: tuple[AnyElement, AnyElement]) -> bool:
    """Return whether `at_elements` can put these places into an expression without a sum."""
    calculated = (old for old, place in _moves(pairs) if as_position(place, old.extent) is None)
    return all(can_move(expression, old) for old in calculated)


def _moves(pairs: Sequence[tuple[AnyElement, AnyElement]]) -> Iterator[tuple[Index, Expression]]:
    """Yield each index of the elements that come first with the place that comes instead."""
    for one, new in pairs:
        for old, place in zip(one.positions, places_of(new), strict=True):
            if isinstance(old, Index):
                yield old, place


def at_positions(expression: Expression, old: tuple[Position, ...], new: tuple[Position, ...]) -> Expression:
    """Rename the free indices `old` to `new`, all at once; summation indices in the way are renamed first."""
    names: dict[Index, Position] = {
        one: other for one, other in zip(old, new, strict=True) if isinstance(one, Index) and one != other
    }
    return substitute(expression, names)
