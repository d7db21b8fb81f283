"""The problems of GradBench: wengert's derivatives against a second method."""

import pytest
from benchmarks.gradbench.problems import particle, particle_data
from benchmarks.gradbench.run import ALL, calls, check

import wengert as wg


@pytest.mark.parametrize("name", ALL)
def test_the_derivative_is_that_of_a_second_method(name: str) -> None:
    assert check(name) < 1e-9


def test_a_gradient_through_a_loop_without_bound_is_compiled() -> None:
    (name, call), *others = calls("particle").items()
    assert name == "wengert"
    assert not others  # no other library differentiates such a loop in reverse
    assert call() == pytest.approx(wg.grad(particle)(*particle_data()), rel=1e-12)
