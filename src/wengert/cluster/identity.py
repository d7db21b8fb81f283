"""Which worker this process is, from the variables that schedulers set."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from wengert.errors import ConfigurationError

# Slurm gives no port, so it follows from the job: two jobs at one node then rarely meet.
_FIRST_PORT, _PORTS = 20_000, 12_000
_KUBERNETES_PORT = 29_500


@dataclass(frozen=True)
class WorkerIdentity:
    """Which of the workers a process is.

    Attributes
    ----------
    rank : int
        From 0.
    size : int
        How many there are.
    local_rank : int
        Its number among those on its machine.
    coordinator : str or None
        Where they find each other, ``host:port``; None where the launcher sees to that.
    source : str
        Who said so: ``"wengert launch"``, ``"Open MPI"``, ``"PMI"``, ``"Slurm"``, ``"Kubernetes"``,
        ``"WENGERT_RANK"``, or ``"alone"``.
    """

    rank: int
    size: int
    local_rank: int
    coordinator: str | None
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.size:
            raise ConfigurationError(
                f"{self.source} says that this is worker {self.rank} of {self.size}; "
                f"workers are numbered from 0 to {self.size - 1}"
            )

    @property
    def uses_mpi(self) -> bool:
        """Whether an MPI library started the process."""
        return self.source in ("Open MPI", "PMI")


def identify(environment: Mapping[str, str]) -> WorkerIdentity:
    """Return which worker a process with these variables is.

    What is set for this library comes first, then what starts processes within a job (MPI), then the job
    (Slurm, Kubernetes). ``WENGERT_COORDINATOR`` replaces the place of meeting that would follow.

    Parameters
    ----------
    environment : mapping of str to str
        That of the process: `os.environ`.

    Raises
    ------
    ConfigurationError
        When a variable is no number, or one that belongs to another is missing.
    """
    for known in (_ours, _open_mpi, _pmi, _slurm, _kubernetes):
        found = known(environment)
        if found is not None:
            return found
    return WorkerIdentity(0, 1, 0, None, "alone")


def _ours(environment: Mapping[str, str]) -> WorkerIdentity | None:
    if "WENGERT_RANK" not in environment:
        return None
    rank, size = (_number(environment, f"WENGERT_{name}") for name in ("RANK", "SIZE"))
    local = _number(environment, "WENGERT_LOCAL_RANK", 0)
    source = "wengert launch" if "WENGERT_SUPERVISED" in environment else "WENGERT_RANK"
    return WorkerIdentity(rank, size, local, _coordinator(environment, None), source)


def _open_mpi(environment: Mapping[str, str]) -> WorkerIdentity | None:
    if "OMPI_COMM_WORLD_SIZE" not in environment:
        return None
    rank, size, local = (
        _number(environment, f"OMPI_COMM_WORLD_{name}") for name in ("RANK", "SIZE", "LOCAL_RANK")
    )
    return WorkerIdentity(rank, size, local, environment.get("WENGERT_COORDINATOR"), "Open MPI")


def _pmi(environment: Mapping[str, str]) -> WorkerIdentity | None:
    # Slurm sets these as well; it is then Slurm that knows the machines.
    if "PMI_SIZE" not in environment or "SLURM_PROCID" in environment:
        return None
    rank, size = _number(environment, "PMI_RANK"), _number(environment, "PMI_SIZE")
    local = _number(environment, "MPI_LOCALRANKID", 0)
    return WorkerIdentity(rank, size, local, environment.get("WENGERT_COORDINATOR"), "PMI")


def _slurm(environment: Mapping[str, str]) -> WorkerIdentity | None:
    if "SLURM_PROCID" not in environment or "SLURM_STEP_NODELIST" not in environment:
        return None  # a shell of the job, and no task of `srun`
    rank, size = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_NTASKS")
    job, step = (_number(environment, name, 0) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    host = first_host(environment["SLURM_STEP_NODELIST"])
    port = _FIRST_PORT + (31 * job + step) % _PORTS
    local = _number(environment, "SLURM_LOCALID", 0)
    return WorkerIdentity(rank, size, local, _coordinator(environment, f"{host}:{port}"), "Slurm")


def _kubernetes(environment: Mapping[str, str]) -> WorkerIdentity | None:
    # The index alone says nothing of workers: an indexed job may as well have tasks that are independent.
    if "JOB_COMPLETION_INDEX" not in environment or "WENGERT_SIZE" not in environment:
        return None
    rank, size = _number(environment, "JOB_COMPLETION_INDEX"), _number(environment, "WENGERT_SIZE")
    # A pod of an indexed job is called after the job and its index, and so is its host.
    name, dot, domain = environment.get("HOSTNAME", socket.getfqdn()).partition(".")
    first = re.sub(r"-\d+$", "-0", name) + dot + domain
    default = f"{first}:{_KUBERNETES_PORT}"
    return WorkerIdentity(rank, size, 0, _coordinator(environment, default), "Kubernetes")


def _coordinator(environment: Mapping[str, str], default: str | None) -> str:
    found = environment.get("WENGERT_COORDINATOR", default)
    if found is None:
        raise ConfigurationError("WENGERT_RANK is set and WENGERT_COORDINATOR is not; set it to host:port")
    return found


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.strip().isdecimal():
        found = "is missing" if text is None else f"is a whole number, got {text!r}"
        raise ConfigurationError(
            f"the environment variable {name} {found}; it says which of the workers this process is"
        )
    return int(text)


def first_host(nodes: str) -> str:
    """Return the first machine of a list as Slurm writes it: ``"n[03-05,9],m1"`` begins with ``n03``."""
    found = re.match(r"([^,\[\]]+)(?:\[(\d+)[^\]]*\]([^,\[\]]*))?", nodes)
    if found is None:
        raise ConfigurationError(f"the list of machines {nodes!r} cannot be read; set WENGERT_COORDINATOR")
    return "".join(part or "" for part in found.groups())


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``.

    Raises
    ------
    ConfigurationError
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigurationError(f"a coordinator is given as host:port, got {text!r}")
    return host.strip("[]"), int(port)
