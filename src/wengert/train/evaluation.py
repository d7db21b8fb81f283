"""Predictions and losses over many rows, in batches, through compiled programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from wengert.ir.program import Program
from wengert.run import Executor, find_executor, mesh_of
from wengert.run.executor import compiled_over_rows, divides_rows
from wengert.trace.tracing import abstract, trace
from wengert.trace.tree import flatten, unflatten
from wengert.train.inputs import Rows, check_rows, numbers
from wengert.train.steps.batches import batch_bounds, check_batch_size
from wengert.train.steps.conform import conform, conform_features, dtype_of_features
from wengert.train.steps.objective import Loss, Objective, find_loss, floating_dtype
from wengert.train.steps.step import Carry, batch_types
from wengert.transform.rolling import rolled
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]

BATCH_SIZE = 1024
# From this number of rows on, to compile the ensemble of the tabular preset takes less time than NumPy, which
# takes 0.04 to 0.09 ms a row.
ROWS_TO_COMPILE = 3000
# Rows that NumPy takes at a time: their values stay in the cache.
_FEW = 64
# Bytes of a layer's values that stay in a second-level cache, or nearly; the fewest rows at a time for that.
_IN_CACHE = 2**20
_IN_CACHE_AT_LEAST = 128


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on some rows.

    Attributes
    ----------
    loss : float
        Mean over the rows, each with its weight; without penalty.
    accuracy : float or None
        Share of rows classified correctly, each with its weight, where the loss is one of classification.
    score : float or None
        Higher is better; where stopping rules watch one.
    """

    loss: float
    accuracy: float | None
    score: float | None = field(default=None, repr=False)


class NetworkEvaluator(Protocol):
    """What measures a network, given by its arrays, on rows."""

    def __call__(self, network: Carry, rows: Rows) -> Evaluation:
        """Evaluate the network with these arrays."""
        ...


class Evaluator:
    """Loss and accuracy of a network in evaluation mode, for parameters that change.

    Parameters
    ----------
    net : Module
        Gives the structure.
    objective : Objective
    executor : Executor
    """

    def __init__(self, net: Any, objective: Objective, executor: Executor) -> None:
        self._leaves, self._structure = flatten(net)
        self._objective = objective
        self._executor = executor
        self._dtype = floating_dtype(net)
        self._compiled: dict[int, Any] = {}

    def __call__(self, network: Carry, rows: Rows) -> Evaluation:
        """Evaluate the network with these arrays on `rows`."""
        loss = correct = 0.0
        classifies = False
        for first, last in batch_bounds(len(rows), BATCH_SIZE):
            batch = rows.take(slice(first, last))
            weights = [] if batch.weights is None else [batch.weights]
            outputs = self._run(batch)([*network, batch.features, batch.targets, *weights])
            loss += float(outputs[0]) * (last - first)
            classifies = len(outputs) > 1
            if classifies:
                right = outputs[1].reshape(last - first, -1).mean(axis=1)
                correct += float(right.sum() if batch.weights is None else right @ batch.weights)
        return Evaluation(loss / len(rows), correct / len(rows) if classifies else None)

    def _run(self, batch: Rows) -> Any:
        known = self._compiled.get(len(batch))
        if known is None:
            net = unflatten(self._structure, [abstract(np.shape(leaf), leaf.dtype) for leaf in self._leaves])
            program = simplify(rolled(trace(self._evaluate, net, *batch_types(batch))))
            places = tuple(range(len(self._leaves), len(program.inputs)))
            known = self._compiled[len(batch)] = compiled_over_rows(self._executor, program, places)
        return known

    def _evaluate(self, net: Any, X: Any, y: Any, weights: Any) -> Any:
        prediction = net(X)
        loss = self._objective.mean_loss(prediction, y, weights)
        correct = self._objective.correct(prediction, y)
        return (loss,) if correct is None else (loss, correct)


def predict(
    net: Any,
    X: Any,
    *,
    batch_size: int = BATCH_SIZE,
    executor: str | Executor = "llvm",
    device: str | None = None,
    mesh: int | str | None = None,
) -> Array:
    """Return the outputs of a network in evaluation mode.

    Parameters
    ----------
    net : Module
    X : array_like, shape (rows, ...)
        Converted to the dtype of the parameters, or left as integers where the network takes integers.
    batch_size : int
        The most rows that are computed at a time, which bounds the memory needed.
    executor : Executor, "numpy", "llvm" or "xla"
    device, mesh
        For "xla"; see `fit`.

    Returns
    -------
    ndarray, shape (rows, ...)

    Raises
    ------
    DataError, DTypeError, ShapeError
        When X is empty, not finite, not of numbers, or does not fit the network.
    """
    check_batch_size(batch_size)
    runner = find_executor(executor, device=device, mesh=mesh_of(executor, mesh))
    return Predictor(net, runner)(X, batch_size)


def predict_few(net: Any, X: Array, multiple: int = 1) -> Array:
    """Return the outputs of a network in evaluation mode, computed by NumPy.

    Nothing is traced or compiled, which would take as long as the outputs for thousands of rows.

    Parameters
    ----------
    net : Module
    X : array, shape (rows, ...)
        In the dtype in which the network takes it.
    multiple : int
        The rows that are computed together are a multiple of this, but for the last ones.

    Returns
    -------
    ndarray, shape (rows, ...)
    """
    with np.errstate(all="ignore"):
        bounds = batch_bounds(len(X), -(-_FEW // multiple) * multiple)
        return np.concatenate([np.asarray(net(X[first:last])) for first, last in bounds])


class Predictor:
    """The outputs of a network in evaluation mode, by programs that are compiled once for a number of rows.

    Parameters
    ----------
    net : Module
    executor : Executor
    few : bool
        Whether NumPy computes the outputs until there have been as many rows as it takes to compile.
    multiple : int
        As for `predict_few`.
    """

    def __init__(self, net: Any, executor: Executor, *, few: bool = False, multiple: int = 1) -> None:
        self._net = net
        self._rows_by_numpy = ROWS_TO_COMPILE if few else 0
        self._multiple = multiple
        self._leaves, structure = flatten(net)
        self._types = unflatten(structure, [abstract(np.shape(leaf), leaf.dtype) for leaf in self._leaves])
        self._executor = executor
        self._dtype = dtype_of_features(net)
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._bytes_of_row: int | None = None

    def __call__(self, X: Any, batch_size: int = BATCH_SIZE) -> Array:
        """Return the outputs; parameters and exceptions as for `predict`."""
        features = conform_features(self._net, numbers(X, "X"), self._dtype)
        self._rows_by_numpy -= len(features)
        if self._rows_by_numpy > 0:
            return predict_few(self._net, features, self._multiple)
        size = self._size(features, batch_size)
        outputs = []
        for first, last in batch_bounds(len(features), size):
            batch = features[first:last]
            if first and last - first < size:  # filled up, so that no second program is compiled
                batch = np.concatenate([batch, features[: size - (last - first)]])
            (output,) = self._run(batch)([*self._leaves, batch])
            outputs.append(output[: last - first])
        return np.concatenate(outputs)

    def _size(self, features: Array, most: int) -> int:
        """Return how many rows to compute at a time: as many as keep a layer's values in the cache."""
        if not divides_rows(self._executor) and len(features) > _IN_CACHE_AT_LEAST:
            if self._bytes_of_row is None:
                self._bytes_of_row = _widest(self._program(features[:1]), len(self._leaves))
            most = min(most, max(_IN_CACHE_AT_LEAST, _IN_CACHE // self._bytes_of_row))
        return max(1, most // self._multiple) * self._multiple

    def _program(self, batch: Array) -> Program:
        return simplify(rolled(trace(_predict, self._types, abstract(batch.shape, batch.dtype))))

    def _run(self, batch: Array) -> Any:
        known = self._compiled.get(batch.shape)
        if known is None:
            known = compiled_over_rows(self._executor, self._program(batch), (len(self._leaves),))
            self._compiled[batch.shape] = known
        return known


def _predict(net: Any, X: Any) -> Any:
    return net(X)


def _widest(program: Program, place: int) -> int:
    """Return the bytes of the largest value that depends on an input."""
    reached = {program.inputs[place]}
    for node in program.nodes:
        if not reached.isdisjoint(node.inputs):
            reached.add(node)
    return max(node.type.size * node.type.dtype.itemsize for node in reached)


def evaluate(
    net: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    sample_weight: Any = None,
    executor: str | Executor = "llvm",
    device: str | None = None,
    mesh: int | str | None = None,
) -> Evaluation:
    """Return mean loss and accuracy of a network on rows.

    Parameters
    ----------
    net : Module
    X : array_like, shape (rows, ...)
    y : array_like, shape (rows, ...)
    loss : str or callable
        As for `fit`.
    sample_weight : array_like, shape (rows,), optional
    executor : Executor, "numpy", "llvm" or "xla"
    device, mesh
        For "xla"; see `fit`.

    Raises
    ------
    DataError, DTypeError, ShapeError, IndexRangeError
        As `fit`.
    """
    objective = Objective(find_loss(loss))
    rows = conform(net, objective, check_rows(X, y, sample_weight))
    carry = tuple(np.asarray(leaf) for leaf in flatten(net)[0])
    runner = find_executor(executor, device=device, mesh=mesh_of(executor, mesh))
    return Evaluator(net, objective, runner)(carry, rows)
