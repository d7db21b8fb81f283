"""What users meet of the XLA executor in `wg.compile`: values, errors, devices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError, DTypeError, IndexRangeError

jax = pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")

from wengert.run.default import mesh_of, xla_executor  # noqa: E402
from wengert.run.xla import XLAExecutor  # noqa: E402
from wengert.run.xla.translation import lines_for_numpy  # noqa: E402


def test_a_gradient_runs_and_its_result_is_the_callers() -> None:
    slope = wg.compile(wg.grad(lambda w: np.sum(w**3)), executor="xla")
    w = np.array([1.0, 2.0])
    found = slope(w)
    np.testing.assert_array_equal(found, [3.0, 12.0])
    found += 1  # it can be written to, and nothing else changes
    np.testing.assert_array_equal(slope(w), [3.0, 12.0])
    np.testing.assert_array_equal(w, [1.0, 2.0])


def test_float64_is_computed_and_jax_is_left_as_it_was() -> None:
    import jax.numpy as jnp

    third = wg.compile(lambda x: x / 3, executor="xla")
    assert third(np.array(1.0)) == 1 / 3
    assert not jax.config.jax_enable_x64
    assert jnp.zeros(2).dtype == np.float32


def test_an_index_out_of_range_is_the_error_that_numpy_gives() -> None:
    taken = wg.compile(lambda x, places: 2 * x[places], executor="xla")
    x = np.arange(4.0)
    np.testing.assert_array_equal(taken(x, np.array([1, -4])), [2.0, 0.0])
    for wrong in (4, -5):
        with pytest.raises(IndexRangeError, match=f"index {wrong} at row 1 is outside axis 0, which has 4"):
            taken(x, np.array([0, wrong]))


def test_an_index_out_of_range_in_a_loop() -> None:
    def function(x: Any, places: Any) -> Any:
        return wg.scan(lambda total, place: (total + x[place], None), np.float64(0), places)[0]

    summed = wg.compile(function, executor="xla")
    x = np.arange(4.0)
    assert summed(x, np.array([1, 3])) == 4
    with pytest.raises(IndexRangeError, match=r"index 7 is outside axis 0, .* in iteration 1 of a scan of 2"):
        summed(x, np.array([1, 7]))


def test_what_xla_lacks_is_computed_by_numpy_and_named(rng: np.random.Generator) -> None:
    function = wg.compile(lambda a: np.linalg.cholesky(a) @ a, executor="xla")
    program = wg.trace(lambda a: np.linalg.cholesky(a) @ a, np.eye(2))
    assert list(lines_for_numpy(program).values()) == ["cholesky has no code for XLA"]
    for size in (2, 300):
        half = rng.normal(size=(size, size))
        a = half @ half.T + size * np.eye(size)
        wanted = np.linalg.cholesky(a) @ a
        np.testing.assert_allclose(function(a), wanted, rtol=1e-12, atol=1e-12 * np.abs(wanted).max())
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite \(cholesky, at .*test_executor"):
        function(-np.eye(2))


def test_what_goes_through_a_call_is_words_that_no_setting_of_jax_rounds(monkeypatch: Any) -> None:
    """JAX runs large calls in a thread of its own, in which float64 would become float32."""
    call, met = jax.pure_callback, []

    def recorded(function: Any, shapes: Any, *operands: Any) -> Any:
        met.extend([*shapes, *operands])
        return call(function, shapes, *operands)

    monkeypatch.setattr(jax, "pure_callback", recorded)
    a = np.array([[2.0, 0.0], [0.0, 5.0]])
    values = wg.compile(lambda a: np.linalg.eig(a)[0], executor="xla")(a)
    np.testing.assert_array_equal(values, [2, 5])
    assert met
    assert all(one.dtype.itemsize <= 4 for one in met)


def test_complex_numbers_and_several_results_come_back_from_numpy(rng: np.random.Generator) -> None:
    def function(a: Any) -> Any:
        values, vectors = np.linalg.eig(a)
        return values, np.abs(vectors), np.linalg.svd(a.astype(np.float32), full_matrices=False)[1]

    a = rng.normal(size=(3, 3))
    for mine, oracle in zip(
        wg.compile(function, executor="xla")(a), wg.compile(function, executor="numpy")(a), strict=True
    ):
        np.testing.assert_array_equal(mine, oracle)


def test_a_wrong_argument_is_refused() -> None:
    program = wg.trace(lambda x: x + 1, np.zeros(3))
    with pytest.raises(DTypeError, match="argument 'x' is float32; the program takes float64"):
        XLAExecutor().compile(program)([np.zeros(3, np.float32)])


def test_devices() -> None:
    executor = xla_executor("cpu")
    assert wg.compile(lambda x: x + 1, executor)(np.array(1.0)) == 2
    assert executor == XLAExecutor("cpu")
    with pytest.raises(ConfigurationError, match=r"JAX finds no device 'npu'; there is 'cpu:0'"):
        xla_executor("npu")
    with pytest.raises(ConfigurationError, match="JAX finds no device 'cpu:²'"):
        xla_executor("cpu:²")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": 5}, "device is a name, such as 'cpu' or 'gpu:1', got 5"),
        ({"device": ["cpu"]}, "device is a name"),
        ({"precision": []}, r"unknown precision \[\]; known: fast, full"),
        ({"mesh": 1.0}, "mesh is a number of devices or 'all', got 1.0"),
        ({"mesh": True}, "mesh is a number of devices or 'all', got True"),
        ({"mesh": [1]}, r"mesh is a number of devices or 'all', got \[1\]"),
        ({"deterministic": "no"}, "deterministic is True or False, got 'no'"),
        ({"mesh": 1, "own_rows": 1}, "own_rows is True or False, got 1"),
    ],
)
def test_an_option_of_the_wrong_type_is_refused(options: dict[str, Any], message: str) -> None:
    xla_executor(mesh=1)  # which equals True and 1.0
    with pytest.raises(ConfigurationError, match=message):
        xla_executor(**options)


def test_the_environment_takes_plain_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_MESH", "²")
    with pytest.raises(ConfigurationError, match="WENGERT_MESH is a number of devices or 'all', got '²'"):
        mesh_of("xla", None)


def test_there_is_no_code_to_show() -> None:
    with pytest.raises(ConfigurationError, match="no generated code to show for what runs with NumPy or XLA"):
        wg.compile(np.sin, "xla").llvm(np.ones(2))


def test_a_jax_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "__version_info__", (0, 4, 30))
    monkeypatch.setattr(jax, "__version__", "0.4.30")
    with pytest.raises(
        ConfigurationError, match=r"needs JAX 0.10 or newer, and this is 0.4.30; .*wengert\[xla\]"
    ):
        wg.compile(lambda x: x, executor="xla")


def test_a_carry_that_was_copied_still_gives_its_memory_to_the_next_run() -> None:
    executor = XLAExecutor(device="cpu")
    progress = executor.new_progress([np.ones(1000, np.float32)], 0, 0.0)
    following = jax.jit(lambda carry: [one + 1 for one in carry], donate_argnums=0)
    with executor.settings():
        progress.elements = following(progress.elements)  # memory of XLA's own, aligned as it needs
        address = progress.elements[0].unsafe_buffer_pointer()
        (copied,) = progress.copy()
        (after,) = following(progress.elements)
    assert after.unsafe_buffer_pointer() == address
    np.testing.assert_array_equal(copied, 2)
    np.testing.assert_array_equal(after, 3)
