"""A worker that is killed while it trains leaves no trace in the weights."""

from wengert import cluster
from wengert.cluster.identity import WorkerIdentity
from wengert.cluster.supervisor import Job, slots_of, supervise
from wengert.cluster.workers import Workers

ALONE = Workers(WorkerIdentity(0, 1, 0, None, "x"), None)

SCRIPT = """
import hashlib, os, signal, sys
import numpy as np
from wengert import cluster, nn, optim, train

workers = cluster.join()

class Fault(train.Callback):
    def on_epoch_end(self, state):
        last = workers.rank + 1 == workers.size == 2
        if last and state.history[-1].epoch == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

X = np.random.default_rng(0).normal(size=(200, 4))
net = nn.Sequential(nn.Dense(4, 8, "tanh"), nn.Dropout(0.2), nn.Dense(8, 1)).initialise(seed=0)
result = train.fit(
    net, X, X[:, :1] * X[:, 1:2], loss="half_squared_error", optimizer=optim.Adam(0.01), epochs=6,
    batch_size=32, workers=workers, callbacks=[Fault()], executor="numpy", progress=False,
    checkpoint=train.Checkpoint(mark + ".checkpoint", seconds=0, asynchronous=True),
)
arrays = nn.parameters(result.net).values()
weights = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
print("weights", weights)
"""


def test_the_weights_are_those_of_a_run_without_the_fault(tmp_path, capfd, monkeypatch):
    script, mark = tmp_path / "train.py", tmp_path / "mark"
    script.write_text(f"mark = {str(mark)!r}\n{SCRIPT}")
    said = []
    assert supervise(Job(slots_of(["localhost"], 2), (str(script),)), said.append) == 0
    assert len(said) == 1
    assert "worker 1 on localhost was ended by SIGKILL" in said[0]
    monkeypatch.setattr(cluster, "join", lambda: ALONE)
    alone = {"mark": str(tmp_path / "other")}
    exec(SCRIPT, alone)
    out = capfd.readouterr().out.splitlines()
    weights = f"weights {alone['weights']}"
    assert sorted(out) == [f"[0] {weights}", f"[1] {weights}", weights]
