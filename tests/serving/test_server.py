"""The server as a process: it says where it listens, and answers what has come before it ends."""

import contextlib
import http.client
import json
import re
import signal
import subprocess
import sys
import threading

import pytest
from tests.cli.conftest import flowers

pytest.importorskip("uvicorn", reason="comes with the extra `serve`")


def test_what_has_come_is_answered_before_it_ends(command, tables):
    path = tables(flowers(60), "flowers.csv")
    train = ("train", path, "--target", "kind", "--preset", "plain", "--hidden", "none", "--epochs", 1)
    assert command(*train, "--quiet").code == 0
    server = subprocess.Popen(
        [sys.executable, "-m", "wengert", "serve", "flowers-model", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = server.stderr.readline()
        port = int(re.search(r"Listening on http://127\.0\.0\.1:(\d+), for this machine only", line)[1])
        many = json.dumps([{"length": 0.1, "width": 0.2}] * 1500)
        statuses = []

        def ask():
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request("POST", "/predict", many, {"Content-Type": "application/json"})
                sent.release()
                answer = connection.getresponse()
                statuses.append((answer.status, len(json.loads(answer.read())["predictions"])))

        sent = threading.Semaphore(0)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            sent.acquire(timeout=60)
        # Answered after those that came before were taken up.
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
        server.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert statuses == [(200, 1500)] * 4
        assert server.wait(60) in (0, -signal.SIGTERM)
        assert server.stderr.read() == ""
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--port", 70000), "--port is a whole number from 0 to 65535, got 70000"),
        (("--token", "two words"), "--token is a word of printable ASCII"),
        (("--max-megabytes", 0), "--max-megabytes lies in (0, 1000), got 0"),
        (("--max-seconds", -1), "--max-seconds lies in (0, 3600), got -1"),
        ((), "none-model"),
    ],
)
def test_options_that_cannot_be(command, options, message):
    outcome = command("serve", "none-model", *options)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
