"""All benchmarks in one run on one machine, into a directory of results.

    python -m benchmarks.run [--only ABCDEF] [--rounds 15] [--peers wengert,jax-loop] [--parts training]

Writes NAME.json, NAME.md and NAME.png, named after the processor. Let the machine rest meanwhile: it takes
about ten minutes. The parts: training (with the limits of the machine), fresh (first call, memory, import),
general (derivatives of general programs).
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from benchmarks.fresh_process import fresh_process
from benchmarks.general_programs import general_programs
from benchmarks.picture import draw

from wengert.benchmark.configurations import CONFIGURATIONS
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.peers import PEERS
from wengert.benchmark.suite import Result, measure
from wengert.benchmark.tables import Table, disturbance_in_words, limits_in_words, record, tables
from wengert.run.threads import physical_cores
from wengert.storage import dump_json, write_file

PARTS = ("training", "fresh", "general")
# Not beside others: it is wengert once more.
DEFAULT_PEERS = [name for name in PEERS if name != "wengert-numpy"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="ABCDEF")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    parts = options.parts.split(",")
    options.out.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()

    def report(line: str) -> None:
        print(f"{time.perf_counter() - begin:4.0f} s · {line}", file=sys.stderr, flush=True)

    machine = describe_machine()
    found: list[Table] = []
    written = {"machine": machine}
    result: Result | None = None
    if "training" in parts:
        peers = [PEERS[name] for name in options.peers.split(",") if PEERS[name].installed()]
        configurations = [CONFIGURATIONS[name] for name in options.only]
        result = measure(configurations, peers, physical_cores(), options.rounds, report)
        written |= record(result)
        found += tables(result)
    if "fresh" in parts:
        report("new processes: first call, memory, import")
        found += fresh_process(options.only, 3)
    # Last, since it puts JAX into float64.
    if "general" in parts:
        report("general programs")
        found += general_programs(["GMM", "BA", "LSTM"], ["small", "medium", "large"], 3, report)
    written["tables"] = [
        {"title": table.title, "headers": table.headers, "rows": table.rows} for table in found
    ]
    name = _name(machine)
    write_file(options.out / f"{name}.json", dump_json(written, "the results", indent=1))
    write_file(options.out / f"{name}.md", _page(machine, result, found, options.rounds).encode())
    if result is not None:
        draw(result, options.out / f"{name}.png")
    print(_page(machine, result, found, options.rounds))
    report(f"written to {options.out / name}, .json, .md and with training .png")


def _name(machine: dict[str, str]) -> str:
    """Return a file name that says on which machine."""
    words = re.findall(r"[a-z0-9]+", f"{machine['processor']} {machine['cores']} cores".lower())
    return "-".join(words)


def _page(machine: dict[str, str], result: Result | None, found: list[Table], rounds: int) -> str:
    lines = [f"# {machine['processor']}, {machine['cores']} cores", ""]
    lines.append(", ".join(f"{name} {value}" for name, value in machine.items() if name != "processor") + ".")
    if result is not None:
        words = limits_in_words(result)
        lines += ["", f"{words[0].upper()}{words[1:]}.", ""]
        lines += [f"Medians of {rounds} rounds in which each library had a turn."]
        lines += [f"{words[0].upper()}{words[1:]}." for words in (disturbance_in_words(result),) if words]
        lines += [f"Not measured: {failure}." for failure in result.failures]
    return "\n".join([*lines, "", *(table.markdown() for table in found)])


if __name__ == "__main__":
    main()
