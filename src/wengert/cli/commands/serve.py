"""`wengert serve`: a saved model over HTTP."""

from __future__ import annotations

from wengert.checks import in_range
from wengert.cli.console import Text, error_console
from wengert.cli.model_rows import model_threshold
from wengert.errors import ConfigurationError
from wengert.io.table_models import load_table_model
from wengert.serving.server import serve

_MOST_MEGABYTES = 1000.0


def run(
    model: str,
    host: str,
    port: int,
    token: str | None,
    megabytes: float,
    seconds: float,
    *,
    interval: float | None,
    threshold: str | None,
) -> int:
    """Serve a model; see `wengert.cli.app.serve`."""
    if not 0 <= port < 2**16:
        raise ConfigurationError(f"--port is a whole number from 0 to 65535, got {port}.")
    in_range("serve", "--max-megabytes", megabytes, 0, _MOST_MEGABYTES, low_open=True)
    in_range("serve", "--max-seconds", seconds, 0, 3600, low_open=True)
    if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
        raise ConfigurationError("--token is a word of printable ASCII letters and figures.")
    loaded = load_table_model(model)
    decision = model_threshold(loaded, threshold)
    if interval is not None:
        loaded.bound(interval)

    def report(line: str) -> None:
        error_console().print(Text(line), soft_wrap=True)

    serve(
        loaded, host, port, token,
        megabytes=megabytes, seconds=seconds, interval=interval, threshold=decision, report=report,
    )  # fmt: skip
    return 0
