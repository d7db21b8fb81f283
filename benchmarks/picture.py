"""The times of a step as a picture, with the limit of the machine."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from wengert.benchmark.configurations import RULES, Configuration
from wengert.benchmark.suite import Result

# Okabe and Ito's colours, which most people with colour blindness can tell apart; ours is the darkest.
COLOURS = ("#000000", "#E69F00", "#D55E00", "#56B4E9", "#0072B2", "#009E73", "#CC79A7", "#999999")
MARKERS = "DosvP^Xh"


def draw(result: Result, path: Path) -> None:
    """Draw a panel for each update rule."""
    rules = [rule for rule in RULES if any(one.rule == rule for one in result.measurements)]
    figure, axes = plt.subplots(
        1, len(rules), figsize=(5.2 * len(rules) + 1.6, 4.6), sharey=True, squeeze=False, layout="constrained"
    )
    names = [configuration.name for configuration in result.configurations]
    for panel, rule in zip(axes[0], rules, strict=True):
        for place, peer in enumerate(result.peers):
            times = [result.spread(name, rule, peer.name) for name in names]
            known = [(at, one.median * 1e6) for at, one in enumerate(times) if one is not None]
            panel.plot(
                [at for at, _ in known],
                [time for _, time in known],
                marker=MARKERS[place],
                color=COLOURS[place],
                linewidth=2 if place == 0 else 1,
                markersize=7 if place == 0 else 5,
                zorder=3 if place == 0 else 2,
                label=peer.title,
            )
        limits = [result.roofline(configuration, rule) * 1e6 for configuration in result.configurations]
        panel.plot(range(len(names)), limits, color="#999999", linestyle="--", label="limit of the machine")
        panel.set_yscale("log")
        panel.set_xticks(
            range(len(names)), [_label(configuration) for configuration in result.configurations]
        )
        panel.tick_params(axis="x", labelsize=7)
        panel.grid(axis="y", color="#dddddd")
        panel.set_title(rule)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("µs a step")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.suptitle(f"{result.machine['processor']}, {result.threads} threads, float32", fontsize=10)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _label(configuration: Configuration) -> str:
    first, *inner, last = configuration.sizes
    sizes = f"{first}–{'–'.join(map(str, inner))}\n–{last}"  # in two lines, or neighbours would overlap
    return f"{configuration.name}\n{sizes}\nbatch {configuration.batch}"
