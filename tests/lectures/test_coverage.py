"""`docs/lectures/coverage.md` cannot rot: what it links to exists, and so do the tests that it names."""

import re

import pytest
from tools.lectures import pages

ROWS = re.findall(
    r"^\| (.+?) \| (.+?) \| \[.+?\]\((\w+)\.md#(\S+?)\) \| (.+?) \|$",
    (pages.FOLDER / "coverage.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
TESTS = pages.ROOT / "tests" / "lectures"


def sections(page):
    """Return the text below each heading of a page, by the anchor that GitHub gives it."""
    text = re.sub(
        r"^```.*?^```", lambda block: block[0].replace("\n#", "\n #"), page, flags=re.DOTALL | re.MULTILINE
    )
    found = re.findall(r"^#+ (.+?)\n(.*?)(?=^#+ |\Z)", text, flags=re.DOTALL | re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"): f"{title}\n{body}" for title, body in found
    }


def names(text):
    """Return what a text names by number: equations, with those between the ends of a range, and concepts."""
    equations = {
        f"(7.{number})"
        for first, last in re.findall(r"\b7\.(\d+)\b(?!\.\d)(?:\)?(?: to |–)\(?7\.(\d+)\b)?", text)
        for number in range(int(first), int(last or first) + 1)
    }
    kinds = "concept|definition|notation|clarification|figure|case|task|step"
    return equations | set(re.findall(rf"\b(?:{kinds}) \d+\b", text.lower()))


SECTIONS = {page.name: sections(page.read_text(encoding="utf-8")) for page in pages.FOLDER.glob("*.md")}


def test_every_line_of_the_table_is_read():
    text = (pages.FOLDER / "coverage.md").read_text(encoding="utf-8")

    assert len(ROWS) == len([line for line in text.splitlines() if line.startswith("|")]) - 2 * 5
    assert {row[2] for row in ROWS} == {"000", "001", "002", "003", "004", "errata"}


@pytest.mark.parametrize(("item", "kind", "page", "anchor", "test"), ROWS)
def test_what_a_lecture_contains_is_taught_and_tested(item, kind, page, anchor, test):
    assert anchor in SECTIONS[f"{page}.md"], f"{item}: {page}.md has no heading #{anchor}"
    missing = names(item) - names(SECTIONS[f"{page}.md"][anchor])
    assert not missing, f"{page}.md does not name {', '.join(sorted(missing))} below #{anchor}"
    if test == "P":
        assert "```python" in SECTIONS[f"{page}.md"][anchor], f"{item}: nothing is run in that section"
    else:
        file, _, name = test.strip("`").partition("::")
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), f"{item}: there is no {test}"


@pytest.mark.parametrize("name", SECTIONS)
def test_links_of_the_pages_lead_somewhere(name):
    page = (pages.FOLDER / name).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        assert (pages.FOLDER / (path or name)).exists(), f"{name} links to {target}"
        if anchor and path.rpartition("/")[0] == "":
            assert anchor in SECTIONS[path or name], f"{name} links to {target}"


@pytest.mark.parametrize("name", SECTIONS)
def test_each_row_of_a_table_has_the_cells_of_its_head(name):
    page = (pages.FOLDER / name).read_text(encoding="utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
        head, *rows = (re.findall(r"(?<!\\)\|", line) for line in table.splitlines())
        for line, cells in zip(table.splitlines()[1:], rows, strict=True):
            assert len(cells) == len(head), f"{name}, not {len(head) - 1} cells: {line}"


def test_every_erratum_is_in_the_table():
    numbered = {anchor for anchor in SECTIONS["errata.md"] if re.fullmatch(r"\d{3}-\d+", anchor)}

    assert numbered == {anchor for _, _, page, anchor, _ in ROWS if page == "errata"}


def test_every_number_of_lecture_002_is_in_the_table():
    named = set().union(*(names(row[0]) for row in ROWS))

    assert {f"(7.{number})" for number in range(1, 51)} <= named
    kinds = r"(?:concept|definition|notation|clarification) (\d+)"
    numbered = {int(found[1]) for name in named if (found := re.fullmatch(kinds, name))}
    assert numbered == set(range(1, 21))
