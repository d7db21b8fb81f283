"""Derivations that people ask for, as pages; their results are those of the literature."""

import numpy as np
import pytest
from tests.golden.forum_functions import ASKED
from tests.golden.test_golden import FOLDER, UPDATE, compare

import wengert as wg

VIEWS = ("index", "matrix")


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
    compare(FOLDER / "derivations" / f"{name}.txt", f"After {asked.source}\n\n" + "\n\n".join(pages))


@pytest.mark.skipif(UPDATE, reason="the files are being written")
def test_no_page_is_left_over():
    assert {path.stem for path in (FOLDER / "derivations").glob("*.txt")} == set(ASKED)
