"""The page on derivations shows what happens: its code is run, its outputs are parts of what is printed."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from wengert.cli import main

PAGE = (Path(__file__).parents[1] / "docs" / "explain.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|text|sh)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_code_prints_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace, printed, shown = {}, "", 0
    for language, block in BLOCKS:
        if language == "text":
            assert block.strip("\n") in printed, f"the page shows what is not printed:\n{block}"
            shown += 1
            continue
        if "digits-model" in block:  # a model that the reader has trained
            continue
        with contextlib.redirect_stdout(io.StringIO()) as captured:
            if language == "sh":
                main(shlex.split(block)[1:])
            else:
                exec(compile(block, "docs/explain.md", "exec"), namespace)
        printed = captured.getvalue()
    assert shown == 17
    assert (tmp_path / "notes.tex").read_text(encoding="utf-8").startswith("\\documentclass")


@pytest.mark.parametrize("view", re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE))
def test_every_view_of_the_table_exists(view):
    from wengert.explain.derivation import VIEWS

    assert view in VIEWS
