"""In which dtypes a network and a loss take rows, and whether these fit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import nn
from wengert.errors import ConfigurationError, DataError, IndexRangeError, TraceError
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.trace.tracing import Recording, abstract, recorded, trace
from wengert.train.inputs import Rows, converted
from wengert.train.steps.objective import Objective, floating_dtype
from wengert.train.steps.reuse import kept_for

Check = Callable[[Any], object]


@dataclass(frozen=True)
class _Fit:
    """What was found for rows of some types: their dtypes, and what is looked at in each row.

    Attributes
    ----------
    features, targets : dtype
    of_features, of_targets : list of callable
    """

    features: np.dtype[Any]
    targets: np.dtype[Any]
    of_features: list[Check]
    of_targets: list[Check]

    def passes(self, features: Any, targets: Any) -> bool:
        """Whether nothing is wrong with the values of other rows of these types."""
        try:
            for check in self.of_features:
                check(features)
            for check in self.of_targets:
                check(targets)
        except (DataError, IndexRangeError):
            return False
        return True


def check_products(net: Any, dtype: Any) -> None:
    """Refuse a dtype for the factors of products that is none, or does not suit that of the parameters.

    Raises
    ------
    ConfigurationError
    """
    if dtype is None:
        return
    if dtype != "bfloat16":
        raise ConfigurationError(
            f"dtype is 'bfloat16' or None, got {dtype!r}; a network computes in the dtype of its parameters, "
            "net.initialise(seed, dtype=...)"
        )
    own = floating_dtype(net)
    if own != np.float32:
        raise ConfigurationError(
            f"dtype='bfloat16' is for parameters of float32, and these are {own}: initialise the network "
            "with dtype=np.float32"
        )


def conform(net: Any, objective: Objective, rows: Rows) -> Rows:
    """Return the rows in the dtypes in which network and loss take them, and check that they fit.

    Floating values get the dtype of the parameters. Integers stay integers where they are used as such (the
    input of an embedding, class labels) and get the dtype of the parameters where they are computed with.

    Raises
    ------
    ShapeError
        When the rows do not fit the network, or the prediction does not fit the target.
    IndexRangeError
        For a label or category out of range; names the row.
    """
    dtype = floating_dtype(net)
    kept = kept_for(net, objective, "rows")
    key = tuple([(array.shape, array.dtype) for array in (rows.features, rows.targets)])
    found: _Fit | None = kept.get(key)
    if found is not None:
        features, targets = _converted(rows, found.features, found.targets)
        if not found.passes(features, targets):
            found = None  # traced again, the error names the line
    if found is None:
        features, of_features, predicted = _features(net, rows.features)
        targets, of_targets = _targets(objective, predicted, rows.targets, dtype)
        if of_features is not None and of_targets is not None:
            kept[key] = _Fit(features.dtype, targets.dtype, of_features, of_targets)
    return Rows(features, targets, None if rows.weights is None else rows.weights.astype(dtype))


def _converted(rows: Rows, features: Any, targets: Any) -> tuple[Any, Any]:
    return converted(rows.features, features, "X"), converted(rows.targets, targets, "y")


def _features(net: Any, given: Any) -> tuple[Any, list[Check] | None, Any]:
    """Return features as the network takes them, what it looks at in them, and the type of the prediction."""
    features = conform_features(net, given)
    # Traced on the values, so that layers and losses that check them name the row.
    recording = recorded(_evaluate, net, features)
    _refuse_free(recording)
    return features, _checks(recording, len(recording.leaves) - 1), recording.program.outputs[0].type


def _targets(
    objective: Objective, predicted: Any, given: Any, dtype: np.dtype[Any]
) -> tuple[Any, list[Check] | None]:
    """Return targets as the loss takes them, and what it looks at in them."""
    prediction = abstract(predicted.shape, predicted.dtype)

    def compare(target: Any) -> Recording:
        recording = recorded(lambda z, t: objective.mean_loss(z, t, None), prediction, target)
        _refuse_free(recording)
        return recording

    kind = _in_use(given, dtype, lambda one: compare(abstract(given.shape, one)).program)
    targets = converted(given, kind, "y")
    return targets, _checks(compare(targets), 1)


def _refuse_free(recording: Recording) -> None:
    if recording.program.free:
        raise TraceError("a network cannot be trained inside of a traced function")


def _checks(recording: Recording, place: int) -> list[Check] | None:
    """Return the checks of an input; None where values decided about more, or other values were looked at."""
    made = recording.trace
    rows = recording.program.inputs[place]
    if made.questions or made.was_peeked or made.captured:
        return None
    if any(node is not rows for node, _ in made.checks):
        return None
    return [check for _, check in made.checks]


def _evaluate(net: Any, X: Any) -> Any:
    # The network is an argument: an array outside of the trace cannot be indexed by a tensor.
    return net(X)


def dtype_of_features(net: Any) -> np.dtype[Any]:
    """Return the dtype in which a network takes floating features.

    That of its first parameters: the last layer of numbers far from 0 may have another.
    """
    dtypes = [np.dtype(value.dtype) for value in nn.parameters(net).values()]
    return dtypes[0] if dtypes else floating_dtype(net)


def conform_features(
    net: Any, features: np.ndarray[Any, Any], floating: np.dtype[Any] | None = None
) -> np.ndarray[Any, Any]:
    """Return features in the dtype in which the network takes them; see `conform`.

    Parameters
    ----------
    net : Module
    features : array
    floating : dtype, optional
        `dtype_of_features`, where it is known.
    """
    floating = dtype_of_features(net) if floating is None else floating

    def record(kind: np.dtype[Any]) -> Program:
        return trace(_evaluate, net, abstract(features.shape, kind))

    return converted(features, _in_use(features, floating, record), "X")


def _in_use(
    array: np.ndarray[Any, Any], floating: np.dtype[Any], record: Callable[[np.dtype[Any]], Program]
) -> np.dtype[Any]:
    """Return the dtype that a program traced on the array's dtype would rather have."""
    if array.dtype.kind == "f":
        return floating
    program = record(array.dtype)
    whole = {node for node in program.inputs if node.type.dtype.kind in "iu"}
    cast = any(
        node.primitive.kind is Kind.ELEMENTWISE and node.type.is_float and whole.intersection(node.inputs)
        for node in program.nodes
    )
    return floating if cast else array.dtype
