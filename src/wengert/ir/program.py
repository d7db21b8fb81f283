"""The program: an immutable list of nodes in topological order."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

from wengert.errors import WengertError
from wengert.ir.inspection import inspector
from wengert.ir.node import INPUT, ITEM, Node
from wengert.ir.provenance import Provenance


class Signature(Protocol):
    """How a program's flat inputs and outputs stand for the arguments and results of a function."""

    def flatten(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Return the arrays for the program's inputs."""
        ...

    def unflatten(self, outputs: list[Any]) -> Any:
        """Return the function's result, built from the program's outputs."""
        ...

    @property
    def is_single(self) -> bool:
        """Whether the result is an array and no tree, not even a tuple of one."""
        ...


_by_serial = attrgetter("serial")


def ancestors(outputs: Iterable[Node]) -> list[Node]:
    """Return every node that `outputs` need, themselves included, in topological order.

    Iterative: the depth of the graph does not matter. The order is that in which nodes were first made, which
    may have been for another program; where it shows, `reading_order` is the one to take.
    """
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.inputs)
    return sorted(seen, key=_by_serial)


def reading_order(outputs: Iterable[Node]) -> list[Node]:
    """Return the nodes that `outputs` need, in the topological order in which a person would write them down.

    It depends on the graph alone and not on what was computed before in this process. Each line stands as
    near to its use as it can: of several operands, the one with the longest history comes first. Outputs that
    are scalars (values) come before arrays (derivatives), and of these the ones with the shorter history
    first, so that a derivative is finished where the sweep passes it.
    """
    wanted = list(outputs)
    depth: dict[Node, int] = {}
    for node in ancestors(wanted):
        operands = node.inputs
        if len(operands) == 1:  # no need to look for the deepest
            depth[node] = 1 + depth[operands[0]]
        else:
            depth[node] = 1 + max([depth[operand] for operand in operands], default=-1)
    scalars = [node for node in wanted if not node.type.shape]
    arrays = sorted([node for node in wanted if node.type.shape], key=depth.__getitem__)
    order: dict[Node, None] = {}
    # A node is visited twice: on the way down its operands are stacked above it, on the way up it is placed.
    opened: set[Node] = set()
    stack = [*scalars, *arrays][::-1]
    while stack:
        node = stack[-1]
        if node in opened:
            stack.pop()
            order.setdefault(node)
            continue
        opened.add(node)
        waiting = [operand for operand in node.inputs if operand not in order]
        if len(waiting) > 1:
            # The deepest goes on top; of equally deep ones the first.
            waiting.reverse()
            waiting.sort(key=depth.__getitem__)
        stack.extend(waiting)
    return list(order)


class Program:
    """A Wengert list: inputs, one line per elementary operation, outputs.

    Two programs are equal when they compute the same lines of inputs of the same types, whatever their inputs
    and values are called; so a program can be a parameter of a node, and a key.

    Parameters
    ----------
    inputs : iterable of Node
        Input nodes, in the order of the arguments; one that no line reads is allowed.
    outputs : iterable of Node
    provenance : mapping of Node to Provenance, optional
        The side table. Of nodes outside the program only those with a user's name are kept: a transformation
        may bring such a value back, as the derivative of a cross-entropy does with the softmax.
    signature : Signature, optional
        Lets the program be called with the trees of arguments of the function it was traced from.

    Attributes
    ----------
    nodes : tuple of Node
        All nodes that the outputs need, in `reading_order`; dead code does not exist.
    """

    __slots__ = ("_content", "_hash", "inputs", "nodes", "outputs", "provenance", "signature")

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    provenance: Mapping[Node, Provenance]
    signature: Signature | None
    _content: Hashable
    _hash: int

    def __init__(
        self,
        inputs: Iterable[Node],
        outputs: Iterable[Node],
        provenance: Mapping[Node, Provenance] | None = None,
        signature: Signature | None = None,
    ) -> None:
        set_field = object.__setattr__
        set_field(self, "inputs", tuple(inputs))
        set_field(self, "outputs", tuple(outputs))
        nodes = tuple(reading_order(self.outputs))
        set_field(self, "nodes", nodes)
        members = {*self.inputs, *nodes}
        table = provenance or {}
        kept = {node: origin for node, origin in table.items() if node in members or origin.name}
        set_field(self, "provenance", kept)
        set_field(self, "signature", signature)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("programs are immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("programs are immutable")

    @property
    def free(self) -> tuple[Node, ...]:
        """Inputs of an enclosing trace that this program reads without declaring them."""
        declared = set(self.inputs)
        return tuple(node for node in self.nodes if node.primitive is INPUT and node not in declared)

    @property
    def lines(self) -> tuple[Node, ...]:
        """The nodes that compute something: all but inputs and constants."""
        return tuple(node for node in self.nodes if node.inputs)

    @property
    def flops(self) -> int:
        """Number of floating-point operations of one run, as the primitives count them."""
        return sum(node.flops for node in self.nodes)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run line by line with the reference semantics.

        Takes what the traced function took. A program without a signature takes one array per input and
        returns a list of arrays.
        """
        from wengert.ir.evaluate import evaluate

        outputs = evaluate(self, self._flatten(args, kwargs))
        return outputs if self.signature is None else self.signature.unflatten(outputs)

    def _flatten(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Any]:
        """Return one array per input."""
        if self.signature is not None:
            return self.signature.flatten(args, kwargs)
        if kwargs or len(args) != len(self.inputs):
            names = ", ".join(node.param("name") for node in self.inputs)
            raise WengertError(f"the program takes {len(self.inputs)} arrays ({names}), got {len(args)}")
        return args

    def llvm(self) -> str:
        """Return the code that is generated for the program, before LLVM's own optimisation.

        Raises
        ------
        ConfigurationError
            Where NumPy would run it: without llvmlite, or when it is very long.
        """
        return inspector().llvm(self)

    def kernels(self, *args: Any, profile: bool = False, **kwargs: Any) -> list[Any]:
        """Return the kernels of machine code that compute the program, in the order in which they run.

        Parameters
        ----------
        *args, **kwargs
            As in a call, to run the kernels on; none for made-up numbers between 0 and 1.
        profile : bool
            Run each kernel by itself, on one core, and say how long it takes. Its share of the roofline is
            the time that the core's peak of multiply-adds or its bandwidth allow, measured once in a
            process, in relation to that.

        Returns
        -------
        list of KernelSummary
            What each kernel fuses, its floating-point operations, and the bytes that it reads and writes;
            ``print`` shows a table.

        Raises
        ------
        ConfigurationError
            Where NumPy would run it: without llvmlite, or when it is very long.
        """
        return inspector().kernels(self, self._flatten(args, kwargs) if args or kwargs else None, profile)

    def to_python(self, name: str = "program") -> str:
        """Return the source of a self-contained NumPy function that computes the same numbers."""
        from wengert.ir.python_source import python_source

        return python_source(self, name)

    @property
    def content(self) -> Hashable:
        """What equality compares: types of the inputs, lines with operands by their place, outputs.

        Inputs of two traces are never the same, so nodes stand for themselves by their place in the list;
        only a free input, a value of an enclosing trace, is itself.
        """
        try:
            return self._content
        except AttributeError:
            content = _content(self)
            object.__setattr__(self, "_content", content)
            return content

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Program) and hash(self) == hash(other) and self.content == other.content

    def __hash__(self) -> int:
        # Found once: a long program is looked up in every fit.
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash(self.content))
            return self._hash

    def __copy__(self) -> Program:
        return self

    def __deepcopy__(self, memo: Any) -> Program:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from wengert.ir.pickling import reduced

        return reduced(self)

    def __str__(self) -> str:
        from wengert.ir.text import text

        return text(self)

    def __repr__(self) -> str:
        return f"<program: {len(self.inputs)} inputs, {len(self.lines)} lines, {len(self.outputs)} outputs>"


def bodies(node: Node) -> tuple[Program, ...]:
    """Return the programs that are parameters of a line, in the order of the parameters' names."""
    if node.primitive.region is None:
        return ()
    return tuple(
        [
            program
            for _, value in node.params
            for program in (value if isinstance(value, tuple) else (value,))
            if isinstance(program, Program)
        ]
    )


def read_items(program: Program) -> dict[Node, dict[int, Node]]:
    """Return of each region which of its results the program reads: the item by its position."""
    read: dict[Node, dict[int, Node]] = {}
    for node in program.nodes:
        if node.primitive.region is not None:
            read.setdefault(node, {})
        elif node.primitive is ITEM:
            read.setdefault(node.inputs[0], {})[node.param("index")] = node
    return read


def _content(program: Program) -> Hashable:
    places: dict[Node, Any] = {node: place for place, node in enumerate(program.inputs)}
    lines = []
    for node in program.nodes:
        if node not in places:
            free = node.primitive is INPUT
            places[node] = node if free else len(places)
            if not free:
                operands = tuple([places[operand] for operand in node.inputs])
                lines.append((node.primitive, operands, node.params, node.type))
    inputs = tuple([node.type for node in program.inputs])
    return inputs, tuple(lines), tuple([places[node] for node in program.outputs])
