"""`wengert.exercise`, in a module that costs nothing to import: what it needs is loaded at the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wengert.explain.exercises.exercise import Exercise


def exercise(
    network: str = "2-2-1",
    *,
    activation: str = "relu",
    loss: str = "half_squared_error",
    bias: bool = True,
    learning_rate: float = 0.5,
    seed: int = 0,
) -> Exercise:
    """Make an exercise: a small network with small whole numbers, to be worked through by hand.

    Parameters
    ----------
    network : str
        Sizes of the layers, inputs first: ``2-2-1``. At most 4 units a layer and 3 layers of weights.
    activation : str
        Of the hidden layers: ``relu``, ``sigmoid``, ``tanh`` or ``identity``.
    loss : str
        ``half_squared_error``, ``squared_error``, ``absolute_error``, ``nll_from_logits`` or
        ``nllm_from_logits``.
    bias : bool
    learning_rate : float
        Step size of the update, above 0.
    seed : int
        The same seed gives the same exercise, everywhere.

    Returns
    -------
    Exercise
        ``print`` shows the worksheet; ``to_text``, ``to_latex`` and ``to_html`` write it or its solution.

    Raises
    ------
    ConfigurationError
        For an unknown name (suggests the nearest) and for sizes that are too large.

    Notes
    -----
    Numbers are chosen so that every value, δ, gradient and new weight has at most four significant digits,
    which the worksheet then says. A sigmoid is met where it is ½, at 0. Where no such numbers are found
    (a hyperbolic tangent has none but 0), the worksheet says that numbers are rounded.

    Examples
    --------
    >>> import wengert as wg
    >>> exercise = wg.exercise("2-2-1", activation="relu", seed=7)
    >>> exercise.exact
    True
    """
    from wengert.explain.exercises.exercise import make
    from wengert.explain.exercises.task import task

    return make(task(network, activation, loss, bias, learning_rate), seed)
