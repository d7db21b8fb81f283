"""What the pages of the documentation say is to be run, runs."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib
import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^<!-- run -->\n```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
PAGES = {page.name: BLOCK.findall(page.read_text(encoding="utf-8")) for page in sorted(DOCS.glob("*.md"))}


@pytest.mark.parametrize("name", [name for name, blocks in PAGES.items() if blocks])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_blocks_of_a_page_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for number, block in enumerate(PAGES[name]):
        # Under a file name of its own: the trace looks at the user's lines.
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block, f"{name}, block {number}", "exec"), namespace)


ROOT = DOCS.parent


def missing_paths(page: str, folder: Path) -> list[str]:
    """Return the files and folders that a page names and that are neither there nor at the root.

    A file without a folder lies in one that the same paragraph names.
    """
    missing = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\d\. )|\n(?=\|)|\n(?=- )", page):
        named = re.findall(r"`((?:[\w.]+/)*[\w.]*(?:/|\.py))`", paragraph)
        folders = [folder / name for name in named if name.endswith("/")]
        for name in named:
            if not any((place / name).exists() for place in (folder, ROOT, *folders)):
                missing.append(name)
    return missing


def test_the_architecture_names_files_that_exist() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert not missing_paths(page, ROOT / "src" / "wengert")
    assert missing_paths("`ir/node.py` and `ir/nod.py`, `irr/`, `node.py`", ROOT / "src" / "wengert") == [
        "ir/nod.py",
        "irr/",
        "node.py",
    ]


def test_the_architecture_names_every_folder() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "wengert"
    folders = [one.parent.relative_to(package).as_posix() for one in package.rglob("__init__.py")]
    assert len(folders) > 1
    assert not [folder for folder in folders if folder != "." and f"`{folder}/" not in page]
