"""Functions with a derivative rule of their own: custom_vjp, custom_jvp.

A rule is held by a primitive that is made for it. Of a function with a rule it is the identity on the value,
with the arguments beside it, and sends the cotangent where the rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.autodiff.products import vjp
from wengert.errors import ConfigurationError, GradientError
from wengert.ir.primitive import REGISTRY, Interval, Kind, Primitive
from wengert.primitives.kinds import unchanged
from wengert.trace.numpy_in_traces import numpy_in_traces
from wengert.trace.recorder import current_trace
from wengert.trace.static import is_immutable
from wengert.trace.tensor import Tensor, apply, joined
from wengert.trace.tree import described, flatten, hold_static, unflatten
from wengert.trace.wrapped import WrappedFunction

ANYWHERE = (Interval(-3, 3),)
# Functions whose `fwd` is being traced: where it calls the function itself, that is traced as it is written.
_open: ContextVar[tuple[Any, ...]] = ContextVar("wengert_own_rules", default=())


def rule_name(function: Callable[..., Any]) -> str:
    """Return the name of the primitive that holds the rule of a function."""
    name = str(getattr(function, "__name__", type(function).__name__))
    return f"own_{name}" if name in REGISTRY else name  # backends and rules know primitives by their names


def _key(fixed: Any) -> Any:
    """Return a key of an argument without derivative: its value where that stays, else the object."""
    return (type(fixed), fixed) if is_immutable(fixed) or isinstance(fixed, float) else id(fixed)


@contextmanager
def _as_written() -> Iterator[None]:
    """Trace a rule as the user's code, which may fill arrays."""
    trace = current_trace()
    assert trace is not None
    rule, trace.rule = trace.rule, None
    try:
        with numpy_in_traces():
            yield
    finally:
        trace.rule = rule


class _OwnRule(WrappedFunction):
    """A function whose derivative is given beside it."""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        self._function = fun
        self._fixed = tuple(nondiff_argnums)
        self._primitives: dict[Any, Primitive] = {}
        super().__init__(fun, type(self), (nondiff_argnums,))

    def _forward(self, *args: Any) -> tuple[Any, Any]:
        """Return the value, and what the rule needs besides the arguments."""
        raise NotImplementedError

    def _backward(self, fixed: list[Any], args: list[Any], residuals: Any, cotangent: Any) -> Any:
        """Return the cotangents of the arguments that are not fixed."""
        raise NotImplementedError

    def __call__(self, *args: Any) -> Any:
        """Return the value; in a traced function with the rule as its derivative."""
        (held,), _ = hold_static((args,))
        traced = any(isinstance(leaf, Tensor) and not leaf.is_constant for leaf in flatten(held)[0])
        if not traced or any(one is self for one in _open.get()):
            return self._function(*args)
        value, residuals = self._forward(*args)
        fixed = [args[place] for place in self._fixed]
        moving = [one for place, one in enumerate(args) if place not in self._fixed]
        (held_moving, held_residuals), _ = hold_static((moving, residuals))
        leaves, structure = flatten(held_moving)
        extra, of_extra = flatten(held_residuals)
        outputs, of_outputs = flatten(value)
        results = list(map(joined, outputs))
        for place, output in enumerate(results):
            if not isinstance(output, Tensor) or output.dtype.kind not in "fc":
                continue  # it depends on no argument, or has no derivative
            shapes = {np.shape(one) for one in (output, *leaves, *extra)}
            kind = Kind.ELEMENTWISE if len(shapes) == 1 else Kind.LIBRARY
            key = (kind, structure, of_extra, of_outputs, place, len(leaves), *map(_key, fixed))
            primitive = self._primitives.get(key)
            if primitive is None:
                rule = self._rule(fixed, structure, of_extra, of_outputs, place)
                primitive = self._primitives[key] = _identity(
                    rule_name(self._function), rule, kind, 1 + len(leaves) + len(extra)
                )
            results[place] = apply(primitive, [output, *leaves, *extra], {})
        return unflatten(of_outputs, results)

    def _rule(self, fixed: list[Any], structure: Any, of_extra: Any, of_outputs: Any, place: int) -> Any:
        count = structure.num_leaves
        name = rule_name(self._function)

        def rule(ct: Any, out: Any, value: Any, *operands: Any) -> tuple[Any, ...]:
            args = unflatten(structure, list(operands[:count]))
            residuals = unflatten(of_extra, list(operands[count:]))
            cotangents = [np.zeros(()) for _ in range(of_outputs.num_leaves)]
            cotangents[place] = ct
            with _as_written():
                given = self._backward(fixed, args, residuals, unflatten(of_outputs, cotangents))
            parts = _contributions(name, args, given)
            return None, *parts, *[None] * (len(operands) - count)

        return rule


def _contributions(name: str, args: list[Any], given: Any) -> list[Any]:
    """Return one contribution for each leaf of the arguments; None stands for zero."""
    if not isinstance(given, (tuple, list)) or len(given) != len(args):
        count = len(given) if isinstance(given, (tuple, list)) else "no tuple of"
        raise GradientError(f"the rule of {name} gives {count} cotangents; it has {len(args)} arguments")
    parts: list[Any] = []
    for place, (arg, cotangent) in enumerate(zip(args, given, strict=True)):
        leaves, structure = flatten(arg)
        if cotangent is None:
            parts += [None] * len(leaves)
            continue
        found, built = flatten(cotangent)
        if built != structure:
            raise GradientError(
                f"the rule of {name} gives for argument {place} a cotangent of structure "
                f"{described(built)}; "
                f"the argument has {described(structure)}"
            )
        for leaf, part in zip(leaves, found, strict=True):
            if np.shape(part) != np.shape(leaf):
                raise GradientError(
                    f"the rule of {name} gives for argument {place} a cotangent of shape {np.shape(part)}; "
                    f"the argument has {np.shape(leaf)}"
                )
        parts += found
    return parts


def _identity(name: str, rule: Callable[..., Any], kind: Kind, operands: int) -> Primitive:
    """Return the primitive that is its first operand, and has the derivative of a rule."""
    return Primitive(
        name=name,
        kind=kind,
        numpy=lambda value, *_: value,
        infer=lambda value, *_: value,
        promote=unchanged,
        vjp=rule,
        python=lambda *_: "{0}",
        flops=lambda *_: 0,
        domain=ANYWHERE * operands,
        source="the rule given with the function",
        complex=True,
        decomposition=lambda value, *_: value,
    )


class custom_vjp(_OwnRule):
    """A function with a reverse rule of its own, as in JAX.

    Parameters
    ----------
    fun : callable
        Takes positional arguments.
    nondiff_argnums : sequence of int
        Positions of arguments that have no derivative; the rule gets them first.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> @wg.custom_vjp
    ... def clipped(x):
    ...     return np.clip(x, 0.0, 1.0)
    >>> clipped.defvjp(lambda x: (clipped(x), None), lambda residuals, ct: (ct,))
    >>> wg.grad(lambda x: np.sum(clipped(x)))(np.array([-1.0, 0.5]))
    array([1., 1.])
    """

    _fwd: Callable[..., Any] | None = None
    _bwd: Callable[..., Any] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Give the rule.

        Parameters
        ----------
        fwd : callable
            ``fwd(*args)`` returns the value and what `bwd` needs of it.
        bwd : callable
            ``bwd(*nondiff_args, residuals, cotangent)`` returns a tuple with a cotangent for each argument
            that has a derivative, built like it, or None for zero.
        """
        self._fwd, self._bwd = fwd, bwd

    def _forward(self, *args: Any) -> tuple[Any, Any]:
        if self._fwd is None:
            raise ConfigurationError(f"{rule_name(self._function)} has no rule yet: call defvjp(fwd, bwd)")
        token = _open.set((*_open.get(), self))
        try:
            pair = self._fwd(*args)
        finally:
            _open.reset(token)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise GradientError(f"fwd of {rule_name(self._function)} returns a pair (value, residuals)")
        return pair

    def _backward(self, fixed: list[Any], args: list[Any], residuals: Any, cotangent: Any) -> Any:
        assert self._bwd is not None
        return self._bwd(*fixed, residuals, cotangent)


class custom_jvp(_OwnRule):
    """A function with a forward rule of its own, as in JAX; reverse mode transposes it.

    Parameters
    ----------
    fun : callable
        Takes positional arguments.
    nondiff_argnums : sequence of int
        Positions of arguments that have no derivative; the rule gets them first.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> @wg.custom_jvp
    ... def sinc(x):
    ...     return np.where(x == 0, 1.0, np.sin(x) / x)
    >>> sinc.defjvps(lambda t, ans, x: t * np.where(x == 0, 0.0, (np.cos(x) - ans) / x))
    >>> float(wg.grad(sinc)(0.0))
    0.0
    """

    _jvp: Callable[..., Any] | None = None

    def defjvp(self, jvp: Callable[..., Any]) -> None:
        """Give the rule: ``jvp(*nondiff_args, primals, tangents)`` returns (value, tangent of the value)."""
        self._jvp = jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Give a rule ``jvp(tangent, value, *primals)`` for each argument, or None for zero."""

        def jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            value = self(*primals)
            parts = [
                rule(tangent, value, *primals)
                for rule, tangent in zip(jvps, tangents, strict=True)
                if rule is not None
            ]
            return value, sum(parts[1:], parts[0])

        self._jvp = jvp

    def _forward(self, *args: Any) -> tuple[Any, Any]:
        if self._jvp is None:
            raise ConfigurationError(f"{rule_name(self._function)} has no rule yet: call defjvp or defjvps")
        return self._function(*args), None

    def _backward(self, fixed: list[Any], args: list[Any], residuals: Any, cotangent: Any) -> Any:
        rule = self._jvp
        assert rule is not None
        leaves, structure = flatten(args)
        floating = [place for place, leaf in enumerate(leaves) if leaf.dtype.kind in "fc"]

        def pushed(*tangents: Any) -> Any:
            known = dict(zip(floating, tangents, strict=True))
            zeros = [np.zeros(leaf.shape, leaf.dtype) for leaf in leaves]
            built = unflatten(structure, [known.get(place, zero) for place, zero in enumerate(zeros)])
            tangent: Any = rule(*fixed, tuple(args), tuple(built))[1]
            return tangent

        at = [np.zeros(leaves[place].shape, leaves[place].dtype) for place in floating]
        value, pull = vjp(pushed, *at)
        cotangents = [
            np.broadcast_to(ct, np.shape(like))
            for ct, like in zip(flatten(cotangent)[0], flatten(value)[0], strict=True)
        ]
        found = dict(zip(floating, pull(unflatten(flatten(value)[1], cotangents)), strict=True))
        return unflatten(
            structure, [found.get(place, np.zeros(leaf.shape)) for place, leaf in enumerate(leaves)]
        )
