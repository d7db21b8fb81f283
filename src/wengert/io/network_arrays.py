"""The arrays of a network, trained or not, by name: taken out to be saved, and put back in."""

from __future__ import annotations

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError
from wengert.nn.arrays import rebuild
from wengert.nn.module import absent


def arrays_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Return parameters and running statistics by path."""
    arrays = {**nn.parameters(network), **nn.state(network)}
    return {name: np.asarray(array) for name, array in arrays.items()}


def refuse_without_rules(network: nn.Module) -> None:
    """Refuse a network that `with_arrays` could not put together again.

    Raises
    ------
    ConfigurationError
        If a module of the user's own has an array whose shape its ``array_rules`` does not give.
    """
    for _, module in network.walk():
        for name in type(module).array_fields:
            if not absent(getattr(module, name)) and name not in module.array_rules():
                raise ConfigurationError(
                    f"{type(module).__name__}.array_rules gives no rule for {name!r}, by which its shape is "
                    "known when the file is read."
                )


def with_arrays(network: nn.Module, arrays: dict[str, np.ndarray]) -> nn.Module:
    """Put saved arrays into a network; nothing is allocated on the word of the configuration.

    Parameters
    ----------
    network : nn.Module
        Without arrays, as `nn.from_config` gives it.
    arrays : dict of str to numpy.ndarray
        As `arrays_of` names them.

    Raises
    ------
    ConfigurationError
        If an array is missing, is left over, or has another shape or kind than the network has.
    """
    shapes = {
        f"{path}.{name}".lstrip("."): shape
        for path, module in network.walk()
        for name, (shape, _) in module.array_rules().items()
        if getattr(module, name) is None
    }
    for name in sorted(shapes.keys() | arrays.keys()):
        if name not in shapes or name not in arrays or arrays[name].shape != shapes[name]:
            raise ConfigurationError(
                f"{name!r} has shape {shapes.get(name)} in the architecture, and the saved array "
                f"{arrays[name].shape if name in arrays else None}"
            )
    if any(array.dtype.kind != "f" for array in arrays.values()):
        raise ConfigurationError("its parameters must be floating-point numbers")
    return rebuild(
        network,
        lambda path, module: {
            name: arrays[f"{path}.{name}".lstrip(".")]
            for name in type(module).array_fields
            if getattr(module, name) is None
        },
    )
