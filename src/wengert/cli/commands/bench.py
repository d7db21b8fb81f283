"""`wengert bench`: how fast training is on this machine, beside what else is installed."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from rich.padding import Padding

from wengert.benchmark.configurations import CONFIGURATIONS, Configuration
from wengert.benchmark.machine import tiles_in_words
from wengert.benchmark.peers import PEERS, Peer
from wengert.benchmark.suite import Result, measure
from wengert.benchmark.tables import disturbance_in_words, limits_in_words, record, tables
from wengert.cli.console import Text, error_console, label_and_text, result_console
from wengert.cli.exit_codes import INTERRUPTED, SUCCESS
from wengert.cli.report import heading, listing
from wengert.errors import ConfigurationError
from wengert.run.threads import physical_cores
from wengert.storage import dump_json, refuse_unwritable, write_file

# The others need minutes (`torch.compile`), or are ourselves once more.
_DEFAULT_PEERS = ("wengert", "pytorch", "jax-step", "jax-loop", "numpy", "scikit-learn")

_PICTURES = (".svg", ".png")

_Item = TypeVar("_Item")


def run(only: str | None, peers: str | None, rounds: int, json_file: str | None, plot: str | None) -> int:
    """Measure and print; see `wengert.cli.app.bench`."""
    if rounds < 1:
        raise ConfigurationError(f"--rounds is at least 1, got {rounds}")
    names = list(CONFIGURATIONS) if only is None else list(only.upper())
    configurations = _chosen("--only", names, CONFIGURATIONS)
    wanted = _chosen("--peers", _DEFAULT_PEERS if peers is None else peers.split(","), PEERS)
    if json_file is not None:
        refuse_unwritable(Path(json_file))
    if plot is not None:
        refuse_unwritable(Path(plot))
        if Path(plot).suffix not in _PICTURES:
            raise ConfigurationError(f"--plot {plot}: the name ends in {' or '.join(_PICTURES)}")
    present = [peer for peer in wanted if peer.installed()]
    _name_absent(peer for peer in wanted if not peer.installed())
    result = measure(configurations, present, physical_cores(), rounds, _progress())
    for failure in result.failures:
        error_console().print(label_and_text("warning", f"not measured: {failure}"), soft_wrap=True)
    if json_file is not None:
        write_file(Path(json_file), dump_json(record(result), "the measurements", indent=1))
    _print(result)
    if plot is not None and not result.interrupted:
        _draw(configurations, Path(plot), result)
    return INTERRUPTED if result.interrupted else SUCCESS


def _chosen(option: str, names: Iterable[str], known: Mapping[str, _Item]) -> list[_Item]:
    """Return the items of these names, in the order of those known.

    Raises
    ------
    ConfigurationError
        When a name is unknown or there is none.
    """
    given = [name.strip() for name in names]
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        raise ConfigurationError(
            f"{option} {', '.join(unknown) or '(nothing)'}: known are {', '.join(known)}"
        )
    return [item for name, item in known.items() if name in given]


def _name_absent(absent: Iterable[Peer]) -> None:
    titles: dict[str, list[str]] = {}
    for peer in absent:
        titles.setdefault(peer.distribution, []).append(peer.title)
    for distribution, names in titles.items():
        line = f"{', '.join(names)}: not installed (pip install {distribution})"
        error_console().print(Text(line), soft_wrap=True)


def _progress() -> Callable[[str], None]:
    console = error_console()
    begin = time.monotonic()

    def report(line: str) -> None:
        console.print(Text(f"{time.monotonic() - begin:4.0f} s · {line}"), soft_wrap=True)

    return report


def _draw(configurations: list[Configuration], path: Path, result: Result) -> None:
    """Measure the kernels, print their shares of the roofline and draw them."""
    from wengert.benchmark.roofline import draw_roofline, kernel_shares, measured_steps

    steps = measured_steps(configurations, _progress())
    table, console = kernel_shares(steps), result_console()
    heading(console, table.title)
    console.print(listing(table.headers, table.rows, table.headers[2:]))
    picture = io.BytesIO()
    draw_roofline(steps, result.single).savefig(picture, format=path.suffix[1:], dpi=150)
    write_file(path, picture.getvalue())


def _print(result: Result) -> None:
    console = result_console()
    heading(console, result.machine["processor"])
    versions = {name: value for name, value in result.machine.items() if name != "processor"}
    described = ", ".join(f"{name} {value}" for name, value in versions.items())
    for line in (described, limits_in_words(result), tiles_in_words()):
        console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    if words := disturbance_in_words(result):
        console.print(Padding(label_and_text("warning", words), (0, 0, 0, 2), expand=False))
    for table in tables(result):
        heading(console, table.title)
        console.print(listing(table.headers, table.rows, table.headers[2:] if table.numbers else ()))
    console.print()
