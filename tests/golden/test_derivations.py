"""Derivations that people ask for, as pages; their results are those of the literature."""

import numpy as np
import pytest
from tests.golden.factor_functions import FACTORED, PRINTED as PRINTED_FACTORED
from tests.golden.forum_functions import ASKED as FORUM
from tests.golden.learning_functions import LEARNED, PRINTED as PRINTED_LEARNED
from tests.golden.likelihood_functions import LIKELIHOODS, PRINTED as PRINTED_LIKELIHOODS
from tests.golden.model_functions import MODELS, PRINTED as PRINTED_MODELS
from tests.golden.test_golden import FOLDER, UPDATE, compare

import wengert as wg
from wengert.explain.printers.blocks import plain

VIEWS = ("index", "matrix")
# What a book prints, by each argument; vectors are columns, and G or c is what comes from further up.
PRINTED = {
    "batch_norm": [
        "(G − 1/5 N diag((G ⊙ N)ᵀ 𝟏) − 1/5 𝟏 𝟏ᵀ G) diag(g)/(𝟏 √(v + 1e−05)ᵀ)",
        "(G ⊙ N)ᵀ 𝟏",
        "Gᵀ 𝟏",
    ],
    "layer_norm": ["(c ⊙ g − 1/5 (cᵀ (g ⊙ n)) n − 1/5 (cᵀ g) 𝟏)/√(v + 1e−05)", "c ⊙ n", "c"],
    "silu": ["c ⊙ σ(x) ⊙ (1 + x ⊙ (1 − σ(x)))"],
    "cosine": ["v/(a b) − L u/a²", "u/(a b) − L v/b²"],
    "poisson": ["Xᵀ (μ − y)"],
    "huber": ["Xᵀ {r if [u1 ≤ 1], else sign(r)}"],
    "logsumexp": ["softmax(z)"],
    "logsumexp_hessian": ["diag(softmax(z)) − softmax(z) softmax(z)ᵀ"],
    "triple_product": ["b × w", "w × a", "c"],
    "cross_entropy": ["Xᵀ (P − T)"],
    "binary_cross_entropy": ["σ(z) − y"],
    "log_determinant": ["X⁻ᵀ"],
    "logistic_hessian": ["Xᵀ diag(p ⊙ (1 − p)) X"],
    "ridge": ["1/5 w + 2 Xᵀ (X w − y)"],
    "trace_of_three": ["Aᵀ Bᵀ"],
    "frobenius": ["2 Aᵀ (A X − B)"],
    "determinant": ["L X⁻ᵀ"],
    "bilinear_inverse": ["−X⁻ᵀ a bᵀ X⁻ᵀ"],
    "quadratic_form": ["(A + Aᵀ) x"],
    "rayleigh": ["((A + Aᵀ) x − 2 R x)/(xᵀ x)"],
    "normalised": ["I/r − u uᵀ/r"],
    "softmax": ["diag(p) − p pᵀ"],
    "triplet": ["2 [z1 > 0] (n − p)", "−2 [z1 > 0] (a − p)", "2 [z1 > 0] (a − n)"],
    "reconstruction": ["2 Rᵀ X W + 2 Xᵀ R W"],
    "factorisation": ["2 R V", "2 Rᵀ U"],
    "mahalanobis": ["(P + Pᵀ) d", "−(P + Pᵀ) d"],
    "variance": ["2/5 (x − 1/5 (xᵀ 𝟏) 𝟏)"],
}
PRINTED |= PRINTED_FACTORED | PRINTED_LEARNED | PRINTED_MODELS | PRINTED_LIKELIHOODS
ASKED = FORUM | FACTORED | LEARNED | MODELS | LIKELIHOODS


def derived(name, view):
    asked = ASKED[name]
    arguments = tuple(np.asarray(one) if np.ndim(one) else one for one in asked.arguments)
    return wg.explain(
        asked.function, *arguments, wrt=asked.wrt, order=asked.order, view=view, notation="columns"
    )


@pytest.mark.parametrize("name", ASKED)
def test_a_derivation_stands_as_its_page_has_it_and_ends_as_the_literature(name):
    asked = ASKED[name]
    pages = []
    for view in VIEWS:
        derivation = derived(name, view)
        pages.append(str(derivation))
        (result,) = [section for section in derivation.tree.sections if section.title == "Result"]
        gradients = result.steps[-len(asked.wrt) :]
        for step, expected in zip(gradients, asked.literature(*asked.arguments), strict=True):
            shape = np.shape(expected)
            np.testing.assert_allclose(
                step.value.reshape(shape), expected, rtol=1e-9, atol=1e-11, err_msg=f"{name}, {asked.source}"
            )
    if name in PRINTED:
        assert [plain(step.after) for step in gradients] == PRINTED[name]
    compare(FOLDER / "derivations" / f"{name}.txt", f"After {asked.source}\n\n" + "\n\n".join(pages))


@pytest.mark.skipif(UPDATE, reason="the files are being written")
def test_no_page_is_left_over():
    assert {path.stem for path in (FOLDER / "derivations").glob("*.txt")} == set(ASKED)
