"""Turns, ratios and tables, with candidates whose times are known."""

import signal
import threading
import time

import pytest

from wengert.benchmark import suite, turns
from wengert.benchmark.candidate import Candidate, Training
from wengert.benchmark.configurations import CONFIGURATIONS, Configuration
from wengert.benchmark.peers import PEERS, numpy_by_hand
from wengert.benchmark.suite import Measurement, Result, measure
from wengert.benchmark.tables import record, tables
from wengert.run.llvm.profile.machine_limits import MachineLimits

RATES = {2**14: 400e9, 2**18: 100e9, 2**27: 10e9}
LIMITS = MachineLimits(2, {4: 200e9, 8: 50e9}, RATES, RATES)


def result(times):
    """A result of the peers' seconds a step, in configurations A and B with SGD."""
    found = Result(
        {"processor": "P"}, 2, LIMITS, LIMITS, [CONFIGURATIONS[name] for name in "AB"],
        [PEERS[name] for name in times],
    )  # fmt: skip
    for peer, (in_a, in_b) in times.items():
        found.measurements += [
            Measurement("A", "SGD", peer, "s", [in_a]),
            Measurement("B", "SGD", peer, "s", [in_b]),
        ]
    return found


def test_every_candidate_has_a_turn_in_every_round_and_follows_different_neighbours(monkeypatch):
    monkeypatch.setattr(turns, "PAUSE", 0)
    taken = []

    def turn(name, figure):
        return lambda: taken.append(name) or figure

    figures = turns.interleaved(
        {name: turn(name, figure) for name, figure in zip("abc", (1, 2, 3), strict=True)}, 3
    )
    assert figures == {"a": [1] * 3, "b": [2] * 3, "c": [3] * 3}
    assert taken == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_a_ratio_whose_range_is_larger_than_itself_is_refused():
    steady, wild = turns.ratio([1, 1.1, 1.2], [2, 2, 2]), turns.ratio([1, 9, 1, 9], [2, 2, 9, 2])
    assert (steady.minimum, steady.median) == (0.5, 0.55)
    assert steady.range == pytest.approx(0.05)
    assert not steady.is_noise
    assert wild.is_noise
    found = result({"wengert": (1e-6, 2e-6), "numpy": (4e-6, 32e-6)})
    found.measurements[1] = Measurement("B", "SGD", "wengert", "s", [1e-6, 2e-6, 90e-6])
    found.measurements[3] = Measurement("B", "SGD", "numpy", "s", [30e-6] * 3)
    ratios = tables(found)[1]
    assert [row[2] for row in ratios.rows] == ["0.25", "noise"]
    assert ratios.title.endswith("noise: the range of the ratio is larger than itself")
    assert found.mean_ratio("numpy", "AB", ["SGD"]) is None


def test_one_thread_is_timed_by_the_processor_and_several_by_the_clock():
    assert turns.clock_of(1) is time.process_time
    assert turns.clock_of(2) is time.perf_counter


def test_the_share_of_the_cores_falls_where_threads_wait_for_each_other(monkeypatch):
    assert 0 < turns.share_of_cores(2) <= 1
    lock = threading.Lock()

    def one_at_a_time(*arguments):
        with lock:
            time.sleep(0.02)

    monkeypatch.setattr(turns.hashlib, "pbkdf2_hmac", one_at_a_time)
    assert turns.share_of_cores(2) < turns.QUIET


def test_a_turn_lasts_long_enough_to_be_measured():
    calls = []
    turn = turns.repeated(lambda: calls.append(time.sleep(0.002)), threads=2, least=0.02)
    before = len(calls)
    assert 0.002 <= turn() < 1
    assert len(calls) > before + 1


def test_ratios_and_means():
    found = result({"wengert": (1e-6, 2e-6), "numpy": (4e-6, 32e-6), "jax-loop": (2e-6, 2e-6)})
    assert found.ratio("B", "SGD", "numpy").median == 1 / 16
    assert found.mean_ratio("numpy", "AB", ["SGD"]) == pytest.approx(1 / 8)
    assert found.mean_ratio("jax-loop", "B", ["SGD"]) == pytest.approx(1)
    assert found.mean_ratio("numpy", "AB", ["SGD", "Adam"]) is None
    assert found.ratio("A", "SGD", "pytorch") is None


def test_the_limit_is_products_or_traffic():
    found = result({"wengert": (1e-6, 2e-6)})
    large = Configuration("large", (784, 2048, 2048, 10), 512, 1)
    assert found.roofline(large, "SGD") == large.flops / 200e9
    one = CONFIGURATIONS["B"]  # parameters of 407 kB: read twice, written once; with Adam seven times as much
    assert found.roofline(one, "SGD") == 3 * one.state_bytes("SGD") / 100e9
    assert found.roofline(one, "Adam") == 7 * one.state_bytes("SGD") / 100e9


def test_tables_show_what_was_measured():
    shown = tables(result({"wengert": (1e-6, 2e-6), "numpy": (4e-6, 32e-6)}))
    assert [table.headers[2:] for table in shown][:2] == [
        ("wengert", "NumPy", "limit"),
        ("NumPy", "of the limit"),
    ]
    assert [row[:4] for row in shown[0].rows] == [
        ("A 2–4–1 sigmoid, batch 1", "SGD", "1 (1, ±0%)", "4 (4, ±0%)"),
        ("B 784–128–10 relu, batch 1", "SGD", "2 (2, ±0%)", "32 (32, ±0%)"),
    ]
    assert [row[2] for row in shown[1].rows] == ["0.25", "0.062"]
    assert "| A 2–4–1 sigmoid, batch 1 | SGD | 1 (1, ±0%) | 4 (4, ±0%) |" in shown[0].markdown()


def test_a_peer_that_fails_is_named_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(suite, "machine_limits", lambda threads: LIMITS)
    monkeypatch.setattr(suite, "TURN", 0.001)
    tiny = Configuration("tiny", (2, 3, 2), 2, 2)

    def broken(configuration, rule, threads):
        raise RuntimeError("no compiler\nand more")

    monkeypatch.setattr(numpy_by_hand, "candidates", broken)
    peers = [PEERS["wengert-numpy"], PEERS["numpy"]]
    lines = []
    found = measure([tiny], peers, 1, 3, lines.append, ["SGD"])
    assert found.failures == ["NumPy, tiny with SGD: no compiler"]
    (only,) = found.measurements
    assert (only.peer, len(only.seconds), only.spread) == (
        "wengert-numpy",
        3,
        turns.Spread.of(only.seconds),
    )
    assert record(found)["measurements"][0]["median"] == only.spread.median
    assert lines[-1] == "tiny with SGD: 3 rounds"


def test_ctrl_c_keeps_what_is_complete(monkeypatch):
    monkeypatch.setattr(suite, "machine_limits", lambda threads: LIMITS)
    monkeypatch.setattr(suite, "TURN", 0.001)
    tiny = Configuration("tiny", (2, 3, 2), 2, 2)

    def report(line):
        if line.startswith("tiny with Adam"):
            raise KeyboardInterrupt

    found = measure([tiny], [PEERS["wengert-numpy"]], 1, 1, report)
    assert found.interrupted
    assert [(one.configuration, one.rule) for one in found.measurements] == [("tiny", "SGD")]


def test_ctrl_c_that_a_library_takes_for_itself_ends_the_measurement_all_the_same(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(suite, "machine_limits", lambda threads: LIMITS)
    trained = []

    def train(epochs):
        trained.append(epochs)
        try:
            if len(trained) == 3:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass
        return Training(1.0, 1, [])

    def candidates(configuration, rule, threads):
        return [Candidate("settings", train)]

    monkeypatch.setattr(numpy_by_hand, "candidates", candidates)
    try:
        found = measure([CONFIGURATIONS["A"]], [PEERS["numpy"]], 1, 5, lambda line: None)
    finally:
        assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    assert found.interrupted
    assert len(trained) == 3
    assert found.measurements == []
