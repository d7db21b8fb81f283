"""The gradient-descent update: what the gradient is for."""

from __future__ import annotations

from wengert.explain.numbers import listed
from wengert.explain.problem import Problem
from wengert.explain.steps import Section


def update(problem: Problem, step_size: float) -> Section:
    """Return the section that takes one step against the gradient: w ← w − η ∂L/∂w."""
    point = problem.points[0]
    lines = []
    for symbol in problem.wrt:
        if symbol not in problem.order:
            continue
        moved = point.values[symbol.node] - step_size * point.adjoints[symbol.node]
        gradient = f"∂{problem.output.name}/∂{symbol.name}"
        lines.append(f"{symbol.name} ← {symbol.name} − {step_size:g} {gradient} = {listed(moved)}")
    return Section("Update", "\n".join(lines))
