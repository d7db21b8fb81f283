"""Derivations as JSON: the tree of steps, each formula as text and as LaTeX."""

from __future__ import annotations

import json
from typing import Any

from wengert.explain.index.expressions import Expression
from wengert.explain.printers import latex
from wengert.explain.printers.blocks import plain
from wengert.explain.printers.typesetting import Style
from wengert.explain.steps import Step, Tree

_LARGEST = 10_000  # elements of a value that is written out


def _formula(expression: Expression, style: Style) -> dict[str, str]:
    return {"text": plain(expression, style), "latex": latex.math(style.show(expression))}


def _step(step: Step, style: Style) -> dict[str, Any]:
    value = step.value.tolist() if step.value is not None and step.value.size <= _LARGEST else None
    return {
        "subject": _formula(step.subject, style),
        "relation": step.relation,
        "before": _formula(step.before, style),
        "after": _formula(step.after, style),
        "rule": step.rule,
        "justification": step.justification,
        "shape": list(step.shape),
        "value": value,
    }


def tree_as_json(tree: Tree, style: Style) -> str:
    """Return a view as JSON; values of more than 10,000 elements are null."""
    plain_style = style.without_shapes()
    sections = [
        {
            "title": section.title,
            "note": section.note,
            "steps": [_step(step, plain_style) for step in section.steps],
        }
        for section in tree.sections
    ]
    return json.dumps({"title": tree.title, "sections": sections}, ensure_ascii=False, indent=1)
