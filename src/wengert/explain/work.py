"""`wengert.check_work`: claimed gradients held against the true ones, with what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, FormulaError
from wengert.explain.claims import READINGS, Reading, in_shape, ratio, read_claim, readings, rounded, same
from wengert.explain.diagnosis import diagnose, plain_number, wrong_factor
from wengert.explain.engine import Array
from wengert.explain.expressions import Symbol
from wengert.explain.formula import Formula
from wengert.explain.formula_evaluation import evaluate, shape_text
from wengert.explain.slips import Vocabulary
from wengert.explain.truth import Truth
from wengert.explain.work_limits import budget

_READ = (
    "read with vectors as {}; NumPy's own have one axis, no transpose and no outer product by @: write "
    "np.outer, or give arrays of shape {}"
)
_NOTES = {"rows": (_READ.format("rows", "(1, n)"),), "columns": (_READ.format("columns", "(n, 1)"),)}
_DIAGNOSIS = 1_000_000_000  # operations for trying what went wrong: some seconds
_KINK = "at the given point alone it differs: a derivative jumps there (that of ReLU at 0 is taken as 0)"


@dataclass(frozen=True)
class ClaimReport:
    """What is to be said of one claimed gradient.

    Attributes
    ----------
    name : str
        The value that was differentiated by.
    title : str
        ``∂L/∂W``.
    claim : str
        As given; numbers are abbreviated.
    right, shape_right, value_right : bool
    claimed_shape : tuple of int or None
        None where the shapes within the claim do not fit.
    true_shape : tuple of int
    points, points_right : int
        How many points it was compared at, and at how many it agreed.
    error : str or None
        Why the claim has no value.
    slip : str or None
        What went wrong, where that was found.
    corrected : str or None
        The claim put right.
    notes : tuple of str
    """

    name: str
    title: str
    claim: str
    right: bool
    shape_right: bool
    claimed_shape: tuple[int, ...] | None
    true_shape: tuple[int, ...]
    points: int
    points_right: int
    error: str | None = None
    slip: str | None = None
    corrected: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def value_right(self) -> bool:
        """Whether it agreed at every point."""
        return self.points_right == self.points

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        lines = [f"{'✓' if self.right else '✗'} {self.title} = {self.claim}"]
        expected = shape_text(self.true_shape)
        if self.claimed_shape is None:
            lines.append(f"  shape: wrong; it must be {expected}, and the claim has none:")
            lines += [f"    {line}" for line in (self.error or "").splitlines()]
        elif self.shape_right:
            lines.append(f"  shape: right, {expected}")
        else:
            claimed = shape_text(self.claimed_shape)
            lines.append(f"  shape: wrong; it is {claimed} and must be {expected}, as {self.name} is")
        if self.claimed_shape is not None:
            lines.append(f"  value: {self._value()}")
        if self.slip:
            lines.append(f"  what went wrong: {self.slip}")
        elif not self.right:
            lines.append("  what went wrong: none of the usual slips alone")
        if self.corrected:
            lines.append(f"  put right: {self.corrected}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _value(self) -> str:
        if self.points == 1:
            return f"{'right' if self.value_right else 'wrong'} at the given point"
        if self.value_right:
            return f"right at all {self.points} points"
        return f"wrong at {self.points - self.points_right} of {self.points} points"


@dataclass(frozen=True)
class WorkReport:
    """What is to be said of all claims; true when every one is right.

    Attributes
    ----------
    claims : tuple of ClaimReport
    """

    claims: tuple[ClaimReport, ...]

    def __bool__(self) -> bool:
        return all(self.claims)

    def __iter__(self) -> Iterator[ClaimReport]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __getitem__(self, name: str) -> ClaimReport:
        for claim in self.claims:
            if claim.name == name:
                return claim
        raise KeyError(name)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.claims))

    def __repr__(self) -> str:
        right = sum(map(bool, self.claims))
        return f"<work: {right} of {len(self.claims)} claims right>"


def check_work(
    function: Callable[..., Any], *args: Any, claims: Mapping[str, Any], points: int = 5, **kwargs: Any
) -> WorkReport:
    """Hold gradients derived by hand against the true ones, and say what went wrong.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; returns a scalar.
    *args, **kwargs
        The point to start from; formulas are also compared at random points around it.
    claims : mapping of str to str or array_like
        For an argument or an intermediate value, by its name, the claimed gradient: a NumPy expression over
        the function's own names (and ``dc`` for the true gradient of another value c), or numbers, which
        are compared at the given point only. Text is parsed with a whitelist and never run as Python.
    points : int
        How many points in all.

    Returns
    -------
    WorkReport
        To be printed; true when all claims are right.

    Raises
    ------
    FormulaError
        For a claim that cannot be read, with a caret at the place.
    ConfigurationError
        For a claim about an unknown name; suggests the nearest.
    GradientError
        When the output is no floating scalar.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> w, x = np.array([1.0, 0.0]), np.array([1.0, 2.0])
    >>> loss = lambda w, x, t: 0.5 * (t - x @ w) ** 2
    >>> print(wg.check_work(loss, w, x, 2.0, claims={"w": "(t - x @ w) * x"}))
    ✗ ∂L/∂w = (t - x @ w) * x
      shape: right, 2
      value: wrong at 5 of 5 points
      what went wrong: the sign is wrong
      put right: -((t - x @ w) * x)
    """
    if not isinstance(claims, Mapping) or not claims:
        raise ConfigurationError('claims is a mapping of names to gradients, {"W": "x.T @ delta"}')
    if not isinstance(points, int) or points < 2:
        raise ConfigurationError(f"points={points!r}: at least 2, the given one and one at random")
    truth = Truth(function, args, kwargs, points - 1)
    return WorkReport(tuple(_check(truth, name, claim) for name, claim in claims.items()))


def _check(truth: Truth, name: str, claim: Any) -> ClaimReport:
    symbol = truth.target(name)
    read = read_claim(claim, name)
    title = f"∂{truth.output.name}/∂{symbol.name}"
    true = truth.gradients(symbol)
    notes = []
    if not truth.depends_on(symbol):
        notes.append(f"{truth.output.name} does not depend on {symbol.name}, so the gradient is 0")
    if isinstance(read, Formula):
        report = _check_formula(truth, symbol, read, title, true)
    else:
        report = _check_numbers(truth, symbol, read, title, true[0])
    return replace(report, notes=(*report.notes, *notes))


def _check_formula(
    truth: Truth, symbol: Symbol, formula: Formula, title: str, true: list[Array]
) -> ClaimReport:
    factors = truth.factors()
    ways = readings(truth, symbol, formula, factors)
    _check_names(formula, ways[0], symbol.name)
    agreed = [_agreement(reading, formula, true) for reading in ways]
    shaped = [in_shape(one.at(formula, 0), symbol.shape, one.kind == READINGS[0]) is not None for one in ways]
    best = max(range(len(ways)), key=lambda place: (sum(agreed[place]), shaped[place], -place))
    value = ways[best].at(formula, 0)
    shape_right = shaped[best]
    report = ClaimReport(
        symbol.name, title, formula.text, all(agreed[best]), shape_right,
        None if value is None else value.shape, symbol.shape, len(true), sum(agreed[best]),
        None if value is not None else _error(formula, ways[0]), notes=_NOTES.get(ways[best].kind, ()),
    )  # fmt: skip
    if report.right:
        return report
    if len(true) > 1 and all(agreed[best][1:]):
        return replace(report, slip=_KINK)
    names = tuple(dict.fromkeys(one.name for one in truth.names.values() if one.name.isidentifier()))
    vocabulary = Vocabulary(
        names,
        {one.formula: (one.origin, one.values[0].shape) for one in factors},
        lambda node: None if (found := ways[best].of(node, 0)) is None else found.shape,
    )
    with budget(_DIAGNOSIS):
        found = diagnose(formula, ways, true, vocabulary, truth.extents())
    return report if found is None else replace(report, slip=found.slip, corrected=found.corrected)


def _check_names(formula: Formula, reading: Reading, name: str) -> None:
    """Refuse unknown names before anything else."""
    known = reading.values[0]
    for one in formula.names:
        if one not in known:
            try:
                evaluate(formula, known)
            except FormulaError as error:
                raise FormulaError(f"claim for {name}: {error}") from None


def _agreement(reading: Reading, formula: Formula, true: list[Array]) -> list[bool]:
    strict = reading.kind == READINGS[0]
    values = [reading.at(formula, place) for place in range(len(true))]
    return [same(in_shape(value, one.shape, strict), one) for value, one in zip(values, true, strict=True)]


def _error(formula: Formula, reading: Reading) -> str:
    try:
        evaluate(formula, reading.values[0])
    except FormulaError as error:
        return str(error)
    return ""


def _check_numbers(truth: Truth, symbol: Symbol, claim: Array, title: str, true: Array) -> ClaimReport:
    shape_right = claim.shape == symbol.shape
    exact = shape_right and same(claim, true)
    decimals = rounded(claim, true) if shape_right and not exact else None
    right = exact or decimals is not None
    slip = None if right else _numeric_slip(claim, true, truth.extents())
    notes = () if decimals is None else (f"rounded to {decimals} decimals",)
    return ClaimReport(
        symbol.name, title, np.array2string(claim, threshold=20, separator=", "), right, shape_right,
        claim.shape, symbol.shape, 1, int(right), slip=slip, notes=notes,
    )  # fmt: skip


def _numeric_slip(claim: Array, true: Array, extents: Mapping[int, str]) -> str | None:
    """Return what is wrong with numbers; a formula says more."""
    for value, slip in ((claim, ""), (claim.T, "it is the transpose of the gradient")):
        if value.shape != true.shape:
            continue
        number = ratio([value], [true])
        if number is None:
            continue
        if abs(number - 1) < 1e-6:
            return slip
        if true.size > 1 or plain_number(number, extents):
            return "; ".join(part for part in (slip, wrong_factor(number, extents)) if part)
    if claim.shape == true.shape and np.any(claim):
        wrong = ~np.isclose(claim, true, rtol=1e-6)
        signs = np.isclose(np.abs(claim), np.abs(true), rtol=1e-6)
        if np.all(signs):
            return f"the sign of {int(wrong.sum())} of {true.size} entries is wrong"
        place = tuple(int(one) for one in np.argwhere(wrong)[0])
        if not np.all(wrong):
            return f"{int(wrong.sum())} of {true.size} entries are wrong, the first at {list(place)}"
    return None
