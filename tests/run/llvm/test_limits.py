"""The measured limits of the machine: plausible, and used as the roofline says."""

from __future__ import annotations

import pytest

from wengert.run.llvm.limits import L2_BYTES, MEMORY_BYTES, SIZES, MachineLimits, machine_limits


def test_measured_limits_are_of_this_world() -> None:
    limits = machine_limits()
    assert machine_limits() is limits
    # A core that does fewer than 10^8 or more than 10^13 operations a second is not measured but invented.
    assert 1e8 < limits.flops[8] < 1e13
    assert limits.flops[4] > limits.flops[8]
    assert set(limits.bandwidth) == set(SIZES)
    assert all(1e8 < rate < 1e13 for rate in limits.bandwidth.values())
    assert limits.memory_bandwidth == limits.bandwidth[MEMORY_BYTES]


def test_roofline_is_the_larger_of_two_times() -> None:
    limits = MachineLimits(2, {4: 100.0, 8: 50.0}, {1000: 40.0, L2_BYTES: 20.0, MEMORY_BYTES: 10.0})
    assert limits.roofline(1000, 0, 4) == 10
    assert limits.roofline(1000, 0, 8) == 20
    assert limits.roofline(0, 2000, 4) == 2000 / 40
    # Each of two cores goes through half of it.
    assert limits.roofline(0, 2 * L2_BYTES, 4) == pytest.approx(2 * L2_BYTES / 20)
    assert limits.roofline(0, 2 * L2_BYTES - 2, 4) == pytest.approx((2 * L2_BYTES - 2) / 40)
    assert limits.bandwidth_of(10) == 40
    assert limits.bandwidth_of(10 * MEMORY_BYTES) == 10
