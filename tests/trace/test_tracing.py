"""Tracing itself: values that are known, nested traces, trees, Python numbers, long chains, threads."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from tests.derivatives import slope
from tests.drawn import random_examples

from wengert.errors import ConcreteValueError, ShapeError, WengertError
from wengert.ir.types import TensorType
from wengert.ir.verify import verify
from wengert.primitives.arithmetic import add
from wengert.primitives.functions import stop_gradient
from wengert.trace.tensor import Tensor, Trace, apply
from wengert.trace.tracing import Recording, abstract, trace
from wengert.trace.tree import map_leaves
from wengert.transform.gradient import gradient


def test_an_if_on_values_specialises_the_program() -> None:
    def function(x: Any) -> Any:
        if x.sum() > 0:
            return x * 2
        return -x

    positive, negative = trace(function, np.ones(3)), trace(function, -np.ones(3))
    assert [node.primitive.name for node in positive.lines] == ["mul"]
    assert [node.primitive.name for node in negative.lines] == ["neg"]
    np.testing.assert_array_equal(positive(np.full(3, 5.0)), 10)


def test_a_while_on_values() -> None:
    def halvings(x: Any) -> Any:
        while x > 1:
            x = x / 2
        return x

    np.testing.assert_allclose(trace(halvings, 10.0)(10.0), 0.625)
    np.testing.assert_allclose(slope(halvings, 10.0), 1 / 16)
    with pytest.raises(ConcreteValueError):
        trace(halvings, abstract())


def test_values_as_python_numbers_where_no_derivative_is_lost() -> None:
    def function(x: Any, n: Any, flag: Any) -> Any:
        repeated = sum(x for _ in range(n))
        return repeated + int(n) + [10, 20, 30][n] * (5 if flag and n != 3 else 0) + int(x[0] > 0)

    np.testing.assert_array_equal(trace(function, np.ones(2), 2, True)(np.ones(2), 2, True), 2 + 2 + 150 + 1)
    with pytest.raises(ShapeError, match=r"int\(\) of an array of shape \(2,\) is ambiguous"):
        trace(lambda x: int(x), np.ones(2, int))


def test_values_are_known_through_nested_traces() -> None:
    seen = []

    def outer(x: Any) -> Any:
        y = x * 2

        def middle(z: Any) -> Any:
            w = z + y  # a value of the enclosing trace

            def inner(v: Any) -> Any:
                seen.append(bool((v + w).sum() > 0))
                return v * w

            return inline_of(inner, w)

        return inline_of(middle, y)

    def inline_of(function: Any, argument: Any) -> Any:
        recording = Recording(function, (argument,), {})
        from wengert.transform.inline import inline

        return inline(recording.program, [argument], argument.recorder)[0]

    program = trace(outer, np.ones(2))
    assert seen == [True]
    np.testing.assert_array_equal(program(np.ones(2)), 16)
    with pytest.raises(ConcreteValueError, match="'x' is not known"):
        trace(outer, abstract(2))


def test_numbers_are_weak() -> None:
    x = np.ones(3, np.float32)
    for function in (
        lambda x, a: x * a,
        lambda x, a: x * (a * 2 + 1),
        lambda x, a: np.where(x > 0, x, np.exp(a)),
        lambda x, a: x + a**2 / 3,
    ):
        assert trace(function, x, 0.5).outputs[0].type.dtype == np.float32
        assert trace(function, x, np.float64(0.5)).outputs[0].type.dtype == np.float64
        assert trace(function, x, np.array(0.5)).outputs[0].type.dtype == np.float64
    assert trace(lambda x, n: x * n, x, 3).outputs[0].type.dtype == np.float32
    assert trace(lambda n: n * True, 3).outputs[0].type.dtype == np.int64
    strong = trace(lambda x, a: x * a.sum(), x, 0.5)  # a reduction gives an array
    assert strong.outputs[0].type.dtype == np.float64


def test_a_nested_trace_may_return_a_value_of_the_enclosing_one() -> None:
    def outer(x: Any) -> Any:
        recording = Recording(lambda y: x, (1.0,), {})
        assert recording.trace.captured == {x.recorder}
        assert recording.program.free == (x.node,)
        return x

    trace(outer, 2.0)


def test_leaves_of_several_trees() -> None:
    got = map_leaves(np.add, {"a": 1, "b": (2, 3)}, {"a": 10, "b": (20, 30)})
    assert got == {"a": 11, "b": (22, 33)}


def test_trees_go_in_and_out() -> None:
    def function(state: dict[str, Any], *, rate: float) -> dict[str, Any]:
        return {"new": [state["b"] * rate, (state["a"],)], "same": state["b"], "constant": 3.0, "none": None}

    state = {"b": np.ones(2), "a": 5.0}
    program = trace(function, state, rate=2.0)
    assert [node.param("name") for node in program.inputs] == ["state.a", "state.b", "rate"]
    result = program(state, rate=4.0)
    np.testing.assert_array_equal(result["new"][0], 4)
    assert isinstance(result["new"][1], tuple)
    assert result["constant"] == 3.0
    assert result["none"] is None


def test_keywords_in_any_order() -> None:
    program = trace(lambda *, b, a: a - b, b=1.0, a=5.0)
    assert program(a=5.0, b=1.0) == 4
    assert program(b=1.0, a=5.0) == 4


def test_types_to_trace_with() -> None:
    assert str(abstract()) == "f64[]"
    assert str(abstract(3, np.float32)) == "f32[3]"
    assert str(abstract((2, 3), "int32")) == "i32[2,3]"
    assert isinstance(abstract((1,)), TensorType)
    program = trace(lambda x, y: x @ y, abstract((2, 3)), abstract((3,)))
    np.testing.assert_array_equal(program(np.ones((2, 3)), np.ones(3)), 3)


def test_what_a_tensor_looks_like() -> None:
    seen: list[Any] = []

    def function(x: Any) -> Any:
        seen.append((repr(x), x.shape, x.ndim, x.size, x.dtype, len(x), x.is_constant, hash(x) == hash(x)))
        seen.append(hasattr(x, "__array_interface__"))
        return x

    trace(function, abstract((2, 3), np.float32))
    assert seen == [("Tensor(f32[2,3])", (2, 3), 2, 6, np.float32, 2, False, True), False]


def test_nothing_but_tensors_can_be_recorded() -> None:
    with pytest.raises(WengertError, match="no operand is a tensor"):
        apply(add, [np.ones(2), 1.0], {})


def test_stop_gradient_holds_a_value_fixed() -> None:
    np.testing.assert_array_equal(slope(lambda x: x * stop_gradient(x), np.array([3.0])), 3)


def test_equal_operations_are_one_line() -> None:
    program = trace(lambda x: np.exp(x) + np.exp(x) * np.exp(x + 0 * x), 1.0)
    assert [node.primitive.name for node in program.lines].count("exp") == 2
    signed = trace(lambda x: (x * 0.0) + (x * -0.0), 1.0)
    assert len(signed.lines) == 3
    nans = trace(lambda x: (x * float("nan")) + (x * float("nan")), 1.0)
    assert len(nans.lines) == 2


LENGTH = random_examples(20_000, explore=200_000)


@pytest.mark.no_cover  # each line of the trace is walked thousands of times
def test_a_chain_of_many_operations() -> None:
    def chain(x: Any) -> Any:
        for _ in range(LENGTH // 2):
            x = np.sin(x) * 1.0001
        return x

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)  # whoever recurses fails at once
    try:
        program = trace(chain, 0.5)
        slopes = gradient(program)
        verify(slopes)
        (got,) = slopes(0.5)
        del program, slopes
        gc.collect()
    finally:
        sys.setrecursionlimit(limit)
    x, wanted = 0.5, 1.0
    for _ in range(LENGTH // 2):
        wanted *= np.cos(x) * 1.0001
        x = np.sin(x) * 1.0001
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_the_gradient_of_a_deep_network_is_linear_in_its_depth() -> None:
    def lines(depth: int) -> int:
        weights = [np.full((8, 8), 0.1)] * depth

        def net(x: Any, *weights: Any) -> Any:
            for weight in weights:
                x = np.tanh(x @ weight)
            return (x**2).sum()

        return len(gradient(trace(net, np.ones((4, 8)), *weights)).nodes)

    assert lines(400) - lines(200) == 2 * (lines(200) - lines(100))


def test_nodes_are_forgotten() -> None:
    from wengert.ir import node

    gc.collect()
    before = len(node._interned)
    program = trace(lambda x: np.sin(x * 1.2345) + np.cos(x * 5.4321), abstract((3, 1, 4)))
    assert len(node._interned) > before
    del program
    gc.collect()
    assert len(node._interned) <= before + 2  # the two numbers are kept


def test_threads_that_trace_first_at_once() -> None:
    """In a process of its own, where nothing has been traced yet."""
    code = (
        "import sys, threading, numpy as np, wengert as wg\n"
        "sys.setswitchinterval(1e-6)\n"
        "barrier, done = threading.Barrier(8), []\n"
        "def work():\n"
        "    barrier.wait()\n"
        "    done.append(float(wg.grad(lambda x: x * x)(3.0)))\n"
        "threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "[thread.start() for thread in threads], [thread.join() for thread in threads]\n"
        "print(done)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == str([6.0] * 8), done.stderr


def test_four_threads_at_once() -> None:
    failures: list[str] = []
    barrier = threading.Barrier(4)

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        barrier.wait()
        for iteration in range(15):
            weight, x = rng.normal(size=(4, 4)), rng.normal(size=(3, 4))

            def loss(weight: Any, x: Any) -> Any:
                return (np.tanh(x @ weight) ** 2).sum()

            program = trace(loss, weight, x)
            got = verify(gradient(program))(weight, x)
            a = np.tanh(x @ weight)
            delta = 2 * a * (1 - a**2)
            if not (np.allclose(got[0], x.T @ delta) and np.allclose(got[1], delta @ weight.T)):
                failures.append(f"thread {seed}, iteration {iteration}")
            if [node.param("name") for node in program.inputs] != ["weight", "x"]:
                failures.append(f"thread {seed}: names")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []


def test_a_trace_ends_also_when_the_function_fails() -> None:
    kept: list[Tensor] = []

    def fails(x: Any) -> Any:
        kept.append(x)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        trace(fails, 1.0)
    assert not kept[0].recorder.open
    assert Trace().level == 1


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 2.0, np.int64(2)])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32])
def test_powers_have_the_type_that_numpy_gives_them(dtype: Any, exponent: Any) -> None:
    x = np.array([1, 0]).astype(dtype)
    got = trace(lambda x: x**exponent, x)(x)
    assert got.dtype == (x**exponent).dtype
    np.testing.assert_array_equal(got, x**exponent)


@pytest.mark.parametrize("shape", [(-1, 3), (2.5, 3), -2, 1.5, ("a",), None])
def test_a_shape_has_whole_extents(shape: Any) -> None:
    with pytest.raises(WengertError, match="extents of a shape"):
        abstract(shape)
