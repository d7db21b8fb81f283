"""Training several networks on the same rows."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from wengert.checks import positive_integer, positive_number
from wengert.errors import DivergenceWarning, InterruptionWarning
from wengert.run import Executor, find_executor
from wengert.run.rendezvous import Rendezvous, Seat
from wengert.run.threads import default_threads
from wengert.train.fit import prepared
from wengert.train.full_batch import FullBatch
from wengert.train.inputs import Rows, check_rows
from wengert.train.loop import Loop
from wengert.train.many.at_once import at_once
from wengert.train.many.members import Member, members_of
from wengert.train.many.shared_display import SharedDisplay
from wengert.train.progress import Display, choose_display
from wengert.train.result import FitResult, finished
from wengert.train.steps.conform import conform
from wengert.train.steps.objective import Objective, find_loss, floating_dtype


def fit_many(
    networks: Any,
    X: Any,
    y: Any,
    *,
    seeds: int | Sequence[int] | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    splits: Sequence[tuple[Any, Any]] | None = None,
    sample_weight: Any = None,
    time_limit: float | None = None,
    executor: str | Executor = "llvm",
    threads: int | None = None,
    progress: bool | str = "auto",
    **options: Any,
) -> list[FitResult]:
    """Train several networks on the same rows, each as `fit` would alone.

    What they differ in is given as lists, one entry a member: `networks`, `seeds`, `settings`, `splits`.
    Lists that are given together have one length, and what is not a list is the same for all.

    Parameters
    ----------
    networks : Module or sequence of Module
        One that has no arrays yet is initialised with the member's seed, in float32.
    X, y, sample_weight
        As for `fit`.
    seeds : int or sequence of int, optional
        Of first weights, order, held-out rows and dropout; a number stands for 0, 1, …, as many as it says.
    settings : sequence of dict, optional
        Arguments of `fit` that are a member's own, such as `batch_size` or `callbacks`, or numbers of the
        optimiser, such as `learning_rate` and `weight_decay`. Members that differ in numbers of the optimiser
        alone share their compiled code.
    splits : sequence of (array, array), optional
        Positions of the rows on which a member trains and of those on which it is validated, such as
        scikit-learn's `KFold().split(X)` gives.
    time_limit : float, optional
        Seconds for all together, of which each has an equal part.
    executor : Executor, "numpy", "llvm" or "xla"
        As for `fit`.
    threads : int, optional
        How many members are trained at a time; by default as many as `fit` uses threads. With "xla" those
        of one shape are joined to one computation; by default one at a time on a processor, where that gains
        nothing, and all on other devices.
    progress : bool or "auto"
        As for `fit`.
    **options
        Arguments of `fit`, the same for all.

    Returns
    -------
    list of FitResult
        In the order of the members. A member that stopped early, or that diverged, leaves the others as they
        are.

    Raises
    ------
    DataError, DTypeError, ShapeError, IndexRangeError, ConfigurationError
        As `fit`, before any member begins; and where lists differ in length, or two members are the same.

    Warns
    -----
    DivergenceWarning
        Once, with the members that diverged.
    InterruptionWarning
        After Ctrl-C; what each member has learned is kept.

    Notes
    -----
    Each result is bitwise that of `fit` with the same arguments, on the executors "llvm" and "numpy". A
    member there has a thread of its own: its parameters stay in the caches of one core, and no step waits
    for other threads. On "xla" a result is that of `fit` up to rounding where members are joined; they take
    as many steps at a time, and wait for the callbacks and the validation of each other.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import nn, train
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = nn.Sequential(nn.Dense(1, 8, "tanh"), nn.Dense(8, 1))
    >>> rates = [{"learning_rate": rate} for rate in (0.1, 0.01, 0.001)]
    >>> results = train.fit_many(net, X, X**2, settings=rates, loss="half_squared_error", epochs=20)
    >>> [len(result.history) for result in results]
    [20, 20, 20]
    """
    members = members_of(networks, seeds, settings, splits, options)
    if threads is None:
        threads = default_threads() if executor != "xla" else _joined(len(members), options.get("device"))
    positive_integer("fit_many", "threads", threads)
    at_a_time = min(len(members), threads)
    if time_limit is not None:
        positive_number("", "time_limit", time_limit)
        time_limit = time_limit * at_a_time / len(members)
    own = max(1, default_threads() // at_a_time) if executor == "llvm" else None
    shared = {"executor": executor, "threads": own, "time_limit": time_limit}
    sample_weight = None if sample_weight is None else np.asarray(sample_weight)  # of which splits take parts
    rows = _converted(members, check_rows(X, y, sample_weight))
    rendezvous = Rendezvous()
    seats = [Seat(rendezvous) for _ in members]
    places = [{"seat": seat} if executor == "xla" and at_a_time > 1 else {} for seat in seats]
    trainings = [
        _prepared(member, rows, sample_weight, shared | place)
        for member, place in zip(members, places, strict=True)
    ]
    most = max(training.plan.epochs for training in trainings)
    display = choose_display(progress, most)
    try:
        shown = SharedDisplay(display, len(members))
        results = _trained(trainings, members, seats, shown, at_a_time)
    finally:
        display.close()
    _warn(results, members)
    return results


def _joined(members: int, device: str | None) -> int:
    """Return how many members XLA trains as one computation."""
    runner: Any = find_executor("xla", device=device)
    return 1 if runner.platform == "cpu" else members


def _converted(members: list[Member], rows: Rows) -> Rows:
    """Return the rows in the dtypes of the networks, once for all where these have one dtype."""
    if len({floating_dtype(member.network) for member in members}) > 1:
        return rows
    first = members[0]
    return conform(first.network, Objective(find_loss(first.arguments["loss"])), rows)


def _prepared(member: Member, rows: Rows, weights: Any, shared: dict[str, Any]) -> Loop | FullBatch:
    try:
        arguments = {**member.of(rows, weights), **shared}
        return prepared(**{name: value for name, value in arguments.items() if name != "progress"})
    except Exception as error:
        error.add_note(f"in {member.name} of fit_many")
        raise


def _trained(
    trainings: list[Loop | FullBatch],
    members: list[Member],
    seats: list[Seat],
    display: SharedDisplay,
    at_a_time: int,
) -> list[FitResult]:
    """Run the members at once."""
    compiling = threading.Lock()
    for seat in seats[:at_a_time]:
        seat.take()  # before any begins, so that their first steps are taken together

    def train(number: int, own: Display) -> FitResult:
        training, seat = trainings[number], seats[number]
        seat.take()
        try:
            if isinstance(training, Loop):
                with compiling:  # what one has compiled the next finds
                    training.compile()
            if not seat.is_used:
                seat.leave()
            return finished(training, own)
        except BaseException as error:
            error.add_note(f"in {members[number].name} of fit_many")
            raise
        finally:
            seat.leave()

    return at_once([partial(train, number) for number in range(len(members))], display, at_a_time)


def _warn(results: list[FitResult], members: list[Member]) -> None:
    diverged = [
        f"{member.name}: {result.divergence}"
        for result, member in zip(results, members, strict=True)
        if result.divergence is not None
    ]
    if diverged:
        text = f"{len(diverged)} of {len(results)} members diverged; the best finite parameters were kept"
        warnings.warn("\n".join([text, *diverged]), DivergenceWarning, stacklevel=3)
    interrupted = sum(result.stopped == "interrupted" for result in results)
    if interrupted:
        warnings.warn(
            f"training was interrupted in {interrupted} of {len(results)} members; the results are usable",
            InterruptionWarning,
            stacklevel=3,
        )
