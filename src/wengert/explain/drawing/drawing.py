"""`Drawing`: a program as a graph, to be looked at, saved, or shown in a notebook."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from wengert.checks import check_callable, unknown_name
from wengert.errors import ConfigurationError, GradientError
from wengert.explain.arguments import check_names, checked_names, targets_of
from wengert.explain.derivation import NOTATIONS, check_recording, float64_leaves, with_formulas
from wengert.explain.drawing.chain import chain
from wengert.explain.drawing.contents import Contents, outputs_of_layers, reader
from wengert.explain.drawing.dot import dot
from wengert.explain.drawing.neuron_picture import neurons_svg
from wengert.explain.drawing.neurons import Network, network
from wengert.explain.drawing.picture import Picture, arrange
from wengert.explain.drawing.png import png
from wengert.explain.drawing.svg import svg
from wengert.explain.drawing.units import units_svg
from wengert.explain.loops.opening import opened
from wengert.explain.loops.scans_only import lowered, refuse_loops
from wengert.ir.node import INPUT, Node
from wengert.ir.program import Program, ancestors
from wengert.storage.atomic import write_file
from wengert.trace.tensor import Tensor
from wengert.trace.tracing import Recording
from wengert.trace.tree import flatten

SUFFIXES = (".svg", ".png", ".dot")
VIEWS = ("graph", "units", "neurons")


class Drawing:
    """A computation drawn, to be looked at, saved, or shown in a notebook.

    Attributes
    ----------
    contents : Contents
        The values it shows.
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents

    def _svg(self, embed_fonts: bool) -> str:
        raise NotImplementedError

    def to_svg(self) -> str:
        """Return the drawing as SVG with its fonts inside; it follows the reader's light or dark scheme."""
        return self._svg(embed_fonts=True)

    def to_png(self) -> bytes:
        """Return the drawing as the bytes of a PNG file.

        Raises
        ------
        ConfigurationError
            When resvg-py is not installed.
        """
        return png(self._svg(embed_fonts=False))

    def to_dot(self) -> str:
        """Return the graph in the DOT language, whatever the view: the layout is left to its reader."""
        return dot(self.contents)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        return f"<drawing: {len(self.contents.values)} values, {len(self.contents.uses)} arrows>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the drawing to a file: SVG, PNG or DOT by its suffix.

        Parameters
        ----------
        path : path

        Raises
        ------
        ConfigurationError
            For any other suffix.
        """
        check_suffix(path)
        suffix = Path(path).suffix.lower()
        if suffix == ".png":
            data = self.to_png()
        else:
            data = (self.to_svg() if suffix == ".svg" else self.to_dot()).encode()
        write_file(Path(path), data)


class GraphDrawing(Drawing):
    """A computation as a graph, from top to bottom."""

    @cached_property
    def picture(self) -> Picture:
        """The drawing laid out."""
        return arrange(self.contents)

    def _svg(self, embed_fonts: bool) -> str:
        return svg(self.picture, embed_fonts)


class UnitDrawing(Drawing):
    """The named values as units from left to right, with the derivatives that go back."""

    def _svg(self, embed_fonts: bool) -> str:
        return units_svg(self.contents, embed_fonts)


class NeuronDrawing(Drawing):
    """A network as its neurons.

    Attributes
    ----------
    network : Network
    """

    def __init__(self, contents: Contents, network: Network) -> None:
        super().__init__(contents)
        self.network = network

    def _svg(self, embed_fonts: bool) -> str:
        return neurons_svg(self.network, embed_fonts)


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Refuse a file name whose extension names no format of a drawing."""
    if not isinstance(path, str | os.PathLike):
        raise ConfigurationError(f"save takes the path of a file, got {type(path).__name__}: {path!r}")
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{os.fspath(path)}: a drawing is saved as {', '.join(SUFFIXES)}")


def make(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wrt: str | Sequence[str] | None,
    fold: str | Sequence[str],
    names: Mapping[str, str] | None,
    view: str,
    notation: str,
) -> Drawing:
    """Trace a function and draw it; see `wengert.draw`."""
    check_callable("draw", function)
    if view not in VIEWS:
        raise unknown_name("", "view", view, VIEWS)
    if notation not in NOTATIONS:
        raise unknown_name("", "notation", notation, NOTATIONS)
    names = checked_names(names)
    summed = _Summed(function)
    recording = Recording(summed, float64_leaves(args), float64_leaves(kwargs))
    traced = recording.program
    program = Program(traced.inputs, (*traced.outputs, *summed.results), traced.provenance, traced.signature)
    program = lowered(program, [np.asarray(leaf) for leaf in recording.leaves], with_formulas)
    if view != "graph":
        refuse_loops(f"draw(…, view={view!r})", program)
    recording.program = Program(program.inputs, program.outputs[:1], program.provenance, program.signature)
    check_recording(recording)
    targets = targets_of(recording, wrt)
    if not targets:
        raise GradientError("there is no floating argument to differentiate by")
    whole = opened(with_formulas(program))
    results, loops = whole.program.outputs[1 : len(program.outputs)], whole.first()
    program = loops.program
    arguments = [
        np.asarray(leaf, node.type.dtype) for leaf, node in zip(recording.leaves, traced.inputs, strict=True)
    ]
    read = partial(
        reader, loops, targets, arguments, results, fold, names, notation=notation, layered=view != "graph"
    )
    if view == "neurons":
        layers = chain(program, targets, results)
        read_off = read(every_line=False, given=layers.names, shown=layers.nodes)
        check_names(names, read_off.problem)
        contents = read_off.contents()
        return NeuronDrawing(contents, network(read_off, contents, layers))
    given = {} if view == "graph" else outputs_of_layers(program)
    read_off = read(every_line=view == "graph", given=given, shown=())
    check_names(names, read_off.problem)
    contents = read_off.contents()
    if view == "units" and all(value.formula is None for value in contents.values):
        raise ConfigurationError(
            "view='units' draws what is computed, and here nothing is; view='graph' draws the argument"
        )
    return (GraphDrawing if view == "graph" else UnitDrawing)(contents)


class _Summed:
    """A function that returns the sum of all that another returns, where that is not a number already.

    Local derivatives do not depend on it; adjoints do, and are not shown then.

    Attributes
    ----------
    results : list of Node
        What the function returned when it was traced last.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.results: list[Node] = []
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = flatten(self._function(*args, **kwargs))[0]
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if not any(node.primitive is INPUT for node in ancestors([one.node for one in tensors])):
            raise GradientError("what the function returns depends on none of its arguments: nothing to draw")
        self.results = [one.node for one in tensors]
        floating = [one for one in tensors if one.node.type.is_float]
        if len(leaves) == 1 and (not floating or leaves[0].shape == ()):
            return leaves[0]
        if not floating:
            raise GradientError(
                "the function returns no floating numbers, so there is nothing to differentiate"
            )
        return functools.reduce(np.add, [np.sum(one) for one in floating])
