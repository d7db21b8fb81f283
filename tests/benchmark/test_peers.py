"""All do the same work: from the same start, over the same rows, they arrive at the same parameters."""

import numpy as np
import pytest

from wengert.benchmark.configurations import RULES, Configuration
from wengert.benchmark.peers import OURS, PEERS

CONFIGURATIONS = [
    Configuration("classes", (6, 5, 4, 3), 4, 6),
    Configuration("sigmoid", (2, 4, 1), 1, 12, "sigmoid"),
]
# scikit-learn draws its own parameters and order; compiling with PyTorch takes a minute and is the same code.
COMPARED = [peer for name, peer in PEERS.items() if name not in ("scikit-learn", "pytorch-compiled")]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("peer", COMPARED, ids=lambda peer: peer.name)
def test_every_peer_arrives_at_the_same_parameters(peer, configuration, rule):
    pytest.importorskip(peer.package)
    ours = OURS.candidates(configuration, rule, 1)[0].train(2)
    assert ours.steps == 2 * configuration.steps
    moved = [
        np.abs(after - before).max()
        for after, before in zip(ours.parameters, _flat(configuration.initial()), strict=True)
    ]
    assert min(moved) > 1e-4
    for candidate in peer.candidates(configuration, rule, 1):
        theirs = candidate.train(2)
        assert (theirs.steps, theirs.seconds > 0) == (ours.steps, True)
        for mine, other in zip(ours.parameters, theirs.parameters, strict=True):
            np.testing.assert_allclose(other, mine, rtol=1e-4, atol=1e-6, err_msg=candidate.settings)


def _flat(layers):
    return [array for layer in layers for array in layer]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda one: one.name)
def test_scikit_learn_trains_the_same_network(configuration):
    (candidate,) = PEERS["scikit-learn"].candidates(configuration, "SGD", 1)
    trained = candidate.train(1)
    assert [array.shape for array in trained.parameters] == [
        array.shape for array in _flat(configuration.initial())
    ]


def test_operations_and_bytes_of_a_step():
    one = Configuration("one", (3, 5, 2), 7, 1)
    # 7 rows: forward, gradient of the weights; for the second layer that of its input as well.
    assert one.flops == 2 * 7 * (2 * 3 * 5 + 3 * 5 * 2)
    assert one.state_bytes("SGD") == 4 * (3 * 5 + 5 + 5 * 2 + 2)
    assert one.state_bytes("Adam") == 3 * one.state_bytes("SGD")
    parameters = one.state_bytes("SGD")
    assert (one.bytes_read("SGD"), one.bytes_read("Adam")) == (2 * parameters, 4 * parameters)
