"""The training step: forward, backward, clipping and update as one program, compiled once per batch shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from wengert import nn
from wengert.autodiff.gradients import value_and_grad
from wengert.errors import ConfigurationError
from wengert.ir.program import Program
from wengert.nn.arrays import penalised
from wengert.optim import LBFGS, clip_by_norm
from wengert.optim.optimiser import rate_at
from wengert.primitives import random
from wengert.run import Executable, Executor
from wengert.trace.settings import cast, nonzero, settings, with_settings
from wengert.trace.tracing import abstract, trace
from wengert.trace.tree import flatten, leaf_paths, unflatten
from wengert.train.inputs import Rows
from wengert.train.steps.objective import floating_dtype
from wengert.train.steps.reuse import kept_for
from wengert.transform.rolling import is_rolling
from wengert.transform.simplify import simplify

Array = np.ndarray[Any, Any]
Carry = Sequence[Array]


class BatchObjective(Protocol):
    """What a step minimises; `Objective` is one."""

    def describe(self) -> str:
        """Return the objective as text, the same in every process."""
        ...

    def of_batch(self, net: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        """Return the scalar to minimise, and the loss that is reported."""
        ...


@dataclass(frozen=True)
class StepRule:
    """What a step computes. Rules that differ in their settings alone have one program.

    Attributes
    ----------
    objective : BatchObjective
    optimizer : Optimiser or LBFGS
        With L-BFGS there are `TrainingStep.value_and_gradients` and no steps.
    clip_norm : float or None
        Scale the gradients together so that their norm is at most this.
    weight_decay : float
        λ of w ← w − η λ w, apart from the gradient, on weights and not on biases.
    ema_decay : float or None
        Of the exponential moving average of the parameters, with which the network predicts.
    memory : int or None
        Bytes that loops of the network may keep for their derivative; see `wengert.value_and_grad`.
    """

    objective: BatchObjective
    optimizer: Any
    clip_norm: float | None = None
    weight_decay: float = 0.0
    ema_decay: float | None = None
    memory: int | None = None

    settings: ClassVar = ("objective", "optimizer", "clip_norm", "weight_decay", "ema_decay")


def loss_and_gradients(
    net: Any,
    objective: BatchObjective,
    X: Any,
    y: Any,
    weights: Any,
    key: Any,
    memory: int | None = None,
) -> tuple[Any, ...]:
    """Return what is minimised, the loss reported, the network's state after the pass, and the gradients.

    Parameters
    ----------
    net : Module
    objective : BatchObjective
    X, y, weights : arrays or tensors; weights may be None
    key : array or tensor of uint32, shape (2,)
        Source of the randomness of this pass.
    memory : int, optional
        Bytes that loops may keep for the derivative.
    """

    def total_loss(parameters: Any) -> Any:
        model = nn.with_parameters(net, parameters)
        prediction, after = model.forward_training(X, key)
        total, reported = objective.of_batch(model, prediction, y, weights)
        return total, (reported, nn.state(after))

    derivative = value_and_grad(total_loss, has_aux=True, memory=memory)
    (total, (loss, state)), gradients = derivative(nn.parameters(net))
    return total, loss, state, gradients


def batch_types(batch: Rows) -> tuple[Any, Any, Any]:
    """Return the types of features, targets and weights of a batch; None for weights that are not there."""
    arrays = batch.features, batch.targets, batch.weights
    x, y, weights = (None if array is None else abstract(array.shape, array.dtype) for array in arrays)
    return x, y, weights


def averaged(average: Any, parameters: Any, ema_decay: Any, taken: Any) -> Any:
    """Return the exponential moving average of the parameters after one more step.

    The first steps weigh more than the decay says, so that the start is soon forgotten.
    """
    decay = np.minimum(ema_decay, (1.0 + taken) / (10.0 + taken))
    return {
        path: mean + (1 - decay).astype(mean.dtype) * (parameters[path] - mean)
        for path, mean in average.items()
    }


class TrainingStep:
    """(network, optimiser's state, settings, batch, step number) → (network, state, settings, loss).

    The settings are the numbers of the rule: rate, momentum, decay, λ. As inputs they can change without a
    new program. Between steps network, state and settings are one tuple of arrays, the carry: the first
    outputs of the program are its first inputs in the next step. No array is changed in place, so a carry
    stays what it was.

    Parameters
    ----------
    net : Module
        Its arrays give the types.
    rule : StepRule
    executor : Executor

    Attributes
    ----------
    initial : tuple of array
        The carry before the first step.
    names : tuple of str
        A name for each array of a carry.
    network_count : int
        How many arrays of a carry belong to the network.
    dtype : dtype
        Of the parameters.
    """

    def __init__(self, net: Any, rule: StepRule, executor: Executor) -> None:
        self.rule = rule
        self.executor = executor
        self.dtype = floating_dtype(net)
        tree = net, *self._beside(net, rule)
        leaves, self._structure = flatten(tree)
        self.initial = tuple(map(np.asarray, leaves))
        of_network, self._network = flatten(net)
        self.network_count = len(of_network)
        self._kept = kept_for(net, rule, executor, is_rolling())
        groups = zip(("", "optimizer", "settings", "average"), tree, strict=True)
        self.names: tuple[str, ...] = self.kept(
            "names", lambda: tuple(path for group, member in groups for path in leaf_paths(member, group))
        )

    def _beside(self, net: Any, rule: StepRule) -> tuple[Any, Any, Any]:
        """Return the first state of the optimiser, the settings, and the average or None."""
        parameters = nn.parameters(net)
        state = {} if isinstance(rule.optimizer, LBFGS) else rule.optimizer.init(parameters)
        return state, settings(rule), None if rule.ema_decay is None else parameters

    def carry(self, net: Any, rule: StepRule) -> Carry:
        """Return the carry before the first step of a network, with the settings of a rule of this form."""
        return tuple(np.asarray(leaf) for leaf in flatten((net, *self._beside(net, rule)))[0])

    def with_settings(self, carry: Carry, rule: StepRule) -> Carry:
        """Return the carry with the settings of another rule of this form."""
        numbers = {f"settings.{path}": np.asarray(number) for path, number in settings(rule).items()}
        return tuple(numbers.get(name, leaf) for name, leaf in zip(self.names, carry, strict=True))

    def with_network(self, carry: Carry, net: Any) -> Carry:
        """Return the carry with another network of this structure."""
        return (*map(np.asarray, flatten(net)[0]), *carry[self.network_count :])

    def net(self, carry: Carry) -> Any:
        """Return the network of a carry."""
        return unflatten(self._network, list(carry[: self.network_count]))

    def optimizer_state(self, carry: Carry) -> Any:
        """Return the optimiser's state of a carry."""
        return unflatten(self._structure, list(carry))[1]

    def predicting(self, carry: Carry) -> Carry:
        """Return the arrays of the network to predict with: of averaged parameters, where there are any."""
        if self.rule.ema_decay is None:
            return carry[: self.network_count]
        average = unflatten(self._structure, list(carry))[3]
        return tuple(flatten(nn.with_parameters(self.net(carry), average))[0])

    def with_predicting(self, carry: Carry, network: Carry) -> Carry:
        """Return the carry with the arrays of another network, also as the average."""
        if self.rule.ema_decay is None:
            return (*network, *carry[self.network_count :])
        _, *state, _ = unflatten(self._structure, list(carry))
        net = self.net(network)
        return tuple(flatten((net, *state, nn.parameters(net)))[0])

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was made for a key before, or make it now."""
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = make()
        return known

    def program(self, batch: Rows) -> Program:
        """Return the program of one step for batches of this shape.

        Raises
        ------
        ConfigurationError
            When the step would change the dtype or shape of a parameter or of the optimiser's state.
        """
        types = batch_types(batch)
        program: Program = self.kept(("step", *types), lambda: self._traced(types))
        return program

    def executable(self, batch: Rows) -> Executable:
        """Return what runs one step on batches of this shape."""
        program = self.program(batch)
        executable: Executable = self.kept(program, lambda: self.executor.compile(program))
        return executable

    def value_and_gradients(self, rows: Rows) -> Program:
        """Return (network, settings, rows, key) → (minimised, reported, gradients, network after it)."""
        types = batch_types(rows)

        def function(net: Any, numbers: Any, X: Any, y: Any, weights: Any, key: Any) -> Any:
            objective = with_settings(self.rule, numbers).objective
            total, loss, running, gradients = loss_and_gradients(
                net, objective, X, y, weights, key, self.rule.memory
            )
            return total, loss, list(gradients.values()), nn.with_state(net, running)

        def make() -> Program:
            net, _, numbers, _ = self._abstract()
            return simplify(trace(function, net, numbers, *types, abstract((2,), np.uint32)))

        program: Program = self.kept(("all rows", *types), make)
        return program

    def settings_of(self, carry: Carry) -> Carry:
        """Return the settings of a carry, in their order as inputs."""
        return tuple(flatten(unflatten(self._structure, list(carry))[2])[0])

    def _abstract(self) -> Any:
        return unflatten(self._structure, [abstract(leaf.shape, leaf.dtype) for leaf in self.initial])

    def _traced(self, types: tuple[Any, Any, Any]) -> Program:
        program = trace(
            self._step, *self._abstract(), *types, abstract((2,), np.uint32), abstract((), np.int64)
        )
        for name, before, after in zip(self.names, program.inputs, program.outputs, strict=False):
            if after.type is not before.type:
                raise ConfigurationError(f"a training step turns {name} from {before.type} into {after.type}")
        return simplify(program)

    def _step(  # by these names the program calls its inputs
        self,
        net: Any,
        optimizer: Any,
        numbers: Any,
        average: Any,
        X: Any,
        y: Any,
        weights: Any,
        key: Any,
        step: Any,
    ) -> Any:
        rule = with_settings(self.rule, numbers)
        key = random.fold_in(key, step)
        _, loss, running, gradients = loss_and_gradients(net, rule.objective, X, y, weights, key, rule.memory)
        net, optimizer, average = self._updated(rule, net, optimizer, average, running, gradients, step)
        return net, optimizer, numbers, average, loss

    def _updated(
        self,
        rule: StepRule,
        net: Any,
        optimizer: Any,
        average: Any,
        running: Any,
        gradients: Any,
        step: Any,
    ) -> tuple[Any, Any, Any]:
        """Return network, optimiser's state and average after a step with these gradients.

        `rule` has the settings as inputs of the program.
        """
        if self.rule.clip_norm is not None:
            gradients = clip_by_norm(gradients, rule.clip_norm)
        parameters = nn.parameters(net)
        if nonzero(self.rule.weight_decay):
            rate = rate_at(rule.optimizer.learning_rate, step)
            for path, weight in penalised(net).items():
                parameters[path] = weight - cast(rate * rule.weight_decay, weight.dtype) * weight
        parameters, optimizer = rule.optimizer.update(parameters, gradients, optimizer)
        if average is not None:
            average = averaged(average, parameters, rule.ema_decay, step)
        return nn.with_state(nn.with_parameters(net, parameters), running), optimizer, average
