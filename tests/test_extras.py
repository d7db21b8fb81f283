"""What works without the libraries that come with extras, and what is said about the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

DIGITS = Path(__file__).parent.parent / "examples" / "digits.csv"

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
OPTIONAL = (
    "scipy",
    "sklearn",
    "joblib",
    "matplotlib",
    "onnx",
    "resvg_py",
    "pandas",
    "pyarrow",
    "jax",
    "torch",
)


def run_without(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT.format(names=OPTIONAL) + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_main_job_needs_no_extra(tmp_path: Path) -> None:
    model = str(tmp_path / "model")
    commands = [
        ["train", str(DIGITS), "--target", "digit", "--out", model, "--preset", "plain", "--epochs", "2"],
        ["evaluate", model, str(DIGITS)],
        ["report", model, "--data", str(DIGITS)],
        ["export", model, "--format", "numpy"],
    ]
    code = f"import os; os.chdir({str(tmp_path)!r})\nfrom wengert.cli.entry import main\n"
    outcome = run_without(code + f"for one in {commands!r}: assert main(one) == 0, one")
    assert outcome.returncode == 0, outcome.stderr


def test_derivatives_and_derivations_need_no_extra() -> None:
    code = """
import numpy as np, wengert as wg
f = lambda x: np.sum(wg.erf(x) * wg.softmax(x))
x = np.array([0.5, -1.0])
gradient = wg.grad(f)(x)
assert np.allclose(gradient, wg.compile(wg.grad(f))(x))
assert "erf" in str(wg.explain(f, x, wrt="x"))
"""
    outcome = run_without(code)
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("wg.compile(abs, executor='xla')", "xla"),
        ("wg.MLPClassifier", "sklearn"),
        ("from wengert.estimators import MLPRegressor", "sklearn"),
        ("wg.draw(lambda x: x * x, 2.0).to_svg()", "draw"),
        ("from wengert import optim; optim.LBFGS().minimise(lambda x: (x @ x, 2 * x), [1.0])", "scipy"),
        ("from wengert.io.formats.onnx_graph import require_onnx; require_onnx()", "onnx"),
        ("from wengert import plots; plots.activations(['relu'])", "plot"),
    ],
)
def test_what_is_missing_is_reported_with_the_command_that_installs_it(code: str, extra: str) -> None:
    outcome = run_without(f"import wengert as wg\n{code}")
    last = outcome.stderr.strip().splitlines()[-1]
    assert last.startswith("wengert.errors.ConfigurationError: "), outcome.stderr
    assert last.endswith(f"install it with: pip install 'wengert[{extra}]'")
