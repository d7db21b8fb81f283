"""A result as tables for people, and as a record for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from wengert.benchmark.configurations import RULES
from wengert.benchmark.suite import Result
from wengert.benchmark.turns import Spread

NOISE = "noise"  # in place of a ratio that says nothing


@dataclass(frozen=True)
class Table:
    """A table; its columns hold numbers from the third on, where `numbers` says so."""

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: bool = True

    def markdown(self) -> str:
        """Return it in Markdown."""
        flush = "--:" if self.numbers else "---"
        rules = ["---" if place < 2 else flush for place in range(len(self.headers))]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.headers, rules, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines, ""])


def tables(result: Result) -> list[Table]:
    """Return times, ratios, geometric means and settings."""
    found = [_times(result), _ratios(result), _means(result), _settings(result)]
    return [table for table in found if table.rows]


def limits_in_words(result: Result) -> str:
    """Return the limits of the machine in a sentence."""
    one, all_ = result.single, result.limits
    return (
        f"limits: float32 multiply-adds {one.flops[4] / 1e9:.0f} GFLOP/s on one core, "
        f"{all_.flops[4] / 1e9:.0f} on {result.threads}; second-level cache {one.l2_bandwidth / 1e9:.0f} and "
        f"{all_.l2_bandwidth / 1e9:.0f} GB/s, memory {one.memory_bandwidth / 1e9:.1f} and "
        f"{all_.memory_bandwidth / 1e9:.1f} GB/s, read and written"
    )


def disturbance_in_words(result: Result) -> str:
    """Return how many rounds others disturbed; nothing where none was."""
    if not result.disturbed:
        return ""
    return f"others used the cores in {result.disturbed} of {result.rounds} rounds: let the machine rest"


def microseconds(seconds: float | None) -> str:
    """Return a time to three digits."""
    if seconds is None:
        return "–"
    value = seconds * 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _cells(result: Result) -> Iterable[tuple[Any, str, tuple[str, str]]]:
    for configuration in result.configurations:
        for rule in RULES:
            if any(
                (one.configuration, one.rule) == (configuration.name, rule) for one in result.measurements
            ):
                yield configuration, rule, (f"{configuration.name} {configuration.describe()}", rule)


def _times(result: Result) -> Table:
    rows = [
        (
            *labels,
            *(_time(result.spread(configuration.name, rule, peer.name)) for peer in result.peers),
            microseconds(result.roofline(configuration, rule)),
        )
        for configuration, rule, labels in _cells(result)
    ]
    headers = ("network", "update", *(peer.title for peer in result.peers), "limit")
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads at most"
    title = (
        f"µs a step, {threads}: median of the rounds (least, ± half the range between the quartiles); "
        "limit: products or traffic"
    )
    return Table(title, headers, rows)


def _ratios(result: Result) -> Table:
    others = [peer for peer in result.peers if peer.name != "wengert"]
    rows = []
    for configuration, rule, labels in _cells(result):
        ours = result.spread(configuration.name, rule, "wengert")
        if ours is None:
            continue
        ratios = (result.ratio(configuration.name, rule, peer.name) for peer in others)
        limit = result.roofline(configuration, rule) / ours.median
        part = f"{limit:.0%}" if limit >= 0.1 else f"{100 * limit:.2g}%"
        rows.append((*labels, *(_ratio(ratio) for ratio in ratios), part))
    headers = ("network", "update", *(peer.title for peer in others), "of the limit")
    title = "wengert's time as a part of each other's in the same rounds, and the part of the limit reached"
    if any(NOISE in row for row in rows):
        title += f"; {NOISE}: the range of the ratio is larger than itself"
    return Table(title, headers, rows)


def _means(result: Result) -> Table:
    names = "".join(configuration.name for configuration in result.configurations)
    # An XOR network is all overhead, so the means without it say what real networks gain.
    groups = [names] if "A" not in names or names == "A" else [names, names.replace("A", "")]
    rows = []
    for peer in result.peers:
        for group in groups:
            means = [result.mean_ratio(peer.name, group, rules) for rules in (("SGD",), ("Adam",), RULES)]
            if peer.name != "wengert" and means[2] is not None:
                rows.append((peer.title, group, *("–" if mean is None else _short(mean) for mean in means)))
    return Table("Geometric means of these ratios", ("beside", "over", *RULES, "both"), rows)


def _settings(result: Result) -> Table:
    rows: list[tuple[str, ...]] = []
    for peer in result.peers:
        found: dict[str, list[str]] = {}
        for one in result.measurements:
            if one.peer == peer.name:
                found.setdefault(one.settings, []).append(f"{one.configuration} {one.rule}")
        rows += [(peer.title, settings, ", ".join(where)) for settings, where in found.items()]
    title = "Best settings of each, by trial"
    return Table(title, ("of", "settings", "where"), rows, numbers=False)


def _time(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    least, half = microseconds(spread.minimum), spread.range / 2 / spread.median
    return f"{microseconds(spread.median)} ({least}, ±{half:.0%})"


def _ratio(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return NOISE if spread.is_noise else _short(spread.median)


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def record(result: Result) -> dict[str, Any]:
    """Return the result as plain values for JSON; times in seconds, rates a second."""
    return {
        "machine": result.machine,
        "threads": result.threads,
        "limits": {str(one.threads): _limits(one) for one in (result.single, result.limits)},
        "configurations": {
            one.name: {
                **asdict(one),
                "flops": one.flops,
                "bytes_read": {rule: one.bytes_read(rule) for rule in RULES},
                "bytes_written": {rule: one.state_bytes(rule) for rule in RULES},
                "roofline": {rule: result.roofline(one, rule) for rule in RULES},
            }
            for one in result.configurations
        },
        "measurements": [{**asdict(one), **asdict(one.spread)} for one in result.measurements],
        "rounds": result.rounds,
        "disturbed": result.disturbed,
        "failures": result.failures,
    }


def _limits(limits: Any) -> dict[str, Any]:
    return {
        "flops": {f"float{8 * itemsize}": rate for itemsize, rate in limits.flops.items()},
        "bandwidth": {str(size): rate for size, rate in limits.bandwidth.items()},
        "reading": {str(size): rate for size, rate in limits.reading.items()},
    }
