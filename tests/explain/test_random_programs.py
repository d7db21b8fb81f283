import json
from typing import Any

import numpy as np
import pytest
from tests.drawn import random_examples
from tests.explain.random_programs import index_derivation, random_function

import wengert as wg
from wengert.explain.printers.blocks import block
from wengert.explain.printers.lines import lines

VIEWS = ("matrix", "delta", "adjoint", "numbers", "index")
NOTATIONS = ("rows", "columns", "mit")
LAYOUTS = ("denominator", "numerator")
PROGRAMS = random_examples(60, explore=3_000)
IN_A_TEST = 15


def settings(seed: int) -> dict[str, Any]:
    """A way of writing a derivation; all combinations come round with the seeds."""
    return {
        "view": VIEWS[seed % 5],
        "notation": NOTATIONS[seed // 5 % 3],
        "layout": LAYOUTS[seed // 15 % 2],
        "numbers": seed // 30 % 2 == 1,
        "tensors": seed // 60 % 2 == 1,
    }


@pytest.mark.parametrize("first", range(0, PROGRAMS, IN_A_TEST))
def test_every_line_of_every_view_agrees_with_the_engine(first: int) -> None:
    for seed in range(first, first + IN_A_TEST):
        function, arguments = random_function(seed)
        # Every line is held to the engine at three points before there is a derivation at all.
        assert index_derivation(seed).verification.lines > 0, f"seed {seed}"
        other = wg.explain(function, *arguments, **settings(seed))
        assert other.verification.lines > 0, f"seed {seed}, {settings(seed)}"
        assert_nothing_is_empty(other, f"seed {seed}, {settings(seed)}")
        again = other.verify(points=1, seed=seed)
        assert again.lines == other.verification.lines


def assert_nothing_is_empty(derivation: wg.Derivation, where: str) -> None:
    """Each section says something, each line has both sides, in every printer."""
    for section in derivation.tree.sections:
        assert section.title, where
        assert section.steps or section.note, where
        for line in lines(section, derivation.style):
            left, *right = (block(piece).lines for piece in (line.subject, *line.right))
            assert "".join(left).strip(), where
            assert right, where
            assert all("".join(side).strip() for side in right), where
    filled = [section for section in derivation.tree.sections if section.steps]
    assert derivation.to_latex().count(r"\begin{alignat*}") == len(filled)
    assert derivation._repr_html_().count("<tr ") >= derivation.verification.lines
    assert len(json.loads(derivation.to_json())["sections"]) == len(derivation.tree.sections)


@pytest.mark.parametrize("seed", range(40))
def test_the_result_is_the_gradient(seed: int) -> None:
    function, arguments = random_function(seed)
    expected = wg.grad(function, argnums=(0, 1, 2))(*arguments)
    names = ("x", "y", "z")

    (results,) = [section for section in index_derivation(seed).tree.sections if section.title == "Result"]
    shown = {step.reference.by.symbol.name: step.value for step in results.steps}
    for name, gradient in zip(names, expected, strict=True):
        if name in shown:
            np.testing.assert_allclose(np.squeeze(shown[name]), np.squeeze(gradient), rtol=1e-9, atol=1e-12)
        else:
            assert f"the gradient by {name} is 0" in results.note
            assert not np.any(gradient)
