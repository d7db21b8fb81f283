"""What processes that share a mesh of devices agree about, without the devices."""

import numpy as np
import pytest

from wengert.errors import ModelFileError
from wengert.train.inputs import Rows
from wengert.train.parallel.own_rows import OwnRows
from wengert.train.parallel.shared_checkpoint import SharedCheckpoint, checkpoint_of
from wengert.train.steps.state import State

X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)


class Mesh:
    """Of two processes; `others` is what the other one has, or the first has said."""

    parts = processes = holders = 2

    def __init__(self, rank, others):
        self.rank, self.others = rank, others

    def compile(self, program):
        raise NotImplementedError

    def compile_over_rows(self, program, rows):
        raise NotImplementedError

    def check_batch(self, rows):
        raise NotImplementedError

    def gathered(self, numbers):
        return np.stack([numbers, np.array(self.others)])

    def from_first(self, data):
        return data if self.rank == 0 else self.others


def test_rows_of_any_process_identify_a_run():
    def identity(rows, others):
        return OwnRows(rows.features, rows.targets, rows.weights, Mesh(0, others)).identity()

    rows, other = Rows(X, y, None), Rows(X + 1, y, None)
    known = identity(rows, [1, 2])
    assert known == identity(rows, [1, 2])
    assert known["data"] != identity(rows, [3, 2])["data"]
    assert known["data"] != identity(other, [1, 2])["data"]
    assert known["sample_weight"] == identity(other, [1, 2])["sample_weight"]


def test_the_first_process_keeps_the_checkpoint(tmp_path):
    path, carry = tmp_path / "run", (np.ones(3),)

    def shared(rank, said=b""):
        found = checkpoint_of(path, None, Mesh(rank, said))
        assert isinstance(found, SharedCheckpoint)
        return found

    def loaded(checkpoint):
        return checkpoint.load(State((np.zeros(3),)), ("w",), {"seed": "0"}, network=1, batches=4)

    shared(1).save(State(carry), ("w",), {"seed": "0"})
    assert not path.exists()
    assert loaded(shared(0)) is None
    assert loaded(shared(1)) is None
    shared(0).save(State(carry, batch=2), ("w",), {"seed": "0"})
    whole = path.read_bytes()
    path.unlink()  # of another machine
    assert loaded(shared(1, b"+" + whole)).batch == 2
    path.write_bytes(b"torn")
    for checkpoint in (shared(0), shared(1, b"+torn")):
        with pytest.raises(ModelFileError, match=r"damaged.*Restore it from a copy, or delete it"):
            loaded(checkpoint)
    path.unlink()
    path.mkdir()
    said = shared(0)._found()
    for rank in (0, 1):
        with pytest.raises(ModelFileError, match="run is a directory"):
            loaded(shared(rank, said))
