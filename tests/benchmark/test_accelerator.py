"""The benchmark of accelerators runs anywhere, and all that it times arrives at the same parameters."""

import importlib.util
import statistics

import pytest

pytest.importorskip("jax", reason="the XLA executor is measured beside JAX")

from benchmarks.accelerator import BY_HAND, COMPILED, EAGER, OURS, accelerator, table  # needs JAX


@pytest.fixture(scope="module")
def document():
    # Compiling with PyTorch takes a minute and is the same code.
    return accelerator("DL", 300, True, lambda line: None, without=(COMPILED,))


def test_all_arrive_at_the_same_parameters(document):
    assert not document["failures"]
    expected = {OURS, BY_HAND} | ({EAGER} if importlib.util.find_spec("torch") else set())
    for network in document["networks"]:
        assert network["apart"].keys() == expected
        assert max(network["apart"].values()) < 1e-5
        assert all(min(turns) > 0 for turns in network["seconds"].values())


def test_the_table_names_device_and_ratio(document):
    shown = table(document).markdown()
    assert "Training by Adam on cpu" in shown
    for network in document["networks"]:
        ours, other = (statistics.median(network["seconds"][name]) for name in (OURS, BY_HAND))
        (line,) = [line for line in shown.splitlines() if network["description"] in line]
        assert f"| {ours / other:.2f} |" in line
    assert document["machine"]["device of JAX"].startswith("cpu")


def test_what_there_is_no_time_for_is_said():
    document = accelerator("D", 0, True, lambda line: None)
    assert len(document["failures"]) in (2, 4)
    assert all("no time was left for" in line for line in document["failures"])
    assert "—" in table(document).markdown()
