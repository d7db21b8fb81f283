"""`wengert.check_work`: claimed gradients held against the true ones, with what went wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, FormulaError, LimitError
from wengert.explain.arguments import check_call
from wengert.explain.engine import Array
from wengert.explain.formula.evaluator import evaluate
from wengert.explain.formula.parser import Formula, parse
from wengert.explain.grading.causes import Diagnosis, Diagnostician
from wengert.explain.grading.claims import read_claim, same
from wengert.explain.grading.constant_factors import constants
from wengert.explain.grading.conventions import Reading, readings, value_at, written_out
from wengert.explain.grading.edits import Vocabulary
from wengert.explain.grading.given_numbers import check_numbers
from wengert.explain.grading.hypotheses import Hypotheses
from wengert.explain.grading.right_gradients import ReferenceGradients
from wengert.explain.grading.slopes import factors
from wengert.explain.grading.work_report import ON_PAPER, RIGHT, WRONG, ClaimReport, WorkReport
from wengert.explain.index.expressions import Symbol
from wengert.explain.work_limits import budget

_PAPER = (
    "right on paper, with vectors as {}; not in NumPy, where a vector has one axis, no transpose, and no "
    "outer product by @"
)
_DIAGNOSIS = 3_000_000_000  # operations for finding what went wrong: some seconds
_MOST_READINGS = 3  # of which mistakes are looked for where the shape is wrong: NumPy's, columns, rows


def check_work(
    function: Callable[..., Any], *args: Any, claims: Mapping[str, Any], points: int = 20, **kwargs: Any
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
        It is right when its shape and its values as NumPy code are those of the gradient; what holds only
        with vectors read as rows or columns has a verdict of its own.
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
    LimitError
        When a claim asks for too large a value, or too much work; before it is computed.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> w, x = np.array([1.0, 0.0]), np.array([1.0, 2.0])
    >>> loss = lambda w, x, t: 0.5 * (t - x @ w) ** 2
    >>> print(wg.check_work(loss, w, x, 2.0, claims={"w": "(t - x @ w) * x"}))
    ✗ ∂L/∂w = (t - x @ w) * x
      shape: right, 2
      value: wrong at 20 of 20 points
      what went wrong: the sign is wrong
      put right: -((t - x @ w) * x)
    """
    if not isinstance(claims, Mapping) or not claims:
        raise ConfigurationError('claims is a mapping of names to gradients, {"W": "x.T @ delta"}')
    if not isinstance(points, int) or points < 2:
        raise ConfigurationError(f"points={points!r}: at least 2, the given one and one at random")
    for name in claims:
        if not isinstance(name, str):
            raise ConfigurationError(f"claims: {name!r} is no name; claims are by names of values, as text")
    check_call("check_work", function, args, kwargs)
    reference = ReferenceGradients(function, args, kwargs, claims, points - 1)
    return WorkReport(tuple(_check(reference, name, claim) for name, claim in claims.items()))


def _check(reference: ReferenceGradients, name: str, claim: Any) -> ClaimReport:
    symbol = reference.target(name)
    read = read_claim(claim, name)
    report = (
        FormulaCheck(reference, symbol).report(read)
        if isinstance(read, Formula)
        else (check_numbers(reference, symbol, read))
    )
    if reference.depends_on(symbol):
        return report
    note = f"{reference.output.name} does not depend on {symbol.name}, so the gradient is 0"
    return replace(report, notes=(*report.notes, note))


class FormulaCheck:
    """Holds formulas against the gradient by one value."""

    def __init__(self, reference: ReferenceGradients, symbol: Symbol) -> None:
        self._reference = reference
        self._symbol = symbol
        self._true = reference.gradients(symbol)
        self._values = [reference.environment(point, symbol) for point in reference.points]

    def report(self, formula: Formula) -> ClaimReport:
        """Return what is to be said of a claim."""
        self._check_names(formula)
        values = [self._value(formula, place) for place in range(len(self._true))]
        agreed = [self._agrees(value, place) for place, value in enumerate(values)]
        title = f"∂{self._reference.output.name}/∂{self._symbol.name}"
        report = ClaimReport(
            self._reference.shown_name(self._symbol), title, formula.text,
            RIGHT if all(agreed) else WRONG, None if values[0] is None else values[0].shape,
            self._symbol.shape, len(agreed), sum(agreed),
            None if values[0] is not None else self._error(formula),
        )  # fmt: skip
        root = written_out(formula)
        if report.right or root is None:
            return report
        ways = list(readings(self._values, root))
        on_paper = self._on_paper(report, root, ways)
        return self._diagnosed(report, root, ways, agreed) if on_paper is None else on_paper

    def _on_paper(self, report: ClaimReport, root: ast.expr, ways: list[Reading]) -> ClaimReport | None:
        for reading in ways[1:]:
            code = reading.numpy(root)
            if code is not None and self.accepted(ast.unparse(code)):
                return replace(
                    report, verdict=ON_PAPER, mistake=_PAPER.format(reading.kind), corrected=ast.unparse(code)
                )
        return None

    def _diagnosed(
        self, report: ClaimReport, root: ast.expr, ways: list[Reading], agreed: list[bool]
    ) -> ClaimReport:
        reference = self._reference
        known = factors(reference)
        hypotheses = Hypotheses(reference, self._symbol, known)
        vocabulary = Vocabulary(
            {name: node.type.shape for node, name in reference.reader_names.items() if node.type.is_float},
            hypotheses.unnamed_lines(),
            {one.code: (one.origin, one.values[0].shape) for one in known if one.code},
            lambda node: None if (found := value_at(node, self._values[0])) is None else found.shape,
        )
        tried = ways[:1] if report.shape_right else ways[:_MOST_READINGS]
        diagnostician = Diagnostician(
            tried, self._true, vocabulary, constants(reference.problem.program), hypotheses, self.accepted,
            reference.problem.program.flops,
        )  # fmt: skip
        with budget(_DIAGNOSIS):
            if len(agreed) > 1 and all(agreed[1:]):
                found: Diagnosis | None = Diagnosis(self._kink(root), diagnostician.at_a_kink(root))
            else:
                found = diagnostician.diagnose(root)
        mistake = found.mistake if found else None
        for code in (found.corrected if found else None, hypotheses.gradient_code()):
            if code is not None and self.accepted(code):
                return replace(report, mistake=mistake, corrected=code)
        return replace(report, mistake=mistake)

    def accepted(self, code: str) -> bool:
        """Whether code has the shape and the value of the gradient at all points."""
        try:
            formula = parse(code)
        except FormulaError:
            return False
        places = range(len(self._true))
        try:
            return all(self._agrees(self._value(formula, place), place) for place in places)
        except LimitError:
            return False

    def _value(self, formula: Formula, place: int) -> Array | None:
        try:
            return np.asarray(evaluate(formula, self._values[place]))
        except (FormulaError, TypeError):
            return None

    def _agrees(self, value: Array | None, place: int) -> bool:
        true = self._true[place]
        return value is not None and value.shape == true.shape and same(value, true)

    def _check_names(self, formula: Formula) -> None:
        """Refuse unknown names before anything else."""
        if any(one not in self._values[0] for one in formula.names):
            try:
                evaluate(formula, self._values[0])
            except FormulaError as error:
                raise FormulaError(f"claim for {self._symbol.name}: {error}") from None

    def _error(self, formula: Formula) -> str:
        try:
            evaluate(formula, self._values[0])
        except FormulaError as error:
            return str(error)
        return ""

    def _kink(self, root: ast.expr) -> str:
        """Say why a claim that is right at all random points is wrong at the given one."""
        value = value_at(root, self._values[0])
        where = "right wherever else it was compared; at the given point alone it differs: "
        if value is None or not np.all(np.isfinite(value)):
            return f"{where}it has no finite value there"
        if self._reference.jumps(self._symbol):
            return (
                f"{where}a derivative jumps there (a kink). Its value at the kink is a convention: "
                "that of ReLU and of abs at 0 is taken as 0"
            )
        return f"{where}it uses what does not hold there"
