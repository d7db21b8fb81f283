"""vmap: a function of one example applied to a batch, and the gradients of each example."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.autodiff.application import Argnames, Argnums, run_program, selected_arguments
from wengert.autodiff.gradients import grad
from wengert.errors import ConfigurationError, ShapeError
from wengert.ir.types import TensorType, tensor_type
from wengert.trace.tensor import Tensor
from wengert.trace.tracing import Recording, leaf_names
from wengert.trace.tree import (
    TreeSignature,
    branches,
    flatten,
    hold_static,
    leaf_type,
    unflatten,
)
from wengert.trace.wrapped import DerivedFunction
from wengert.transform.batching import batch
from wengert.transform.simplify import simplify

Axes = Any  # an int, None, or a tree of them in front of the tree of an argument


def vmap(function: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """Return a function that applies `function` to each entry of a batch, all at once.

    Parameters
    ----------
    function : callable
        Of one example, written in plain NumPy.
    in_axes : int, None, or sequence with one of these or a tree of them for each positional argument
        Which axis of the arguments counts the examples; None for an argument that all examples share. Keyword
        arguments have the examples on axis 0.
    out_axes : int or tree of them
        Where the axis of the examples stands in the result, also in a part that does not depend on them.

    Returns
    -------
    callable
        Takes arguments with one axis more, and returns results with one axis more.

    Raises
    ------
    ShapeError
        When an argument lacks the axis, or two have different numbers of examples; names both.
    ConfigurationError
        When `in_axes` or `out_axes` do not fit the arguments or the result, or no argument is mapped.
    ConcreteValueError
        When the function asks for a value of an example in an ``if``: examples may differ.

    Notes
    -----
    The traced program is rewritten by one rule for each kind of primitive: elementwise operations align their
    axes, reductions shift them, contractions get one more index. Names and order of the arguments are those
    of JAX.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> rows, weights = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0])
    >>> wg.vmap(lambda x, w: x @ w, in_axes=(0, None))(rows, weights)
    array([ 2.,  8., 14.])
    """

    def mapped(*args: Any, **kwargs: Any) -> Any:
        (held, named), _ = hold_static((args, kwargs))
        leaves, structure = flatten((held, named))
        axes = _argument_axes(in_axes, held, named)
        names = leaf_names(function, held, named)
        size = _batch_size(leaves, axes, names)
        examples = [
            leaf if axis is None else _example(leaf, axis, name)
            for leaf, axis, name in zip(leaves, axes, names, strict=True)
        ]
        example_args, example_kwargs = unflatten(structure, examples)
        recording = Recording(function, example_args, example_kwargs)
        batches = {place for place, axis in enumerate(axes) if axis is not None}
        program = simplify(batch(simplify(recording.program), batches, size))
        arguments = [
            leaf if axis is None else _moved(leaf, axis, 0) for leaf, axis in zip(leaves, axes, strict=True)
        ]
        results = run_program(program, arguments, recording)
        signature = recording.program.signature
        assert isinstance(signature, TreeSignature)
        return _with_axes(signature.unflatten(results), out_axes)

    return DerivedFunction(mapped, function, vmap, (in_axes, out_axes))


def per_example_grad(
    function: Callable[..., Any], argnums: Argnums = None, argnames: Argnames = None
) -> Callable[..., Any]:
    """Return a function that gives the gradient of each example of a batch.

    Parameters
    ----------
    function : callable
        The loss of one example; returns a floating scalar.
    argnums, argnames
        As for `grad`: what to differentiate by, which all examples share; the first argument by default. All
        other arguments have the examples on axis 0.

    Returns
    -------
    callable
        Takes arrays of examples, and returns what `grad` returns with the axis of the examples in front.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> slopes = wg.per_example_grad(lambda w, x, y: (x @ w - y) ** 2)
    >>> slopes(np.array([1.0, 1.0]), np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0.0, 0.0]))
    array([[2., 0.],
           [0., 8.]])
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        shared = set(selected_arguments(function, args, kwargs, argnums, argnames))
        constants = {name: value for name, value in kwargs.items() if name in shared}
        examples = {name: value for name, value in kwargs.items() if name not in shared}
        in_axes = tuple(None if place in shared else 0 for place in range(len(args)))
        by = functools.partial(grad(function, argnums, argnames), **constants)
        return vmap(by, in_axes)(*args, **examples)

    return DerivedFunction(differentiated, function, per_example_grad, (argnums, argnames))


def _argument_axes(in_axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int | None]:
    """Return the axis of each array among the arguments, in the order of their leaves."""
    if isinstance(in_axes, (tuple, list)) and len(in_axes) != len(args):
        raise ConfigurationError(
            f"in_axes has {len(in_axes)} entries for {len(args)} positional arguments; "
            "write None for an argument that is not mapped"
        )
    specs = in_axes if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
    axes = [axis for spec, one in zip(specs, args, strict=True) for axis in _spread(spec, one, "in_axes")]
    axes += [0 for leaf in flatten(kwargs)[0]]
    if all(axis is None for axis in axes):
        raise ConfigurationError("vmap: no argument is mapped; in_axes gives an axis to none of them")
    return axes


def _spread(spec: Axes, tree: Any, role: str) -> list[int | None]:
    """Return the axis of each leaf of a tree: what stands in place of a branch holds for all its leaves."""
    if spec is None or (isinstance(spec, int) and not isinstance(spec, bool)):
        return [spec] * len(flatten(tree)[0])
    specs, trees = branches(spec), branches(tree)
    if specs.keys() != trees.keys() or not trees:
        raise ConfigurationError(
            f"{role}={spec!r} does not fit {type(tree).__name__}"
            + (f" with {', '.join(map(str, trees))}" if trees else "")
            + ": give an int, None, or a tree of these built alike"
        )
    return [axis for key, branch in trees.items() for axis in _spread(specs[key], branch, role)]


def _batch_size(leaves: list[Any], axes: list[int | None], names: list[str]) -> int:
    sizes: dict[str, int] = {}
    for leaf, axis, name in zip(leaves, axes, names, strict=True):
        if axis is None:
            continue
        shape = leaf_type(leaf, name).shape
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"vmap: argument {name!r} of shape {shape} has no axis {axis} of examples; "
                "in_axes=None shares it among them"
            )
        sizes[name] = shape[axis]
    first, size = next(iter(sizes.items()))
    for name, other in sizes.items():
        if other != size:
            raise ShapeError(f"vmap: {first!r} has {size} examples and {name!r} has {other}")
    return size


def _example(leaf: Any, axis: int, name: str) -> TensorType:
    whole = leaf_type(leaf, name)
    shape = list(whole.shape)
    del shape[axis]
    return tensor_type(tuple(shape), whole.dtype)


def _moved(leaf: Any, source: int, destination: int) -> Any:
    array: Any = leaf if isinstance(leaf, Tensor) else np.asarray(leaf)
    return np.moveaxis(array, source, destination)


def _with_axes(result: Any, out_axes: Axes) -> Any:
    """Move the axis of the examples, which stands first, to where it is wanted."""
    leaves, structure = flatten(result)
    moved = []
    for leaf, axis in zip(leaves, _spread(out_axes, result, "out_axes"), strict=True):
        if axis is None:
            raise ConfigurationError("out_axes=None: every result has an axis of examples; give its place")
        if not -leaf.ndim <= axis < leaf.ndim:
            raise ConfigurationError(f"out_axes: a result of shape {leaf.shape} has no axis {axis}")
        moved.append(_moved(leaf, 0, axis) if axis else leaf)
    return unflatten(structure, moved)
