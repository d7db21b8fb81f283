"""The lecture pages as a script: LaTeX, and PDF where pdflatex is installed.

``python -m tools.lectures.script`` sets all pages, or those named (``002.md``), in the folder ``script``.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from tools.lectures.latex_page import document
from tools.lectures.pages import FOLDER, PAGES, Output, outputs


def write(name: str, found: Sequence[Output], pictures: Path, folder: Path) -> Path:
    """Write a page as LaTeX with its pictures, and return the path of the LaTeX file.

    Parameters
    ----------
    name : str
    found : sequence of Output
        What the page prints.
    pictures : Path
        A folder with what it draws.
    folder : Path
        Where to write.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for picture in pictures.iterdir():
        if picture.suffix == ".svg":
            (folder / "images" / picture.with_suffix(".pdf").name).write_bytes(pdf(picture))
        else:
            shutil.copy(picture, folder / "images")
    path = folder / Path(name).with_suffix(".tex")
    page = (FOLDER / name).read_text(encoding="utf-8")
    path.write_text(document(page, found), encoding="utf-8")
    return path


def pdf(picture: Path) -> bytes:
    """Return an SVG as PDF, in the fonts that drawings bring along."""
    import typst

    page = b'#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes(sys.inputs.svg), format: "svg")'
    with as_file(files("wengert.explain.drawing") / "fonts") as fonts:
        return typst.compile(
            page,
            sys_inputs={"svg": picture.read_text(encoding="utf-8")},
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
        )


def typeset(path: Path) -> str:
    """Run pdflatex on a file until its table of contents has the right pages, and return its log.

    Raises
    ------
    RuntimeError
        With the end of the log, if the file does not compile.
    """
    contents = b""
    for _ in range(4):
        before = contents
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
        log = path.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        if done.returncode:
            raise RuntimeError(f"{path.name}: pdflatex stopped\n{log[-3000:]}")
        contents = path.with_suffix(".toc").read_bytes()
        if contents == before:
            break
    return log


if __name__ == "__main__":
    target = Path("script")
    for page in sys.argv[1:] or PAGES:
        with tempfile.TemporaryDirectory() as drawn:
            tex = write(page, outputs(page, Path(drawn)), Path(drawn) / "images", target)
        if shutil.which("pdflatex"):
            typeset(tex)
            tex = tex.with_suffix(".pdf")
        print(tex)
