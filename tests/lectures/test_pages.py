"""The pages on the lectures show what their code prints and draws, and nothing on them points nowhere."""

import re
import shutil

import pytest
from tests.lectures.test_script import overfull
from tools.lectures import pages, script

from wengert.explain.printers import latex


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_shows_what_its_code_prints_and_draws(name, tmp_path):
    shown = (pages.FOLDER / name).read_text(encoding="utf-8")

    found = pages.outputs(name, tmp_path)

    assert pages.written(name, found) == shown
    pictures = set(re.findall(r"!\[.*?\]\((images/.*?)\)", shown, flags=re.DOTALL))
    drawn = {f"images/{path.name}" for path in (tmp_path / "images").iterdir()}
    assert drawn == pictures
    for picture in drawn:
        assert (pages.FOLDER / picture).is_file(), f"{picture} was not written with the page"
        if picture.endswith(".svg"):  # what matplotlib draws differs from version to version
            assert (tmp_path / picture).read_text() == (pages.FOLDER / picture).read_text()
    check_print(script.write(name, found, tmp_path / "images", tmp_path / "script"), shown)


def check_print(path, shown):
    """Hold a page in LaTeX to the page that is shown; where pdflatex is installed, set it."""
    declared, body = path.read_text(encoding="utf-8").split(r"\begin{document}")
    code = re.findall(r"^```(\w+)\n", shown, flags=re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", shown, flags=re.DOTALL | re.MULTILINE)

    assert body.count(r"\begin{code}") == code.count("python")
    assert body.count(r"\heading{") == len(re.findall("^##", prose, flags=re.MULTILINE))
    for titles in re.findall("<!-- (.*?) -->", shown):
        assert all(rf"\subsection*{{{latex.words(title)}}}" in body for title in titles.split("; "))
    pictures = re.findall(r"\\pictured\{[\d.]+\}\{(.*?)\}", body)
    assert len(pictures) == shown.count("](images/")
    assert all((path.parent / picture).is_file() for picture in pictures)
    known = {chr(int(number, 16)) for number in re.findall(r"DeclareUnicodeCharacter\{(\w+)\}", declared)}
    assert {character for character in body if not character.isascii()} <= known
    if shutil.which("pdflatex"):
        assert not overfull(script.typeset(path))


def test_no_picture_is_left_over():
    shown = "".join(page.read_text(encoding="utf-8") for page in pages.FOLDER.glob("*.md"))

    for picture in (pages.FOLDER / "images").iterdir():
        assert f"images/{picture.name}" in shown
