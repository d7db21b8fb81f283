"""What every test stands on: reproducible randomness, and no state left behind."""

import os
import signal
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest

# The verdict of a run must depend on the code alone, not on a random seed or on how busy the machine is.
# `HYPOTHESIS_PROFILE=explore pytest` searches with new examples instead, and remembers the failing ones.
_patient = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("fixed", _patient, max_examples=50, derandomize=True, database=None)
hypothesis.settings.register_profile("explore", _patient, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


# In the background of a shell Ctrl-C is ignored, which the processes that tests start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Derivations fold to it; what tests compare has the width of a file.
os.environ.pop("COLUMNS", None)

# Tests compile what they test, and leave the user's cache alone.
os.environ["WENGERT_CACHE_DIR"] = ""


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with the same stream in every run."""
    return np.random.default_rng(1964)


def _floating_point_environment() -> dict[str, bool]:
    """Probe, by results, the processor modes that a library can change for the whole process.

    Results show what a mode does to later arithmetic, on any processor and with no platform's header. NumPy
    scalars keep the interpreter from computing the constants ahead of time.
    """
    one, half_ulp = np.float64(1.0), np.float64(2.0**-53)
    tiny = np.finfo(np.float64)
    return {
        "subnormal results are kept": bool(tiny.smallest_normal / np.float64(2) != 0),
        "subnormal operands are kept": bool(tiny.smallest_subnormal * np.float64(2.0**60) != 0),
        "sums are not rounded up": bool(one + half_ulp / 2 == 1),
        "sums are not rounded down or towards zero": bool(one - half_ulp / 4 == 1),
    }


@pytest.fixture(autouse=True)
def _numerical_state_is_left_alone() -> Iterator[None]:
    """Fail a test that leaves NumPy's error handling or the floating-point environment changed."""
    handling, callback, environment = np.geterr(), np.geterrcall(), _floating_point_environment()
    yield
    after_handling, after_callback = np.geterr(), np.geterrcall()
    np.seterr(**handling)  # the next test is not to blame
    np.seterrcall(callback)
    assert after_handling == handling, "the test left np.seterr changed"
    assert after_callback is callback, "the test left np.seterrcall changed"
    assert _floating_point_environment() == environment, "the test left floating-point modes changed"
