"""`wengert launch` starts workers, shows what they print, and starts them again when one is lost."""

import os
import signal
import subprocess
import sys
import time

import pytest

from wengert.cli import main
from wengert.cli.commands.launch import script_apart
from wengert.cluster import supervisor
from wengert.cluster.processes import Slot, WorkerProcess
from wengert.cluster.supervisor import Job, _Attempt, _Reserve, slots_of, supervise
from wengert.errors import ConfigurationError

# Adds; the last worker does what the argument says, but only the first time.
SCRIPT = """
import os, signal, sys, time
import numpy as np
from wengert import cluster

mark, what = sys.argv[1:]
workers = cluster.join()
assert cluster.join() is workers
workers.all_gather(b"")
total = workers.sum_of_blocks(lambda block: np.full(3, 1.0))[0]
if workers.rank == workers.size - 1 and not os.path.exists(mark):
    open(mark, "w").close()
    if what == "raise":
        raise ValueError("the script's own")
    if what == "sleep":
        time.sleep(60)
    if what == "end":
        sys.exit()
    os.kill(os.getpid(), getattr(signal, what, 40))
workers.sum_of_blocks(lambda block: np.ones(1))
print("sum", total, "of", workers.size)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return str(path)


def run(script, what, **options):
    said = []
    mark = os.path.join(os.path.dirname(script), "mark")
    job = Job(slots_of(["localhost"], 2), (script, mark, what), timeout=2.0, **options)
    return supervise(job, said.append), "; ".join(said)


def test_workers_start_again_after_one_was_killed(script, capfd):
    code, said = run(script, "SIGKILL")
    assert code == 0
    assert "worker 1 on localhost was ended by SIGKILL; all were ended, and 2 start again" in said
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["[0] sum 8.0 of 2", "[1] sum 8.0 of 2"]
    assert "[0] worker 1 on" in err
    assert "Traceback" not in err


READY = """
import sys
ready = "colorsys" in sys.modules
import os, signal, time
from wengert import cluster

cluster.join()
print("ready", ready, os.getpid())
if not ready:
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_for_a_restart_have_their_modules_and_end_with_the_job(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(supervisor, "_SETTLED", 0.0)
    started = []

    def start(slot, modules=(), usual=WorkerProcess.start):
        started.append(usual(slot, modules))
        return started[-1]

    monkeypatch.setattr(WorkerProcess, "start", staticmethod(start))
    script = tmp_path / "script.py"
    script.write_text(READY)
    job = Job(slots_of(["localhost"], 1), (str(script),), modules=("colorsys",))
    assert supervise(job, lambda what: None) == 0
    first, second, *spare = started
    out = capfd.readouterr().out.splitlines()
    assert out == [f"[0] ready False {first.process.pid}", f"[0] ready True {second.process.pid}"]
    assert all(one.process.returncode is not None for one in (first, second, *spare))


# Of a worker that is stopped, the supervisor misses the signs of life, and the other worker its part of the
# sum; either may be the first to notice.
@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        ("SIGSTOP", ("showed no sign of life for 2 s", "did not answer the others")),
        ("sleep", ("did not answer the others",)),
    ],
)
def test_a_worker_that_stands_still_is_noticed_and_left_out_where_wanted(script, what, reasons, capfd):
    code, said = run(script, what, elastic=True)
    assert code == 0
    assert any(f"worker 1 on localhost {reason}" in said for reason in reasons)
    assert "and 1 start again" in said
    assert "[0] sum 8.0 of 1" in capfd.readouterr().out


def test_an_error_of_the_script_comes_once_and_its_exit_code_is_returned(script, capfd):
    code, said = run(script, "raise")
    assert code == 1
    assert said == "worker 1 on localhost failed with exit code 1; all workers were ended"
    err = capfd.readouterr().err
    assert "[1] ValueError: the script's own" in err
    assert "worker_process.py" not in err  # its lines say nothing to who wrote the script
    assert "runpy" not in err


def test_who_was_killed_is_at_fault_and_not_who_fails_for_it():
    attempt = _Attempt(Job(slots_of(["localhost"], 3), ("x.py",)), _Reserve(()), is_last=True)
    try:
        loss = attempt._loss([1, None, -signal.SIGKILL])
    finally:
        attempt.end()
    assert loss.again
    assert loss.ranks == (2,)
    assert loss.what == "worker 2 on localhost was ended by SIGKILL"


@pytest.mark.parametrize(("what", "number", "name"), [("SIGKILL", 9, "SIGKILL"), ("40", 40, "signal 40")])
def test_restarts_come_to_an_end(script, what, number, name):
    code, said = run(script, what, restarts=0)
    assert code == 128 + number
    assert said == f"worker 1 on localhost was ended by {name}; all workers were ended"


def test_a_worker_that_comes_to_its_end_before_the_others_is_named(script):
    code, said = run(script, "end", restarts=0)
    assert code == 75
    what = "worker 1 on localhost came to the end of the script before the others"
    assert said == f"{what}; all workers were ended"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (("no.py",), "there is no script no.py in"),
        (("-m", "no.module"), "there is no module 'no.module', from"),
        (("-m",), "there is no module '', from"),
    ],
)
def test_a_script_that_is_not_there_is_named_without_a_traceback(command, what, capfd):
    assert supervise(Job(slots_of(["localhost"], 1), command), print) == 1
    err = capfd.readouterr().err
    assert what in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_all_end_with_their_supervisor_and_leave_no_lock(tmp_path, number):
    path = tmp_path / "sleep.py"
    path.write_text(
        "import os, time\nfrom pathlib import Path\nfrom wengert.storage import claimed\n"
        "with claimed(Path(os.environ['WENGERT_RANK'])):\n"
        "    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "wengert", "launch", "--workers", "2", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    numbers = [int(process.stdout.readline().split()[1]) for _ in range(2)]
    assert len(list(tmp_path.glob(".*.lock"))) == 2
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    if number == signal.SIGKILL:
        assert process.returncode == -9
    else:
        assert process.returncode == 130
        assert "interrupted; all workers were ended" in err
    end = time.monotonic() + 5
    while any(_lives(one) for one in numbers) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(_lives(one) for one in numbers)
    assert not list(tmp_path.glob(".*.lock"))


def _lives(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_that_do_not_join_are_named_and_started_again(tmp_path):
    # One that is stopped while it starts looks like this.
    path = tmp_path / "late.py"
    path.write_text(
        "import os, time\nfrom wengert import cluster\n"
        "time.sleep(60) if os.environ['WENGERT_RANK'] == '1' else cluster.join()\n"
    )
    said = []
    job = Job(slots_of(["localhost"], 2), (str(path),), join_timeout=0.5, restarts=1)
    assert supervise(job, said.append) == 75
    what = "worker 1 on localhost did not join within 0.5 s"
    assert said == [
        f"{what}; all were ended, and 2 start again from the last checkpoint (restart 1 of 1)",
        f"{what}; all workers were ended after 1 restart",
    ]


def test_places_and_jobs_that_make_no_sense_are_refused():
    assert slots_of(["a", "localhost"], 2) == (
        Slot("a", 0, 2), Slot("a", 1, 2), Slot("localhost", 0, 2), Slot("localhost", 1, 2)
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="node a is named twice"):
        slots_of(["a", "a"], 1)
    with pytest.raises(ConfigurationError, match="--nodes takes names"):
        slots_of([""], 1)
    with pytest.raises(ConfigurationError, match="SSH would read -oProxyCommand=id as an option"):
        slots_of(["-oProxyCommand=id"], 1)
    with pytest.raises(ConfigurationError, match="workers"):
        slots_of(["a"], 0)
    with pytest.raises(ConfigurationError, match="which script is to run"):
        Job((), ())
    with pytest.raises(ConfigurationError, match="restarts"):
        Job((), ("a.py",), restarts=-1)
    with pytest.raises(ConfigurationError, match=r"the machine no-such-host.invalid cannot be found"):
        supervise(Job(slots_of(["no-such-host.invalid"], 1), ("a.py",)), print)
    with pytest.raises(ConfigurationError, match=r"workers cannot meet at 192.0.2.1"):
        supervise(Job(slots_of(["localhost"], 1), ("a.py",), address="192.0.2.1"), print)


def test_options_after_the_script_are_its_own(capsys):
    assert script_apart(["launch", "--workers", "2", "a.py", "--workers", "3"]) == [
        "launch", "--workers", "2", "--", "a.py", "--workers", "3"
    ]  # fmt: skip
    assert script_apart(["launch", "--elastic", "--nodes=a", "-m", "b"]) == [
        "launch", "--elastic", "--nodes=a", "--", "-m", "b"
    ]  # fmt: skip
    assert script_apart(["launch", "--", "a.py"]) == ["launch", "--", "a.py"]
    assert main(["launch", "--workers", "2"]) == 2
    assert "which script is to run" in capsys.readouterr().err
