"""The measured limits of the machine: plausible, and used as the roofline says."""

from __future__ import annotations

import re

from wengert.run.llvm.profile import machine_limits as measuring
from wengert.run.llvm.profile.machine_limits import (
    L2_BYTES,
    MEMORY_BYTES,
    SIZES,
    MachineLimits,
    chain_count,
    machine_limits,
)
from wengert.run.llvm.runtime.target import host_target, machine_of, optimised


def test_measured_limits_are_of_this_world() -> None:
    limits = machine_limits()
    assert machine_limits() is limits
    # A core that does fewer than 10^8 or more than 10^13 operations a second is not measured but invented.
    assert 1e8 < limits.flops[8] < 1e13
    assert limits.flops[4] > limits.flops[8]
    assert set(limits.bandwidth) == set(SIZES)
    assert set(limits.reading) == set(SIZES)
    assert all(1e8 < rate < 1e13 for rate in [*limits.bandwidth.values(), *limits.reading.values()])
    assert limits.memory_bandwidth == limits.bandwidth[MEMORY_BYTES]


def test_roofline_is_the_largest_of_three_times() -> None:
    rates = {1000: 40.0, L2_BYTES: 20.0, MEMORY_BYTES: 10.0}
    limits = MachineLimits(2, {4: 100.0, 8: 50.0}, rates, {size: rate / 2 for size, rate in rates.items()})
    assert limits.roofline(1000, 0, 0, 4) == 10
    assert limits.roofline(1000, 0, 0, 8) == 20
    assert limits.roofline(0, 1000, 1000, 4) == 2000 / 40
    assert limits.roofline(0, 2000, 0, 4) == 2000 / 20
    # Each of two cores goes through half of it.
    assert limits.bandwidth_of(2 * L2_BYTES) == 20
    assert limits.bandwidth_of(2 * L2_BYTES - 2) == 40
    assert limits.bandwidth_of(10) == 40
    assert limits.bandwidth_of(10 * MEMORY_BYTES) == 10


def test_every_chain_is_computed() -> None:
    # LLVM would make one of chains that compute the same.
    machine = machine_of(host_target())
    code = machine.emit_assembly(optimised(measuring._module(host_target()), machine))
    for name in ("chains_float", "chains_double"):
        body = code.split(f"\n{name}:")[1].split("\tret")[0]
        assert len(re.findall(r"\t(v?fn?m(?:add|la)|v?mulp)", body)) >= chain_count(host_target())
        assert not re.search(r"[(\[]%?[re]?sp\b", body), "what is spilled is measured as well"
