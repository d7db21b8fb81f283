"""`wengert.draw`, in a module that costs nothing to import: what it needs is loaded at the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wengert.errors import ConfigurationError

if TYPE_CHECKING:
    from wengert.explain.drawing.drawing import Drawing


def draw(
    function: Callable[..., Any],
    *args: Any,
    wrt: str | Sequence[str] | None = None,
    view: str = "graph",
    notation: str = "rows",
    fold: str | Sequence[str] = "composites",
    names: Mapping[str, str] | None = None,
    loss: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Drawing:
    """Draw a computation with its values and derivatives: as a graph, as units, or as neurons.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; its own variable names are used. Or a network, with or without `loss`.
        Adjoints are the derivatives of what it returns, where that is one floating number; otherwise there
        are none.
    *args, **kwargs
        The point at which it is drawn: numbers, arrays, networks. For a network its inputs, then the target
        if there is a loss.
    wrt : str or sequence of str, optional
        Names of the arguments to differentiate by: all floating ones by default, of a network with a loss its
        parameters. What depends on none of them has no adjoint and shows a dash.
    view : str
        ``graph``: each operation a box, from top to bottom, with the local derivative on each arrow.
        ``units``: each named value a unit, from left to right, with an arrow back for each derivative.
        ``neurons``: each neuron of a network of dense layers a circle, each weight a line, at one example.
    notation : str
        How vectors are written: ``rows``, ``columns`` or ``mit``; see `wengert.explain`.
    fold : str or sequence of str
        What is drawn as one box each: ``composites`` (softmax, losses, activations; loops too), ``layers``
        (and those), ``nothing``, or the names of some layers and composites; that of a loop is ``loop``. The
        arrow of what a loop carries returns to the box, or inside of an open loop to what it goes into.
    names : mapping, optional
        Names to show in place of the program's own.
    loss : callable, optional
        Of a network's output and the target, such as `wengert.nn.nllm_from_logits`.

    Returns
    -------
    Drawing
        Shown as SVG in notebooks; ``save(path)`` writes SVG, PNG or DOT.

    Raises
    ------
    ConfigurationError
        For an unknown name in `wrt`, `view`, `notation` or `fold`; suggests the nearest. For neurons also
        when the function is no chain of dense layers.
    ShapeError
        For neurons of a batch.
    GradientError
        When there is nothing to differentiate.
    NonFiniteError
        When a value or an adjoint is not finite at the given point.
    LimitError
        When there are more boxes than anybody would look at.
    DerivationError
        When a formula disagrees with the engine; always a bug.

    Notes
    -----
    Large arrays show their shape and the numbers at their corners. Formulas and local derivatives are
    compared with the engine at the given point and at random ones before they are shown.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> wg.draw(lambda x: np.cos(np.sin(x**2) + 3 * x**2), 0.7)
    <drawing: 6 values, 6 arrows>
    """
    from wengert.explain.arguments import check_call, is_network
    from wengert.explain.drawing.drawing import make
    from wengert.explain.network import forward, with_loss

    if is_network(function) and loss is not None:
        function, args = with_loss("draw", function, loss, args)
        wrt = "net" if wrt is None else wrt
    elif is_network(function):
        function, args = forward("draw", function, args)
    elif loss is not None:
        raise ConfigurationError("loss= goes with a network; a function computes its loss itself")
    check_call("draw", function, args, kwargs)
    return make(function, args, kwargs, wrt, fold, names, view, notation)
