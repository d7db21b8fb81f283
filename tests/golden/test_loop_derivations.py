"""Back-propagation through time, derived from the loop, as pages; its results are those of the literature."""

import numpy as np
import pytest
from tests.golden.loop_functions import LOOPS
from tests.golden.test_golden import FOLDER, UPDATE, compare

import wengert as wg
from wengert.explain.printers.blocks import plain

# What a book prints: the recursion, then the gradients; vectors are columns or, where rows says so, rows.
PRINTED = {
    "simple_rnn": [
        "2 (h_t − y_t) + [t ≤ T − 1] W (∂L/∂h_{t+1} ⊙ (1 − h_{t+1}²))",
        "Σ_t h_{t−1} (∂L/∂h_t ⊙ (1 − h_t²))ᵀ",
        "Σ_t x_t (∂L/∂h_t ⊙ (1 − h_t²))ᵀ",
        "Σ_t ∂L/∂h_t ⊙ (1 − h_t²)",
        "W (∂L/∂h_1 ⊙ (1 − h_1²))",
    ],
    "linear_recurrence": ["[t = T] s_T + [t ≤ T − 1] Aᵀ ∂L/∂s_{t+1}", "Σ_t ∂L/∂s_t s_{t−1}ᵀ", "Aᵀ ∂L/∂s_1"],
    "cumulative_sum": ["2 s_t + ∂L/∂s_{t+1} [t ≤ T − 1]", "∂L/∂s_t"],
    "returns": ["2 v_t + ∂L/∂v_{t−1} g [2 ≤ t]", "∂L/∂v_t", "Σ_t ∂L/∂v_t v_{t+1}"],
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_derived_as_its_page_has_it_and_ends_as_the_literature(name):
    asked = LOOPS[name]
    pages = []
    for view in ("index", "matrix"):
        derivation = wg.explain(
            asked.function, *asked.arguments, wrt=asked.wrt, view=view, notation="columns"
        )
        pages.append(str(derivation))
        (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
        for step, expected in zip(
            result.steps[-len(asked.wrt) :], asked.literature(*asked.arguments), strict=True
        ):
            np.testing.assert_allclose(
                step.value.reshape(np.shape(expected)), expected, rtol=1e-9, atol=1e-11, err_msg=asked.source
            )
    if name in PRINTED:
        assert [plain(step.after) for step in result.steps] == PRINTED[name]
    compare(FOLDER / "loops" / f"{name}.txt", f"After {asked.source}\n\n" + "\n\n".join(pages))


@pytest.mark.skipif(UPDATE, reason="the files are being written")
def test_no_page_of_a_loop_is_left_over():
    assert {path.stem for path in (FOLDER / "loops").glob("*.txt")} == set(LOOPS)
