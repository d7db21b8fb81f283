"""The pages of `docs/lectures`: their code is run, and what stands below it is what it prints and draws.

``python -m tests.lectures.pages`` runs all pages, or those named, and writes outputs and pictures anew. Below
a block of Python, a block of text is what it prints; a comment between them names the sections of
a derivation that are shown, where the whole is too long. Pictures are saved in the folder ``images``.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import matplotlib

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "lectures"
PAGES = sorted(page.name for page in FOLDER.glob("*.md") if "```python" in page.read_text(encoding="utf-8"))
_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n(?:<!-- (?P<sections>.*?) -->\n)?```text\n(?P<text>.*?)^```\n)?",
    flags=re.DOTALL | re.MULTILINE,
)


def sections(printed: str, titles: list[str]) -> str:
    """Return the sections of printed derivations with these titles, in their order."""
    lines = printed.splitlines()
    heads = [at for at, line in enumerate(lines[1:]) if (line and set(line) <= {"─"}) or set(line) == {"═"}]
    kept = []
    for place, head in enumerate(heads):
        end = heads[place + 1] if place + 1 < len(heads) else len(lines)
        if lines[head] in titles and set(lines[head + 1]) == {"─"}:
            kept.append("\n".join(lines[head:end]).rstrip())
    assert kept, f"none of the sections {titles} was printed"
    return "\n\n".join(kept) + "\n"


def run(name: str, folder: Path) -> str:
    """Run the blocks of a page one after the other, and return the page with what they print.

    Parameters
    ----------
    name : str
    folder : Path
        Where it runs: pictures go to its folder ``images``, and ``digits.csv`` of the examples is put there.
    """
    page = (FOLDER / name).read_text(encoding="utf-8")
    namespace: dict[str, object] = {}
    blocks = iter(range(len(page)))
    matplotlib.use("Agg")
    (folder / "images").mkdir()
    shutil.copy(ROOT / "examples" / "digits.csv", folder)

    def with_output(block: re.Match[str]) -> str:
        # Under a file name of its own: the trace looks at the user's lines.
        code = compile(block["code"], f"{name}, block {next(blocks)}", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as captured:
            exec(code, namespace)
        printed = captured.getvalue()
        if block["text"] is None:
            assert not printed, f"{name}: this prints, and the page does not show it:\n{block['code']}"
            return block[0]
        comment = f"<!-- {block['sections']} -->\n" if block["sections"] else ""
        if block["sections"]:
            printed = sections(printed, block["sections"].split("; "))
        printed = "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
        return f"```python\n{block['code']}```\n\n{comment}```text\n{printed}```\n"

    before = Path.cwd()
    os.chdir(folder)
    try:
        return _BLOCK.sub(with_output, page)
    finally:
        os.chdir(before)


if __name__ == "__main__":
    for page in sys.argv[1:] or PAGES:
        print(page)
        with tempfile.TemporaryDirectory() as folder:
            (FOLDER / page).write_text(run(page, Path(folder)), encoding="utf-8")
            shutil.copytree(Path(folder) / "images", FOLDER / "images", dirs_exist_ok=True)
