"""`wengert bench`, on a few steps of the smallest network."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from wengert.benchmark import machine, roofline, suite
from wengert.benchmark.configurations import CONFIGURATIONS
from wengert.benchmark.peers import PEERS
from wengert.run.llvm.profile import timing
from wengert.run.llvm.profile.kernel_table import KernelSummary
from wengert.run.llvm.profile.machine_limits import MachineLimits
from wengert.run.llvm.runtime.processor import Processor

LIMITS = MachineLimits(1, {4: 1e11, 8: 5e10}, *[{2**18: 1e11, 2**27: 1e10}] * 2)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setitem(CONFIGURATIONS, "A", dataclasses.replace(CONFIGURATIONS["A"], steps=8))
    monkeypatch.setattr(suite, "TURN", 0.001)
    monkeypatch.setattr(suite, "machine_limits", lambda threads: LIMITS)


def test_times_ratios_and_machine(command, tmp_path):
    outcome = command(
        "bench", "--only", "a", "--rounds", "2", "--peers", "wengert,numpy", "--json", "times.json"
    )
    assert outcome.code == 0
    assert "A 2–4–1 sigmoid, batch 1  Adam" in outcome.out
    assert "NumPy  of the limit" in outcome.out
    assert "in place, " in outcome.out  # with one or several threads, whichever was faster
    assert "A with SGD: 2 rounds" in outcome.err
    measured = json.loads((tmp_path / "times.json").read_text("utf-8"))
    assert {(one["peer"], one["rule"], len(one["seconds"])) for one in measured["measurements"]} == {
        (peer, rule, 2) for peer in ("wengert", "numpy") for rule in ("SGD", "Adam")
    }
    assert measured["machine"]["processor"]
    assert "; tiles of products in rows × vectors of" in " ".join(outcome.out.split())


def test_a_processor_that_is_not_recognised_is_named(monkeypatch):
    monkeypatch.setattr(machine, "host_processor", lambda: Processor())
    assert machine.tiles_in_words().startswith(
        "this processor is not recognised: products are cut as is safe"
    )


def test_kernels_below_the_roofline_as_a_table_and_a_picture(command, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "machine_limits", lambda: LIMITS)
    outcome = command(
        "bench", "--only", "A", "--rounds", "1", "--peers", "wengert", "--plot", str(tmp_path / "r.svg")
    )
    assert outcome.code == 0
    assert "Kernels on one core, run by themselves" in outcome.out
    assert "A with Adam: its kernels one by one" in outcome.err
    picture = (tmp_path / "r.svg").read_text()
    assert picture.count("<svg") == 1
    kernels = [
        KernelSummary("product", (64, 128), ("matmul",), 10**6, 10**4, 0, 4, None, 1e-5, 8e-6),
        KernelSummary("loops", (10,), ("add",), 10, 80, 40, 4, None, 1e-9, 1e-9),
    ]
    step = roofline.Step("D", "SGD", kernels)
    assert step.drawn() == kernels[:1]  # the other takes less than a part in two hundred
    assert roofline.kernel_shares([step]).rows == [("D", "SGD", "product 64×128", "10", "100.0", "80%")]
    (axes,) = roofline.draw_roofline([step], LIMITS).axes
    (point,) = [one for one in axes.collections if len(one.get_offsets())]
    np.testing.assert_allclose(point.get_offsets(), [[100, 100]])
    assert "80%" in [text.get_text() for text in axes.texts]


def test_those_absent_are_named_with_what_to_install(command, monkeypatch):
    absent = dataclasses.replace(PEERS["jax-loop"], package="surely_not_installed")
    monkeypatch.setitem(PEERS, "jax-loop", absent)
    outcome = command("bench", "--only", "A", "--rounds", "1", "--peers", "wengert,jax-loop")
    assert outcome.code == 0
    assert "JAX loop: not installed (pip install jax)" in outcome.err
    assert "A with SGD: 1 round\n" in outcome.err
    assert "JAX" not in outcome.out


def test_without_llvmlite_it_says_why_it_cannot_measure(tmp_path):
    package = tmp_path / "llvmlite"
    package.mkdir()
    (package / "__init__.py").write_text("raise OSError('libLLVM.so: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, "-m", "wengert", "bench", "--only", "A"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "NO_COLOR": "1"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first.startswith("warning: llvmlite cannot be loaded (libLLVM.so: cannot open shared object file)")
    assert second == "error: `wengert bench` measures machine code, and here there is none"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "AX"], "--only X: known are A, B, C, D, E, F"),
        (["--only", ""], "--only (nothing): known are"),
        (["--peers", "torch"], "--peers torch: known are wengert, "),
        (["--rounds", "0"], "--rounds is at least 1, got 0"),
        (["--json", "nowhere/times.json"], "nowhere is no directory. Make it first"),
        (["--plot", "nowhere/roofline.svg"], "nowhere is no directory. Make it first"),
        (["--plot", "roofline.gif"], "--plot roofline.gif: the name ends in .svg or .png"),
    ],
)
def test_bad_options_are_refused_before_anything_is_measured(command, options, message):
    outcome = command("bench", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert "measuring" not in outcome.err
