"""The training step: forward, backward, clipping and update as one program, compiled once per batch shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import nn
from wengert.autodiff.gradients import value_and_grad
from wengert.errors import ConfigurationError
from wengert.ir.program import Program
from wengert.optim import Optimiser, clip_by_norm
from wengert.primitives import random
from wengert.run import Executor
from wengert.trace.settings import settings, with_settings
from wengert.trace.tracing import abstract, trace
from wengert.trace.tree import flatten, leaf_paths, unflatten
from wengert.train.inputs import Rows
from wengert.train.objective import Objective, floating_dtype
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]
Carry = tuple[Array, ...]


def loss_and_gradients(
    net: Any, objective: Objective, X: Any, y: Any, weights: Any, key: Any
) -> tuple[Any, ...]:
    """Return total loss, loss without penalty, the network's state after the pass, and the gradients.

    Parameters
    ----------
    net : Module
    objective : Objective
    X, y, weights : arrays or tensors; weights may be None
    key : array or tensor of uint32, shape (2,)
        Source of the randomness of this pass.
    """

    def total_loss(parameters: Any) -> Any:
        model = nn.with_parameters(net, parameters)
        prediction, after = model.forward_training(X, key)
        loss = objective.mean_loss(prediction, y, weights)
        total = loss if objective.penalty is None else loss + objective.penalty(model)
        return total, (loss, nn.state(after))

    (total, (loss, state)), gradients = value_and_grad(total_loss, has_aux=True)(nn.parameters(net))
    return total, loss, state, gradients


def batch_types(batch: Rows, dtype: np.dtype[Any]) -> tuple[Any, Any, Any]:
    """Return the types of features, targets and weights of a batch; None for weights that are not there."""
    weights = None if batch.weights is None else abstract((len(batch),), dtype)
    x, y = batch.features, batch.targets
    return abstract(x.shape, x.dtype), abstract(y.shape, y.dtype), weights


class TrainingStep:
    """(network, optimiser's state, settings, batch, step number) → (network, state, settings, loss).

    The settings are the numbers of optimiser, penalty and clipping: rate, momentum, decay, λ. As inputs they
    can change without a new program.

    Between steps all three are one tuple of arrays, the carry: the first outputs of the program are
    its first inputs in the next step. No array is changed in place, so a carry stays what it was.

    Parameters
    ----------
    net : Module
    optimizer : Optimiser
    objective : Objective
    executor : Executor
    clip_norm : float, optional
        Scale the gradients together so that their norm is at most this.

    Attributes
    ----------
    initial : tuple of array
        The carry before the first step.
    names : tuple of str
        A name for each array of a carry.
    network_count : int
        How many arrays of a carry belong to the network.
    """

    def __init__(
        self,
        net: Any,
        optimizer: Optimiser,
        objective: Objective,
        executor: Executor,
        clip_norm: float | None,
    ) -> None:
        self.optimizer = optimizer
        self.objective = objective
        self.executor = executor
        self.clip_norm = clip_norm
        self.dtype = floating_dtype(net)
        state = optimizer.init(nn.parameters(net))
        numbers = settings(self._rules)
        leaves, self._structure = flatten((net, state, numbers))
        self.initial: Carry = tuple(np.asarray(leaf) for leaf in leaves)
        self.names = (
            *leaf_paths(net),
            *leaf_paths(state, "optimizer"),
            *leaf_paths(numbers, "settings"),
        )
        self.network_count = len(flatten(net)[0])
        self._programs: dict[int, Program] = {}

    def net(self, carry: Carry) -> Any:
        """Return the network of a carry."""
        return unflatten(self._structure, list(carry))[0]

    def optimizer_state(self, carry: Carry) -> Any:
        """Return the optimiser's state of a carry."""
        return unflatten(self._structure, list(carry))[1]

    def program(self, batch: Rows) -> Program:
        """Return the program of one step for batches with as many rows as this one."""
        known = self._programs.get(len(batch))
        if known is None:
            known = self._programs[len(batch)] = self.trace(batch)
        return known

    def trace(self, batch: Rows) -> Program:
        """Return the program of one step for batches of this shape.

        Raises
        ------
        ConfigurationError
            When the step would change the dtype or shape of a parameter or of the optimiser's state.
        """
        net, *state = unflatten(self._structure, [abstract(leaf.shape, leaf.dtype) for leaf in self.initial])
        types = batch_types(batch, self.dtype)
        program = trace(self._step, net, *state, *types, abstract((2,), np.uint32), abstract((), np.int64))
        for name, before, after in zip(self.names, program.inputs, program.outputs, strict=False):
            if after.type is not before.type:
                raise ConfigurationError(f"a training step turns {name} from {before.type} into {after.type}")
        return simplify(program)

    @property
    def _rules(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer, "objective": self.objective, "clip_norm": self.clip_norm}

    def _step(
        self, net: Any, state: Any, numbers: Any, X: Any, y: Any, weights: Any, key: Any, step: Any
    ) -> Any:
        key = random.fold_in(key, step)
        rules = with_settings(self._rules, numbers)
        _, loss, running, gradients = loss_and_gradients(net, rules["objective"], X, y, weights, key)
        if self.clip_norm is not None:
            gradients = clip_by_norm(gradients, rules["clip_norm"])
        parameters, state = rules["optimizer"].update(nn.parameters(net), gradients, state)
        return nn.with_state(nn.with_parameters(net, parameters), running), state, numbers, loss
