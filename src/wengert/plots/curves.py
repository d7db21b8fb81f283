"""How the loss fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.errors import ConfigurationError
from wengert.plots.figures import axes_or_new
from wengert.train import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_curves(history: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of each epoch, that of the validation rows where there are any, and the best epoch.

    Parameters
    ----------
    history : History
        Of `wengert.train.fit`; or what has one as ``history`` or ``history_``, such as its result.
    ax : Axes, optional

    Returns
    -------
    Axes
        With a logarithmic scale where all losses are above 0.

    Raises
    ------
    ConfigurationError
        When there is no history, or it is empty.
    """
    found = getattr(history, "history_", getattr(history, "history", history))
    if not isinstance(found, History) or not len(found):
        raise ConfigurationError(
            f"loss curves are those of a History with at least one epoch, got {type(history).__name__}"
        )
    ax = axes_or_new(ax, width=5.6, height=3.8)
    epochs = [one.epoch for one in found]
    ax.plot(epochs, [one.loss for one in found], color="#2166ac", label="training")
    validation = [(one.epoch, one.validation_loss) for one in found if one.validation_loss is not None]
    if validation:
        ax.plot(*zip(*validation, strict=True), color="#b2182b", label="validation")
    best = min(found, key=lambda one: one.monitored)
    ax.axvline(best.epoch, color="#888888", linewidth=0.8, linestyle=":")
    ax.plot(
        [best.epoch], [best.monitored], "o", color="black", markersize=4.5,
        label=f"best: epoch {best.epoch}, {best.monitored:.4g}",
    )  # fmt: skip
    if all(one.loss > 0 and one.monitored > 0 for one in found):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")
    return ax
