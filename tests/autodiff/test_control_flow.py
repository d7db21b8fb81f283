"""Loops and branches of functions: what they give, what they capture, what bad input gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.contract.test_regions import close
from tests.transform.examples import run_source

import wengert as wg
from wengert.errors import (
    ConcreteValueError,
    ConfigurationError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    TraceError,
)
from wengert.run.llvm import LLVMExecutor
from wengert.run.llvm.repetition.compiled_body import compiled_body
from wengert.run.llvm.runtime.target import host_target
from wengert.run.numpy.diagnosis import first_non_finite
from wengert.transform.simplify import simplify

EXAMPLES = max(10, settings().max_examples // 5)
UNARY = [np.tanh, np.sin, lambda x: x * 0.5, lambda x: x[::-1], lambda x: x - np.mean(x)]
BINARY = [np.add, np.multiply, lambda x, y: x - 0.5 * y, np.maximum]


def random_step(seed: int, leaves: int, depth: int) -> Any:
    """Return a function (values, entries, captured) → (values, outputs) of operations drawn at random."""

    def step(values: Any, entries: Any, captured: Any, inner: Any) -> Any:
        rng = np.random.default_rng(seed)  # the same operations in every iteration
        pool = [*values, *entries, *captured]
        for _ in range(4):
            one, other = rng.integers(len(pool), size=2)
            pool.append(UNARY[rng.integers(len(UNARY))](pool[one]) * 0.7)
            pool.append(BINARY[rng.integers(len(BINARY))](pool[-1], pool[other]) * 0.7)
        if depth:
            pool.append(inner(pool[-1], pool[-2]))
        picked = rng.integers(len(pool), size=leaves)
        return tuple(np.sin(pool[one]) for one in picked), (pool[-1], np.sum(pool[-2]))

    return step


@settings(max_examples=EXAMPLES)
@given(
    seed=st.integers(0, 10**6),
    length=st.sampled_from([0, 1, 3]),
    leaves=st.integers(1, 3),
    streams=st.integers(0, 2),
    depth=st.integers(0, 1),
    reverse=st.booleans(),
    machine=st.sampled_from([False, False, True]),
)
def test_a_random_scan_is_its_loop(
    seed: int, length: int, leaves: int, streams: int, depth: int, reverse: bool, machine: bool
) -> None:
    rng = np.random.default_rng(seed)
    init = [rng.normal(size=3) for _ in range(leaves)]
    xs = [rng.normal(size=(length, 3)) for _ in range(streams)]
    captured = [rng.normal(size=3)]
    step = random_step(seed, leaves, depth)

    def folded(init: Any, xs: Any, captured: Any) -> Any:
        def inner(a: Any, b: Any) -> Any:
            return wg.scan(lambda c, y: (np.tanh(c * y + captured[0]), None), a, np.stack([b, a]))[0]

        def iteration(carry: Any, entries: Any) -> Any:
            return step(carry, entries or (), captured, inner)

        last, (ys, zs) = wg.scan(iteration, tuple(init), tuple(xs), length, reverse)
        return sum(np.sum(one) for one in last) + np.sum(ys**2) + np.sum(zs**3)

    def unrolled(init: Any, xs: Any, captured: Any) -> Any:
        def inner(a: Any, b: Any) -> Any:
            for y in (b, a):
                a = np.tanh(a * y + captured[0])
            return a

        values, total = tuple(init), 0.0
        for iteration in range(length)[:: -1 if reverse else 1]:
            values, (y, z) = step(values, [one[iteration] for one in xs], captured, inner)
            total = total + np.sum(y**2) + z**3
        return sum(np.sum(one) for one in values) + total

    args = (init, xs, captured)
    program = wg.verify(simplify(wg.trace(folded, *args)))
    assert simplify(program) == program
    close(program(*args), unrolled(*args))
    places = (0, 2) if not streams else (0, 1, 2)
    derived = wg.verify(wg.trace(wg.grad(folded, places), *args))
    wanted = wg.trace(wg.grad(unrolled, places), *args)(*args)
    flat = [one for part in wanted for one in part]
    for mine, one in zip([one for part in derived(*args) for one in part], flat, strict=True):
        close(mine, one, 1e-9)
    if machine:
        leaves_of = [*init, *xs, *captured]
        for mine, one in zip(LLVMExecutor().compile(derived)(leaves_of), flat, strict=True):
            close(mine, one, 1e-9)
    along = [rng.normal(size=one.shape) for one in init]
    got = wg.hvp(folded, args, along)
    for mine, one in zip(got, wg.hvp(unrolled, args, along), strict=True):
        close(mine, one, 1e-8)


def test_check_grad_looks_through_loops_and_branches() -> None:
    def function(w: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = wg.cond(x[0] > 0, lambda h: np.tanh(w @ h + x), lambda h: h * x, h)
            return h, np.sum(h**2)

        h, ys = wg.scan(step, np.ones(2), xs)
        h = wg.while_loop(lambda h: np.sum(h**2) > 1e-2, lambda h: h * 0.5, h)
        return np.sum(h) + np.sum(ys)

    xs = np.array([[1.0, 0.3], [-0.5, 0.2], [0.7, -0.1]])
    assert wg.check_grad(function, np.array([[0.2, 0.4], [-0.3, 0.5]]), xs)


def test_hessian_and_jacobian_of_a_scan() -> None:
    def folded(h: Any) -> Any:
        return wg.scan(lambda h, x: (np.sin(h * x), h**2), h, np.arange(1.0, 4.0))

    def plain(h: Any) -> Any:
        ys = []
        for x in (1.0, 2.0, 3.0):
            ys.append(h**2)
            h = np.sin(h * x)
        return h, np.stack(ys)

    h = np.array([0.3, -0.8])
    for mine, one in zip(wg.jacobian(folded)(h), wg.jacobian(plain)(h), strict=True):
        close(mine, one)
    close(
        wg.hessian(lambda h: np.sum(folded(h)[1] ** 2))(h), wg.hessian(lambda h: np.sum(plain(h)[1] ** 2))(h)
    )


def test_a_branch_that_is_not_taken_is_not_computed() -> None:
    def function(x: Any, i: Any) -> Any:
        # An index outside of the array would be an error.
        return wg.cond(i < 3, lambda: x[i] ** 2, lambda: np.sum(x))

    x = np.arange(3.0)
    for run in (wg.compile(function), wg.compile(function, executor="numpy")):
        assert run(x, np.int64(2)) == 4
        assert run(x, np.int64(7)) == 3
    close(wg.grad(function)(x, np.int64(7)), np.ones(3))
    with pytest.raises(IndexRangeError):
        wg.vmap(function, (None, 0))(x, np.array([1, 7]))  # over a batch both are


def test_what_does_not_change_from_iteration_to_iteration_is_computed_outside() -> None:
    program = wg.trace(
        lambda w, xs: wg.scan(lambda h, x: (h + np.sum(np.exp(w)) * x, None), 0.0, xs)[0],
        np.ones(3),
        np.ones(4),
    )
    (region,) = [node for node in program.nodes if node.primitive.name == "scan"]
    assert "exp" in {node.primitive.name for node in program.lines}
    assert {node.primitive.name for node in region.param("body").lines} == {"mul", "add"}


def test_equal_loops_are_one_line() -> None:
    def function(h: Any, xs: Any) -> Any:
        return sum(wg.scan(lambda h, x: (np.tanh(h + x), h), h, xs)[0] for _ in range(3))

    program = wg.trace(function, 0.5, np.ones(4))
    assert [node.primitive.name for node in program.lines].count("scan") == 1


def test_the_function_and_its_gradient_share_the_loop_forwards() -> None:
    def function(h: Any, xs: Any) -> Any:
        return np.sum(wg.scan(lambda h, x: (np.tanh(h + x), h), h, xs)[1])

    program = wg.trace(wg.value_and_grad(function), 0.5, np.ones(4))
    assert [node.primitive.name for node in program.lines].count("scan") == 2  # there and back


def test_the_sweep_back_reads_what_the_sweep_forwards_kept() -> None:
    def function(w: Any, xs: Any) -> Any:
        return np.sum(wg.scan(lambda h, x: (np.tanh(w * h + x), np.exp(h)), np.ones(2), xs)[1])

    args = np.array([0.3, 0.4]), np.ones((4, 2))
    program = simplify(wg.trace(wg.value_and_grad(function), *args))
    there, back = [node.param("body") for node in program.nodes if node.primitive.name == "scan"]
    # Neither is computed again; exp stands among the results already and is not kept twice.
    assert [node.primitive.name for node in there.lines].count("tanh") == 1
    assert {"tanh", "exp"}.isdisjoint(node.primitive.name for node in back.lines)
    assert len(there.outputs) == 3
    wg.verify(program)


def test_a_checkpoint_keeps_nothing_of_a_iteration_and_has_the_same_derivatives() -> None:
    def function(w: Any, xs: Any, around: Any = lambda step: step) -> Any:
        def step(h: Any, x: Any) -> Any:
            return np.tanh(w * np.tanh(h) + x), np.exp(h)

        return np.sum(wg.scan(around(step), np.ones(2), xs)[1] ** 2)

    def kept(w: Any, xs: Any) -> Any:
        return function(w, xs, wg.checkpoint)

    args = np.array([0.3, 0.4]), np.arange(8.0).reshape(4, 2)
    wanted = wg.grad(function, (0, 1))(*args)
    for slopes in (wg.grad(kept, (0, 1)), wg.compile(wg.grad(kept, (0, 1)))):
        for mine, one in zip(slopes(*args), wanted, strict=True):
            close(mine, one)
    close(wg.hvp(kept, args, args[0]), wg.hvp(function, args, args[0]))
    close(kept(*args), function(*args))
    program = simplify(wg.trace(wg.grad(kept, (0, 1)), *args))
    there, back = [node.param("body") for node in program.nodes if node.primitive.name == "scan"]
    assert len(there.outputs) == 2  # the carry and what the function gives
    assert compiled_body(back, host_target()) is not None
    source = run_source(program.to_python())(*args)
    for mine, one in zip(source, wanted, strict=True):
        close(mine, one)


def test_a_checkpoint_alone_is_its_function() -> None:
    function = wg.checkpoint(lambda x, scale=1.0: {"y": np.sin(x * scale), "z": x[0]})
    assert set(function(np.ones(2))) == {"y", "z"}
    slope = wg.grad(lambda x: np.sum(function(x, scale=2.0)["y"]) + function(x)["z"])
    close(slope(np.zeros(2)), [3.0, 2.0])


def test_numbers_take_the_dtype_of_the_loop() -> None:
    xs = np.ones(3, np.float32)
    carry, _ = wg.scan(lambda c, x: (c + x, None), 0.0, xs)
    assert carry.dtype == np.float32
    assert wg.fori_loop(0, 3, lambda i, c: c + 0.5, 1) == 2.5
    for first, last in ((0, 3), (np.int32(0), np.int32(3))):
        total = wg.fori_loop(first, last, lambda i, c: c + i, np.int32(1))
        assert total == 4
        assert total.dtype == np.int32
    assert wg.fori_loop(0, 3, lambda i, c: c + i, np.float32(0)).dtype == np.float32
    assert wg.while_loop(lambda c: c < 3, lambda c: c + np.float32(0.5), 1).dtype == np.float32


def test_bounds_of_a_loop_may_be_traced() -> None:
    def function(x: Any, n: Any) -> Any:
        return wg.fori_loop(0, n, lambda i, c: c * x, 1.0)

    for n in (0, 1, 5):
        assert wg.compile(function)(2.0, np.int64(n)) == 2.0**n
        assert wg.grad(function)(2.0, np.int64(n)) == n * 2.0 ** (n - 1)
    assert wg.fori_loop(3, 1, lambda i, c: c + 1, 7) == 7


def test_a_loop_within_a_specialised_function() -> None:
    def function(x: Any) -> Any:
        total = wg.fori_loop(0, 3, lambda i, c: c + x, 0.0)
        return total * 2 if total > 1 else total

    assert wg.grad(function)(0.1) == 3
    assert wg.grad(function)(1.0) == 6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: wg.scan(lambda c, x: (np.stack([c, c]), x), 1.0, np.ones(2)),
            ShapeError,
            r"'carry' is f64\[\] before an iteration and f64\[2\]",
        ),
        (
            lambda: wg.scan(lambda c, x: ({"a": c["a"] > 0}, x), {"a": np.ones(2)}, np.ones(2)),
            DTypeError,
            r"'carry.a' is f64\[2\] before an iteration and bool\[2\]",
        ),
        (
            lambda: wg.scan(lambda c, x: ((c, c), x), 1.0, np.ones(2)),
            TraceError,
            r"the carry is \* before an iteration and \(\*, \*\) after it; it must stay the same tree",
        ),
        (
            lambda: wg.scan(lambda c, x: (c + 0.5, x), np.arange(2), np.ones(2)),
            DTypeError,
            r"is i64\[2\] before an iteration and f64\[2\] after it: begin with float64, as with .astype",
        ),
        (
            lambda: wg.scan(lambda c, x: (c.astype(np.float32), x), np.ones(2), np.ones(2)),
            DTypeError,
            r"f32\[2\] after it: convert one, as with .astype\(np.float64\)",
        ),
        (lambda: wg.map(np.sin, None), ConfigurationError, r"no arrays to go over, in xs=None"),
        (
            lambda: wg.scan(lambda c, x: c, 1.0, np.ones(2)),
            ConfigurationError,
            r"gives a pair \(carry, y\), got \*",
        ),
        (
            lambda: wg.scan(lambda c, x: (c, x), 1.0, (np.ones(2), np.ones(3))),
            ShapeError,
            r"'xs.0' has 2 entries and 'xs.1' has 3",
        ),
        (
            lambda: wg.scan(lambda c, x: (c, x), 1.0, np.ones(2), length=3),
            ShapeError,
            r"'xs' has 2 entries and 'length' has 3",
        ),
        (lambda: wg.scan(lambda c, x: (c, x), 1.0, 2.0), ShapeError, r"'xs' is a number"),
        (lambda: wg.scan(lambda c, x: (c, x), 1.0), ConfigurationError, r"say how many iterations"),
        (lambda: wg.scan(lambda c, x: (c, x), 1.0, length=-1), ConfigurationError, r"length=-1 is negative"),
        (lambda: wg.scan(lambda c, x: (c, x), "one", np.ones(2)), DTypeError, r"'carry' is str"),
        (lambda: wg.scan(3, 1.0, np.ones(2)), ConfigurationError, r"scan"),
        (
            lambda: wg.while_loop(lambda c: c, lambda c: c, 1.0),
            DTypeError,
            r"condition is one boolean without axes, got f64\[\]",
        ),
        (lambda: wg.while_loop(lambda c: c > 0, lambda c: c, np.ones(2)), DTypeError, r"got bool\[2\]"),
        (lambda: wg.while_loop(lambda c: (c, c), lambda c: c, 1.0), DTypeError, r"one boolean"),
        (
            lambda: wg.while_loop(lambda c: c > 0, lambda c: c[None], 1.0),
            ShapeError,
            r"'value' is f64\[\] before an iteration and f64\[1\]",
        ),
        (lambda: wg.cond(1.0, np.sin, np.cos, 1.0), DTypeError, r"write a comparison"),
        (lambda: wg.cond(np.ones(2) > 0, np.sin, np.cos, 1.0), DTypeError, r"bool of shape \(2,\)"),
        (
            lambda: wg.cond(True, lambda x: (x, x), lambda x: x, 1.0),
            TraceError,
            r"false_fun gives .* true_fun gives",
        ),
        (
            lambda: wg.cond(True, lambda x: x[None], lambda x: x, 1.0),
            ShapeError,
            r"'result' is f64\[\] in false_fun and f64\[1\] in true_fun",
        ),
        (
            lambda: wg.cond(True, lambda x: x > 0, lambda x: x, 1.0),
            DTypeError,
            r"in false_fun and bool\[\] in true_fun",
        ),
        (lambda: wg.switch(1.5, [np.sin]), DTypeError, r"one integer"),
        (lambda: wg.switch(0, []), ConfigurationError, r"no branches"),
        (lambda: wg.switch(0, np.sin), ConfigurationError, r"a list of functions, got ufunc"),
        (lambda: wg.switch(0, [np.sin, 2.0]), ConfigurationError, r"branch 1 takes a function, got float"),
        (
            lambda: wg.switch(0, [np.sin, lambda x: x > 0], 1.0),
            DTypeError,
            r"f64\[\] in branch 0 and bool\[\] in branch 1",
        ),
        (lambda: wg.cond(np.sin, np.sin, np.cos, 1.0), DTypeError, r"got ufunc; write a comparison"),
        (lambda: wg.cond(True, 1.0, 2.0), ConfigurationError, r"false_fun takes a function, got float"),
        (lambda: wg.scan(lambda c, x: (c, x), 1.0, length=3.0), DTypeError, r"length=3.0 is no integer"),
        (
            lambda: wg.scan(lambda c, x: (c, x), 1.0, np.array(["a", "b"])),
            DTypeError,
            r"'xs' is an array of <U1, and no array of numbers",
        ),
        (lambda: wg.fori_loop(0, 1.5, lambda i, c: c, 0), DTypeError, r"'upper' is an integer"),
        (
            lambda: wg.fori_loop(0, 3, lambda i, c: c[None], 0.0),
            ShapeError,
            r"'carry.value' is f64\[\] before an iteration",
        ),
        (
            lambda: wg.fori_loop(0, 3, lambda i, c: c + sum(range(i)), 0.0),
            ConcreteValueError,
            r"value of 'loop.counter' is not known",
        ),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_wrong_index_inside_a_loop_names_the_iteration() -> None:
    def function(x: Any) -> Any:
        return wg.fori_loop(0, 5, lambda i, c: c + x[i], 0.0)

    with pytest.raises(
        IndexRangeError, match=r"index 3 .*which has 3 entries, in iteration 3 of a scan of 5"
    ):
        function(np.ones(3))
    with pytest.raises(IndexRangeError, match="in iteration 3 of a scan of 5"):
        wg.compile(function)(np.ones(3))


def test_the_first_nan_inside_a_loop_is_found_with_its_iteration() -> None:
    def function(x: Any, xs: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            root = np.sqrt(c - x)
            return root * 2, root

        last, ys = wg.scan(step, x, xs)
        return wg.while_loop(lambda v: v[1] < 3, lambda v: (v[0] / (2.0 - v[1]), v[1] + 1), (last, 0))[0] + ys

    def found(*xs: float) -> Any:
        args = np.float64(4.0), np.array(xs)
        return first_non_finite(wg.trace(function, *args), args)

    text = str(found(0.0, 1.0, 9.0, 1.0))
    assert "(called root) in iteration 2 of a scan gave NaN in 1 of 1 elements" in text
    assert "test_control_flow.py" in text
    assert "in iteration 2 of a while_loop gave Inf" in str(found(0.0, 1.0, 1.0))


def test_a_condition_cannot_ask_for_values_of_the_carry() -> None:
    def step(carry: Any, x: Any) -> Any:
        return (carry if carry > 0 else -carry), None

    with pytest.raises(TraceError, match="traced from its type alone"):
        wg.scan(step, 1.0, np.ones(3))


@pytest.mark.parametrize("make", [np.zeros, np.ones, np.arange, lambda n: np.full(n, 1.0), np.eye])
def test_an_extent_that_only_the_iteration_knows_is_refused(make: Any) -> None:
    def run(a: Any) -> Any:
        return wg.fori_loop(0, 3, lambda i, total: total + np.sum(make(i)), a)

    with pytest.raises(ConcreteValueError, match="not known"):
        wg.grad(run)(1.0)
