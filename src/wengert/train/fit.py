"""Training a network on rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.checks import boolean, in_range, is_integer, positive_integer, positive_number
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, DataError
from wengert.optim import LBFGS, Adam, Optimiser
from wengert.optim.optimiser import checked_optimiser
from wengert.optim.schedule_check import check_schedules
from wengert.run import Executor, find_executor, mesh_of
from wengert.train.callbacks import Callback, EarlyStopping
from wengert.train.checkpoint import Checkpoint
from wengert.train.evaluation import Evaluator
from wengert.train.full_batch import FullBatch
from wengert.train.inputs import Rows, check_rows
from wengert.train.loop import Loop
from wengert.train.parallel.own_rows import share_of
from wengert.train.parallel.shared_checkpoint import checkpoint_of
from wengert.train.parallel.together import Together, agree, check_joined, together_of
from wengert.train.plan import Plan
from wengert.train.progress import choose_display
from wengert.train.result import FitResult as FitResult, finished, warn_of
from wengert.train.rules import FitRules
from wengert.train.steps.batches import clipped_batch_size, held_out
from wengert.train.steps.conform import check_products, conform
from wengert.train.steps.objective import Loss, Objective, Penalty, find_loss
from wengert.train.steps.step import StepRule, TrainingStep
from wengert.transform.regions.budget import budget_of

_EPOCHS = 100
# Options of training in steps, which L-BFGS does not take.
_IN_STEPS = ("batch_size", "drop_last", "clip_norm", "ema_decay", "checkpoint", "workers")


def fit(
    net: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    optimizer: Optimiser | LBFGS | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    drop_last: bool = False,
    sample_weight: Any = None,
    validation_data: tuple[Any, ...] | None = None,
    validation_fraction: float | None = None,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
    memory: str | int | None = None,
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    shuffle: bool | Callable[[int], Any] = True,
    seed: int = 0,
    time_limit: float | None = None,
    checkpoint: str | Checkpoint | None = None,
    executor: str | Executor = "llvm",
    threads: int | None = None,
    dtype: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    mesh: int | str | None = None,
    shard: str | None = None,
    deterministic: bool = False,
    workers: Workers | None = None,
    total_rows: int | None = None,
    progress: bool | str = "auto",
) -> FitResult:
    """Train a network by minimising a mean loss over rows.

    Parameters
    ----------
    net : Module
        Initialised; it is not changed.
    X : array_like, shape (rows, ...)
        Converted to the dtype of the parameters, or left as integers where the network takes integers.
    y : array_like, shape (rows, ...)
        Numbers, or integer class labels, as the loss takes them.
    loss : str or callable
        A name of `nn.LOSSES`; a function with their signature; or ``loss(prediction, target)`` that returns
        one loss for each row, or their mean.
    optimizer : Optimiser or LBFGS, optional
        `optim.Adam` by default. `optim.LBFGS` takes all rows at once, and an epoch is one of its iterations.
    epochs : int, optional
        Passes over the rows; 100 by default, for L-BFGS its `max_iterations`.
    batch_size : int, optional
        Rows in a step; 32, or all where there are fewer. The last batch of an epoch may be short.
    drop_last : bool
        Leave that short batch out: every step is alike, and one program is compiled instead of two. The rows
        left out are others in each epoch, unless `shuffle` is False.
    sample_weight : array_like, shape (rows,), optional
        Non-negative; only their ratios count.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Rows on which the loss is measured after each epoch.
    validation_fraction : float, optional
        Share of the rows, in (0, 1), to hold out instead, at random.
    penalty : callable, optional
        Of the network, added to the loss: `nn.L1`, `nn.L2`, or a function of the module.
    clip_norm : float, optional
        Scale the gradient of a step so that its norm is at most this.
    ema_decay : float, optional
        d in [0, 1): the network of the result, of callbacks and of validation has the exponential moving
        average of the parameters, m ← m + (1 − min(d, (1 + t)/(10 + t))) (w − m) after step t = 0, 1, ….
    memory : str or int, optional
        Bytes, or such as ``"64 MB"``, that loops in the network may keep of their iterations for the
        derivative of a step; see `wengert.value_and_grad`.
    early_stopping : int or EarlyStopping, optional
        Patience in epochs; the result then has the weights of the best epoch.
    callbacks : sequence of Callback
    shuffle : bool or callable
        Visit the rows in a new random order in each epoch, or in the order of their positions that a function
        of the number of the epoch (from 0) gives.
    seed : int
        Of order, held-out rows and dropout: the same seed gives bitwise the same parameters.
    time_limit : float, optional
        Seconds of training after which to stop, between two steps; compiling the step does not count.
    checkpoint : path or Checkpoint, optional
        A file to which the run is saved now and then, and from which it goes on where it exists. The result
        is bitwise that of a run without interruption.
    executor : Executor, "numpy", "llvm" or "xla"
        What runs the steps: "llvm" compiles them to machine code first, "xla" has JAX compile an epoch
        and keeps rows and parameters on its device.
    threads : int, optional
        The most threads that work on a step of machine code; by default the physical cores open to this
        process, or ``OMP_NUM_THREADS`` if that is fewer. It is lowered, with a warning, to the number of
        processors. Steps too small to share are left to one. The result is bitwise the same.
    dtype : "bfloat16", optional
        Round the factors of large float32 products to bfloat16, with 8 bits of mantissa; sums, parameters and
        the optimiser's state stay float32, and so does the loss of validation. On processors with
        AMX or avx512_bf16; elsewhere a warning says that float32 is used.
    device : str, optional
        For "xla": "cpu", "gpu" or "tpu", or one of several such as "gpu:1"; by default the fastest that JAX
        finds.
    precision : "full" or "fast", optional
        For "xla": products of float32 with all their bits, the default, or as fast as the device has them
        (with factors of 10 bits of mantissa on a GPU, 7 on a TPU; a processor has all).
    mesh : int or "all", optional
        For "xla": among how many devices the rows of a batch are divided, by default as many as
        ``WENGERT_MESH`` says, or one. The result is that of one device but for rounding.
    shard : "auto", optional
        Divide large parameters among the devices of the mesh too, with what the optimiser keeps of them.
    deterministic : bool
        For "xla": add up over fixed blocks of a batch, in a fixed order. The result is bitwise the same for
        every number of devices, up to 16, that divides the batch; a step takes longer.
    workers : Workers, optional
        As `cluster.join` gives them: the processes that train this network together, each of which calls
        `fit` with the same arguments. Each reads its own part of the rows, of memory-mapped arrays as well.
        The result is bitwise the same on each, and for any number of workers. With "xla" the mesh divides the
        rows, and workers share the checkpoint.
    total_rows : int, optional
        With `workers`: X and y hold the rows ``workers.rows(total_rows)`` only, of that total.
    progress : bool or "auto"
        On standard error: a bar on a terminal, lines elsewhere; "auto" for runs longer than two seconds.

    Returns
    -------
    FitResult

    Raises
    ------
    DataError, DTypeError, ShapeError, IndexRangeError
        Before any work, when the rows cannot be used; names row and column, or the layer and both shapes.
    ConfigurationError
        When options are out of range or contradict each other, or there are no such devices.
    ModelFileError
        When the checkpoint is damaged or belongs to another run.

    Warns
    -----
    DivergenceWarning
        When the loss, a gradient or a parameter became NaN or infinite, or the parameters grew out of all
        proportion. The run stops at that step; the best finite parameters are kept.
    InterruptionWarning
        After Ctrl-C; all that was learned is kept.
    WengertWarning
        When `batch_size` or `threads` is lowered to what there is.

    Notes
    -----
    A step lowers (1/n) Σ wᵢ ℓᵢ + penalty over the n rows of its batch; the weights wᵢ have been scaled to a
    mean of 1 over all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import nn, train
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = nn.Dense(1, 1).initialise(seed=0)
    >>> result = train.fit(net, X, 3 * X + 1, loss="half_squared_error", epochs=200)
    >>> result.stopped
    'epochs'
    """
    given = locals()
    training = prepared(**{name: value for name, value in given.items() if name != "progress"})
    shown = progress if workers is None or workers.rank == 0 else False
    result = finished(training, choose_display(shown, training.plan.epochs))
    warn_of(result)
    return result


def prepared(
    net: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    optimizer: Optimiser | LBFGS | None,
    epochs: int | None,
    batch_size: int | None,
    drop_last: bool,
    sample_weight: Any,
    validation_data: tuple[Any, ...] | None,
    validation_fraction: float | None,
    penalty: Penalty | None,
    clip_norm: float | None,
    ema_decay: float | None,
    memory: str | int | None,
    early_stopping: int | EarlyStopping | None,
    callbacks: Sequence[Callback],
    shuffle: bool | Callable[[int], Any],
    seed: int,
    time_limit: float | None,
    checkpoint: str | Checkpoint | None,
    executor: str | Executor,
    workers: Workers | None,
    total_rows: int | None,
    **execution: Any,
) -> Loop | FullBatch:
    """Return the run of `fit`, checked and ready to begin."""
    given = locals()
    chosen = Adam() if optimizer is None else checked_optimiser(optimizer)
    _check_options(epochs, drop_last, clip_norm, ema_decay, time_limit, seed, callbacks)
    stopping = _early_stopping(early_stopping)
    objective = Objective(find_loss(loss), penalty)
    together = together_of(workers, total_rows, executor, shuffle, time_limit, validation_fraction)
    runner, judge = _executors(net, executor, **execution)
    if workers is not None and together is None:
        check_joined(workers, runner)
    rows, validation = _rows(
        net, objective, (X, y, sample_weight), validation_data, validation_fraction, seed, together
    )
    share = share_of(runner, rows, sample_weight, validation_fraction, time_limit)
    rows, size = share.rows, clipped_batch_size(batch_size, share.total, stacklevel=4)
    if isinstance(chosen, LBFGS):
        chosen = _on_all_rows(chosen, given)
        epochs, size = chosen.max_iterations, share.total
    size = share.of_batch(size)
    rule = StepRule(objective, chosen, clip_norm, ema_decay=ema_decay, memory=budget_of(memory))
    plan = Plan(
        rows=rows, count=share.count // size * size if drop_last else share.count, validation=validation,
        epochs=_EPOCHS if epochs is None else epochs, batch_size=size, seed=seed, time_limit=time_limit,
        rules=FitRules(rule, rows, seed, shuffle, stopping, validation is not None), drop_last=drop_last,
        callbacks=(*callbacks, *stopping), checkpoint=checkpoint_of(checkpoint, workers, runner),
    )  # fmt: skip
    step, evaluator = TrainingStep(net, rule, runner), Evaluator(net, objective, judge)
    if workers is not None and together is None:
        agree(workers, plan, step, {"rows": str(plan.count)})
    if isinstance(chosen, LBFGS):
        return FullBatch(plan, step, evaluator)
    check_schedules(chosen, plan.epochs * -(-plan.count // plan.batch_size))
    return Loop(plan, step, evaluator) if together is None else together.loop(plan, net, step, evaluator)


def _rows(
    net: Any,
    objective: Objective,
    given: tuple[Any, Any, Any],
    validation_data: tuple[Any, ...] | None,
    fraction: float | None,
    seed: int,
    together: Together | None,
) -> tuple[Rows, Rows | None]:
    """Return the rows to train on and those to validate on, checked and in the dtypes of the network."""
    if together is None:
        rows = conform(net, objective, check_rows(*given))
    else:
        rows = together.rows(net, objective, *given)
    if validation_data is not None:
        if fraction is not None:
            raise ConfigurationError("give validation_data or validation_fraction, not both")
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ConfigurationError("validation_data is a pair (X, y), or (X, y, sample_weight)")
        return rows, conform(net, objective, _validation_rows(*validation_data))
    if fraction is None:
        return rows, None
    if not 0 < fraction < 1:
        raise ConfigurationError(f"validation_fraction lies between 0 and 1, got {fraction!r}")
    if len(rows) < 2:
        raise DataError("validation_fraction needs at least two rows")
    kept, out = held_out(seed, len(rows), fraction)
    return _weighted(rows.take(kept), "training"), _weighted(rows.take(out), "validation")


def _validation_rows(X: Any, y: Any, sample_weight: Any = None) -> Rows:
    return check_rows(X, y, sample_weight, suffix=" of validation_data")


def _weighted(rows: Rows, role: str) -> Rows:
    """Return the rows with weights of mean 1 again, after some have been held out."""
    if rows.weights is None:
        return rows
    if not rows.weights.any():
        raise DataError(f"all {len(rows)} {role} rows have weight zero; choose another seed or fraction")
    mean = rows.weights.mean(dtype=np.float64)
    return Rows(rows.features, rows.targets, (rows.weights / mean).astype(rows.weights.dtype))


def _early_stopping(value: int | EarlyStopping | None) -> tuple[EarlyStopping, ...]:
    if value is None:
        return ()
    # A copy: what it remembers belongs to this run.
    return (replace(value) if isinstance(value, EarlyStopping) else EarlyStopping(value),)


def _on_all_rows(optimizer: LBFGS, given: dict[str, Any]) -> LBFGS:
    """Return the optimiser with as many iterations as epochs, and refuse options of training in steps.

    Raises
    ------
    ConfigurationError
    """
    for name in _IN_STEPS:
        if given[name] is not None and given[name] is not False:
            raise ConfigurationError(
                f"L-BFGS takes all rows at once and keeps its own state: leave {name} out"
            )
    epochs = given["epochs"]
    return optimizer if epochs is None else replace(optimizer, max_iterations=epochs)


def _check_options(
    epochs: Any, drop_last: Any, clip_norm: Any, ema_decay: Any, time_limit: Any, seed: Any, callbacks: Any
) -> None:
    """Refuse options that are out of range.

    Raises
    ------
    ConfigurationError
    """
    if epochs is not None:
        positive_integer("", "epochs", epochs)
    boolean("", "drop_last", drop_last)
    for name, value in (("clip_norm", clip_norm), ("time_limit", time_limit)):
        if value is not None:
            positive_number("", name, value)
    if ema_decay is not None:
        in_range("", "ema_decay", ema_decay, 0, 1)
    if not is_integer(seed, 0) or seed >= 2**64:
        raise ConfigurationError(f"seed is an integer from 0 to 2**64 - 1, got {seed!r}")
    _check_callbacks(callbacks)


def _executors(
    net: Any, executor: str | Executor, threads: int | None, dtype: str | None, **devices: Any
) -> tuple[Executor, Executor]:
    """Return what trains, and what validates: in the dtype of the parameters, whatever that of the products.

    Raises
    ------
    ConfigurationError
    """
    check_products(net, dtype)
    devices["mesh"] = mesh_of(executor, devices.get("mesh"))
    runner = find_executor(executor, threads, dtype is not None, **devices)
    return runner, runner if dtype is None else find_executor(executor, threads, **devices)


def _check_callbacks(callbacks: Any) -> None:
    """Refuse what is no sequence of callbacks.

    Raises
    ------
    ConfigurationError
        Naming the first object that is none.
    """
    if not isinstance(callbacks, (tuple, list)):
        raise ConfigurationError(f"callbacks is a list of wengert.train.Callback, got {callbacks!r}")
    for one in callbacks:
        if not isinstance(one, Callback):
            called = one.__name__ + "(…)" if isinstance(one, type) and issubclass(one, Callback) else ""
            advice = (
                f"give an instance, {called}" if called else "derive its class from wengert.train.Callback"
            )
            raise ConfigurationError(f"callbacks holds {one!r}, which is no callback; {advice}")
