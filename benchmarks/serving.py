"""Load test of `wengert serve`: requests of one row over many connections, and a SIGTERM in the middle.

    pip install 'wengert[serve]' && python -m benchmarks.serving

Server and clients are two processes of this machine. Said are requests a second by the clock, which is the
machine's at rest only, the processor time that each takes for a request, and the time until an answer. Then
the server gets SIGTERM under load: each request that was sent before gets its answer, or it is counted as
lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_TICK = os.sysconf("SC_CLK_TCK")


class Clients:
    """Connections that each ask again as soon as they have their answer."""

    def __init__(self, port: int, rows: list[dict[str, float]]) -> None:
        self.port = port
        self.requests = [self._request(row) for row in rows]
        self.times: list[float] = []
        self.lost = 0
        self.refused = 0
        self.stopping = False

    def _request(self, row: dict[str, float]) -> bytes:
        body = json.dumps(row).encode()
        fields = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
        return "\r\n".join(["POST /predict HTTP/1.1", *fields, "", ""]).encode() + body

    async def ask_on(self, number: int, until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        turn = number
        while time.monotonic() < until:
            sent = time.perf_counter()
            stopping = self.stopping
            writer.write(self.requests[turn % len(self.requests)])
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head)[1])
                await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                # What is sent after the server was told to stop may come too late.
                self.lost += not stopping
                break
            self.refused += not head.startswith(b"HTTP/1.1 200")
            self.times.append(time.perf_counter() - sent)
            turn += 1
        writer.close()

    async def run(self, connections: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(self.ask_on(number, until) for number in range(connections)))


def processor_seconds(process: int) -> float:
    """Return the processor time of another process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def train(directory: Path, columns: int) -> list[dict[str, float]]:
    """Train the default network on a table of numbers; return rows of it."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1000, columns))
    names = [f"x{number}" for number in range(columns)]
    labels = (values[:, 0] * values[:, 1] > 0).astype(int)
    lines = [",".join([*names, "y"])] + [
        ",".join([*(f"{value:.4f}" for value in row), f"class{label}"])
        for row, label in zip(values, labels, strict=True)
    ]
    (directory / "table.csv").write_text("\n".join(lines) + "\n")
    command = [
        sys.executable,
        "-m",
        "wengert",
        "train",
        "table.csv",
        "--target",
        "y",
        "--epochs",
        "20",
        "--quiet",
    ]
    subprocess.run(command, cwd=directory, check=True)
    return [dict(zip(names, row.round(4).tolist(), strict=True)) for row in values]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--columns", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        rows = train(Path(place), options.columns)
        server = subprocess.Popen(
            [sys.executable, "-m", "wengert", "serve", "table-model", "--port", "0"],
            cwd=place, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stderr is not None
        port = int(re.search(r":(\d+), for", server.stderr.readline())[1])
        clients = Clients(port, rows)
        asyncio.run(clients.run(options.connections, 1.0))  # all has run once
        clients.times.clear()
        before, own, began = processor_seconds(server.pid), time.process_time(), time.monotonic()
        asyncio.run(clients.run(options.connections, options.seconds))
        seconds, own = time.monotonic() - began, time.process_time() - own
        used, count = processor_seconds(server.pid) - before, len(clients.times)
        times = 1e3 * np.sort(clients.times)
        print(
            f"{count:,} requests of one row of {options.columns} columns, {options.connections} connections"
        )
        print(f"{count / seconds:,.0f} a second by the clock; load average {os.getloadavg()[0]:.1f}")
        print(
            f"processor time a request: server {1e3 * used / count:.3f} ms, "
            f"clients {1e3 * own / count:.3f} ms"
        )
        print(f"which allows {count / max(used, own):,.0f} a second with a processor for each of the two")
        print(f"ms until the answer: median {times[count // 2]:.1f}, 99 % {times[int(0.99 * count)]:.1f}")
        print(f"refused or lost: {clients.refused + clients.lost}")

        async def stopped() -> None:
            asking = asyncio.create_task(clients.run(options.connections, 30.0))
            await asyncio.sleep(1.0)
            clients.stopping = True
            server.send_signal(signal.SIGTERM)
            await asking

        clients.times.clear()
        asyncio.run(stopped())
        server.wait(60)
        print(
            f"SIGTERM under load: {len(clients.times):,} answered, {clients.lost} lost of those sent before"
        )


if __name__ == "__main__":
    main()
