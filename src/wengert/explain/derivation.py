"""From a function and its arguments to a checked derivation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from wengert.checks import is_integer, is_masked, positive_integer
from wengert.errors import ConfigurationError, GradientError, ShapeError
from wengert.explain.arguments import check_loops, check_names, checked_names, is_step_size, targets_of
from wengert.explain.checking import Verification, at_fresh_points, check_tree, with_values
from wengert.explain.factors.companions import with_companions
from wengert.explain.formula.parser import nearest
from wengert.explain.index.definitions import has_formula
from wengert.explain.lecture_styles import STYLES, lecture_names
from wengert.explain.loops.scans_only import iterations, lowered
from wengert.explain.printers import html, latex
from wengert.explain.printers.json import tree_as_json
from wengert.explain.printers.text import text
from wengert.explain.printers.typesetting import Style
from wengert.explain.problem import Convention, Problem, build
from wengert.explain.steps import Tree
from wengert.explain.views.adjoint_view import adjoint_view
from wengert.explain.views.batch_view import batch_view
from wengert.explain.views.delta_view import delta_view
from wengert.explain.views.examples import one_example
from wengert.explain.views.index_view import index_view
from wengert.explain.views.jacobian_view import HESSIAN_VIEWS, JACOBIAN_VIEWS
from wengert.explain.views.matrix_view import matrix_view
from wengert.explain.views.numbers_view import numbers_view
from wengert.explain.views.tensor_view import tensor_jacobians
from wengert.explain.views.update import update
from wengert.explain.work_limits import check_links
from wengert.ir.node import Node
from wengert.ir.primitive import REGISTRY, NotDifferentiable
from wengert.ir.program import Program
from wengert.ir.provenance import UNKNOWN
from wengert.run.default import find_executor
from wengert.trace.tensor import Trace
from wengert.trace.tracing import Recording
from wengert.trace.tree import TreeSignature, map_leaves, unflatten
from wengert.transform.decomposition import declared, decompose
from wengert.transform.rolling import rolled
from wengert.transform.rules.shifts import without_shift

WITHOUT_DETAIL = ("matrix", "adjoint")  # views that have no local derivatives line by line
VIEWS: dict[str, Callable[[Problem], Tree]] = {
    "index": index_view,
    "matrix": matrix_view,
    "delta": delta_view,
    "adjoint": adjoint_view,
    "numbers": numbers_view,
    "batch": batch_view,
}
NOTATIONS = ("rows", "columns", "mit")
DETAILS = ("short", "full")
LAYOUTS = ("denominator", "numerator")
_SEED = 1964
LONG_LOOP = 2000  # iterations, nested ones multiplied, above which a loop runs as machine code


class Derivation:
    """A derivation, every line of which was compared with the engine.

    Attributes
    ----------
    view : str
    tree : Tree
        Sections of steps; each step has before, rule, justification, after, shape and value.
    verification : Verification
        How many lines were checked at how many points before anything was shown.
    """

    def __init__(self, rebuild: Callable[[str], tuple[Problem, Tree]], view: str) -> None:
        self._rebuild = rebuild
        self.view_name = view
        self._problem, tree = rebuild(view)
        rng = np.random.default_rng(_SEED)
        self.verification = check_tree(tree, self._problem.points, rng)
        self.tree = with_values(tree, self._problem.points[0])

    def view(self, name: str) -> Derivation:
        """Return another view of the same derivation."""
        _check_choice("view", name, VIEWS)
        _checked_for_jacobian(self._problem.convention, self._problem.output.shape, name)
        return Derivation(self._rebuild, name)

    def verify(self, points: int = 5, seed: int = 0) -> Verification:
        """Compare every line with the engine again, at fresh random points.

        Parameters
        ----------
        points : int
            How many, at least 1.
        seed : int

        Raises
        ------
        ConfigurationError
            When `points` is not a positive integer, or `seed` not an integer of at least 0.
        DerivationError
            When a line disagrees; names it.
        """
        positive_integer("verify", "points", points)
        if not is_integer(seed, 0):
            raise ConfigurationError(f"verify: seed={seed!r}: an integer, 0 or more")
        rng = np.random.default_rng(seed)
        fresh = self._problem.engine.fresh(points, rng)
        return check_tree(at_fresh_points(self.tree, points, rng), fresh, rng)

    @property
    def style(self) -> Style:
        """How the formulas are written."""
        with_numbers = self.view_name == "numbers" or self._problem.convention.numbers
        point = self._problem.points[0] if with_numbers else None
        shapes = self.view_name in ("matrix", "delta", "batch")
        return Style(self._problem.names, self.tree.adjoints, shapes, point)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<derivation: {self.tree.title}; {self.verification}>"

    def _repr_html_(self) -> str:
        return html.fragment(self.tree, self.style)

    def to_text(self, width: int | None = None) -> str:
        """Return the derivation as Unicode text, long lines of it folded.

        Parameters
        ----------
        width : int, optional
            Columns of the page, from 40 to 10,000. By default those that COLUMNS says, or those of the
            terminal; 110 where the output goes elsewhere.

        Raises
        ------
        ConfigurationError
            For another width.
        """
        return text(self.tree, self.style, width)

    def to_latex(self, standalone: bool = False) -> str:
        """Return the derivation in LaTeX.

        Parameters
        ----------
        standalone : bool
            A document of its own; otherwise a fragment that needs amsmath and amssymb.
        """
        return latex.document(self.tree, self.style) if standalone else latex.fragment(self.tree, self.style)

    def to_html(self) -> str:
        """Return the derivation as one HTML page with MathML that loads nothing."""
        return html.document(self.tree, self.style)

    def to_json(self) -> str:
        """Return the tree of steps as JSON."""
        return tree_as_json(self.tree, self.style)


def _check_choice(role: str, value: Any, known: Sequence[str] | Mapping[str, Any]) -> None:
    if not isinstance(value, str) or value not in known:
        raise ConfigurationError(f"{role}={value!r} is not one of {', '.join(known)}{nearest(value, known)}")


def _as_float64(leaf: Any) -> Any:
    """Return a leaf as float64 where it is a floating number: derivations are checked in double precision."""
    if is_masked(leaf):  # an array made of it would have lost its mask, and not be refused
        return leaf
    array = np.asarray(leaf)
    return array.astype(np.float64) if array.dtype.kind == "f" else leaf


def float64_leaves(tree: Any) -> Any:
    """Return a tree of arguments with floating numbers in double precision."""
    return map_leaves(_as_float64, tree)


def derive(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wrt: str | Sequence[str] | None,
    view: str,
    names: Mapping[str, str] | None,
    convention: Convention,
) -> Derivation:
    """Trace a function and derive its gradient; see `wengert.explain`."""
    _check_choice("view", view, VIEWS)
    if convention.style is not None:
        _check_choice("style", convention.style, STYLES)
        convention = replace(convention, notation=convention.notation or STYLES[convention.style].notation)
    convention = replace(convention, notation=convention.notation or NOTATIONS[0])
    _check_choice("notation", convention.notation, NOTATIONS)
    _check_choice("layout", convention.layout or LAYOUTS[0], LAYOUTS)
    _check_choice("detail", convention.detail, DETAILS)
    names = checked_names(names)
    if convention.step_size is not None and not is_step_size(convention.step_size):
        raise ConfigurationError(
            f"step_size={convention.step_size!r}: a positive number; descent goes against the gradient"
        )
    if isinstance(convention.order, bool) or convention.order not in (1, 2):
        raise ConfigurationError(
            f"order={convention.order!r}: 1 for a gradient or a Jacobian, 2 for a Hessian"
        )
    for name, chosen in (("numbers", convention.numbers), ("tensors", convention.tensors)):
        if not isinstance(chosen, (bool, np.bool_)):
            raise ConfigurationError(f"{name}={chosen!r}: True or False")
    recording = recorded(function, float64_leaves(args), float64_leaves(kwargs), scalar=False)
    targets = targets_of(recording, wrt)
    if not targets:
        raise GradientError("there is no floating argument to differentiate by")
    if convention.detail == "full" and view in WITHOUT_DETAIL:
        raise ConfigurationError(
            f'detail="full" writes local derivatives in index notation with one rule per line, and '
            f'view={view!r} shows none: take view="index"'
        )
    convention = _checked_for_jacobian(convention, recording.program.outputs[0].type.shape, view)
    request = Request(function, recording, tuple(targets), names, convention)
    return Derivation(request.derived, view)


def _checked_for_jacobian(convention: Convention, shape: tuple[int, ...], view: str) -> Convention:
    """Return the convention with its layout, after what only a gradient has was refused elsewhere."""
    of_array = shape != ()
    convention = replace(convention, layout=convention.layout or LAYOUTS[of_array])
    if not of_array and convention.order == 1:
        return convention
    what = "a Hessian" if convention.order == 2 else f"the Jacobian of a function that returns shape {shape}"
    if of_array and convention.order == 2:
        raise GradientError(
            f"order=2 is for a scalar; this function returns shape {shape}: take one element, or a sum"
        )
    if view not in JACOBIAN_VIEWS:
        raise ConfigurationError(
            f"view={view!r} is for the gradient of a scalar; {what} has the views {', '.join(JACOBIAN_VIEWS)}"
        )
    for name, given in (("step_size", convention.step_size is not None), ("tensors", convention.tensors)):
        if given:
            raise ConfigurationError(f"{name}= goes with the gradient of a scalar, not with {what}")
    return convention


@dataclass(frozen=True)
class Request:
    """What is to be derived, and how it is to be written.

    Attributes
    ----------
    function : callable
    recording : Recording
        Of the function at its arguments.
    targets : tuple of Node
        The inputs to differentiate by.
    names : dict of str to str
    convention : Convention
    """

    function: Callable[..., Any]
    recording: Recording
    targets: tuple[Node, ...]
    names: dict[str, str]
    convention: Convention

    def problem(self, every_line: bool = False) -> Problem:
        """Return the problem, its values named; each line has a name where `every_line` is set."""
        inputs = self.recording.program.inputs
        leaves = zip(self.recording.leaves, inputs, strict=True)
        arguments = [np.asarray(leaf, node.type.dtype) for leaf, node in leaves]
        program, usual = with_companions(self.recording.program, self.targets)
        executor = find_executor("numpy" if iterations(program) < LONG_LOOP else "llvm")
        make = partial(
            build, program, self.targets, arguments, executor, self.names, self.convention, usual=usual
        )
        given: dict[Node, str] = {}
        if self.convention.style is not None:
            plain = make(every_line=False, rng=np.random.default_rng(_SEED))
            given = lecture_names(self.convention.style, plain, self.names)
        return make(every_line=every_line, rng=np.random.default_rng(_SEED), given=given)

    def of_one_example(self, axes: dict[Node, int]) -> Problem:
        """Return the problem with one example left along the axes that count them."""
        inputs = self.recording.program.inputs
        first = one_example([np.asarray(leaf) for leaf in self.recording.leaves], inputs, axes, 0)
        signature = self.recording.program.signature
        assert isinstance(signature, TreeSignature)
        args, kwargs = unflatten(signature.arguments, first)
        recording = recorded(self.function, args, kwargs)
        targets = tuple(recording.program.inputs[inputs.index(node)] for node in self.targets)
        return replace(self, recording=recording, targets=targets).problem()

    def derived(self, view: str) -> tuple[Problem, Tree]:
        """Return the problem and a view of its derivation."""
        problem = replace(self.problem(every_line=view == "adjoint"), of_one_example=self.of_one_example)
        check_names(self.names, problem)
        check_links(sum(map(len, problem.uses.values())))
        check_loops(problem, view, VIEWS)
        views = VIEWS
        if problem.convention.order == 2:
            views = HESSIAN_VIEWS
        elif problem.output.node.type.shape != ():
            views = JACOBIAN_VIEWS
        tree = views[view](problem)
        if self.convention.tensors:
            tree = replace(tree, sections=(*tree.sections, tensor_jacobians(problem)))
        if self.convention.step_size is not None:
            tree = replace(tree, sections=(*tree.sections, update(problem, self.convention.step_size)))
        return problem, tree


def recorded(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], scalar: bool = True
) -> Recording:
    """Trace a function to be explained, in lines that have formulas as far as possible.

    With `scalar` unset it may return an array, whose Jacobian is explained.

    Raises
    ------
    GradientError, ShapeError
        If it has no derivative that could be explained.
    """
    recording = Recording(function, args, kwargs)
    leaves = [np.asarray(leaf) for leaf in recording.leaves]
    recording.program = with_formulas(lowered(rolled(recording.program), leaves, with_formulas))
    check_recording(recording, scalar)
    return recording


def with_formulas(program: Program) -> Program:
    """Return a program in which lines without a formula are decomposed as their primitives declare.

    A maximum that is subtracted against overflow, and cancels, is left out.
    """

    def is_named(node: Node) -> bool:
        known = program.provenance.get(node)
        return known is not None and known.name is not None

    def replacement(node: Node, trace: Trace) -> Any:
        shorter = without_shift(node, trace, is_named)
        if shorter is not None:
            return shorter
        constant = isinstance(node.primitive.vjp, NotDifferentiable)
        # A function with a rule of its own is no more than that: what it computes has another derivative.
        is_own = REGISTRY.get(node.primitive.name) is not node.primitive
        return None if constant or is_own or has_formula(node) else declared(node, trace)

    return decompose(program, replacement)


def check_recording(recording: Recording, scalar: bool = True) -> None:
    """Refuse what has no gradient to explain: several outputs, no scalar, empty arrays, other precisions."""
    outputs = recording.program.outputs
    if len(outputs) != 1:
        raise GradientError(f"the function returns {len(outputs)} values; a gradient is of one scalar")
    type_ = outputs[0].type
    if not type_.is_inexact:
        raise GradientError(
            f"the function returns {type_}, which has no derivative: give floating arguments, such as 2.0"
        )
    if (scalar and type_.shape != ()) or not type_.is_float:
        raise GradientError(
            f"the function returns {type_}; a gradient is of a floating scalar: sum it, or take wg.jacobian"
        )
    for node in _lines(recording.program):
        if node.type.is_complex:
            raise GradientError(
                f"{_place(node, recording)} is {node.type}: derivations and drawings are of real numbers. "
                "Write real and imaginary parts as two numbers; wg.grad and check_grad take complex ones"
            )
        if node.type.size == 0:
            raise ShapeError(f"an array of shape {node.type.shape} has no elements; nothing to derive")
        if node.type.is_float and node.type.dtype != np.float64:
            raise GradientError(
                f"the function converts to {node.type.dtype}; derivations are in float64: leave that out"
            )


def _lines(program: Program) -> Iterator[Node]:
    """Yield the lines of a program, and of the bodies of its loops in place of these."""
    for node in program.nodes:
        if node.primitive.region is None:
            yield node
        else:
            yield from _lines(node.param("body"))


def _place(node: Node, recording: Recording) -> str:
    """Return what a value is called, and where it is computed."""
    origin = recording.program.provenance.get(node, UNKNOWN)
    name = node.primitive.name if origin.name is None else repr(origin.name)
    return name if origin.source is None else f"{name} (at {origin.source})"
