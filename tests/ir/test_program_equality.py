"""Programs compare by content: what they compute, whatever their inputs are called."""

import hypothesis
import numpy as np
from hypothesis import strategies as st
from tests.parity.random_programs import Drawn

import wengert as wg
from wengert.ir.node import make_input, make_node
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Program
from wengert.ir.types import tensor_type


def test_two_traces_of_the_same_lines_are_one_key() -> None:
    first = wg.trace(lambda x, y: np.sin(x) * y, np.ones(3), np.ones(3))
    second = wg.trace(lambda a, b: np.sin(a) * b, np.zeros(3), np.zeros(3))
    assert first == second
    assert hash(first) == hash(second)
    assert {first: 1}[second] == 1
    assert first != first.content  # no other object is a program


def test_what_differs_in_a_line_an_order_a_type_or_a_constant_is_not_equal() -> None:
    x = np.ones(3)
    base = wg.trace(lambda x, y: np.sin(x) * y, x, x)
    others = [
        wg.trace(lambda x, y: np.cos(x) * y, x, x),
        wg.trace(lambda x, y: np.sin(y) * x, x, x),
        wg.trace(lambda x, y: (np.sin(x) * y, y), x, x),
        wg.trace(lambda x, y: np.sin(x) * y, x.astype(np.float32), x.astype(np.float32)),
        wg.trace(lambda x, y: np.sin(x) * y, np.ones(2), np.ones(2)),
        wg.trace(lambda x, y, z: np.sin(x) * y, x, x, x),
    ]
    assert len({base, *others}) == len(others) + 1
    assert wg.trace(lambda x: x * 2.0, x) != wg.trace(lambda x: x * 2.5, x)
    assert wg.trace(lambda x: x.sum(axis=0), np.ones((2, 2))) != wg.trace(
        lambda x: x.sum(axis=1), np.ones((2, 2))
    )


def test_a_value_of_an_enclosing_trace_is_itself() -> None:
    vector = tensor_type((3,), np.dtype(np.float64))
    x, outer, another = (make_input(name, vector) for name in ("x", "a", "a"))
    programs = [Program([x], [make_node(REGISTRY["mul"], [x, free])]) for free in (outer, another, outer)]
    assert programs[0] == programs[2]
    assert programs[0] != programs[1]


@hypothesis.given(st.integers(0, 10_000), st.integers(0, 10_000))
@hypothesis.settings(max_examples=60)
def test_random_programs_are_equal_when_they_read_the_same(first: int, second: int) -> None:
    one, again, other = (Drawn(seed).program for seed in (first, first, second))
    assert one == again
    assert hash(one) == hash(again)
    assert (one == other) == (str(one) == str(other))
