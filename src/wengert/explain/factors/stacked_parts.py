"""The factors of a matrix as values of their own: of the eigenvalues and vectors that one line gives, each.

A factorisation is one line whose results are stacked; the program takes them apart. A reader knows the parts
alone: λ and Q, U, s and V, Q and R, L.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wengert.ir.node import Node

Rows = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Part:
    """A factor, and where it stands.

    Attributes
    ----------
    letter : str
        What it is called where the program has no name for it.
    rows : callable
        Of the extents of the matrix: the first row of the stack that belongs to it, and the one after.
    written : str
        The NumPy call that gives it.
    transposed : bool
        Whether its transpose is stacked.
    is_vector : bool
        Whether it is one row, and has one axis.
    """

    letter: str
    rows: Rows
    written: str
    transposed: bool = False
    is_vector: bool = False


EIGEN, SINGULAR = "Q @ diag(λ) @ Q.T", "U @ diag(s) @ V.T"
ORTHOGONAL, CHOLESKY = "Q @ R", "L @ L.T"
# By the formula that a factorisation declares.
PARTS = {
    EIGEN: (
        Part("λ", lambda m, n: (0, 1), "eigvalsh({})", is_vector=True),
        Part("Q", lambda m, n: (1, 1 + n), "eigh({}).eigenvectors"),
    ),
    SINGULAR: (
        Part("U", lambda m, n: (0, m), "svd({}).U"),
        Part("s", lambda m, n: (m, m + 1), "svdvals({})", is_vector=True),
        Part("V", lambda m, n: (m + 1, m + 1 + n), "svd({}).Vh.T"),
    ),
    ORTHOGONAL: (
        Part("Q", lambda m, n: (0, m), "qr({}).Q"),
        Part("R", lambda m, n: (m, m + n), "qr({}).R", transposed=True),
    ),
    CHOLESKY: (Part("L", lambda m, n: (0, m), "cholesky({})"),),
}  # fmt: skip


@dataclass(frozen=True)
class Law:
    """How a matrix is the product of its factors.

    Attributes
    ----------
    product : str
        With places for the matrix and for the factors, in the order of `PARTS`.
    properties : str
        Of the factors.
    source : str
        Of the derivatives.
    """

    product: str
    properties: str
    source: str


LAWS = {
    EIGEN: Law("{0} = {2} diag({1}) {2}ᵀ", "{2}ᵀ{2} = I", "Giles 2008, 3.1"),
    SINGULAR: Law("{0} = {1} diag({2}) {3}ᵀ", "{1}ᵀ{1} = {3}ᵀ{3} = I", "Townsend 2016"),
    ORTHOGONAL: Law("{0} = {1} {2}", "{1}ᵀ{1} = I, {2} is 0 below the diagonal", "Walter & Lehmann 2010"),
    CHOLESKY: Law("{0} = {1} {1}ᵀ", "{1} is 0 above the diagonal", "Murray 2016, section 3"),
}


@dataclass(frozen=True)
class Factor:
    """A line that is a factor of a matrix.

    Attributes
    ----------
    stack : Node
        The line that factorises.
    part : Part
    flipped : bool
        Whether the line is the transpose of the factor.
    """

    stack: Node
    part: Part
    flipped: bool = False

    @property
    def matrix(self) -> Node:
        """What is factorised."""
        return self.stack.inputs[0]


def is_factorisation(node: Node) -> bool:
    """Return whether a line gives the factors of one matrix."""
    return node.primitive.formula in PARTS and node.type.ndim == 2 and node.type.shape[1] > 1


def factor_of(node: Node) -> Factor | None:
    """Return the factor that a line takes out of a factorisation; None where it takes none.

    The transpose of a factor that stands as it is in the stack is written as one, and is none of its own.
    """
    if is_factorisation(node):
        (first, *others) = PARTS[node.primitive.formula]
        return None if others else Factor(node, first)
    taken = node.inputs[0] if node.primitive.letters is not None and len(node.inputs) == 1 else node
    spacing = taken.primitive.spacing
    if spacing is None or not is_factorisation(taken.inputs[0]) or taken.type.ndim != 2:
        return None
    stack = taken.inputs[0]
    firsts, steps = zip(*spacing(stack.type, **dict(taken.params)), strict=True)
    for part in PARTS[stack.primitive.formula]:
        top, bottom = part.rows(*stack.inputs[0].type.shape)
        whole = (bottom - top, stack.type.shape[1])
        if (firsts, set(steps), taken.type.shape) == ((top, 0), {1}, whole):
            return _as_taken(node, taken, Factor(stack, part, part.transposed))
    return None


def _as_taken(node: Node, taken: Node, factor: Factor) -> Factor | None:
    """Return a factor as a line has it that is what was taken out, or moves it."""
    part = factor.part
    if node is taken:
        return factor
    if part.is_vector:
        return factor if node.type.ndim == 1 else None
    turned = node.type.shape == taken.type.shape[::-1] and not _repeats(node)
    return replace(factor, flipped=False) if part.transposed and turned else None


def _repeats(node: Node) -> bool:
    """Whether a line leaves the axes of a matrix in their order."""
    assert node.primitive.letters is not None
    (term,), result = node.primitive.letters(node.inputs[0].type, **dict(node.params))
    return bool(term == result)
