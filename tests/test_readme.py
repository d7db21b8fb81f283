"""What the README shows is what happens."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def shown_output(name: str) -> str:
    found = re.search(rf"<!-- output: {name} -->\n```\w*\n(.*?)```", README, flags=re.DOTALL)
    assert found is not None, f"the README shows no output called {name}"
    return found[1]


def snippets() -> list[str]:
    """Python blocks that are code to run, not output."""
    outputs = {shown_output(name) for name in re.findall(r"<!-- output: (.+?) -->", README)}
    return [block for block in blocks("python") if block not in outputs]


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """Run all snippets one after the other, as a reader would, and return what each printed."""
    namespace: dict[str, object] = {}
    texts = []
    for number, snippet in enumerate(snippets()):
        # Under a file name of its own: the trace looks at the user's lines.
        code = compile(snippet, f"README snippet {number}", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as captured, contextlib.redirect_stderr(io.StringIO()):
            exec(code, namespace)
        texts.append(captured.getvalue())
    assert np.mean(namespace["prediction"] == namespace["y"]) > 0.95  # type: ignore[operator]
    return texts


def test_the_gradient_is_printed_as_shown(printed: list[str]) -> None:
    assert (
        printed[0].partition("def gradient")[2].strip()
        == shown_output("gradient").partition("def gradient")[2].strip()
    )


def test_the_list_is_printed_as_shown(printed: list[str]) -> None:
    assert printed[2].startswith(shown_output("list"))
    assert "WRONG" not in printed[2]


def test_the_derivation_is_printed_as_shown(printed: list[str]) -> None:
    assert shown_output("derivation") in printed[3]


def test_the_estimator_learns_and_scores_as_shown(printed: list[str]) -> None:
    (shown,) = re.findall(r"print\(classifier\.score\(.*?# ([\d.]+)", README)
    score, _, diagnosis = printed[5].partition("\n")
    assert float(score) == pytest.approx(float(shown), abs=0.02)
    assert float(score) > 0.95
    assert "better than" not in diagnosis


def test_every_snippet_is_covered(printed: list[str]) -> None:
    assert len(printed) == 6


def environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


@pytest.mark.usefixtures("_machine_code_is_shared")
def test_the_commands_for_tables_run(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("sh") if "measurements.csv" in block]
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 2))
    quality = np.where(values.sum(axis=1) > 0, "good", "bad")
    for name in ("measurements.csv", "labelled.csv", "new.csv"):
        rows = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(values, quality, strict=True)]
        (tmp_path / name).write_text("\n".join(["width,height,quality", *rows]), encoding="utf-8")
    for command in block.strip().splitlines():
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_main_job_is_the_table_that_is_shipped() -> None:
    (command,) = re.findall(r"<!-- main-job -->\n```sh\n(.*?)\n```", README)
    assert command.endswith("wengert train examples/digits.csv --target digit")
    header = (ROOT / "examples" / "digits.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert "digit" in header.split(",")


@pytest.mark.parametrize("script", sorted((ROOT / "examples").rglob("*.py")), ids=lambda path: path.name)
def test_examples_run(script: Path, tmp_path: Path) -> None:
    # Few epochs are enough to see that everything works; the picture needs matplotlib and is not drawn.
    options = ["--epochs", "3"] if script.name in ("spiral.py", "plots.py") else []
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *options],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
