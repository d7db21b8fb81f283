"""A batch as its examples: the same function at one row after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from wengert.errors import ConfigurationError
from wengert.explain.engine import Array, Point
from wengert.explain.index.expressions import Expression, Partial
from wengert.explain.index.index_values import Evaluation, Named, value_of
from wengert.explain.index.indices import Index, Position
from wengert.explain.printers import layout
from wengert.explain.printers.layout import Layout, Text, row
from wengert.explain.printers.scripts import derivative
from wengert.explain.printers.style import ATOM, Style, layout_of
from wengert.explain.problem import Problem
from wengert.ir.node import Node


@dataclass(eq=False)
class Examples:
    """The examples of a batch, each a point of the function of one example.

    Attributes
    ----------
    batch, single : Problem
        The function of all examples, and the same function of one.
    axes : dict of Node to int
        The axis that counts examples, of each input of `batch` that has one.
    """

    batch: Problem
    single: Problem
    axes: dict[Node, int]
    _points: dict[int, list[Point]] = field(default_factory=dict)

    def points(self, point: Point) -> list[Point]:
        """Return a point of the function of one example for each example of a point of the batch."""
        if id(point) not in self._points:
            given = [np.asarray(point.values[node]) for node in self.batch.program.inputs]
            count = next(iter(self.axes)).type.shape[next(iter(self.axes.values()))]
            self._points[id(point)] = [
                self.single.engine.point(one_example(given, self.batch.program.inputs, self.axes, place))
                for place in range(count)
            ]
        return self._points[id(point)]

    def share(self) -> float:
        """Return the factor with which each example's loss goes into that of the batch: 1/N, or 1.

        Raises
        ------
        ConfigurationError
            When the batch's loss is neither the mean nor the sum of those of the examples.
        """
        ratios = []
        for point in self.batch.points:
            total = sum(float(one.values[self.single.output.node]) for one in self.points(point))
            ratios.append((float(point.values[self.batch.output.node]), total))
        count = len(self.points(self.batch.points[0]))
        for factor in (1 / count, 1.0):
            if all(np.isclose(whole, factor * total, rtol=1e-9, atol=1e-12) for whole, total in ratios):
                return factor
        raise ConfigurationError(
            "view='batch': the function is neither the mean nor the sum over its examples; take another view"
        )


def one_example(
    arguments: list[Array], inputs: tuple[Node, ...], axes: dict[Node, int], place: int
) -> list[Array]:
    """Return the arguments with one example left along the axes that count them; no axis is dropped."""
    return [
        np.take(array, [place], axis=axes[node]) if node in axes else array
        for array, node in zip(arguments, inputs, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Example(Expression):
    """An expression of the function of one example, at example n of the batch.

    Attributes
    ----------
    over : Position
        The number of the example: running, or counted from 0.
    body : Expression
    examples : Examples
    """

    over: Position
    body: Expression
    examples: Examples

    has_one_value: ClassVar[bool] = True


@value_of.register
def _(expression: Example, evaluation: Evaluation) -> Named:
    points = expression.examples.points(evaluation.point)

    def at(place: int) -> Named:
        return Evaluation(points[place], evaluation.positions).named(expression.body)

    if not isinstance(expression.over, Index):
        return at(expression.over)
    values = [at(place) for place in evaluation.range(expression.over)]
    return np.stack([array for array, _ in values]), (expression.over, *values[0][1])


@layout_of.register
def _(expression: Example, style: Style) -> tuple[Layout, int]:
    """Return the loss of an example, or its derivative, with the number of the example above."""
    body, over = expression.body, expression.over
    of = body.of.symbol if isinstance(body, Partial) else body.symbol  # type: ignore[attr-defined]
    loss = layout.Script(
        style.name(of.name), above=Text(f"({over if isinstance(over, Index) else over + 1})", "words")
    )
    if not isinstance(body, Partial):
        return layout.Term(loss, of.name), ATOM
    bottom = style.element(body.by.symbol, body.by.positions)
    term = derivative(of, body.by.symbol)
    return layout.Term(layout.Fraction(row(Text("∂"), loss), row(Text("∂"), bottom)), term), ATOM
