import numpy as np
import pytest
from tests.explain.random_programs import random_function

import wengert as wg

OTHERS = ("matrix", "delta", "adjoint", "numbers")
PROGRAMS = 300
IN_A_TEST = 30


@pytest.mark.parametrize("first", range(0, PROGRAMS, IN_A_TEST))
def test_every_line_of_every_view_agrees_with_the_engine(first: int) -> None:
    for seed in range(first, first + IN_A_TEST):
        function, arguments = random_function(seed)
        index = wg.explain(function, *arguments)
        other = wg.explain(function, *arguments, view=OTHERS[seed % len(OTHERS)])

        for derivation in (index, other):
            again = derivation.verify(points=1, seed=seed)
            assert again.lines == derivation.verification.lines > 0, f"seed {seed}"
            assert all(step.after is not None for step in derivation.tree.steps)


@pytest.mark.parametrize("seed", range(40))
def test_the_result_is_the_gradient(seed: int) -> None:
    function, arguments = random_function(seed)
    expected = wg.grad(function, argnums=(0, 1, 2))(*arguments)
    names = ("x", "y", "z")

    derivation = wg.explain(function, *arguments)

    (results,) = [section for section in derivation.tree.sections if section.title == "Result"]
    shown = {step.truth.by.symbol.name: step.value for step in results.steps}
    for name, gradient in zip(names, expected, strict=True):
        if name in shown:
            np.testing.assert_allclose(np.squeeze(shown[name]), np.squeeze(gradient), rtol=1e-9, atol=1e-12)
        else:
            assert f"the gradient by {name} is 0" in results.note
            assert not np.any(gradient)
