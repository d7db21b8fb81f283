"""`wengert.explain`, in a module that costs nothing to import: what it needs is loaded at the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wengert.errors import ConfigurationError

if TYPE_CHECKING:
    from wengert.explain.derivation import Derivation


def explain(
    function: Callable[..., Any],
    *args: Any,
    wrt: str | Sequence[str] | None = None,
    view: str = "index",
    notation: str | None = None,
    layout: str | None = None,
    names: Mapping[str, str] | None = None,
    style: str | None = None,
    loss: Callable[..., Any] | None = None,
    step_size: float | None = None,
    numbers: bool = False,
    tensors: bool = False,
    detail: str = "short",
    order: int = 1,
    **kwargs: Any,
) -> Derivation:
    """Derive a gradient, a Jacobian or a Hessian line by line, each line checked against the engine.

    Parameters
    ----------
    function : callable
        Written in plain NumPy; its own variable names are used. Of a scalar the gradient is derived, of an
        array the Jacobian. Or a network, trained or not, with `loss`.
    *args, **kwargs
        The point at which it is explained: numbers, arrays, networks. For a network one sample or a batch:
        its inputs, then the target.
    wrt : str or sequence of str, optional
        Names of the arguments to differentiate by; all floating ones by default. For a network the path of
        a parameter, or the argument for all of them.
    view : str
        One of ``index``, ``matrix``, ``delta``, ``adjoint``, ``numbers``, ``batch`` (one example, the mean,
        then matrices); for Jacobians and Hessians ``index`` or ``matrix``.
    notation : str
        Whether an array with one axis is a row or a column: ``rows`` (xW + b), ``columns`` (Wx + b), or
        ``mit``, columns with the names of 6.390 for the layers of a network: Z = Wᵀx + W₀, A = f(Z). By
        default ``rows``, or what the lecture of `style` has.
    layout : str
        ``denominator``: a gradient has the shape of its variable, and in a Jacobian the variable runs down
        the rows; ``numerator``: the transposes. By default ``numerator`` for the Jacobian of an array,
        ∂y_i/∂x_j in row i and column j, and otherwise ``denominator``.
    names : mapping, optional
        Names to show in place of the program's own.
    style : str, optional
        The lecture whose names the parts of a network get: ``000`` (a, h, z, target c, J), ``001`` (a, z, y,
        t, L), ``002`` (Z, A, W, W₀), ``003`` (α, a, z, β, b, y, y*, J), ``004`` (a, W, b, c, V, e, y, ε).
    loss : callable, optional
        Of a network's output and the target, such as `wengert.nn.nllm_from_logits`.
    step_size : float, optional
        Show the gradient-descent update as well.
    numbers : bool
        Put the values in place of the names as well, in any view: of a line with indices one element is
        worked out, of a long sum or a large array the ends are shown.
    tensors : bool
        Show the Jacobian of each vector by a matrix as the tensor that it is: its slices, its unfolding, how
        much memory it would take, and how the gradient comes about without it.
    detail : str
        ``short``: local derivatives in few lines with the names of all rules; ``full``: one rule a line.
    order : int
        2 for the Hessian of a scalar: ∂²L/∂x∂y for each pair of the arguments `wrt`.

    Returns
    -------
    Derivation

    Raises
    ------
    ConfigurationError
        For an unknown name or option; suggests the nearest.
    GradientError
        When the output is not floating, there is nothing to differentiate by, or a gradient has no formula
        that could be differentiated once more.
    NonFiniteError
        When the function or its gradient is not finite at the given point.
    LimitError
        When the function is too long to be explained, or a line has too many elements to be checked.
    DerivationError
        When a line disagrees with the engine; always a bug.

    Examples
    --------
    >>> import numpy as np
    >>> import wengert as wg
    >>> print(wg.explain(lambda x: np.sin(x) ** 2, 0.5))  # doctest: +SKIP
    >>> print(wg.explain(wg.softmax, np.zeros(3), view="matrix"))  # doctest: +SKIP
    """
    from wengert.explain.arguments import check_call, is_network
    from wengert.explain.derivation import derive
    from wengert.explain.network import parameter_paths, with_loss
    from wengert.explain.problem import Convention

    if is_network(function):
        wrt = parameter_paths(function) if wrt is None else wrt
        function, args = with_loss("explain", function, loss, args)
    elif loss is not None:
        raise ConfigurationError("loss= goes with a network; a function computes its loss itself")
    check_call("explain", function, args, kwargs)
    convention = Convention(notation or "", layout or "", step_size, numbers, tensors, style, detail, order)
    return derive(function, args, kwargs, wrt, view, names, convention)
