"""Nothing that comes from a file or a user acts on the terminal where it is printed."""

import ast
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import wengert
from wengert import errors
from wengert.printable import printable

BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"


def acts(character):
    """Whether a terminal could obey a character, told from the tables of Unicode."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in BIDIRECTIONAL
        or character in MARKS
    )


def test_every_character_of_unicode():
    for code in range(0x110000):
        character = chr(code)
        shown = printable(character, lines=False)
        if acts(character) and character != "\t":
            assert shown.startswith("\\")
            assert shown.isascii()
            assert shown.isprintable()
        elif unicodedata.category(character) not in ("Cf", "Cn"):
            assert shown == character


@given(st.text(st.characters()))
def test_what_is_shown_is_text_that_can_be_encoded_and_stays_as_it_is(text):
    shown = printable(text)
    assert shown.encode().decode() == shown == printable(shown)
    assert shown.count("\n") == text.count("\n")
    assert not any(acts(character) for character in printable(text, lines=False) if character != "\t")


def test_every_message_of_ours_is_printable():
    hostile = "a\x1b[2Jb\x9bc\u202ed"
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, (errors.WengertError, errors.WengertWarning)):
            assert str(kind(f"first\nsecond {hostile}")) == "first\nsecond a\\x1b[2Jb\\x9bc\\u202ed"


@pytest.mark.parametrize(
    "file", sorted((Path(wengert.__file__).parent / "cli").rglob("*.py")), ids=lambda p: p.stem
)
def test_commands_print_through_the_console_alone(file):
    if file.stem == "console":
        return
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in ("rich.text", "rich.markup")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.stdout.write", "sys.stdout.writelines")
