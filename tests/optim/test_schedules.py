"""Schedules: their formulas, traced and not, beyond their end, and their options."""

import math

import numpy as np
import pytest

import wengert as wg
from wengert import optim
from wengert.errors import ConfigurationError


def rates(schedule, steps):
    return np.array([float(schedule(np.asarray(t))) for t in range(steps)])


def test_constant():
    np.testing.assert_array_equal(rates(optim.Constant(0.3), 5), np.full(5, 0.3))


def test_step_decay():
    np.testing.assert_allclose(rates(optim.StepDecay(8.0, 3, 0.5), 8), [8, 8, 8, 4, 4, 4, 2, 2], rtol=1e-15)


def test_step_decay_counts_steps_exactly():
    schedule = optim.StepDecay(1.0, 49, 0.5)
    for k in range(1, 40):
        assert schedule(np.asarray(49 * k)) == 0.5**k
        assert schedule(np.asarray(49 * k - 1)) == 0.5 ** (k - 1)


def test_inverse_scaling():
    np.testing.assert_allclose(
        rates(optim.InverseScaling(2.0, 0.5), 4), 2 / np.sqrt([1, 2, 3, 4]), rtol=1e-15
    )


def test_cosine_from_rate_to_final_and_no_further():
    schedule = optim.Cosine(1.0, 10, final=0.2)
    got = rates(schedule, 20)
    assert got[0] == 1
    assert got[5] == pytest.approx(0.6)
    np.testing.assert_allclose(got[10:], 0.2, rtol=1e-15)
    assert np.all(np.diff(got[:11]) < 0)


def test_one_cycle_rises_to_its_peak_and_falls():
    got = rates(optim.OneCycle(0.5, 40, rise=0.25), 60)
    assert got[0] == pytest.approx(0.02)
    assert got.argmax() == 9
    assert got[9] == pytest.approx(0.5)
    np.testing.assert_allclose(got[39:], 0.5 / 25e4, rtol=1e-9)
    # half-way up and half-way down are the means of the ends
    assert got[24] == pytest.approx((0.5 + 0.5 / 25e4) / 2)


def test_cosine_cycles_rise_and_fall_each_twice_as_long():
    schedule = optim.CosineCycles(0.3, 150)
    got = rates(schedule, 200)
    # 1 + 15 t / 150 is a power of two between cycles, and √2 times one at a peak.
    np.testing.assert_allclose(got[[0, 10, 30, 70, 150, 199]], 0, atol=1e-12)
    assert schedule.ends == (10, 30, 70, 150)
    peaks = 10 * (2 ** (np.arange(4) + 0.5) - 1)
    np.testing.assert_allclose([schedule(peak) for peak in peaks], 0.3, rtol=1e-14)
    turns = np.log2(1 + np.arange(150) / 10)
    np.testing.assert_allclose(got[:150], 0.3 * np.sin(np.pi * turns) ** 2, atol=1e-13)


def test_flat_then_half_a_cosine():
    got = rates(optim.FlatCosine(0.4, 20), 30)
    np.testing.assert_array_equal(got[:11], np.full(11, 0.4))
    np.testing.assert_allclose(got[10:20], 0.4 * np.cos(np.pi * np.arange(10) / 20) ** 2, rtol=1e-13)
    np.testing.assert_allclose(got[20:], 0, atol=1e-15)


def test_warm_up_then_another():
    got = rates(optim.WarmUp(4, 1.0), 7)
    np.testing.assert_allclose(got, [0.2, 0.4, 0.6, 0.8, 1, 1, 1], rtol=1e-15)
    after = optim.Cosine(3.0, 10)
    both = rates(optim.WarmUp(2, after), 12)
    np.testing.assert_allclose(both[:2], [1, 2], rtol=1e-15)
    np.testing.assert_allclose(both[2:], rates(after, 10), rtol=1e-12)
    twice = optim.WarmUp(2, optim.WarmUp(2, 1.0))
    assert rates(twice, 6)[-1] == 1


@pytest.mark.parametrize(
    "schedule",
    [
        optim.CosineCycles(0.2, 60, cycles=3),
        optim.FlatCosine(0.2, 60),
        optim.StepDecay(1.0, 7, 0.3),
        optim.InverseScaling(1.0),
        optim.Cosine(1.0, 13),
        optim.OneCycle(1.0, 13),
        optim.WarmUp(3, optim.OneCycle(1.0, 13)),
    ],
)
def test_traced_it_gives_the_same(schedule):
    program = wg.simplify(wg.trace(schedule, np.asarray(0)))
    np.testing.assert_allclose([program(np.asarray(t)) for t in range(20)], rates(schedule, 20), rtol=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.Constant(-1), r"Constant: rate lies in \[0, inf\)"),
        (lambda: optim.StepDecay(1, 0), "StepDecay: every is an integer above 0"),
        (lambda: optim.StepDecay(1, 3, 1.0), r"StepDecay: factor lies in \(0, 1\)"),
        (lambda: optim.StepDecay(-1, 3), "StepDecay: rate lies in"),
        (lambda: optim.InverseScaling(-1), "InverseScaling: rate lies in"),
        (lambda: optim.InverseScaling(1, -0.5), r"InverseScaling: power lies in \[0, inf\)"),
        (lambda: optim.Cosine(1, 0), "Cosine: steps is an integer above 0"),
        (lambda: optim.Cosine(math.inf, 5), "Cosine: rate lies in"),
        (lambda: optim.Cosine(1, 5, -1), "Cosine: final lies in"),
        (lambda: optim.OneCycle(-1, 5), "OneCycle: peak lies in"),
        (lambda: optim.OneCycle(1, 5.5), "OneCycle: steps is an integer above 0"),
        (lambda: optim.OneCycle(1, 50, 0), r"OneCycle: rise lies in \(0, 1\)"),
        (lambda: optim.OneCycle(1, 3), r"OneCycle: rise \* steps.* lies in \(1, 3\), got 0.9"),
        (lambda: optim.WarmUp(0, 1.0), "WarmUp: steps is an integer above 0"),
        (lambda: optim.WarmUp(3, -1.0), "WarmUp: then lies in"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()
