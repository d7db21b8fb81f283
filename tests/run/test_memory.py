"""Memory that is written to again never holds a value that somebody still reads."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import wengert as wg
from wengert.ir.evaluate import evaluate
from wengert.run import NumpyExecutor
from wengert.run.numpy.memory import plan_lines

# Large enough to be worth keeping.
SIDE = 64

# On integers, which wrap around: whatever the order of the terms, the numbers are exactly the same.
OPERATIONS = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: -x - y,
    lambda x, y: x @ y,
    lambda x, y: x.T,
    lambda x, y: np.square(x) * x,
    lambda x, y: np.where(x > y, x, y),
    lambda x, y: np.sum(x, axis=0, keepdims=True) + y,
    lambda x, y: x[::-1] - 1,
    lambda x, y: wg.stop_gradient(x),
]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, len(OPERATIONS) - 1), min_size=1, max_size=25))
def test_large_arrays_give_the_numbers_of_plain_evaluation(seed, choices):
    rng = np.random.default_rng(seed)
    arguments = [rng.integers(-9, 9, (SIDE, SIDE)), rng.integers(-9, 9, (SIDE, SIDE))]
    picks = rng.random(len(choices))
    kept = rng.random(len(choices)) < 0.3

    def f(x, y):
        values = [x, y]
        for choice, pick in zip(choices, picks, strict=True):
            values.append(OPERATIONS[choice](values[-1], values[int(pick * len(values))]))
        return [value for value, keep in zip(values[2:], kept, strict=True) if keep] + [values[-1]]

    program = wg.trace(f, *arguments)
    before = [value.copy() for value in arguments]
    results = NumpyExecutor().compile(program)(arguments)
    for mine, theirs in zip(results, evaluate(program, arguments), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for value, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(value, copy)
    for position, one in enumerate(results):
        assert not any(np.shares_memory(one, other) for other in [*results[:position], *arguments])


def test_a_chain_of_additions_needs_one_array():
    program = wg.trace(lambda x: ((x + 1) * 2 - 3) / 4, np.ones((SIDE, SIDE)))
    place = {node: position for position, node in enumerate(program.nodes)}
    first, *others = plan_lines(program, place, NumpyExecutor().compile)
    assert first[2] == -1
    assert all(memory in operands(list(range(len(place)))) for _, operands, memory, _, _ in others)


def test_a_product_never_writes_over_its_operand():
    program = wg.trace(lambda x: (x + 1) @ (x + 2), np.ones((SIDE, SIDE)))
    place = {node: position for position, node in enumerate(program.nodes)}
    *_, product = plan_lines(program, place, NumpyExecutor().compile)
    assert product[2] == -1


@pytest.mark.parametrize("count", [1, 3])
def test_memory_that_is_not_used_again_is_let_go(count):
    # The sums read their operand last; nothing of its shape comes later.
    program = wg.trace(
        lambda x: [np.sum(np.exp(x) @ (x + number)) for number in range(count)], np.ones((SIDE, SIDE))
    )
    place = {node: position for position, node in enumerate(program.nodes)}
    dropped = [
        place for *_, places in plan_lines(program, place, NumpyExecutor().compile) for place in places
    ]
    ended = [node for node in program.lines if node not in program.outputs]
    assert set(dropped) == {place[node] for node in ended}
