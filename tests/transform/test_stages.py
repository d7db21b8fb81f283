"""Two stages of a program compute what it does, and nothing twice."""

import numpy as np
import pytest

import wengert as wg
from wengert.ir.evaluate import evaluate
from wengert.ir.verify import verify
from wengert.trace.tracing import abstract, trace
from wengert.transform.stages import two_stages

RNG = np.random.default_rng(0)
X, W, V = RNG.normal(size=(6, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def network(x, w, v):
    loss, (first, last) = wg.value_and_grad(
        lambda w, v: np.sum(np.square(np.tanh(np.tanh(x @ w) @ v))), argnums=(0, 1)
    )(w, v)
    return loss, last, first


def loop(x, w, v):
    """Of a loop, one stage takes one result and the other another."""
    carry, steps = wg.scan(lambda carry, row: (carry + row @ w, carry @ v), np.zeros(4), x)
    return np.sum(carry), np.sum(steps), steps


def passed_on(x, w, v):
    """The second stage gives what the first has, an input and a constant."""
    hidden = np.exp(x @ w)
    return hidden @ v, hidden, x, np.ones(3)


@pytest.mark.parametrize("function", [network, loop, passed_on])
@pytest.mark.parametrize("first", [1, 2])
def test_the_stages_together_are_the_program(function, first):
    given = [X, W, V]
    program = trace(function, *(abstract(one.shape, one.dtype) for one in given))
    early, late = two_stages(program, first)
    verify(early)
    verify(late)
    outputs = evaluate(early, given)
    kept = outputs[first:]
    found = [*outputs[:first], *evaluate(late, [*given, *kept])]
    for one, wanted in zip(found, evaluate(program, given), strict=True):
        np.testing.assert_array_equal(one, wanted)
    assert len(early.lines) + len(late.lines) == len(program.lines)
