"""Adjoints of slices are joined where they do not overlap, and added up where they do."""

import numpy as np
import pytest

import wengert as wg
from wengert.ir.verify import verify

rng = np.random.default_rng(7)


def of_slices(x, places, weights):
    """A function of some parts of x, each read once, whose gradient is known: the weights, put in place."""
    return sum(np.sum(x[place] * weight) for place, weight in zip(places, weights, strict=True))


CASES = {
    "columns in any order": ((4, 5), [np.s_[:, 3], np.s_[:, 0], np.s_[:, 4], np.s_[:, 1]]),
    "rows with gaps at both ends": ((7, 2), [np.s_[4], np.s_[2:4]]),
    "blocks in two axes": ((4, 6), [np.s_[:2, :3], np.s_[:2, 3:], np.s_[2:, 1:2], np.s_[2:, 4:]]),
    "one part": ((5, 3), [np.s_[1:3, 2:]]),
    "everything and a part": ((5, 3), [np.s_[:], np.s_[1:3]]),
    "overlapping rows": ((6,), [np.s_[:4], np.s_[2:], np.s_[1:3]]),
    "overlapping in the second axis": ((4, 6), [np.s_[:2, :4], np.s_[:2, 2:], np.s_[2:]]),
    "every second element": ((7,), [np.s_[::2], np.s_[1::2]]),
    "backwards": ((5,), [np.s_[::-1], np.s_[:2]]),
    "nothing at all": ((4, 0), [np.s_[:2], np.s_[2:]]),
    "empty parts": ((4, 2), [np.s_[1:1], np.s_[1:3], np.s_[2:2]]),
    "elements": ((2, 3), [np.s_[0, 1], np.s_[1, 2], np.s_[0, 0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_gradient_puts_each_weight_in_its_place(case):
    shape, places = CASES[case]
    x = rng.normal(size=shape)
    weights = [rng.normal(size=np.shape(x[place])) for place in places]
    expected = np.zeros(shape)
    for place, weight in zip(places, weights, strict=True):
        expected[place] += weight
    found = wg.grad(lambda x: of_slices(x, places, weights))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_rows_read_one_by_one_are_joined_in_one_line():
    def function(x):
        return sum(np.sum(np.sin(x[row])) for row in range(50))

    program = wg.trace_gradient(function, rng.normal(size=(50, 3)))
    verify(program)
    names = [line.primitive.name for line in program.lines]
    assert names.count("concatenate") == 1
    assert "pad" not in names
    assert program.flops < 5 * wg.trace(function, np.ones((50, 3))).flops


def test_second_derivatives_go_through_joined_parts():
    def function(x):
        return np.sum(x[0] ** 3 * x[2]) + np.sum(x[1] ** 2)

    x = rng.normal(size=(4, 2))
    expected = np.zeros((4, 2, 4, 2))
    for column in range(2):
        a, _, c, _ = x[:, column]
        expected[0, column, 0, column] = 6 * a * c
        expected[0, column, 2, column] = expected[2, column, 0, column] = 3 * a**2
        expected[1, column, 1, column] = 2
    np.testing.assert_allclose(wg.hessian(function)(x), expected, rtol=1e-13)
