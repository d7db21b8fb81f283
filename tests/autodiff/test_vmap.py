"""vmap and what is made of it: against a loop over the examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.drawn import random_examples
from tests.parity.random_programs import Drawn

import wengert as wg
from wengert import nn
from wengert.errors import ConcreteValueError, ConfigurationError, ShapeError, WengertError
from wengert.ir.verify import verify
from wengert.transform.batching import batch
from wengert.transform.gradient import pullback

COUNT = random_examples(100, explore=10_000)
GROUP = 20


def compare(program: Any, mapped: list[int], arguments: list[np.ndarray]) -> None:
    """Compare a batch of 3 with single runs; what is not mapped is the same for all."""
    batches = {
        place: np.stack([one, one[..., ::-1] if one.ndim else -one, one / 2])
        for place, one in enumerate(arguments)
    }
    given = [batches[place] if place in mapped else one for place, one in enumerate(arguments)]
    batched = batch(program, mapped, 3)
    verify(batched)
    got = batched(*given)
    for entry in range(3):
        single = [one[entry] if place in mapped else one for place, one in enumerate(given)]
        program_outputs = program(*single)
        for mine, wanted in zip(got, program_outputs, strict=True):
            assert mine.dtype == wanted.dtype
            eps = float(np.finfo(wanted.dtype).eps)
            scale = float(np.max(np.abs(wanted), initial=1.0))
            np.testing.assert_allclose(mine[entry], wanted, rtol=64 * eps, atol=64 * eps * scale)


@pytest.mark.parametrize("first", range(0, COUNT, GROUP))
def test_random_examples_and_their_gradients(first: int) -> None:
    for seed in range(first, first + GROUP):
        drawn, rng = Drawn(seed), np.random.default_rng(seed)
        plain = wg.Program(drawn.program.inputs, drawn.program.outputs)  # takes and gives lists of arrays
        mapped = [place for place in range(len(drawn.arguments)) if rng.random() < 0.6] or [0]
        try:
            compare(plain, mapped, drawn.arguments)
            derived = pullback(plain, [0, 1])
            cotangents = [rng.normal(size=one.type.shape).astype(one.type.dtype) for one in plain.outputs]
            compare(derived, [*mapped, len(drawn.arguments)], [*drawn.arguments, *cotangents])
        except Exception as error:
            error.add_note(f"seed {seed}, mapped {mapped}\n{plain}")
            raise


def test_axes_in_and_out(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=(2, 5, 3)), rng.normal(size=(3, 4))
    wanted = np.stack([np.tanh(x[:, row] @ w) for row in range(5)])
    got = wg.vmap(lambda x, w: np.tanh(x @ w), in_axes=(1, None), out_axes=-1)(x, w)
    np.testing.assert_allclose(got, np.moveaxis(wanted, 0, -1), rtol=1e-14)
    got = wg.vmap(lambda x, w: np.tanh(x @ w), in_axes=[-2, None], out_axes=1)(x, w)
    np.testing.assert_allclose(got, np.moveaxis(wanted, 0, 1), rtol=1e-14)


def test_trees_in_and_out(rng: np.random.Generator) -> None:
    tree = {"a": rng.normal(size=(3, 2)), "b": (rng.normal(size=(2, 3)), 2.0)}

    def function(tree: Any, *, scale: Any) -> Any:
        first, (second, factor) = tree["a"], tree["b"]
        return {"sum": factor * (first + second) * scale, "pair": (first.sum(), second)}

    axes = {"a": 0, "b": (1, None)}
    out_axes = {"sum": 1, "pair": 0}
    got = wg.vmap(function, in_axes=(axes,), out_axes=out_axes)(tree, scale=np.arange(3.0))
    wanted = 2 * (tree["a"] + tree["b"][0].T) * np.arange(3.0)[:, None]
    np.testing.assert_allclose(got["sum"], wanted.T, rtol=1e-14)
    np.testing.assert_allclose(got["pair"][0], tree["a"].sum(1), rtol=1e-14)
    np.testing.assert_array_equal(got["pair"][1], tree["b"][0].T)


def test_a_result_that_depends_on_no_example_is_repeated() -> None:
    got = wg.vmap(lambda x, w: (w * 2, x), in_axes=(0, None))(np.zeros(3), np.arange(2.0))
    np.testing.assert_array_equal(got[0], [[0, 2]] * 3)


def test_composes_with_derivatives_and_with_itself(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=(4, 3)), rng.normal(size=3)

    def loss(w: Any, x: Any) -> Any:
        return np.log1p(np.exp(-x @ w)) + (w**2).sum()

    singles = np.stack([wg.grad(loss)(w, row) for row in x])
    np.testing.assert_allclose(wg.per_example_grad(loss)(w, x), singles, rtol=1e-13)
    np.testing.assert_allclose(wg.per_example_grad(loss, argnames="w")(x=x, w=w), singles, rtol=1e-13)
    # The gradient of a sum over examples is the sum of their gradients; also compiled.
    total = wg.grad(lambda w: wg.vmap(loss, (None, 0))(w, x).sum())
    np.testing.assert_allclose(total(w), singles.sum(0), rtol=1e-13)
    np.testing.assert_allclose(wg.compile(total)(w), singles.sum(0), rtol=1e-13)
    bent = wg.vmap(wg.hessian(loss), (None, 0))(w, x)
    np.testing.assert_allclose(bent, np.stack([wg.hessian(loss)(w, row) for row in x]), rtol=1e-12)
    table = wg.vmap(wg.vmap(np.hypot, (None, 0)), (0, None))(x[:, 0], w)
    np.testing.assert_allclose(table, np.hypot(x[:, 0][:, None], w), rtol=1e-14)


def test_of_a_network(rng: np.random.Generator) -> None:
    net = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 2)).initialise(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))

    def loss(net: Any, x: Any, y: Any) -> Any:
        return ((net(x) - y) ** 2).sum()

    got = wg.per_example_grad(loss)(net, x, y)
    for row in range(5):
        wanted = wg.grad(loss)(net, x[row], y[row])
        np.testing.assert_allclose(got.layers[0].weight[row], wanted.layers[0].weight, rtol=1e-5, atol=1e-6)


def test_jacobians_in_several_batches(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    def function(x: Any, y: Any) -> Any:
        return np.sin(x)[:, None] * y, (x**2).sum()

    x, y = rng.normal(size=5), rng.normal(size=3)
    whole = wg.jacobian(function, argnums=(0, 1))(x, y)
    monkeypatch.setattr("wengert.autodiff.jacobians._ELEMENTS", 40)
    for mine, wanted in zip(wg.jacobian(function, argnums=(0, 1))(x, y), whole, strict=True):
        for one, other in zip(mine, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)
    rows = np.stack([wg.grad(lambda x, i=i: (np.sin(x)[:, None] * y).reshape(-1)[i])(x) for i in range(15)])
    np.testing.assert_allclose(whole[0][0].reshape(15, 5), rows, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: wg.vmap(np.sin, in_axes=None)(x), ConfigurationError, "no argument is mapped"),
        (
            lambda x: wg.vmap(lambda x, y: x + y)(x, np.ones(4)),
            ShapeError,
            "'x' has 3 examples and 'y' has 4",
        ),
        (lambda x: wg.vmap(lambda x: x)(3.0), ShapeError, r"'x' of shape \(\) has no axis 0"),
        (lambda x: wg.vmap(lambda x: x, in_axes=(2,))(x), ShapeError, "no axis 2 of examples"),
        (lambda x: wg.vmap(lambda x: x, in_axes=({"a": 0},))(x), ConfigurationError, "does not fit ndarray"),
        (lambda x: wg.vmap(lambda x: x, in_axes=("0",))(x), ConfigurationError, "does not fit ndarray"),
        (lambda x: wg.vmap(lambda x: x, in_axes=(0, 0))(x), ConfigurationError, "2 entries for 1 positional"),
        (lambda x: wg.vmap(lambda x: x if x.sum() > 0 else -x)(x), ConcreteValueError, "np.where"),
        (lambda x: wg.vmap(lambda x: x, out_axes=3)(x), ConfigurationError, "has no axis 3"),
        (lambda x: wg.vmap(lambda x: x, out_axes=None)(x), ConfigurationError, "out_axes=None"),
        (lambda x: wg.vmap(lambda x: x.sum(3))(x), WengertError, "axis 3"),
    ],
)
def test_what_does_not_fit(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call(np.ones((3, 2)))


def test_what_is_no_function() -> None:
    with pytest.raises(WengertError, match="function"):
        wg.vmap(3)(np.ones(2))


def doubled_above_two(b: Any) -> Any:
    b[b > 2] *= 2
    return b


def scaled_where_positive(b: Any) -> Any:
    positive = b > 0
    b[positive] = np.sqrt(b[positive]) * b[0] - 1 / b[positive]
    return b


def from_another_array(b: Any) -> Any:
    c = np.exp(b)
    b[b > 2] = np.clip(c[b > 2] / 3, 0, 9)
    return b


def rows_above_two(b: Any) -> Any:
    rows = np.stack([b, b**2], axis=1)
    rows[b > 2] *= np.array([2.0, 3.0])
    rows[rows > 30] **= 0.5
    return rows


def summed_where_positive(b: Any) -> Any:
    chosen = b[b > 0]
    return np.log(chosen).mean() + np.sum(chosen) * chosen.prod() * (chosen > 4).any()


@pytest.mark.parametrize(
    "function",
    [doubled_above_two, scaled_where_positive, from_another_array, rows_above_two, summed_where_positive],
)
def test_elements_under_a_mask_that_differs_between_examples(function: Any) -> None:
    batch = np.array([[1.0, 3.0, -1.0], [4.0, 1.0, 5.0], [0.5, -2.0, -3.0]])
    np.testing.assert_allclose(
        wg.vmap(lambda b: function(b.copy()))(batch), [function(row.copy()) for row in batch], rtol=1e-12
    )
    slope = wg.grad(lambda b: np.sum(function(b.copy()) ** 2))
    np.testing.assert_allclose(wg.vmap(slope)(batch), [slope(row) for row in batch], rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda b: b[b > 0], ConcreteValueError, "selects a number of elements"),
        (lambda b: b[b > 0].max(), ConcreteValueError, "selects a number of elements"),
        (lambda b: b[b > 0] + b[:2], ConcreteValueError, "selects a number of elements"),
        (lambda b: np.sort(b[b > 0]), ConcreteValueError, "selects a number of elements"),
        (lambda b: np.sum(b[b > 0] + b[b > 1]), ShapeError, "one mask selects are assigned or combined"),
        (lambda b: b.copy().__setitem__(b < 0, b[b > 0]), ShapeError, "one mask selects are assigned"),
        (lambda b: b.copy().__setitem__(slice(2), b[b > 0]), ConcreteValueError, "selects a number"),
    ],
)
def test_what_needs_the_number_of_elements_under_a_mask_is_refused(
    function: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=rf"{message}.*test_vmap"):
        wg.vmap(function)(np.ones((2, 3)))
