"""What workers do together gives each the same, whatever their number."""

import contextlib
import pickle
import socket
import threading
import time

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.cluster.threads import SECRET, together

from wengert.cluster.block_sums import blocks_of, covered_nodes, joined_sum, tree_sum
from wengert.cluster.channel import prove
from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.rendezvous import Rendezvous, enrol
from wengert.cluster.workers import Workers
from wengert.errors import ConfigurationError, ShapeError, WorkerLostError


@given(st.integers(1, 24), st.data())
def test_a_sum_over_blocks_has_the_same_bits_for_any_number_of_workers(blocks, data):
    size = data.draw(st.integers(1, blocks))
    values = np.random.default_rng(blocks).normal(size=(blocks, 3)).astype(np.float32)
    whole = 0, blocks
    alone = tree_sum(whole, lambda block: values[block].copy())
    known = {
        node: tree_sum(node, lambda block: values[block].copy())
        for rank in range(size)
        for node in covered_nodes(blocks_of(rank, size, blocks), whole)
    }
    assert joined_sum(whole, known).tobytes() == alone.tobytes()
    assert sorted(block for first, last in known for block in range(first, last)) == list(range(blocks))


@pytest.mark.parametrize("count", [5, 20_001])  # in one round, and by slices
def test_workers_add_over_sockets_what_one_adds_alone(count):
    values = np.random.default_rng(0).normal(size=(8, count)).astype(np.float32)

    def total(workers):
        assert workers.all_gather(str(workers.rank).encode()) == [
            b"%d" % rank for rank in range(workers.size)
        ]
        assert bytes(workers.from_first(b"first" if workers.rank == 0 else None)) == b"first"
        workers.agree({"seed": "0"})
        return workers.sum_of_blocks(lambda block: values[block].copy()).tobytes()

    (alone,) = together(1, total)
    assert together(3, total) == [alone] * 3


def test_rows_of_workers_are_neighbours_and_all_there_are():
    for size in (1, 2, 3, 8):
        everyone = [Workers(WorkerIdentity(rank, size, 0, None, "x"), None) for rank in range(size)]
        rows = [row for one in everyone for row in range(101)[one.rows(101)]]
        assert rows == list(range(101))


def test_workers_that_differ_are_refused_and_told_in_what():
    def agree(workers):
        workers.agree({"seed": "0", "rows": str(10 + workers.rank // 2)})

    for error in together(3, agree):
        assert isinstance(error, ConfigurationError)
        assert "worker 2 has rows 11, and worker 0 has 10" in str(error)


def test_a_worker_that_sleeps_or_leaves_is_named():
    def sleep(workers):
        if workers.rank == 1:
            time.sleep(1.0)
            return None
        return workers.sum_of_blocks(lambda block: np.ones(1))

    slept = together(2, sleep, timeout=0.3)[0]
    assert isinstance(slept, WorkerLostError)
    assert slept.ranks == (1,)
    assert "did not answer for 0.3 s" in str(slept)

    def late(workers):
        for prepares in (True, False):
            if workers.rank == 1:
                time.sleep(0.6)
            workers.barrier(prepares=prepares)
            passed[workers.rank] = prepares

    passed = {}
    assert isinstance(together(2, late, timeout=0.3)[0], WorkerLostError)
    assert passed[0] is True  # one that prepares has longer

    left = together(2, lambda workers: None if workers.rank else workers.all_gather(b""))[0]
    assert isinstance(left, WorkerLostError)
    assert left.ranks == (1,)
    assert "is gone" in str(left)


def test_who_does_not_know_the_secret_is_not_let_in():
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 1)
    me = WorkerIdentity(0, 1, 0, None, "x")
    with pytest.raises(
        WorkerLostError, match=r"did not answer within 0.5 s: the other side (has another|closed)"
    ):
        enrol(me, rendezvous.address, b"another secret than that", 8, 0.5)
    assert rendezvous.missing() == (0,)
    with pytest.raises(WorkerLostError, match=r"worker 0 did not join within 0.1 s"):
        rendezvous.gather(0.1)
    rendezvous.close()


def test_a_second_worker_of_a_number_and_one_of_another_version_are_refused(monkeypatch):
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 2)
    refused = []

    def come(rank):
        try:
            enrol(WorkerIdentity(rank, 2, 0, None, "x"), rendezvous.address, SECRET, 8, 5)
        except ConfigurationError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=come, args=(0,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not refused:
        time.sleep(0.01)
    assert refused == ["this process would be worker 0, and another process is that one"]
    monkeypatch.setattr(
        "wengert.cluster.rendezvous.description", lambda *_: {"wengert": "0", "NumPy": np.__version__}
    )
    threads.append(threading.Thread(target=come, args=(1,)))
    threads[-1].start()
    with pytest.raises(ConfigurationError, match=r"do not fit together: worker 1 .* has wengert 0, and"):
        rendezvous.gather(5)
    for thread in threads:
        thread.join(5)
    assert len(refused) == 3
    rendezvous.close()


@pytest.mark.parametrize(
    ("other", "what"),
    [((3, 8), "size 3, and worker 0 .* has 2"), ((2, 4), "blocks 4, and worker 0 .* has 8")],
)
def test_workers_that_count_differently_are_refused(other, what):
    refused = []

    def come(rank, size, blocks):
        me = WorkerIdentity(rank, size, 0, None, "x")
        with pytest.raises(ConfigurationError) as found:
            enrol(me, rendezvous.address, SECRET, blocks, 5)
        refused.append(str(found.value))

    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 2)
    threads = [threading.Thread(target=come, args=given) for given in ((0, 2, 8), (1, *other))]
    for thread in threads:
        thread.start()
    with pytest.raises(ConfigurationError, match=f"do not fit together: worker 1 .* has {what}"):
        rendezvous.gather(5)
    for thread in threads:
        thread.join(5)
    assert len(refused) == 2
    rendezvous.close()


def test_who_has_come_learns_who_has_not():
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 3)
    gather = threading.Thread(target=pytest.raises, args=(WorkerLostError, rendezvous.gather, 0.5))
    gather.start()
    with pytest.raises(WorkerLostError, match=r"workers 0, 2 did not join within 5 s"):
        enrol(WorkerIdentity(1, 3, 0, None, "x"), rendezvous.address, SECRET, 8, 5)
    gather.join()
    rendezvous.close()


def test_strangers_in_crowds_keep_nobody_away(monkeypatch):
    # They say nothing, and each holds a thread and a descriptor until it is dropped.
    monkeypatch.setattr("wengert.cluster.channel._STRANGERS", 8)
    before = threading.active_count()
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, 1)
    strangers = [socket.create_connection(rendezvous.address) for _ in range(100)]
    gather = threading.Thread(target=rendezvous.gather, args=(5,))
    gather.start()
    meeting = enrol(WorkerIdentity(0, 1, 0, None, "x"), rendezvous.address, SECRET, 8, 5)
    gather.join()
    assert threading.active_count() - before < 20
    for one in [*strangers, meeting.connection, meeting.listener]:
        one.close()
    rendezvous.close()


def test_a_stranger_who_sends_slowly_has_as_little_time_as_one_who_is_silent(monkeypatch):
    monkeypatch.setattr("wengert.cluster.channel._PROOF", 0.3)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sent = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not sent.wait(0.1):
                    theirs.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        # If each byte had that long to come, all of them would, and be refused as another secret.
        with pytest.raises(ConnectionError, match="did not prove in time"):
            prove(ours, SECRET, accepted=True)
        sent.set()
        thread.join()


def test_after_a_loss_nobody_is_waited_for_again():
    class Silent:
        address, waits = "127.0.0.1", 0

        def exchange(self, messages, seconds):
            self.waits += 1
            raise WorkerLostError("worker 1 did not answer", (1,))

    silent = Silent()
    workers = Workers(WorkerIdentity(0, 2, 0, None, "x"), silent)
    with pytest.raises(WorkerLostError, match="worker 1 did not answer"):
        workers.sums_of_blocks([lambda block: np.ones(3)] * 2)
    with pytest.raises(WorkerLostError, match="worker 1 did not answer"):
        workers.all_gather(b"")
    assert silent.waits == 1


def test_what_is_no_number_of_rows_or_no_row_of_values_is_refused():
    alone = Workers(WorkerIdentity(0, 1, 0, None, "x"), None)
    for total in (-1, 2.5, "9", True):
        with pytest.raises(ConfigurationError, match="the total is a whole number"):
            alone.rows(total)
    with pytest.raises(ConfigurationError, match="7 rows cannot be divided into 8 blocks"):
        alone.rows(7)
    assert alone.rows(8) == slice(0, 8)
    with pytest.raises(ShapeError, match=r"an array of one axis, got shape \(2, 2\)"):
        alone.sum_of_blocks(lambda block: np.ones((2, 2)))


def test_more_workers_than_blocks_are_refused():
    with pytest.raises(
        ConfigurationError, match=r"there are 3 workers and a batch has 2 blocks.*blocks=3 or more"
    ):
        Workers(WorkerIdentity(0, 3, 0, None, "x"), None, blocks=2)
    alone = Workers(WorkerIdentity(0, 1, 0, None, "x"), None)
    assert repr(alone) == "<worker 0 of 1, with blocks 0 to 7>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(alone)
