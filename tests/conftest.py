"""What every test stands on: reproducible randomness, and no state left behind."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis.internal.conjecture import providers

# The verdict of a run must depend on the code alone, not on a random seed or on how busy the machine is.
# `HYPOTHESIS_PROFILE=explore pytest` searches with new examples instead, and remembers the failing ones.
_patient = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("fixed", _patient, max_examples=25, derandomize=True, database=None)
hypothesis.settings.register_profile("explore", _patient, max_examples=1000)
_profile = os.environ.get("HYPOTHESIS_PROFILE", "fixed")
hypothesis.settings.load_profile(_profile)
# Hypothesis also draws numbers and words from the sources of all modules that are loaded. What is drawn would
# depend on the tests that ran before, and reading 700 files takes each process ten seconds.
if _profile == "fixed" and hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: providers._local_constants


# In the background of a shell Ctrl-C is ignored, which the processes that tests start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Derivations fold to it; what tests compare has the width of a file.
os.environ.pop("COLUMNS", None)

# Tests compile what they test, and leave the user's cache alone.
os.environ["WENGERT_CACHE_DIR"] = ""


# Files, and tests of files, that do again, many times, what others do once: coverage is not measured in them,
# since that would double their time.
REPEATED = {
    "cli/test_odd_paths.py",
    "cli/test_terminal_escapes.py",
    "contract/test_batching.py::test_elementwise",
    "contract/test_batching.py::test_machine_code_of_a_batch",
    "contract/test_explanation.py",
    "contract/test_extreme_values.py",
    "contract/test_inputs.py",
    "contract/test_mutations.py",
    "contract/test_new_members.py",
    "contract/test_new_primitives.py",
    "contract/test_types.py",
    "estimators/test_parity_with_scikit_learn.py",
    "estimators/test_scikit_learn_checks.py",
    "explain/test_asked_functions.py",
    "explain/test_claims_as_numpy.py",
    "explain/test_html_in_chromium.py",
    "explain/test_jacobians.py::test_hessians_of_compositions_agree_with_the_engine",
    "explain/test_jacobians.py::test_jacobians_of_compositions_agree_with_the_engine",
    "explain/test_latex_compiles.py",
    "explain/test_loops.py::test_every_line_of_a_random_loop_agrees_with_the_gradient_of_the_loop",
    "explain/test_numbers_and_batches.py::test_an_element_worked_out_is_that_of_the_line",
    "explain/test_random_programs.py",
    "explain/test_work_limits.py",
    "io/formats/test_damaged_files.py::test_a_model_directory",
    "io/formats/test_damaged_files.py::test_onnx_of_our_own",
    "io/formats/test_imports.py::test_a_graph_of_dense_layers_is_read",
    "io/formats/test_imports.py::test_what_was_exported_comes_back",
    "io/formats/test_onnx_export.py::test_every_network_computes_the_same",
    "io/formats/test_python_predictor.py::test_every_network_computes_the_same",
    "io/test_model_directory.py::test_round_trip",
    "io/test_resealed_models.py",
    "lectures/test_pages.py",
    "parity/test_golden_programs.py",
    "parity/test_programs.py",
    "run/llvm/fusion/test_in_place.py",
    "run/llvm/matmul/test_bfloat16.py::test_a_fit_with_emulated_tiles",
    "run/llvm/matmul/test_matrix_products.py",
    "run/llvm/runtime/test_other_processors.py::test_every_primitive_for_neon",
    "run/llvm/test_compiled_loop.py",
    "run/llvm/test_executor.py::test_a_very_long_program_runs_with_numpy",
    "tabular/test_features.py::test_rows_do_not_know_of_each_other",
    "tabular/test_tabular_columns.py::test_any_table_gives_finite_features_that_survive_json",
    "test_packaging.py",
    "trace/test_contraction_extents.py::test_einsum",
    "trace/test_signatures.py",
}
# Tests whose cases run the same code on other values: coverage is measured in the first case of each.
# Elsewhere most cases are functions, options or files with code of their own.
CASES_ALIKE = {
    "autodiff",
    "cli/test_export.py::test_a_full_disk_leaves_the_old_file",
    "cli/test_practice.py::test_counts_and_amounts_have_means_above_zero",
    "contract/test_derivatives.py",
    "contract/test_regions.py::test_forward_mode_and_second_derivatives",
    "estimators",
    "explain/drawing/test_chains.py::test_the_circles_of_a_network_are_what_its_layers_give",
    "explain/drawing/test_drawing.py::test_every_formula_of_random_programs_agrees_with_the_engine",
    "explain/test_exercises.py::test_every_loss_with_and_without_bias",
    "explain/test_jacobians.py",
    "explain/test_lectures.py",
    "explain/test_line_breaks.py",
    "explain/test_network.py",
    "explain/test_numbers_and_batches.py",
    "explain/test_printers.py",
    "explain/test_single_rules.py",
    "io/formats/test_imports.py::test_a_model_of_a_table_comes_back",
    "io/formats/test_python_predictor.py::test_names_from_the_table_are_never_code",
    "io/test_carriers.py",
    "lectures/test_scripts.py",
    "parity",
    "run",
    "train",
    "transform",
}
# Tests of what is learnt and kept, not of how it is compiled: most of their time would go into instruction
# selection and register allocation.
QUICKLY_COMPILED = {
    "benchmark",
    "cli",
    "estimators",
    "io",
    "lectures",
    "plots",
    "serving",
    "tabular",
    "train",
}
FULLY_COMPILED = {"test_checkpoint.py", "test_compiled_step.py", "test_lookahead_matmul.py", "test_native.py"}


def _place(path: Path) -> Path:
    return Path(os.path.relpath(path, Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what repeats others out of the measurement of coverage."""
    begun = set()
    for item in items:
        place, test = _place(item.path), item.nodeid.partition("[")[0]
        name = f"{place.as_posix()}::{test.rpartition('::')[2]}"
        names = {name, place.as_posix(), place.parts[0]}
        if not REPEATED.isdisjoint(names) or (not CASES_ALIKE.isdisjoint(names) and test in begun):
            item.add_marker("no_cover")
        begun.add(test)


@pytest.fixture(scope="module", autouse=True)
def _machine_code_is_made_quickly(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile with little effort where the compiler is not what is tested."""
    place = _place(request.path)
    if place.parts[0] not in QUICKLY_COMPILED or place.name in FULLY_COMPILED:
        yield
        return
    from wengert.run.llvm import executor

    quick = dataclasses.replace(executor.host_target(), effort=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "host_target", lambda: quick)
        yield


@pytest.fixture(scope="module")
def _machine_code_is_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the processes that the tests of a file start compile a program once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WENGERT_CACHE_DIR", str(tmp_path_factory.mktemp("machine-code")))
        yield


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
