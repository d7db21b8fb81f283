"""Text folds to the width of the page: nothing is cut or lost, relation signs stand below each other."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from tests.explain import asked_functions, lectures

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.explain.printers import text
from wengert.explain.printers.blocks import beside, block
from wengert.explain.printers.layout import Fence, Grid, Row, Text, operator
from wengert.explain.printers.lines import Line, lines
from wengert.explain.printers.text import folded

WIDTHS = (60, 80, 120)
ASKED = ("batch_norm", "self_attention")


def derivations():
    for derive in lectures.CASES.values():
        yield from derive()
    for name in ASKED:
        function, arguments = asked_functions.CASES[name]
        for view in ("index", "numbers"):
            yield wg.explain(function, *arguments, view=view)


@pytest.fixture(scope="module", name="derived")
def every_derivation():
    return list(derivations())


def all_lines(derivation):
    for section in derivation.tree.sections:
        yield from lines(section, derivation.style)


def whole(line):
    """Return a line on one row."""
    pieces = [block(line.subject), Text(f" {line.relation} ", "space")]
    for place, side in enumerate(line.right):
        pieces += [Text(" = ", "space")] if place else []
        pieces.append(side)
    return beside([pieces[0], *map(block, pieces[1:])])


def ink(written):
    """Return what is written without blanks, and without the point that a product gets at a break."""
    return re.sub(r"[\s·]", "", "".join(written.lines))


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_page(width, derived):
    for derivation in derived:
        for line in derivation.to_text(width).splitlines():
            assert len(line) <= width, line


@pytest.mark.parametrize("room", [40, 78])
def test_a_folded_formula_is_the_same_formula(room, derived):
    broken = 0
    for derivation in derived:
        for line in all_lines(derivation):
            one, rows = whole(line), folded(line, room)
            if one.width <= room:
                same = ("" if line.continued else one.lines[one.base], one.base)
                assert line.continued or (rows.lines[rows.base], rows.base) == same
            elif len(one.lines) == 1 and not line.continued:
                assert ink(rows) == ink(one)
                broken += len(rows.lines) > 1
    assert broken >= 10


@pytest.mark.parametrize("room", [40, 78])
def test_a_row_begins_with_its_sign_to_the_right_of_the_relation_or_below_it(room, derived):
    for derivation in derived:
        for line in all_lines(derivation):
            if len(whole(line).lines) > 1 or block(line.subject).width + 3 > room // 2:
                continue
            relation = block(line.subject).width + len(line.relation)  # of its last letter
            for row in folded(line, room).lines[1:]:
                first = len(row) - len(row.lstrip())
                assert (first, row[first]) == (relation, "=") or first == relation + 2, row


def test_equality_signs_come_first_then_operators_outside_of_brackets():
    inner = Row(tuple(part for name in "abcdefgh" for part in (Text(name * 4), operator("+")))[:-1])
    formula = Row((Text("xxxx"), operator("+"), Fence("(", inner, ")")))
    line = Line(Text("y"), False, "=", (formula, Text("12345", "number")))

    assert folded(line, 80).lines == (
        "y = xxxx + (aaaa + bbbb + cccc + dddd + eeee + ffff + gggg + hhhh) = 12345",
    )
    assert folded(line, 70).lines == (
        "y = xxxx + (aaaa + bbbb + cccc + dddd + eeee + ffff + gggg + hhhh)",
        "  = 12345",
    )
    assert folded(line, 52).lines == (
        "y = xxxx + (aaaa + bbbb + cccc + dddd + eeee + ffff",
        "    + gggg + hhhh) = 12345",
    )
    outer = Row(
        (
            Text("x" * 20),
            operator("+"),
            Fence(
                "(",
                Row(
                    (Text("y" * 10), operator("+"), Text("z")),
                ),
                ")",
            ),
        )
    )
    assert folded(Line(Text("y"), False, "=", (outer,)), 40).lines == (
        "y = xxxxxxxxxxxxxxxxxxxx",
        "    + (yyyyyyyyyy + z)",
    )


def test_a_matrix_that_is_too_wide_loses_its_middle_columns():
    numbers = np.arange(100000, 100012).reshape(2, 6)
    grid = Grid(tuple(tuple(Text(str(cell), "number") for cell in row) for row in numbers))
    line = Line(Text("A"), False, "=", (grid,))

    assert folded(line, 42).lines == (
        "A = ⎡100000  100001  …  100004  100005⎤",
        "    ⎣100006  100007  …  100010  100011⎦",
    )
    row = Line(Text("a"), False, "=", (Grid(grid.rows[:1]),))
    assert folded(row, 40).lines == ("a = [100000  100001  100002  100003", "    100004  100005]")


def test_a_long_left_side_has_a_row_of_its_own():
    line = Line(Text("y" * 50), False, "=", (Text("x" * 20), Text("z" * 20)))

    assert folded(line, 60).lines == ("y" * 50, f"     = {'x' * 20} = {'z' * 20}")


def test_the_width_is_that_of_the_terminal_or_what_columns_says(monkeypatch):
    derivation = lectures.row_vectors()[0]
    monkeypatch.delenv("COLUMNS", raising=False)
    assert str(derivation) == derivation.to_text(text.WIDTH)

    monkeypatch.setenv("COLUMNS", "80")
    assert str(derivation) == derivation.to_text(80) != derivation.to_text(text.WIDTH)

    monkeypatch.delenv("COLUMNS")
    # The module's own names are replaced: pytest writes to the standard output and asks for its width.
    monkeypatch.setattr(text, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    for columns, width in ((72, 72), (7, 40)):
        size = SimpleNamespace(columns=columns)
        terminal = SimpleNamespace(get_terminal_size=lambda fallback, size=size: size)
        monkeypatch.setattr(text, "shutil", terminal)
        assert str(derivation) == derivation.to_text(width)


@pytest.mark.parametrize("width", [39, 0, -5, 80.0, "wide"])
def test_a_page_that_is_too_narrow_is_refused(width):
    with pytest.raises(ConfigurationError, match="40 at least"):
        lectures.row_vectors()[0].to_text(width)
