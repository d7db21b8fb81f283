"""Schedulers say by their variables which worker a process is."""

import pytest

from wengert.cluster.identity import address_of, first_host, identify
from wengert.errors import ConfigurationError

SLURM = {
    "SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "17",
    "SLURM_STEP_ID": "2", "SLURM_STEP_NODELIST": "node[07-08]",
}  # fmt: skip
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "2", "WENGERT_SIZE": "3", "HOSTNAME": "fit-2.fit.default.svc"}
OURS = {
    "WENGERT_RANK": "1", "WENGERT_SIZE": "2", "WENGERT_LOCAL_RANK": "1", "WENGERT_COORDINATOR": "10.0.0.1:7",
    "WENGERT_SUPERVISED": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1, 0, None, "alone")),
        (SLURM, (3, 4, 1, "node07:20529", "Slurm")),
        (SLURM | {"WENGERT_COORDINATOR": "a:1"}, (3, 4, 1, "a:1", "Slurm")),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1, 0, None, "alone")),  # the script of `sbatch`
        (OPEN_MPI, (1, 2, 0, None, "Open MPI")),
        (OPEN_MPI | SLURM, (1, 2, 0, None, "Open MPI")),  # mpirun within a job
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2, 0, None, "PMI")),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"} | SLURM, (3, 4, 1, "node07:20529", "Slurm")),
        (KUBERNETES, (2, 3, 0, "fit-0.fit.default.svc:29500", "Kubernetes")),
        ({"JOB_COMPLETION_INDEX": "2"}, (0, 1, 0, None, "alone")),  # tasks that are independent
        (OURS | SLURM, (1, 2, 1, "10.0.0.1:7", "wengert launch")),
    ],
)
def test_variables_say_which_worker_a_process_is(environment, expected):
    found = identify(environment)
    assert (found.rank, found.size, found.local_rank, found.coordinator, found.source) == expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (SLURM | {"SLURM_PROCID": "x"}, "SLURM_PROCID is a whole number, got 'x'"),
        (
            SLURM | {"SLURM_PROCID": "4"},
            "Slurm says that this is worker 4 of 4; workers are numbered from 0 to 3",
        ),
        ({"WENGERT_RANK": "0", "WENGERT_SIZE": "2"}, "WENGERT_COORDINATOR is not"),
        ({"WENGERT_RANK": "0"}, "WENGERT_SIZE is missing; it says which"),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, "OMPI_COMM_WORLD_RANK"),
        (SLURM | {"SLURM_STEP_NODELIST": "[]"}, "cannot be read; set WENGERT_COORDINATOR"),
    ],
)
def test_variables_that_make_no_sense_are_named(environment, message):
    with pytest.raises(ConfigurationError, match="(?s)" + message.replace("(", r"\(")):
        identify(environment)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("a", "a"), ("a,b", "a"), ("n[03-05,9],m1", "n03"), ("n[1,4]-x,b", "n1-x"), ("a-1,b[2]", "a-1")],
)
def test_the_first_machine_of_a_list(nodes, first):
    assert first_host(nodes) == first


def test_a_coordinator_is_host_and_port():
    assert address_of("host:80") == ("host", 80)
    assert address_of("[::1]:80") == ("::1", 80)
    for wrong in ("host", "host:", ":80", "host:70000", "host:x"):
        with pytest.raises(ConfigurationError, match="host:port"):
            address_of(wrong)
