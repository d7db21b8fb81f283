"""The pages of `docs/lectures`: their code is run, and what stands below it is what it prints and draws.

``python -m tools.lectures.pages`` runs all pages, or those named, and writes outputs and pictures anew. Below
a block of Python, a block of text is what it prints; a comment between them names the sections of
a derivation that are shown, where the whole is too long. Pictures are saved in the folder ``images``.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

from wengert.explain.derivation import Derivation
from wengert.explain.printers.text import WIDTH

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "lectures"
PAGES = sorted(page.name for page in FOLDER.glob("*.md") if "```python" in page.read_text(encoding="utf-8"))
_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n(?:<!-- (?P<sections>.*?) -->\n)?```text\n(?P<text>.*?)^```\n)?",
    flags=re.DOTALL | re.MULTILINE,
)


@dataclass
class Output:
    """What a block of a page prints.

    Attributes
    ----------
    sections : tuple of str
        The sections of its derivations that are shown; all of them where it is empty.
    printed : list of (str or Derivation)
        In its order; a derivation that is printed alone is kept as it is, to be set in any form.
    """

    sections: tuple[str, ...]
    printed: list[str | Derivation] = field(default_factory=list)

    def record(self, *values: object, **how: str) -> None:
        """Take the place of ``print``."""
        if len(values) == 1 and isinstance(values[0], Derivation):
            self.printed.append(values[0])
        else:
            with io.StringIO() as written:
                print(*values, file=written, **how)
                self.printed.append(written.getvalue())

    def text(self) -> str:
        """Return it as it stands on a page."""
        written = "".join(one if isinstance(one, str) else f"{one.to_text(WIDTH)}\n" for one in self.printed)
        if self.sections:
            written = _sections(written, self.sections)
        return "\n".join(line.rstrip() for line in written.splitlines()) + "\n"


def _sections(printed: str, titles: Sequence[str]) -> str:
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


def outputs(name: str, folder: Path) -> list[Output]:
    """Run the blocks of a page one after the other, and return what each of them prints.

    Parameters
    ----------
    name : str
    folder : Path
        Where it runs: pictures go to its folder ``images``, and ``digits.csv`` of the examples is put there.
    """
    namespace: dict[str, object] = {}
    found = []
    matplotlib.use("Agg")
    (folder / "images").mkdir()
    shutil.copy(ROOT / "examples" / "digits.csv", folder)
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):  # no terminal that sets widths
        for number, block in enumerate(_BLOCK.finditer((FOLDER / name).read_text(encoding="utf-8"))):
            output = Output(tuple(block["sections"].split("; ")) if block["sections"] else ())
            namespace["print"] = output.record
            # Under a file name of its own: the trace looks at the user's lines.
            exec(compile(block["code"], f"{name}, block {number}", "exec"), namespace)
            shown = block["text"] is not None
            assert shown or not output.printed, (
                f"{name}: the page does not show what this prints:\n{block['code']}"
            )
            found.append(output)
    return found


def written(name: str, found: Sequence[Output]) -> str:
    """Return a page with what its blocks print."""
    each = iter(found)

    def with_output(block: re.Match[str]) -> str:
        output = next(each)
        if block["text"] is None:
            return block[0]
        comment = f"<!-- {block['sections']} -->\n" if block["sections"] else ""
        return f"```python\n{block['code']}```\n\n{comment}```text\n{output.text()}```\n"

    return _BLOCK.sub(with_output, (FOLDER / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    for page in sys.argv[1:] or PAGES:
        print(page)
        with tempfile.TemporaryDirectory() as folder:
            (FOLDER / page).write_text(written(page, outputs(page, Path(folder))), encoding="utf-8")
            shutil.copytree(Path(folder) / "images", FOLDER / "images", dirs_exist_ok=True)
