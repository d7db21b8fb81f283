"""The command `wengert launch` and its options."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from wengert.cli.option_types import CLUSTER, option


def launch(
    *command: Annotated[
        str,
        Parameter(
            help="A script and its arguments, or -m, a module and its arguments.", allow_leading_hyphen=True
        ),
    ],
    nodes: Annotated[
        str,
        option("Machines, separated by commas, reached by SSH. [default: localhost, without SSH]", CLUSTER),
    ] = "localhost",
    workers: Annotated[int, option("Processes on each machine. [default: 1]", CLUSTER)] = 1,
    restarts: Annotated[
        int, option("How often to start again after a worker was lost. [default: 3]", CLUSTER)
    ] = 3,
    timeout: Annotated[
        float, option("Seconds without a sign of life after which a worker is lost. [default: 8]", CLUSTER)
    ] = 8.0,
    join_timeout: Annotated[
        float, option("Seconds that workers wait for each other while they prepare. [default: 60]", CLUSTER)
    ] = 60.0,
    elastic: Annotated[bool, option("Go on without a worker that was lost.", CLUSTER)] = False,
    address: Annotated[
        str | None, option("Address of this machine at which workers on others reach it.", CLUSTER)
    ] = None,
) -> int:
    """Run a script in several processes that train one network together, and watch over them.

    Options of the script follow its name, those of `launch` go before it. When a worker is killed, stopped or
    stuck, all are ended and start again, from the last checkpoint if the script keeps one.

    Example: wengert launch --nodes host1,host2 train.py
    """
    from wengert.cli.commands.launch import run

    return run(
        command,
        nodes,
        workers,
        restarts=restarts,
        timeout=timeout,
        join_timeout=join_timeout,
        elastic=elastic,
        address=address,
    )
