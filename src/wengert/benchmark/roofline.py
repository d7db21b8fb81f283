"""The kernels of training steps below the roofline of a core, as a picture.

Williams, Waterman & Patterson, CACM 2009: speed over arithmetic intensity; the roof is the lower of the peak
of multiply-adds and intensity times the bandwidth of a cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import optim, train
from wengert.benchmark.configurations import RULES, Configuration
from wengert.benchmark.peers.wengert_fit import loss_and_targets, network
from wengert.benchmark.tables import Table, microseconds
from wengert.plots.figures import grid_of_axes
from wengert.run.llvm.profile.kernel_table import KernelSummary
from wengert.run.llvm.profile.machine_limits import L2_BYTES, MEMORY_BYTES, MachineLimits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Kernels that take less than this part of a step are left out.
LEAST_PART = 0.005
# Okabe and Ito's colours, which most people with colour blindness can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Step:
    """The kernels of a training step that were measured.

    Attributes
    ----------
    configuration, rule : str
    kernels : list of KernelSummary
    """

    configuration: str
    rule: str
    kernels: list[KernelSummary]

    @property
    def seconds(self) -> float:
        """Of all kernels together."""
        return sum(one.seconds or 0.0 for one in self.kernels)

    def drawn(self) -> list[KernelSummary]:
        """Return the kernels that compute something and take a part of the step worth seeing."""
        return [
            one
            for one in self.kernels
            if one.flops and one.bytes and one.seconds and one.seconds >= LEAST_PART * self.seconds
        ]


def measured_steps(configurations: Sequence[Configuration], report: Callable[[str], None]) -> list[Step]:
    """Run each kernel of each step by itself on one core, and return how long it takes."""
    found = []
    for one in configurations:
        features, classes = one.data()
        loss, targets = loss_and_targets(one, classes)
        for rule in RULES:
            report(f"{one.name} with {rule}: its kernels one by one")
            optimizer = optim.Adam() if rule == "Adam" else optim.SGD(0.01)
            step = train.compile_step(
                network(one), features, targets, loss=loss, optimizer=optimizer, batch_size=one.batch
            )
            found.append(Step(one.name, rule, list(step.kernels(profile=True))))
    return found


def draw_roofline(steps: Sequence[Step], limits: MachineLimits) -> Figure:
    """Draw the kernels of each update rule in a panel: colours are networks, areas parts of the step's time.

    Parameters
    ----------
    steps : sequence of Step
    limits : MachineLimits
        Of one core.
    """
    rules = list(dict.fromkeys(step.rule for step in steps))
    names = list(dict.fromkeys(step.configuration for step in steps))
    figure, axes = grid_of_axes(len(rules), side=4.6, most_columns=2)
    colours = dict(zip(names, itertools.cycle(_COLOURS), strict=False))
    for ax, rule in zip(axes, rules, strict=True):
        chosen = [step for step in steps if step.rule == rule]
        intensities = [one.flops / one.bytes for step in chosen for one in step.drawn()] or [1.0]
        span = np.geomspace(min(0.05, *intensities) / 2, 2 * max(100.0, *intensities), 300)
        _roofs(ax, span, limits)
        for step in chosen:
            _points(ax, step, colours[step.configuration])
        ax.set(xscale="log", yscale="log", xlabel="flops a byte", title=rule)
        ax.set_ylim(0.3, 2 * limits.flops[4] / 1e9)
    axes[0].set_ylabel("GFLOP/s on one core")
    for name, colour in colours.items():
        axes[0].scatter([], [], color=colour, label=name)
    axes[0].legend(
        fontsize="x-small", loc="lower right", title="roofs and networks", title_fontsize="x-small"
    )
    return figure


def _points(ax: Any, step: Step, colour: str) -> None:
    """Draw the kernels of a step; at the slowest one stands which share of its roofline it reaches."""
    slowest = max(step.drawn(), key=lambda one: one.seconds or 0.0, default=None)
    for one in step.drawn():
        seconds = one.seconds or 0.0
        x, y = one.flops / one.bytes, one.flops / seconds / 1e9
        size = 15 + 400 * seconds / step.seconds
        ax.scatter(x, y, s=size, color=colour, alpha=0.65, linewidth=0)
        if one is slowest:
            below = -1.2 * size**0.5 / 2 - 9
            ax.annotate(
                f"{one.share or 0:.0%}", (x, y), (0, below), textcoords="offset points", fontsize=8,
                color=colour, ha="center",
            )  # fmt: skip


def _roofs(ax: Any, span: Any, limits: MachineLimits) -> None:
    """Draw the roof over what comes from the second-level cache and over what comes from memory."""
    for size, style, name in ((L2_BYTES, "-", "second-level cache"), (MEMORY_BYTES, ":", "memory")):
        rates = np.minimum(limits.flops[4], span * limits.bandwidth[size]) / 1e9
        ax.plot(span, rates, color="#555555", linestyle=style, linewidth=1, label=name)


def kernel_shares(steps: Sequence[Step]) -> Table:
    """Return a row for each kernel drawn: form and shape, time, speed and share of the roofline."""
    rows: list[tuple[str, ...]] = [
        (
            step.configuration,
            step.rule,
            f"{one.form} {'×'.join(map(str, one.shape))}",
            microseconds(one.seconds),
            f"{one.flops / (one.seconds or 1) / 1e9:.1f}",
            f"{one.share or 0:.0%}",
        )
        for step in steps
        for one in step.drawn()
    ]
    headers = ("network", "update", "kernel", "µs", "GFLOP/s", "of the roofline")
    return Table("Kernels on one core, run by themselves", headers, rows)
