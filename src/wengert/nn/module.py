"""Modules: networks as frozen dataclasses that are trees of arrays."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import numpy as np
import optree

from wengert.checks import unknown_name
from wengert.errors import ConfigurationError, ShapeError
from wengert.ir.provenance import region
from wengert.trace.tree import NAMESPACE

_KIND = "wengert_kind"
_PENALISED = "wengert_penalised"

# An initialiser: (key, shape, dtype) -> array. The rule for an array field: its shape, and how it starts.
Initialiser = Callable[..., Any]
ArrayRules = dict[str, tuple[tuple[int, ...], Initialiser]]

MODULES: dict[str, type[Module]] = {}


def parameter(*, penalised: bool = False) -> Any:
    """Declare a field of a module as a trained array, absent (None) until the network is initialised.

    Parameters
    ----------
    penalised : bool
        Whether L1 and L2 penalties count it: true for weights, false for biases.
    """
    metadata = {_KIND: "parameter", _PENALISED: penalised}
    return dataclasses.field(default=None, kw_only=True, metadata=metadata)


def statistic() -> Any:
    """Declare a field of a module as an array that is not trained, such as a running statistic."""
    return dataclasses.field(default=None, kw_only=True, metadata={_KIND: "statistic"})


def absent(value: Any) -> bool:
    """Whether an array field is empty: None (not initialised yet) or False (the layer has none)."""
    return value is None or value is False


def holds_module(value: Any) -> bool:
    """Whether a field's value is a module, or a tuple, list or dictionary with one in it."""
    if isinstance(value, (tuple, list)):
        return any(holds_module(one) for one in value)
    if isinstance(value, dict):
        return any(holds_module(one) for one in value.values())
    return isinstance(value, Module)


def _submodules(value: Any, path: str) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield from value.walk(path)
    elif isinstance(value, (tuple, list)):
        for number, one in enumerate(value):
            yield from _submodules(one, f"{path}.{number}")
    elif isinstance(value, dict):
        # In the order of the tree: optree sorts keys.
        for key in sorted(value):
            yield from _submodules(value[key], f"{path}.{key}")


def _flatten(module: Module) -> tuple[list[Any], Any, tuple[str, ...]]:
    kinds = type(module).array_fields
    children: dict[str, Any] = {}
    static = []
    for name in type(module).field_names:
        value = getattr(module, name)
        if not absent(value) if name in kinds else holds_module(value):
            children[name] = value
        elif isinstance(value, np.ndarray):
            raise ConfigurationError(
                f"{type(module).__name__}.{name} holds an array: declare the field as nn.parameter() if "
                "it is trained, as nn.statistic() if not"
            )
        else:
            static.append((name, value))
    names = tuple(children)
    return list(children.values()), (names, tuple(static)), names


# What the wrapper of calls knows: path of every module under the outermost one called, and the module being
# called.
_calls: ContextVar[tuple[dict[int, str], int] | None] = ContextVar("wengert_nn_calls", default=None)
# Set by `summary`: called with the path and the result of every call of a module.
observer: ContextVar[Callable[[str, Module, Any], None] | None] = ContextVar(
    "wengert_nn_observer", default=None
)


def _outermost(module: Module) -> dict[int, str]:
    """Return the path of each module under this one; refuse when an array is still missing."""
    paths: dict[int, str] = {}
    for path, one in module.walk():
        paths.setdefault(id(one), path or type(one).__name__)
        for name in type(one).array_fields:
            if getattr(one, name) is None:
                where = f"layer {path!r} ({type(one).__name__})" if path else type(one).__name__
                raise ConfigurationError(
                    f"{where} has no {name} yet: a network is a specification until net.initialise(seed)"
                )
    if len(paths) > 1:
        paths[id(module)] = ""  # a container as a whole is no layer
    return paths


def _recorded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a call open the provenance region of its layer."""

    @functools.wraps(method)
    def call(self: Module, *args: Any, **kwargs: Any) -> Any:
        known = _calls.get()
        if known is not None and known[1] == id(self):
            return method(self, *args, **kwargs)  # super().__call__, or training that defers to evaluation
        paths = known[0] if known is not None and id(self) in known[0] else _outermost(self)
        path = paths[id(self)]
        token = _calls.set((paths, id(self)))
        try:
            if path:
                with region("layer", path):
                    result = method(self, *args, **kwargs)
            else:
                result = method(self, *args, **kwargs)
        finally:
            _calls.reset(token)
        watching = observer.get()
        if watching is not None:
            watching(path, self, result)
        return result

    return call


@dataclass_transform(frozen_default=True, eq_default=False)
class Module:
    """Base of everything with parameters; a subclass becomes a frozen dataclass and a tree of arrays.

    Fields declared with `parameter()` hold trained arrays and those with `statistic()` arrays that are not
    trained; a field whose value is a module, or a tuple, list or dictionary of modules, is a sub-module; all
    others are fixed settings. A network is made without arrays and gets them from `initialise`.

    Notes
    -----
    Calling a module is a pure function in evaluation mode. What acts differently in training defines
    `forward_training` too.

    Examples
    --------
    >>> from wengert import nn
    >>> net = nn.Sequential(nn.Dense(4, 8, "relu"), nn.Dense(8, 3)).initialise(seed=0)
    >>> list(nn.parameters(net))
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
    """

    field_names: ClassVar[tuple[str, ...]] = ()  # of every field, in order
    array_fields: ClassVar[tuple[str, ...]] = ()  # of the fields declared as parameter or statistic
    parameter_fields: ClassVar[tuple[str, ...]] = ()
    penalised_fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("__call__", "forward_training"):
            if name in cls.__dict__:
                setattr(cls, name, _recorded(cls.__dict__[name]))
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        cls.field_names = tuple(field.name for field in fields)
        cls.array_fields = tuple(field.name for field in fields if _KIND in field.metadata)
        cls.parameter_fields = tuple(
            field.name for field in fields if field.metadata.get(_KIND) == "parameter"
        )
        cls.penalised_fields = tuple(field.name for field in fields if field.metadata.get(_PENALISED))
        MODULES[cls.__name__] = cls
        register: Any = optree.register_pytree_node  # its types want Collection
        register(
            cls,
            _flatten,
            functools.partial(_unflatten, cls),
            path_entry_type=optree.GetAttrEntry,
            namespace=NAMESPACE,
        )

    def __post_init__(self) -> None:
        """Check the arrays given; a subclass that has checks of its own calls this too."""
        rules = self.array_rules()
        for name in type(self).array_fields:
            value = getattr(self, name)
            if isinstance(value, (list, tuple, int, float, np.ndarray)) and not isinstance(value, bool):
                value = np.asarray(value)
                object.__setattr__(self, name, value if value.dtype.kind == "f" else value.astype(np.float64))
            if not absent(value) and name in rules and np.shape(value) != rules[name][0]:
                raise ShapeError(f"{self!r}: {name} has shape {np.shape(value)}, expected {rules[name][0]}")

    def __call__(self, x: Any) -> Any:
        """Return the output for the input `x`, in evaluation mode."""
        raise NotImplementedError(f"{type(self).__name__} defines no __call__")

    def forward_training(self, x: Any, key: Any) -> tuple[Any, Self]:
        """Return the output in training mode, and the module with its running statistics updated.

        Parameters
        ----------
        x : array or tensor
        key : array or tensor of uint32, shape (2,)
            Source of this step's randomness.
        """
        for path, module in self.walk():
            if module is not self and type(module).forward_training is not Module.forward_training:
                raise ConfigurationError(
                    f"{type(self).__name__} holds {path!r} ({type(module).__name__}), which acts differently "
                    f"in training: define {type(self).__name__}.forward_training(x, key), which returns the "
                    "output and the module"
                )
        return self(x), self

    def array_rules(self) -> ArrayRules:
        """Return for each array field its shape and initialiser; none by default."""
        return {}

    def initialise(self, seed: int, dtype: Any = np.float32) -> Self:
        """Return the same network with all arrays; those that were given are kept, in the dtype.

        Parameters
        ----------
        seed : int
            0 ≤ seed < 2⁶⁴. Every array has a random stream of its own.
        dtype : float32 or float64

        Raises
        ------
        ConfigurationError, DTypeError
        """
        from wengert.nn.arrays import initialised

        return initialised(self, seed, dtype)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed.

        Raises
        ------
        ConfigurationError
            When there is no such field.
        """
        cls = type(self)
        for name in changes:
            if name not in cls.field_names:
                raise unknown_name(f"{cls.__name__}.replace", "field", name, cls.field_names)
        values = {name: getattr(self, name) for name in cls.field_names}
        return _make(cls, values | changes)

    def walk(self, path: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it, each with its path (``layers.0``)."""
        yield path, self
        for name in type(self).field_names:
            value = getattr(self, name)
            if holds_module(value):
                yield from _submodules(value, f"{path}.{name}".lstrip("."))

    def summary(self, input_shape: tuple[int, ...] | None = None) -> str:
        """Return a table of the layers: output shapes and numbers of parameters; see `nn.summary`."""
        from wengert.nn.summary import summary

        return summary(self, input_shape)

    def __repr__(self) -> str:
        shown = []
        for name in type(self).field_names:
            value = getattr(self, name)
            if name in type(self).array_fields:
                if value is not None:
                    shown.append(f"{name}={'False' if value is False else _type_text(value)}")
            else:
                shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _type_text(value: Any) -> str:
    return f"{value.dtype}{list(value.shape)}" if hasattr(value, "dtype") else repr(value)


_M = TypeVar("_M", bound=Module)


def _make(cls: type[_M], values: dict[str, Any]) -> _M:
    """Make a module without its checks: while a tree is handled, its leaves can be anything."""
    module = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(module, name, value)
    return module


def _unflatten(cls: type[Module], metadata: Any, children: Any) -> Module:
    names, static = metadata
    return _make(cls, dict(static) | dict(zip(names, children, strict=True)))
