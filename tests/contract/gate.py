"""The gate that every derivative passes: first and second order, forward and reverse, at relative 1e-12.

Each function raises AssertionError when a rule is wrong, before it traces what comes next. They are plain
functions, so that the mutation tests can show that they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.contract import scalar_oracles, structural_cases
from tests.contract.hyperdual import lift, seeded
from tests.contract.structural_oracles import Apart, Case, Fractions, Indices, Matrices, Positive, Sorted

from wengert.ir.primitive import REGISTRY, Interval, Primitive
from wengert.ir.program import Program
from wengert.ir.verify import verify
from wengert.trace.tracing import trace
from wengert.transform.forward import pushforward
from wengert.transform.gradient import gradient
from wengert.transform.inline import inline

TOLERANCE = 1e-12

SHAPES: dict[int, list[tuple[tuple[int, ...], ...]]] = {
    1: [((),), ((0,),), ((1,),), ((7,),), ((3, 1, 5),), ((2, 0, 3),)],
    2: [
        ((), ()), ((5,), (5,)), ((3,), ()), ((), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((1, 3), (2, 1)),
        ((2, 1, 5), (1, 3, 1)), ((0, 3), (3,)), ((1,), (0,)),
    ],
    3: [
        ((), (), ()), ((5,), (5,), (5,)), ((2, 3), (), ()), ((), (3,), (2, 1)), ((2, 1), (3,), ()),
        ((2, 3), (1,), (2, 3)), ((3,), (2, 3), (1, 3)), ((0, 3), (3,), ()),
    ],
}  # fmt: skip
BROADCAST = {
    operands: [case for case in cases if 0 not in sum(case, ())] for operands, cases in SHAPES.items()
}


def draw(rng: np.random.Generator, interval: Interval, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an operand from the domain that its primitive declares."""
    if interval.integer:
        return rng.integers(int(interval.low), int(interval.high) + 1, shape).astype(dtype)
    return rng.uniform(interval.low, interval.high, shape).astype(dtype)


def elementwise_operands(
    primitive: Primitive,
    shapes: tuple[tuple[int, ...], ...],
    rng: np.random.Generator,
    dtype: Any = np.float64,
) -> list[np.ndarray]:
    """Return operands of these shapes; a whole-number domain from 0 to 1 means truth values."""
    return [
        draw(rng, interval, shape, bool if interval.integer else dtype)
        for interval, shape in zip(primitive.domain, shapes, strict=True)
    ]


def structural_operands(case: Case, rng: np.random.Generator, whole: bool = False) -> list[np.ndarray]:
    """Return the operands of a case; floats are far enough apart that no two are tied."""
    operands: list[np.ndarray] = []
    for one in case.operands:
        if isinstance(one, Indices):
            operands.append(np.asarray(rng.integers(one.lowest, one.extent, one.shape)))
        elif isinstance(one, (Apart, Fractions, Matrices, Positive, Sorted)):
            operands.append(one.draw(rng))
        elif whole:
            operands.append(rng.integers(-9, 10, one).astype(np.float64))
        else:
            size = int(np.prod(one, dtype=int))
            operands.append((rng.permutation(size) / 4 + rng.uniform(0.1, 0.2, size) - size / 9).reshape(one))
    return operands


def on_each_case(name: str) -> Any:
    """Return the function that applies a primitive in each of its cases, to one list of operands for each."""
    primitive, cases = REGISTRY[name], structural_cases.ORACLES[name].cases

    def function(given: list[Any]) -> list[Any]:
        return [primitive(*operands, **case.params) for operands, case in zip(given, cases, strict=True)]

    return function


def assert_close(got: Any, wanted: Any, what: str, terms: float = 0.0) -> None:
    """Compare at relative 1e-12, of the largest element or of the terms that cancelled to give it."""
    got, wanted = np.asarray(got), np.asarray(wanted, np.float64)
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, should be {wanted.shape}"
    scale = np.max(np.abs(wanted), initial=terms)
    np.testing.assert_allclose(got, wanted, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=what)


def summed_to(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the sum over the axes along which `shape` was broadcast."""
    while array.ndim > len(shape):
        array = array.sum(axis=0)
    for axis, extent in enumerate(shape):
        if extent == 1:
            array = array.sum(axis=axis, keepdims=True)
    return array


def as_real(value: Any) -> Any:
    """Return the real and the imaginary parts of complex numbers side by side, on an axis in front."""
    return np.stack([np.real(value), np.imag(value)]) if value.dtype.kind == "c" else value


def applied(program: Program, tensors: tuple[Any, ...]) -> list[Any]:
    """Return the outputs of `program` on traced tensors."""
    return inline(program, tensors, tensors[0].recorder)


def floats(operands: list[np.ndarray]) -> list[int]:
    return [place for place, operand in enumerate(operands) if operand.dtype.kind == "f"]


def gradient_of(function: Any, operands: list[np.ndarray], weights: Any) -> Program:
    """Return the gradient program g of Σ weights·f."""
    total = trace(lambda *args: (weights * as_real(function(*args))).sum(), *operands)
    return verify(gradient(total, floats(operands)))


def curvature_of(first: Program, operands: list[np.ndarray], directions: list[Any]) -> Program:
    """Return the gradient program of Σ directions·g, of the program of g."""

    def along(*args: Any) -> Any:
        slopes = applied(first, args)
        return sum((direction * slope).sum() for direction, slope in zip(directions, slopes, strict=True))

    return verify(gradient(trace(along, *operands), floats(operands)))


def forward_of(function: Any, operands: list[np.ndarray]) -> Program:
    """Return the forward program of f."""
    return verify(pushforward(trace(lambda *args: as_real(function(*args)), *operands), floats(operands)))


def check_elementwise(
    primitive: Primitive, shapes: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> None:
    """Compare all first and second partial derivatives with SymPy's."""
    operands = elementwise_operands(primitive, shapes, rng)
    wrt = floats(operands)
    weights = rng.uniform(0.5, 1.5, np.broadcast_shapes(*shapes))
    directions = [rng.uniform(0.5, 1.5, operands[place].shape) for place in wrt]
    first = gradient_of(primitive, operands, weights)

    partials = {k: scalar_oracles.evaluate(primitive.name, operands, k) for k in wrt}
    for place, slope in zip(wrt, first(*operands), strict=True):
        wanted = summed_to(weights * partials[place], operands[place].shape)
        assert_close(slope, wanted, f"{primitive.name}: first derivative by operand {place}")
    pushed = sum(direction * partials[place] for direction, place in zip(directions, wrt, strict=True))
    forward = forward_of(primitive, operands)
    assert_close(forward(*operands, *directions)[1], pushed, f"{primitive.name}: forward mode")
    second = curvature_of(first, operands, directions)
    for place, curve in zip(wrt, second(*operands), strict=True):
        total = sum(
            weights * direction * scalar_oracles.evaluate(primitive.name, operands, other, place)
            for direction, other in zip(directions, wrt, strict=True)
        )
        wanted = summed_to(np.asarray(total), operands[place].shape)
        assert_close(curve, wanted, f"{primitive.name}: second derivative by operand {place}")


def check_structural(primitive: Primitive, case: Case, rng: np.random.Generator) -> None:
    """Compare derivatives along one random direction per operand with those of hyper-dual numbers."""
    operands = structural_operands(case, rng)
    wrt = floats(operands)
    oracle = structural_cases.ORACLES[primitive.name].function
    shape = oracle(*operands, **case.params).shape
    weights = rng.uniform(0.5, 1.5, shape)
    directions = [rng.uniform(0.5, 1.5, operands[place].shape) for place in wrt]
    others = [rng.uniform(0.5, 1.5, operands[place].shape) for place in wrt]

    def function(*args: Any) -> Any:
        return primitive(*args, **case.params)

    first = gradient_of(function, operands, weights)
    slopes = first(*operands)

    # One operand at a time, so that a factor wrong in one cannot hide behind the others.
    mixed = 0.0
    for turn, place in enumerate(wrt):
        numbers: list[Any] = list(operands)
        for k, at in enumerate(wrt):
            along = directions[k] if at == place else np.zeros_like(directions[k])
            numbers[at] = seeded(operands[at], along, others[k])
        result = oracle(*numbers, **case.params)
        dual = [(weights[i], lift(result[i])) for i in np.ndindex(shape)]
        assert_close(
            np.sum(directions[turn] * slopes[turn]),
            sum(weight * one.first for weight, one in dual),
            f"{primitive.name}: first derivative by operand {place}",
        )
        mixed += sum(weight * one.mixed for weight, one in dual)
    numbers = list(operands)
    for k, at in enumerate(wrt):
        numbers[at] = seeded(operands[at], directions[k], others[k])
    result = oracle(*numbers, **case.params)
    wanted = np.reshape([lift(one).first for one in result.flat], shape)
    pushed = forward_of(function, operands)(*operands, *directions)[1]
    assert_close(pushed, wanted, f"{primitive.name}: forward mode")
    curves = curvature_of(first, operands, directions)(*operands)
    bent = sum(np.sum(other * curve) for other, curve in zip(others, curves, strict=True))
    # Where f is the identity (logsumexp of one element) the oracle's terms, of the order of 1, cancel.
    assert_close(bent, mixed, f"{primitive.name}: second derivative", terms=float(np.sum(weights)))


def check_linear(primitive: Primitive, case: Case, rng: np.random.Generator) -> None:
    """Compare ⟨f(u), c⟩ with ⟨u, fᵀ(c)⟩ on whole numbers, where both are exact, in both modes."""
    operands = structural_operands(case, rng, whole=True)
    wrt = floats(operands)
    oracle = structural_cases.ORACLES[primitive.name].function
    value = oracle(*operands, **case.params)
    weights = rng.integers(-9, 10, value.shape).astype(np.float64)
    directions = [rng.integers(-9, 10, operands[place].shape).astype(np.float64) for place in wrt]

    def function(*args: Any) -> Any:
        return primitive(*args, **case.params)

    first = gradient_of(function, operands, weights)
    slopes = first(*operands)
    for turn, place in enumerate(wrt):
        # The derivative of a linear operation along u is its value at u, the other operands being 0.
        moved = [np.zeros_like(one) if at in wrt else one for at, one in enumerate(operands)]
        moved[place] = directions[turn]
        image = oracle(*moved, **case.params).astype(np.float64)
        left, right = np.sum(image * weights), np.sum(directions[turn] * slopes[turn])
        assert left == right, f"{primitive.name}: transpose by operand {place}: {right}, should be {left}"
    moved = list(operands)
    for turn, place in enumerate(wrt):
        moved[place] = directions[turn]
    image = oracle(*moved, **case.params).astype(np.float64)
    pushed = forward_of(function, operands)(*operands, *directions)[1]
    np.testing.assert_array_equal(pushed, image, err_msg=f"{primitive.name}: forward mode")
    for curve in curvature_of(first, operands, directions)(*operands):
        assert not np.any(curve), f"{primitive.name} is linear; its second derivative is 0"
