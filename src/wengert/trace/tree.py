"""Trees of arrays in and out: tuples, lists, dictionaries and modules, through optree."""

from __future__ import annotations

import inspect
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.checks import is_masked
from wengert.errors import DTypeError, TraceError
from wengert.ir.types import TensorType, tensor_type
from wengert.trace.static import Static, is_static
from wengert.trace.tensor import Tensor

NAMESPACE = "wengert"


def hold_static(tree: Any) -> tuple[Any, list[Static]]:
    """Return the tree with each leaf that is no array held by a `Static`, and these."""
    leaves, structure = flatten(tree)
    held = {place: Static(leaf) for place, leaf in enumerate(leaves) if is_static(leaf)}
    if not held:
        return tree, []
    return unflatten(structure, [held.get(place, leaf) for place, leaf in enumerate(leaves)]), [
        *held.values()
    ]


_library: Any = None
_loading = threading.Lock()


def _optree() -> Any:
    """Return optree, which is loaded with the first trace and not by `import wengert`."""
    global _library
    if _library is None:
        with _loading:  # several threads may trace first, and a class is registered once
            if _library is None:
                import optree

                register: Any = optree.register_pytree_node  # its types want Collection
                register(Static, lambda held: ((), held), lambda held, _: held.value, namespace=NAMESPACE)
                _library = optree
    return _library


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a tree and its structure."""
    leaves, structure = _optree().tree_flatten(tree, namespace=NAMESPACE)
    return leaves, structure


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """Return the tree of this structure with these leaves."""
    return _optree().tree_unflatten(structure, leaves)


def is_structure(value: Any) -> bool:
    """Whether a value is the structure of a tree."""
    return isinstance(value, _optree().PyTreeSpec)


def parts(structure: Any) -> list[Any]:
    """Return what trees of this structure are built with: keys, what nodes hold besides leaves, functions."""
    found: list[Any] = []
    registered: Any = _optree().register_pytree_node.get  # absent from its types

    def collect(kind: type, data: Any, _: Any) -> None:
        found.extend((kind, data, registered(kind, namespace=structure.namespace).unflatten_func))

    structure.walk([None] * structure.num_leaves, collect)
    return found


def described(structure: Any) -> str:
    """Return the structure of a tree for a message: the tree with a star for each array."""
    text = str(structure).removeprefix("PyTreeSpec(").removesuffix(")")
    return text.removesuffix(f", namespace={NAMESPACE!r}")


def branches(tree: Any) -> dict[Any, Any]:
    """Return what a tree consists of, one level down, by key; nothing of a leaf."""
    if _optree().tree_is_leaf(tree, namespace=NAMESPACE):
        return {}
    level = _optree().tree_flatten_one_level(tree, namespace=NAMESPACE)
    return dict(zip(level[2], level[0], strict=True))


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to the corresponding leaves of trees."""
    return _optree().tree_map(function, tree, *others, namespace=NAMESPACE)


def leaf_paths(tree: Any, root: str = "") -> list[str]:
    """Return a name for each leaf: the root and the keys down to it, joined by dots."""
    if type(tree) is np.ndarray:  # the plain case first: a network has many arguments
        return [root]
    paths = _optree().tree_paths(tree, namespace=NAMESPACE)
    return [".".join([root, *map(str, path)]).strip(".") for path in paths]


def argument_names(function: Callable[..., Any], count: int, keywords: dict[str, Any]) -> list[str]:
    """Return the names of `count` positional arguments of `function`, then those of the keywords."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}{position}" for position in range(count - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    names += [f"argument{position}" for position in range(len(names), count)]
    return [*names[:count], *keywords]


def leaf_type(value: Any, name: str) -> TensorType:
    """Return the type of a leaf.

    Raises
    ------
    DTypeError
        When it is no number or array, or of a dtype that a program cannot hold; names the argument.
    """
    if type(value) is np.ndarray:  # the plain case first: this runs for every argument of every call
        array = value
    elif isinstance(value, TensorType):
        return value
    elif isinstance(value, Tensor):
        return value.node.type
    elif is_masked(value):
        raise DTypeError(f"argument {name!r}: masked arrays are refused; fill them first with .filled(value)")
    else:
        array = np.asarray(value)
    try:
        return tensor_type(array.shape, array.dtype)
    except TypeError as error:
        raise DTypeError(f"argument {name!r}: {error}; got {type(value).__name__}") from None


def number_key(leaf: Any) -> Any:
    """Return what of a Python number decides a program, beside the values that the function asks for.

    It promotes otherwise than an array does, and an integer may decide the shape of something.
    """
    if type(leaf) in (float, complex):
        return type(leaf)
    return (type(leaf), leaf) if type(leaf) in (bool, int) else None


@dataclass(frozen=True)
class TreeSignature:
    """The trees of a traced function's arguments and result.

    Attributes
    ----------
    arguments : optree.PyTreeSpec
        Structure of ``(args, kwargs)``.
    result : optree.PyTreeSpec
    """

    arguments: Any
    result: Any

    def __reduce__(self) -> tuple[Any, ...]:
        # As bytes: before a structure is read, optree must know the classes of its nodes.
        return _restored, (pickle.dumps(self.arguments), pickle.dumps(self.result))

    def flatten(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Return the leaves of the arguments.

        Raises
        ------
        TraceError
            When the arguments are built otherwise than those the function was traced with.
        """
        leaves, structure = flatten(hold_static((args, kwargs))[0])
        if structure != self.arguments:
            raise TraceError(
                f"arguments of structure {described(structure)}; the program was traced with "
                f"{described(self.arguments)}"
            )
        return leaves

    def unflatten(self, outputs: list[Any]) -> Any:
        """Return the result."""
        return unflatten(self.result, outputs)

    @property
    def is_single(self) -> bool:
        """Whether the result is an array and no tree, not even a tuple of one."""
        return bool(self.result.is_leaf())


def _restored(arguments: bytes, result: bytes) -> TreeSignature:
    _optree()
    return TreeSignature(pickle.loads(arguments), pickle.loads(result))
