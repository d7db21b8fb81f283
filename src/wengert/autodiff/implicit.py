"""Derivatives of solutions: roots and fixed points, whatever code finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from wengert.autodiff.jacobians import jacobian
from wengert.autodiff.own_rules import ANYWHERE, rule_name
from wengert.autodiff.products import vjp
from wengert.errors import DTypeError, ShapeError, WengertError
from wengert.ir.primitive import Kind, Primitive
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.kinds import unchanged
from wengert.trace.recorder import current_trace, untraced
from wengert.trace.tensor import Tensor, apply, joined
from wengert.trace.tree import flatten, hold_static, unflatten
from wengert.trace.wrapped import WrappedFunction


def implicit(solver: Callable[..., Any], residual: Callable[..., Any]) -> Callable[..., Any]:
    """Return the solver with the derivative of its solution, by the implicit function theorem.

    Parameters
    ----------
    solver : callable
        ``solver(*args)`` returns the array x for which the residual is zero. It is run as it is, on arrays,
        and may be any code: a loop, `scipy.optimize.root`.
    residual : callable
        ``residual(x, *args)``, in NumPy, of the size of x, and complex where x is. For a fixed point
        x = g(x, a) it is x − g(x, a).

    Returns
    -------
    callable
        Takes what the solver takes: arrays, numbers, or trees of them.

    Raises
    ------
    ShapeError
        When the residual is not of the size of the solution.
    DTypeError
        When only one of them is complex.
    LinAlgError
        When its Jacobian is singular at the solution, where there is no derivative.

    Notes
    -----
    F(x(a), a) = 0 gives ∂x/∂a = −(∂F/∂x)⁻¹ ∂F/∂a; a cotangent u becomes −λᵀ ∂F/∂a with (∂F/∂x)ᵀ λ = u
    (Griewank & Walther, "Evaluating derivatives", 2008, section 15.1; Blondel et al. 2022). Complex unknowns
    are pairs of real ones there, so the residual need not be holomorphic.

    Examples
    --------
    >>> import wengert as wg
    >>> root = wg.implicit(lambda a: a**0.5, lambda x, a: x * x - a)
    >>> float(wg.grad(root)(4.0))
    0.25
    """
    return _Implicit(solver, residual)


def _real_numbers(z: Any) -> Any:
    """Return the elements in one row, of complex numbers first all real parts and then all imaginary ones."""
    flat = np.reshape(z, -1)
    return np.concatenate([np.real(flat), np.imag(flat)]) if flat.dtype.kind == "c" else flat


class _Implicit(WrappedFunction):
    """See `implicit`."""

    def __init__(self, solver: Callable[..., Any], residual: Callable[..., Any]) -> None:
        self._solver = solver
        self._residual = residual
        self._primitives: dict[Any, Primitive] = {}
        super().__init__(solver, implicit, (residual,))

    def __call__(self, *args: Any) -> Any:
        """Return the solution for these arguments."""
        (held,), _ = hold_static((args,))
        leaves, structure = flatten(held)
        trace = current_trace()
        if trace is None or not any(isinstance(leaf, Tensor) and not leaf.is_constant for leaf in leaves):
            return self._solver(*args)
        known = [leaf.recorder.computed(leaf.node) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        solution = self._solved(structure, known)
        type_ = tensor_type(solution.shape, solution.dtype)
        primitive = self._primitives.get((structure, type_))
        if primitive is None:
            primitive = self._primitives[structure, type_] = self._primitive(structure, type_)
        return apply(primitive, leaves, {})

    def _solved(self, structure: Any, leaves: Sequence[Any]) -> np.ndarray[Any, Any]:
        with untraced():
            return np.asarray(self._solver(*unflatten(structure, list(leaves))))

    def _primitive(self, structure: Any, type_: TensorType) -> Primitive:
        name = rule_name(self._solver)

        def run(*leaves: Any) -> Any:
            solution = self._solved(structure, leaves)
            if solution.shape != type_.shape:
                raise ShapeError(
                    f"{name} gives a solution of shape {solution.shape}, and {type_.shape} before"
                )
            return solution.astype(type_.dtype)

        def rule(ct: Any, out: Any, *leaves: Any) -> tuple[Any, ...]:
            def flat(x: Any, *leaves: Any) -> Any:
                if type_.is_complex:
                    x = x[: type_.size] + 1j * x[type_.size :]
                found = joined(self._residual(x.reshape(type_.shape), *unflatten(structure, list(leaves))))
                if np.size(found) != type_.size:
                    raise ShapeError(
                        f"the residual of {name} has shape {np.shape(found)}; the solution has {type_.shape}"
                    )
                if (found.dtype.kind == "c") != type_.is_complex:
                    raise DTypeError(
                        f"the residual of {name} is {found.dtype}; the solution is {type_.dtype}: both must "
                        "be complex, or none"
                    )
                return _real_numbers(found)

            x = _real_numbers(out)
            by_x = jacobian(flat)(x, *leaves)
            # A cotangent c of z stands for the change Re(c·δz): for its parts stand those of its conjugate.
            multiplier = np.linalg.solve(by_x.T, _real_numbers(np.conjugate(ct)))
            places = [place for place, leaf in enumerate(leaves) if leaf.dtype.kind in "fc"]
            _, pull = vjp(flat, x, *leaves, argnums=[place + 1 for place in places])
            parts = dict(zip(places, pull(-multiplier), strict=True))
            return tuple(parts.get(place) for place in range(len(leaves)))

        def no_source(*_: Any) -> NoReturn:
            raise WengertError(
                f"{name} is run as it is: it has no formula or source that could be written out"
            )

        return Primitive(
            name=name,
            kind=Kind.LIBRARY,
            numpy=run,
            infer=lambda *_: type_,
            promote=unchanged,
            vjp=rule,
            python=no_source,
            flops=lambda *_: 0,
            domain=ANYWHERE * structure.num_leaves,
            complex=True,
            source="Griewank & Walther 2008, section 15.1: the implicit function theorem",
        )
