"""`detail="full"`: one rule a line, each line held to the engine, and the same result as in short."""

from typing import Any

import numpy as np
import pytest
from tests.explain.random_programs import index_derivation, random_function

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.explain.index.expressions import Differential, walk


def _local(derivation: wg.Derivation) -> list[Any]:
    return [
        step
        for section in derivation.tree.sections
        if section.title == "Local partial derivatives"
        for step in section.steps
    ]


@pytest.mark.parametrize("seed", range(30))
def test_every_line_has_one_rule_and_the_result_is_the_same(seed: int) -> None:
    function, arguments = random_function(seed)
    short = index_derivation(seed)
    full = wg.explain(function, *arguments, detail="full")

    assert [str(short).partition("\nResult\n")[2]] == [str(full).partition("\nResult\n")[2]]
    for step in _local(full):
        if any(isinstance(part, Differential) for part in walk(step.after)):
            # What is inside is differentiated in the next line: that is the chain rule of the same step.
            assert step.rule.removesuffix(", chain rule").count(",") == 0, step.rule


def test_the_mean_squared_error_as_the_lecture_derives_it() -> None:
    def loss(w: Any, x: Any, t: Any) -> Any:
        z = w * x
        J = 0.5 * np.mean((t - z) ** 2)
        return J

    steps = _local(wg.explain(loss, 2.0, np.array([1.0, 3.0]), np.ones(2), wrt="w", detail="full"))

    assert [step.rule for step in steps] == [
        "definition of J", "constant factor", "sum rule", "power rule, chain rule", "sum rule",
        "constant rule", "constant factor", "derivative of the variable itself", "write it shorter",
        "δ keeps one term of the sum",
        "definition of z", "constant factor", "derivative of the variable itself",
    ]  # fmt: skip


def test_the_sigmoid_is_derived_by_the_quotient_rule() -> None:
    def sigma(a: Any) -> Any:
        s = 1 / (1 + np.exp(-a))
        return s

    derivation = wg.explain(sigma, 0.5, detail="full")

    rules = [step.rule for step in _local(derivation)]
    assert "quotient rule" in rules
    assert "∂s/∂a = s (1 − s)" in str(derivation)


def test_another_detail_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="full"):
        wg.explain(np.sin, 0.5, detail="fully")


@pytest.mark.parametrize("view", ["matrix", "adjoint"])
def test_views_without_local_derivatives_refuse_it(view):
    with pytest.raises(ConfigurationError, match=f"view='{view}' shows none: take view=\"index\""):
        wg.explain(np.sin, 0.5, detail="full", view=view)
