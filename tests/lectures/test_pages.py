"""The pages on the lectures show what their code prints and draws, and nothing on them points nowhere."""

import re

import pytest
from tests.lectures import pages


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_shows_what_its_code_prints_and_draws(name, tmp_path):
    shown = (pages.FOLDER / name).read_text(encoding="utf-8")

    assert pages.run(name, tmp_path) == shown

    pictures = set(re.findall(r"!\[.*?\]\((images/.*?)\)", shown, flags=re.DOTALL))
    drawn = {f"images/{path.name}" for path in (tmp_path / "images").iterdir()}
    assert drawn == pictures
    for picture in drawn:
        assert (pages.FOLDER / picture).is_file(), f"{picture} was not written with the page"
        if picture.endswith(".svg"):  # what matplotlib draws differs from version to version
            assert (tmp_path / picture).read_text() == (pages.FOLDER / picture).read_text()


def test_no_picture_is_left_over():
    shown = "".join(page.read_text(encoding="utf-8") for page in pages.FOLDER.glob("*.md"))

    for picture in (pages.FOLDER / "images").iterdir():
        assert f"images/{picture.name}" in shown
