"""Workers that are threads of the test, over real sockets of this machine."""

import contextlib
import threading

from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.rendezvous import Rendezvous, enrol
from wengert.cluster.transport import SocketTransport
from wengert.cluster.workers import Workers

SECRET = b"a secret of the tests"


def together(size, work, *, blocks=8, timeout=5.0):
    """Return what each worker returned, or raised, from ``work(workers)``."""
    rendezvous = Rendezvous(("127.0.0.1", 0), SECRET, size)
    results = [None] * size

    def run(rank):
        me = WorkerIdentity(rank, size, rank, None, "the test")
        try:
            meeting = enrol(me, rendezvous.address, SECRET, blocks, 10)
            transport = SocketTransport(rank, meeting, SECRET, 10)
            workers = Workers(me, transport, blocks=blocks, timeout=timeout, join_timeout=10)
            try:
                results[rank] = work(workers)
            finally:
                workers.close()
                meeting.connection.close()
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(Exception):  # the workers say it
        rendezvous.gather(10)
    for thread in threads:
        thread.join(30)
    rendezvous.close()
    return results
