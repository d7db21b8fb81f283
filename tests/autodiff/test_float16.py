"""float16 is refused wherever it could enter a program: its sums and derivatives are soon wrong."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.errors import DTypeError, WengertError

HALF = np.ones((4, 2), np.float16)
ENTRIES = {
    "trace": lambda: wg.trace(lambda x: x, HALF),
    "abstract": lambda: wg.abstract((2,), np.float16),
    "grad": lambda: wg.grad(lambda x: np.sum(x))(HALF),
    "grad by another argument": lambda: wg.grad(lambda x, y: np.sum(x))(1.0, HALF),
    "jacobian": lambda: wg.jacobian(lambda x: x)(HALF),
    "vjp": lambda: wg.vjp(lambda x: x, HALF),
    "jvp": lambda: wg.jvp(lambda x: x, (HALF,), (HALF,)),
    "hvp": lambda: wg.hvp(lambda x: np.sum(x), (HALF,), HALF),
    "compile": lambda: wg.compile(lambda x: x)(HALF),
    "compile numpy": lambda: wg.compile(lambda x: x, "numpy")(HALF),
    "astype": lambda: wg.grad(lambda x: np.sum(x.astype(np.float16)))(np.ones(3)),
    "astype by name": lambda: wg.compile(lambda x: x.astype("f2"))(np.ones(3)),
    "dtype=": lambda: wg.grad(lambda x: np.sum(x, dtype=np.float16))(np.ones(3)),
    "a small integer": lambda: wg.trace(lambda x: np.sin(x), np.ones(3, np.int8)),
    "a boolean": lambda: wg.trace(lambda x: np.exp(x), np.ones(3, bool)),
    "a result": lambda: wg.trace(lambda x: HALF, 1.0),
    "without a trace": lambda: wg.softmax(HALF),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_float16_is_refused_at_the_door(entry: str) -> None:
    with pytest.raises(WengertError, match=r"float16.*convert with .astype\(np.float32\)"):
        ENTRIES[entry]()


def test_float16_beside_a_wider_array_is_widened() -> None:
    got = wg.grad(lambda x: np.sum(x * HALF[:, 0] * np.float16(3)))(np.ones(4, np.float32))
    np.testing.assert_array_equal(got, np.full(4, 3, np.float32))
    assert got.dtype == np.float32
    with pytest.raises(DTypeError):
        wg.trace(lambda x: x * HALF[:, 0], np.ones(4, np.int8))
