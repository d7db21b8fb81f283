"""Mistakes of the usual sorts are refused wherever they are planted, and nearly all are given their cause."""

import numpy as np
from tests.drawn import random_examples
from tests.explain.planted_mistakes import CLAIMS, SORTS, planted

import wengert as wg


def test_planted_mistakes_are_refused_and_given_their_cause():
    cases = []
    for exercise in CLAIMS:
        arguments = exercise.arguments(np.random.default_rng(4))
        for name, claim in exercise.claims.items():
            cases += [(exercise, arguments, name, *one) for one in planted(claim, exercise)]
    # A transposed vector, and an outer product of a vector with itself, are what they were.
    same = {"x @ (A + A.T) + c", "outer(x, x)"}
    cases = [one for one in cases if one[-1] not in same]
    assert {one[3] for one in cases} == set(SORTS)

    unnamed = []
    chosen = cases[:: random_examples(24, explore=1)]
    for exercise, arguments, name, sort, wrong in chosen:
        (report,) = wg.check_work(exercise.function, *arguments, claims={name: wrong}, points=4)
        assert not report.right, wrong
        if not any(said in str(report.mistake) for said in SORTS[sort].said):
            unnamed.append((sort, wrong, report.mistake))
    assert len(unnamed) <= len(chosen) // 20, unnamed
