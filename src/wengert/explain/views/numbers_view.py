"""Numbers: the forward values, then each gradient in matrices with the numbers put in."""

from __future__ import annotations

from dataclasses import replace

from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Tree
from wengert.explain.views.index_view import gradient_names
from wengert.explain.views.matrix_view import matrix_view


def numbers_view(problem: Problem) -> Tree:
    """Return the matrix derivation with the value after each line; large arrays are elided in the middle."""
    tree = matrix_view(problem)
    sections = []
    for section in tree.sections:
        if section.title in ("Definitions", "Jacobians", "Gradients"):
            # Of a chain of equalities the first line suffices: its factors have their values above it.
            first = [
                step
                for place, step in enumerate(section.steps)
                if not step.continues(section.steps[place - 1] if place else None)
            ]
            steps = tuple(replace(step, shown=True, rule="") for step in first)
            title = "Forward" if section.title == "Definitions" else section.title
            sections.append(Section(title, section.note, steps, working=True))
        else:
            sections.append(section)
    return replace(tree, title=f"{gradient_names(problem)} in numbers", sections=tuple(sections))
