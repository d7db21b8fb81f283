"""A recording in progress, and the user's place in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from wengert.errors import ConcreteValueError, DTypeError, TraceError
from wengert.ir.evaluate import evaluate_node
from wengert.ir.node import CONSTANT, Node
from wengert.ir.program import ancestors
from wengert.ir.provenance import Provenance, SourceLine, current_regions
from wengert.trace import source

INTO_AN_ARRAY = (
    "a traced value cannot be put into a NumPy array that was made outside of the trace, or given to code "
    "that takes NumPy arrays alone: make the array inside the traced function, as np.zeros(…) or "
    "np.array(outside), or join values with np.array([x, y]), np.stack or np.concatenate"
)

_current: ContextVar[Trace | None] = ContextVar("wengert_trace", default=None)

# Numbers tensors and bodies in the order in which they are made.
serials = itertools.count()


def current_trace() -> Trace | None:
    """Return the innermost recording in progress in this thread."""
    return _current.get()


@contextmanager
def untraced() -> Iterator[None]:
    """Run code on arrays as outside of all traces."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


class Trace:
    """A recording in progress: provenance of its nodes, and values of its inputs where they are known.

    Attributes
    ----------
    level : int
        Nesting depth; an operation on tensors of several traces is recorded in the deepest.
    provenance : dict of Node to Provenance
    arguments : dict of Node to array or Tensor
        What the inputs were traced from; absent for inputs traced from a type alone.
    questions : dict of Node
        Whose values the function asked for: the program is right as long as these values are the same.
    was_peeked : bool
        Whether values were looked at for a check alone, which the program does not repeat.
    was_refused : bool
        Whether LAPACK refused a value, which the function knows if it has caught the error: it may have
        gone another way, of which the program does not ask again.
    checks : list of (Node, callable)
        The checks of these values that can be repeated on others; each raises what is wrong with them.
    body_serial : int
        Serial number at which the innermost body of a loop or branch began, which is traced once for all its
        iterations: what was made before must not be assigned to. Negative outside of bodies.
    """

    level: int
    body_serial: int

    def __init__(self, rule: str | None = None, is_body: bool = False) -> None:
        enclosing = _current.get()
        self.level = 1 if enclosing is None else enclosing.level + 1
        outer = -1 if enclosing is None else enclosing.body_serial
        self.body_serial = next(serials) if is_body else outer
        self.provenance: dict[Node, Provenance] = {}
        self.arguments: dict[Node, Any] = {}
        self.captured: set[Trace] = set()
        self.questions: dict[Node, None] = {}
        self.was_peeked = False
        self.was_refused = False
        self.checks: list[tuple[Node, Callable[[Any], object]]] = []
        self.open = True
        self.rule = rule
        self.rule_source: SourceLine | None = None  # the user's line that a rule is applied for
        self._values: dict[Node, np.ndarray[Any, Any]] = {}
        # The origin that a rule gives is the same for all its nodes.
        self._ruled: Provenance | None = None
        self._last: tuple[FrameType, Node] | None = None

    @contextmanager
    def recording(self) -> Iterator[Trace]:
        """Nest traces begun inside this one below it; tensors of this trace end with it."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)
            self.open = False
            self._last = None

    def record(self, node: Node) -> None:
        """Note where a node comes from; the first origin of a shared node stays."""
        provenance = self.provenance
        if node in provenance:
            return
        regions = current_regions()
        if self.rule is not None:
            ruled = self._ruled
            source_line = self.rule_source
            if (
                ruled is None
                or ruled.rule != self.rule
                or ruled.regions is not regions
                or ruled.source is not source_line
            ):
                ruled = self._ruled = Provenance(source=source_line, regions=regions, rule=self.rule)
            provenance[node] = ruled
            return
        frame, call = source.user_call()
        if frame is None:
            provenance[node] = Provenance(regions=regions)
            return
        found = provenance[node] = source.origin(frame, regions)
        if found.name is not None:
            last = self._last
            if last is not None and last[0] is call:
                # One call recorded several nodes: the variable holds the last of them.
                before = provenance[last[1]]
                provenance[last[1]] = Provenance(None, before.source, before.regions)
            self._last = (call, node)

    def value(self, node: Node) -> np.ndarray[Any, Any]:
        """Return the value of a node of this trace for the function to go by, which specialises the program.

        Raises
        ------
        ConcreteValueError
            When an input it depends on was traced from a type alone.
        """
        value = self.computed(node)
        if node.primitive is not CONSTANT:
            self.questions[node] = None
        return value

    def answers(self) -> dict[Node, np.ndarray[Any, Any]]:
        """Return the values that the function went by, and the nodes that compute them."""
        return {node: self.computed(node) for node in self.questions}

    def forget(self) -> None:
        """Drop the values of the inputs, when the recording is over."""
        self.arguments.clear()
        self._values.clear()

    def peek(self, node: Node) -> np.ndarray[Any, Any]:
        """Return the value of a node for a check alone; see `value`."""
        self.was_peeked = True
        return self.computed(node)

    def check(self, node: Node, look: Callable[[Any], object]) -> None:
        """Have a check look at the value of a node, if it is known, now and when the program is run again."""
        try:
            value = self.computed(node)
        except ConcreteValueError:
            return
        self.checks.append((node, look))
        look(value)

    @property
    def has_looked(self) -> bool:
        """Whether values were looked at that the program does not depend on."""
        return self.was_peeked or bool(self.checks)

    def adopt(self, inner: Trace) -> None:
        """Note that values were looked at in a trace inside this one."""
        self.was_peeked |= inner.has_looked
        self.was_refused |= inner.was_refused

    def try_out(self, node: Node) -> None:
        """Raise what LAPACK says of a matrix while the function, which may catch it, is being traced."""
        try:
            self.peek(node)
        except np.linalg.LinAlgError as error:
            self.was_refused = True
            raise np.linalg.LinAlgError(f"{error} ({node.primitive.name}){here()}") from None
        except ConcreteValueError:
            pass  # it is raised when the program is run

    def computed(self, node: Node) -> np.ndarray[Any, Any]:
        """Return the value of a node of this trace, computed now if it was not needed before.

        Raises
        ------
        ConcreteValueError
            When an input it depends on was traced from a type alone.
        """
        for needed in ancestors([node]):
            if needed in self._values:
                continue
            if needed.inputs or needed.primitive is CONSTANT:
                with np.errstate(all="ignore"):
                    self._values[needed] = evaluate_node(needed, [self._values[i] for i in needed.inputs])
            else:
                self._values[needed] = self._argument(needed)
        return self._values[node]

    def _argument(self, node: Node) -> np.ndarray[Any, Any]:
        pending, seen = [self], {self}
        while pending:
            trace = pending.pop()
            known = trace.arguments.get(node)
            if known is not None and hasattr(known, "recorder"):
                outer: Trace = known.recorder
                return outer.computed(known.node)
            if known is not None:
                return np.asarray(known)
            pending += trace.captured - seen
            seen |= trace.captured
        raise ConcreteValueError(
            f"the value of {node.param('name')!r} is not known: it was traced from its type alone"
            f"{here()}. Use np.where to choose between values, or trace from an array, which specialises "
            "the program"
        )


def here() -> str:
    """Return the open layers and the user's line, for the end of a message."""
    layers = [entered.name for entered in current_regions() if entered.kind == "layer"]
    frame = source.user_frame()
    places = []
    if layers:
        places.append(f"in layer {layers[-1]}")
    if frame is not None:
        places.append(f"at {source.source_line(frame)}")
    return " (" + ", ".join(places) + ")" if places else ""


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype that a name, a class or a dtype stands for.

    Raises
    ------
    DTypeError
        When it stands for none.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError as error:
        raise DTypeError(f"{dtype!r} is no dtype: {error}{here()}") from None
    return found


def refuse(message: str) -> NoReturn:
    """Raise a `TraceError` that says where."""
    raise TraceError(message + here())
