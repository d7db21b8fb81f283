"""The training step of the estimators, one program for all fits of the same form.

Learning rate and penalty are arrays in the carry and no constants of the program, so that a search over them
compiles nothing anew, and the rate can change between epochs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError
from wengert.estimators.solvers import Solver
from wengert.ir.program import Program
from wengert.nn.arrays import penalised
from wengert.optim import clip_by_norm
from wengert.primitives import random
from wengert.run import Executable, default_executor
from wengert.trace.tracing import abstract, trace
from wengert.trace.tree import flatten, leaf_paths, map_leaves, unflatten
from wengert.train.step import loss_and_gradients
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]
Carry = tuple[Array, ...]

# Losses of one example each, shape (rows,), or for a function of the user's own their mean, a scalar.
RowLosses = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Form:
    """What makes one step's program differ from another's; the key under which programs are kept.

    Attributes
    ----------
    loss : callable
        ``loss(prediction, target)``: one loss a row, or their mean where the batch has no weights.
    solver : Solver
    schedule : callable or None
        Factor of the rate, a function of the number of steps taken.
    decays : bool
        Whether weights shrink apart from the gradient.
    clip_norm : float or None
    averages : bool
        Whether the weights are averaged over the steps.
    share : float
        The loss that is told has this factor before its mean over rows; the penalty has not.
    """

    loss: RowLosses
    solver: Solver
    schedule: Callable[[Any], Any] | None = None
    decays: bool = False
    clip_norm: float | None = None
    averages: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Numbers that a program takes as operands.

    Attributes
    ----------
    rate : float
        Learning rate η.
    penalty : float
        α of scikit-learn: ½ α Σ w² / Σ sample weights is added to the loss of a batch.
    weight_decay : float
        λ of w ← w − η λ w, apart from the gradient, on weights and not on biases.
    average_decay : float
        Of the moving average of the weights.
    """

    rate: float
    penalty: float = 0.0
    weight_decay: float = 0.0
    average_decay: float = 0.0

    def arrays(self) -> dict[str, Array]:
        """Return each number as an array without axes."""
        return {name: np.asarray(float(value)) for name, value in vars(self).items()}


@dataclass(frozen=True)
class _BatchObjective:
    """Σ wᵢ ℓᵢ / Σ wᵢ + ½ α Σ w² / Σ wᵢ, as `loss_and_gradients` takes it."""

    loss: RowLosses
    alpha: Any
    total: Any

    def mean_loss(self, prediction: Any, target: Any, weights: Any) -> Any:
        losses = self.loss(prediction, target)
        if np.shape(losses) == ():
            return losses
        return np.sum(losses if weights is None else weights * losses) / self.total

    def penalty(self, net: Any) -> Any:
        squares = sum(np.sum(np.square(weight)) for weight in penalised(net).values())
        return 0.5 * self.alpha * squares / self.total


def batch_objective(form_loss: RowLosses, alpha: Any, weights: Any, prediction_like: Any) -> _BatchObjective:
    """Return the objective of a batch; a batch whose weights are all zero counts as one of loss zero."""
    dtype = prediction_like.dtype
    if weights is None:
        total: Any = float(prediction_like.shape[0])
    else:
        total = np.sum(weights)
        total = np.where(total > 0, total, 1).astype(dtype)
    return _BatchObjective(form_loss, alpha.astype(dtype), total)


class StepProgram:
    """(network, state, batch, key, step number) → (network, state, loss) for one form, compiled once a shape.

    Parameters
    ----------
    form : Form
    structure : optree structure
        Of the network.
    types : tuple of (shape, dtype)
        Of the network's arrays.

    Attributes
    ----------
    net : Module
        Of types in place of arrays.
    names : tuple of str
        A name for each array of a carry.
    network_count : int
        How many arrays of a carry belong to the network.
    dtype : dtype
        Of the parameters.
    executor : Executor
    """

    def __init__(self, form: Form, structure: Any, types: tuple[tuple[tuple[int, ...], Any], ...]) -> None:
        self.form = form
        self.executor = default_executor()
        net = unflatten(structure, [abstract(shape, dtype) for shape, dtype in types])
        self.net = net
        self.network_count = len(types)
        self.dtype = types[0][1]
        zeros = unflatten(structure, [np.zeros(shape, dtype) for shape, dtype in types])
        self._first_state = form.solver.init(nn.parameters(zeros))
        leaves, self._structure = flatten((net, self._state(zeros, Settings(0.0))))
        self.names = (*leaf_paths(net), *leaf_paths(self._state(zeros, Settings(0.0)), "solver"))
        prefix = "solver.settings."
        of_network: list[str | None] = [None] * self.network_count
        self._settings = of_network + [
            name.removeprefix(prefix) if name.startswith(prefix) else None
            for name in self.names[self.network_count :]
        ]
        self._types = [(np.shape(leaf), leaf.dtype) for leaf in leaves]
        self._kept: dict[Any, Any] = {}

    def first_carry(self, net: Any, settings: Settings) -> Carry:
        """Return the carry before the first step of a network."""
        leaves, _ = flatten((net, self._state(net, settings)))
        return tuple(np.asarray(leaf) for leaf in leaves)

    def with_settings(self, carry: Carry, settings: Settings) -> Carry:
        """Return the carry with other numbers."""
        numbers = settings.arrays()
        return tuple(
            array if name is None else numbers[name]
            for array, name in zip(carry, self._settings, strict=True)
        )

    def with_network(self, carry: Carry, net: Any) -> Carry:
        """Return the carry with other weights."""
        return (*map(np.asarray, flatten(net)[0]), *carry[self.network_count :])

    def unflatten(self, carry: Carry) -> tuple[Any, Any]:
        """Return network and state of a carry."""
        net, state = unflatten(self._structure, list(carry))
        return net, state

    def network(self, carry: Carry) -> Any:
        """Return the network to predict with: of the averaged weights, where weights are averaged."""
        net, state = self.unflatten(carry)
        return nn.with_parameters(net, state["average"]) if self.form.averages else net

    def program(self, batch: Any) -> Program:
        """Return the program of one step for batches (`Rows`) of this shape.

        Raises
        ------
        ConfigurationError
            When a step would change the dtype or shape of a parameter.
        """
        types = tuple(
            None if array is None else (array.shape, array.dtype)
            for array in (batch.features, batch.targets, batch.weights)
        )
        return self.kept(types, lambda: self._traced(types))

    def executable(self, batch: Any) -> Executable:
        """Return what runs one step on batches (`Rows`) of this shape."""
        program = self.program(batch)
        executable: Executable = self.kept(program, lambda: self.executor.compile(program))
        return executable

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was made for a key before, or make it now."""
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = make()
        return known

    def _traced(self, types: tuple[Any, ...]) -> Program:
        net, state = unflatten(self._structure, [abstract(shape, dtype) for shape, dtype in self._types])
        arrays = [None if one is None else abstract(*one) for one in types]
        counters = abstract((2,), np.uint32), abstract((), np.int64)
        program = trace(self._step, net, state, *arrays, *counters)
        for name, before, after in zip(self.names, program.inputs, program.outputs, strict=False):
            if after.type is not before.type:
                raise ConfigurationError(f"a training step turns {name} from {before.type} into {after.type}")
        return simplify(program)

    def _state(self, net: Any, settings: Settings) -> dict[str, Any]:
        parameters = nn.parameters(net)
        state = {"solver": map_leaves(np.copy, self._first_state), "settings": settings.arrays()}
        return {**state, "average": parameters} if self.form.averages else state

    def _step(self, net: Any, state: Any, X: Any, y: Any, weights: Any, key: Any, step: Any) -> Any:
        form, settings = self.form, state["settings"]
        objective: Any = batch_objective(form.loss, settings["penalty"], weights, X)
        total, loss, running, gradients = loss_and_gradients(
            net, objective, X, y, weights, random.fold_in(key, step)
        )
        told = total if form.share == 1 else total - (1 - form.share) * loss
        if form.clip_norm is not None:
            gradients = clip_by_norm(gradients, form.clip_norm)
        taken = state["solver"]["step"]
        rate = settings["rate"] if form.schedule is None else settings["rate"] * form.schedule(taken)
        parameters = nn.parameters(net)
        if form.decays:
            for path, weight in penalised(net).items():
                parameters[path] = weight - (rate * settings["weight_decay"]).astype(weight.dtype) * weight
        parameters, solver = form.solver.update(parameters, gradients, state["solver"], rate)
        after = {"solver": solver, "settings": settings}
        if form.averages:
            # The first steps weigh more than the decay says, so that the start is soon forgotten.
            decay = np.minimum(settings["average_decay"], (1.0 + taken) / (10.0 + taken))
            after["average"] = {
                path: mean + (1 - decay).astype(mean.dtype) * (parameters[path] - mean)
                for path, mean in state["average"].items()
            }
        return nn.with_state(nn.with_parameters(net, parameters), running), after, told


@functools.lru_cache(maxsize=128)
def _step_program(form: Form, structure: Any, types: Any) -> StepProgram:
    return StepProgram(form, structure, types)


def step_program(form: Form, net: Any) -> StepProgram:
    """Return the program for a form and a network, the same object for networks of the same shape."""
    leaves, structure = flatten(net)
    types = tuple((np.shape(leaf), np.dtype(leaf.dtype)) for leaf in leaves)
    return _step_program(form, structure, types)
