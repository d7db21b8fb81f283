"""The gate is strict: each wrong rule planted into a primitive is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases

from wengert.ir.primitive import REGISTRY, NotDifferentiable, Primitive
from wengert.primitives.selection import stop_gradient
from wengert.transform import gradient as gradient_module

DIFFERENTIABLE = [name for name, one in REGISTRY.items() if not isinstance(one.vjp, NotDifferentiable)]


@contextmanager
def planted(primitive: Primitive, rule: Callable[..., Any]) -> Iterator[None]:
    """Give a primitive another rule for a while."""
    right = primitive.vjp
    object.__setattr__(primitive, "vjp", rule)  # the only way into a frozen declaration
    try:
        yield
    finally:
        object.__setattr__(primitive, "vjp", right)


def run_gate(name: str) -> None:
    """Run the gate on shapes where each operand is broadcast once and has more than one element once.

    All mistakes meet the same operands, so that the oracles compute once.
    """
    primitive, rng = REGISTRY[name], np.random.default_rng(1964)
    if name in scalar_oracles.EXPRESSIONS:
        for shapes in gate.BROADCAST[len(primitive.domain)][1:7]:
            gate.check_elementwise(primitive, shapes, rng)
        return
    check = gate.check_linear if name in structural_cases.LINEAR else gate.check_structural
    for case in structural_cases.ORACLES[name].cases:
        if case.params.get("dtype", np.dtype(np.float64)) == np.float64:
            check(primitive, case, rng)


def operands_of(name: str) -> list[int]:
    """Return the places of the operands that a rule contributes to."""
    if name in ("where", "copysign", "nextafter"):
        return [1, 2] if name == "where" else [0]
    if name == "imag":
        return []  # of real numbers it is 0, as is its contribution, whatever is done to it
    return [place for place, interval in enumerate(REGISTRY[name].domain) if not interval.integer]


def changed(name: str, place: int, change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the rule of a primitive with the contribution to one operand changed."""
    right = REGISTRY[name].vjp
    assert callable(right)

    def rule(ct: Any, out: Any, *operands: Any, **params: Any) -> tuple[Any, ...]:
        contributions = list(right(ct, out, *operands, **params))
        if place < len(contributions) and contributions[place] is not None:
            contributions[place] = change(contributions[place], ct)
        return tuple(contributions)

    return rule


MISTAKES: dict[str, Callable[[Any, Any], Any]] = {
    "a factor of 0.999": lambda contribution, ct: contribution * 0.999,
    "a factor of 1 + 1e-9": lambda contribution, ct: contribution * (1 + 1e-9),
    "the sign": lambda contribution, ct: -contribution,
    "a missing term": lambda contribution, ct: None,
    "a constant added": lambda contribution, ct: contribution + 1e-6 * ct.sum(),
}


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if operands_of(name)])
def test_every_planted_mistake_is_caught(name: str) -> None:
    missed = [
        f"{mistake}, operand {place}"
        for place in operands_of(name)
        for mistake, change in MISTAKES.items()
        if not is_caught(name, changed(name, place, change))
    ]
    assert not missed


def is_caught(name: str, rule: Callable[..., Any]) -> bool:
    with planted(REGISTRY[name], rule):
        try:
            run_gate(name)
        except AssertionError:
            return True
    return False


CURVED = [
    name
    for name, expression in scalar_oracles.EXPRESSIONS.items()
    if any(expression.diff(one, other) != 0 for one in scalar_oracles.X for other in scalar_oracles.X)
] + ["prod", "logsumexp", "matmul", "outer", "einsum"]


@pytest.mark.parametrize("name", CURVED)
def test_a_rule_right_in_first_order_only_is_caught(name: str) -> None:
    right = REGISTRY[name].vjp
    assert callable(right)

    def rule(ct: Any, out: Any, *operands: Any, **params: Any) -> tuple[Any, ...]:
        # The numbers are right, and how they depend on the operands is lost.
        return right(ct, stop_gradient(out), *[stop_gradient(operand) for operand in operands], **params)

    with planted(REGISTRY[name], rule), pytest.raises(AssertionError, match="second derivative"):
        run_gate(name)


# The others broadcast nothing: their rules give the operand's own shape.
BROADCASTING = [
    name
    for name in DIFFERENTIABLE
    if (name in scalar_oracles.EXPRESSIONS and len(operands_of(name)) > 1)
    or name in ("matmul", "broadcast_to")
]


@pytest.mark.parametrize("name", BROADCASTING)
def test_a_dropped_broadcast_sum_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def first_copy(contribution: Any, shape: tuple[int, ...]) -> Any:
        while contribution.ndim > len(shape):
            contribution = contribution[0]
        for axis, extent in enumerate(shape):
            if extent == 1 and contribution.shape[axis] != 1:
                contribution = contribution[(slice(None),) * axis + (slice(0, 1),)]
        return contribution if contribution.shape == shape else np.broadcast_to(contribution, shape)

    monkeypatch.setattr(gradient_module, "unbroadcast", first_copy)
    with pytest.raises(AssertionError):
        run_gate(name)
