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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import matplotlib

from wengert.explain.derivation import Derivation
from wengert.explain.printers.style import Style
from wengert.explain.printers.text import WIDTH, text
from wengert.explain.steps import Tree

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "lectures"
PAGES = sorted(page.name for page in FOLDER.glob("*.md") if "```python" in page.read_text(encoding="utf-8"))
_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n(?:<!-- (?P<sections>.*?) -->\n)?```text\n(?P<text>.*?)^```\n)?",
    flags=re.DOTALL | re.MULTILINE,
)
_TITLE = 3  # lines of a derivation's title, with the rule and the empty line below it


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

    def shown(self) -> Iterator[str | tuple[Tree, Style]]:
        """Yield what of it a page shows: texts, and derivations with their sections and their style."""
        for one in self.printed:
            if isinstance(one, str):
                yield one
            else:
                kept = [
                    each for each in one.tree.sections if not self.sections or each.title in self.sections
                ]
                if kept:
                    yield replace(one.tree, sections=tuple(kept)), one.style

    def text(self) -> str:
        """Return it as it stands on a page: of a derivation that is not shown whole, no title."""
        lines: list[str] = []
        after_derivation = False
        for one in self.shown():
            if isinstance(one, str):
                lines += one.splitlines()
            else:
                whole = text(*one, WIDTH).splitlines()
                lines += [""] * after_derivation + whole[_TITLE * bool(self.sections) :]
            after_derivation = not isinstance(one, str)
        return "\n".join(line.rstrip() for line in lines) + "\n"


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
            code = f"in {name}:\n{block['code']}"
            assert block["text"] is not None or not output.printed, (
                f"the page does not show what is printed {code}"
            )
            there = {
                each.title
                for one in output.printed
                if isinstance(one, Derivation)
                for each in one.tree.sections
            }
            assert there.issuperset(output.sections), f"a section that is shown is not printed {code}"
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
