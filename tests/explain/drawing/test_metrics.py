"""The widths that boxes are made by are those of the fonts that text is drawn in."""

import io

import pytest

from wengert.explain.drawing.boxes import Glyphs, set_layout
from wengert.explain.drawing.metrics import ASCENT, DESCENT, font, text_width
from wengert.explain.printers.layout import Script, Text

ttlib = pytest.importorskip("fontTools.ttLib", reason="reads fonts; comes with matplotlib")


@pytest.mark.parametrize("name", ["upright", "italic"])
def test_widths_are_those_of_the_font(name):
    loaded = ttlib.TTFont(io.BytesIO(font(f"{name}.ttf")))
    assert loaded["head"].unitsPerEm == 1000
    advances = {chr(code): loaded["hmtx"][glyph][0] for code, glyph in loaded.getBestCmap().items()}

    for character, advance in advances.items():
        assert text_width(character, 1000, italic=name == "italic") == advance


@pytest.mark.parametrize("name", ["upright", "italic"])
def test_no_kerning_or_ligature_makes_a_text_narrower(name):
    loaded = ttlib.TTFont(io.BytesIO(font(f"{name}.ttf")))

    assert not {"GPOS", "GSUB", "kern"} & set(loaded.keys())


def test_the_fonts_have_what_formulas_need():
    loaded = ttlib.TTFont(io.BytesIO(font("upright.ttf")))
    needed = set("0123456789()[]{}|+−=·⊙×∂Σδσ<>≤≥≠∧∨√…⋮⋱′𝟏—›²αβγε")

    assert {one for one in needed if ord(one) not in loaded.getBestCmap()} == set()


def test_a_text_is_as_wide_as_its_characters():
    assert text_width("f(x)", 10) == pytest.approx(sum(text_width(one, 10) for one in "f(x)"))
    assert text_width("語", 10) == 10  # a character that the fonts lack


def test_an_exponent_stands_clear_of_the_index_below_it():
    box = set_layout(Script(Text("a"), Text("126", "indices"), Text("(1)")), 14.0)

    _, index, exponent = (mark for mark in box.marks if isinstance(mark, Glyphs))
    assert (index.text, exponent.text) == ("126", "(1)")
    assert exponent.y + DESCENT * exponent.size <= index.y - ASCENT * index.size + 1e-9
