"""A network with a loss as the function to be explained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError
from wengert.explain.arguments import as_array, check_call
from wengert.ir.node import Node
from wengert.ir.provenance import Provenance, SourceLine
from wengert.primitives.functions import one_hot
from wengert.trace.source import source_line, user_frame
from wengert.trace.tensor import Tensor
from wengert.trace.tree import leaf_paths


def parameter_paths(network: Any) -> list[str]:
    """Return the paths of what is trained in a network: running statistics are not."""
    leaves = leaf_paths(network, "net")
    if not hasattr(network, "walk"):
        return leaves
    trained = {
        ".".join(part for part in ("net", path, name) if part)
        for path, module in network.walk()
        for name in type(module).parameter_fields
    }
    return [path for path in leaves if path in trained]


def with_loss(
    where: str, network: Callable[..., Any], loss: Callable[..., Any] | None, args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the loss as a function of the network, its inputs and the target, and its arguments.

    Parameters
    ----------
    where : str
        What was called: explain or draw.
    network : callable
        A tree of arrays.
    loss : callable
        Takes the network's output and the target.
    args : tuple
        The inputs of the network, then the target. Labels of classes become rows of 0 and 1, where the loss
        gives the same for them, since sums over classes can be derived and look-ups can not.

    Raises
    ------
    ConfigurationError
        Without a loss, or without a target.
    """
    if loss is None:
        raise ConfigurationError(
            f"{where} takes a network with a loss: {where}(net, x, t, loss=wengert.nn.squared_error)"
        )
    if not callable(loss):
        raise ConfigurationError(f"loss={loss!r}: give the function itself, such as wengert.nn.squared_error")
    if len(args) < 2:
        raise ConfigurationError(
            f"{where} takes a network with a loss at inputs and a target: {where}(net, x, t, loss=…)"
        )
    *inputs, target = map(as_array, args)
    check_call(where, network, inputs, {})

    frame = user_frame()
    asking = None if frame is None else source_line(frame)

    def loss_of_network(net: Any, *values: Any) -> Any:
        *given, wanted = values
        result = _of_batch(loss)(net(*given), wanted)
        if isinstance(result, Tensor):
            _forget_names(result.recorder.provenance, asking)
        return result

    _name_arguments(loss_of_network, ["net", *_input_names(len(inputs)), "t"])
    return loss_of_network, (network, *inputs, _as_shares(network, loss, inputs, target))


def forward(
    where: str, network: Callable[..., Any], inputs: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the output as a function of the network and its inputs, and its arguments."""
    inputs = tuple(map(as_array, inputs))
    check_call(where, network, inputs, {})
    frame = user_frame()
    asking = None if frame is None else source_line(frame)

    def output_of_network(net: Any, *values: Any) -> Any:
        result = net(*values)
        if isinstance(result, Tensor):
            _forget_names(result.recorder.provenance, asking)
        return result

    _name_arguments(output_of_network, ["net", *_input_names(len(inputs))])
    return output_of_network, (network, *inputs)


def _input_names(count: int) -> list[str]:
    return ["x"] if count == 1 else [f"x{place + 1}" for place in range(count)]


def _name_arguments(function: Callable[..., Any], names: list[str]) -> None:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(one, kind) for one in names])  # type: ignore[attr-defined]


def _forget_names(provenance: MutableMapping[Node, Provenance], asking: SourceLine | None) -> None:
    """Take away the name of the variable that receives the derivation: it is none of the network's."""
    for node, known in provenance.items():
        if node.inputs and known.source == asking:
            provenance[node] = Provenance(None, None, known.regions)


def _of_batch(loss: Callable[..., Any]) -> Callable[..., Any]:
    """Return the loss with one sample given to it as a batch of one: what has one axis are its outputs."""

    def of_batch(output: Any, target: Any) -> Any:
        if np.ndim(output) != 1:
            return loss(output, target)
        return loss(np.expand_dims(output, 0), np.expand_dims(target, 0))

    return of_batch


def _as_shares(network: Callable[..., Any], loss: Callable[..., Any], inputs: list[Any], target: Any) -> Any:
    """Return labels of classes as rows of 0 and 1 where the loss does not mind."""
    labels = np.asarray(target)
    output = np.asarray(network(*inputs))
    if labels.dtype.kind not in "iu" or output.ndim != labels.ndim + 1 or output.shape[:-1] != labels.shape:
        return target
    plain = np.asarray(_of_batch(loss)(output, target))  # refuses labels out of range
    probabilities = np.asarray(one_hot(labels, output.shape[-1]), np.float64)
    try:
        same = np.allclose(_of_batch(loss)(output, probabilities), plain, rtol=1e-5)
    except ValueError:  # the loss is of labels only
        return target
    return probabilities if same else target
