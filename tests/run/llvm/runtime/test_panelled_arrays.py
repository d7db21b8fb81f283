"""Copies of arrays in panels, put in order when they are looked at."""

import pickle

import numpy as np

from wengert.run.llvm.matmul.weight_layout import in_panels
from wengert.run.llvm.runtime.panelled_arrays import PanelledArray, PanelledArrays

MATRICES = [np.arange(24.0).reshape(2, 12), np.arange(10), np.array(3.0), np.arange(40.0).reshape(5, 8)]
WIDTHS = [4, 0, 0, 2]


def panelled():
    return PanelledArrays(
        [
            PanelledArray(in_panels(matrix, width).reshape(matrix.shape).copy(), width)
            for matrix, width in zip(MATRICES, WIDTHS, strict=True)
        ]
    )


def test_each_array_and_each_slice_has_its_elements_in_their_own_order():
    arrays = panelled()
    assert len(arrays) == 4
    np.testing.assert_array_equal(arrays[-1], MATRICES[-1])
    for mine, given in zip(arrays[1:], MATRICES[1:], strict=True):
        np.testing.assert_array_equal(mine, given)
    for mine, given in zip(panelled(), MATRICES, strict=True):
        np.testing.assert_array_equal(mine, given)


def test_an_array_is_put_in_order_once_whoever_looks():
    arrays = panelled()
    assert arrays[:2][0] is arrays[0]


def test_they_can_be_pickled():
    for mine, given in zip(pickle.loads(pickle.dumps(panelled())), MATRICES, strict=True):
        np.testing.assert_array_equal(mine, given)
