"""From a model to a server that runs until it is asked to stop."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from wengert.errors import ConfigurationError
from wengert.extras import optional_library
from wengert.tabular.table_model import TableModel

_CONNECTIONS = 1000  # more are answered with 503
_GRACE = 30  # seconds that answers may take after the server is asked to stop


def serve(
    model: TableModel,
    host: str,
    port: int,
    token: str | None,
    *,
    megabytes: float,
    seconds: float,
    interval: float | None = None,
    threshold: float | None = None,
    report: Callable[[str], None],
) -> None:
    """Answer requests until SIGTERM or Ctrl-C; requests that have come are answered before it ends.

    Parameters
    ----------
    model : TableModel
    host, port
        Where to listen; 0 is any free port.
    token : str or None
    megabytes, seconds : float
        Limits of a request.
    interval, threshold : float, optional
        As for `TableModel.predict`.
    report : callable
        Called with the address at which it listens.

    Raises
    ------
    ConfigurationError
        If other machines could reach it without a token, the address cannot be listened at, or Starlette or
        uvicorn is missing.
    """
    alone = _this_machine_only(host)
    if not alone and not token:
        raise ConfigurationError(
            f"--host {host}: whoever reaches this machine could use the model. Give a --token that requests "
            "have to show, or leave --host out."
        )
    for name in ("starlette", "uvicorn"):
        optional_library(name, f"`wengert serve` needs {name}", "serve")
    import uvicorn

    from wengert.serving.application import Asked, Limits, application

    app = application(model, Limits(megabytes, seconds), token, Asked(interval, threshold))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
        lifespan="off",
    )
    try:
        listening = _socket(host, port)
    except OSError as error:
        raise ConfigurationError(f"cannot listen at {host}:{port}: {error.strerror or error}.") from None
    with listening:
        place = f"[{host}]" if ":" in host else host
        reach = "for this machine only" if alone else "for all who reach this machine and have the token"
        report(f"Listening on http://{place}:{listening.getsockname()[1]}, {reach}; POST rows to /predict.")
        uvicorn.Server(config).run(sockets=[listening])


def _socket(host: str, port: int) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _this_machine_only(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
