"""Derivations as HTML in a headless browser: brackets, keyboard, themes, and nothing loaded from anywhere."""

import shutil

import numpy as np
import pytest
from tests.explain import lectures

import wengert as wg

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("there is no Chromium here", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def derivation():
    return lectures.row_vectors()[1]


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page from a file; what it said and what it asked for is kept."""

    def show(text, scheme="light"):
        file = tmp_path / "derivation.html"
        file.write_text(text, encoding="utf-8")
        page = browser.new_page(color_scheme=scheme)
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(file.as_uri())
        page.evaluate("document.fonts.ready")
        return page

    return show


def ink_heights(page, selector):
    """Return for the bracket left of each matrix: height of its ink, height of the matrix, in pixels."""
    from io import BytesIO

    from matplotlib.image import imread

    found = []
    for table in page.query_selector_all(selector):
        bracket = table.evaluate_handle("table => table.previousElementSibling").as_element()
        box, matrix = bracket.bounding_box(), table.bounding_box()
        clip = {"x": box["x"], "width": box["width"], "y": matrix["y"] - 10, "height": matrix["height"] + 20}
        grey = imread(BytesIO(page.screenshot(clip=clip, full_page=True)))[..., :3].mean(axis=2)
        rows = np.flatnonzero((grey < 0.5).any(axis=1))
        found.append((np.ptp(rows) + 1 if rows.size else 0, matrix["height"]))
    return found


def test_brackets_are_as_tall_as_their_matrices(opened, derivation):
    page = opened(derivation.to_html())
    heights = ink_heights(page, "mtable")

    assert len(heights) == 2  # the two results, of two and of three rows
    for ink, matrix in heights:
        assert ink >= 0.85 * matrix

    (font,) = page.evaluate("[...document.fonts].map((font) => [font.family, font.status])")
    assert (font[0].strip('"'), font[1]) == ("WG STIX Two Math", "loaded")

    # The measure tells: brackets that do not stretch are as tall as a letter.
    page.evaluate("document.querySelectorAll('mo').forEach((mo) => mo.setAttribute('stretchy', 'false'))")
    assert all(ink < 0.7 * matrix for ink, matrix in ink_heights(page, "mtable"))


def test_the_page_says_nothing_and_asks_for_nothing(opened, derivation):
    for scheme in ("light", "dark"):
        page = opened(derivation.to_html(), scheme)

        page.locator(".term").first.click()

        assert page.said == []
        assert [url for url in page.asked if not url.startswith("data:")] == [page.url]


def test_a_term_shows_where_it_comes_from_and_goes_to(opened, derivation):
    page = opened(derivation.to_html())
    told = page.locator(".told")
    hint = told.inner_text()

    page.locator('[data-term="c"]').last.click()
    assert told.inner_text().startswith("c; comes from line 2; goes to line 3, ")
    assert page.locator("tr.from").count() == 1
    assert page.locator("tr.to").count() > 3

    page.keyboard.press("Escape")
    assert told.inner_text() == hint
    assert page.locator("tr.from, tr.to, .term.same").count() == 0

    page.locator('[data-term="W"]').first.click()
    assert told.inner_text().startswith("W is given; goes to line 1")


def test_terms_are_reached_by_the_keyboard(opened, derivation):
    page = opened(derivation.to_html())
    told = page.locator(".told")
    assert page.locator('.term[tabindex="0"]').count() == 1

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert told.inner_text().startswith("b; comes from line 1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    assert told.inner_text().startswith("a is given")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # from the first to the last
    page.keyboard.press("Enter")
    assert not told.inner_text().startswith("a ")


def test_light_and_dark(opened, derivation):
    def colours(scheme):
        page = opened(derivation.to_html(), scheme)
        style = "getComputedStyle(document.querySelector('.wg'))"
        channels = [page.evaluate(f"{style}.{name}") for name in ("color", "backgroundColor")]
        return [sum(map(int, value[4:-1].split(","))) for value in channels]

    ink, paper = colours("light")
    assert paper - ink > 500
    ink, paper = colours("dark")
    assert ink - paper > 500


def test_a_narrow_window_has_remarks_below_their_lines_and_long_lines_in_boxes(opened):
    def long(first, second, third, fourth, x):
        return np.sum(np.tanh(first * x + second) * np.exp(-third * x) + fourth * x / (1 + x**2))

    page = opened(wg.explain(long, *np.ones((5, 3)), wrt="x").to_html())
    page.set_viewport_size({"width": 400, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for row in page.locator("tr").all()[:12]:
        formula, rule = (row.locator(f"td.{name}").bounding_box() for name in ("formula", "rule"))
        assert rule["y"] >= formula["y"] + formula["height"] - 1
        assert rule["x"] + rule["width"] <= 400
    boxes = "[...document.querySelectorAll('td.formula')].some((box) => box.scrollWidth > box.clientWidth)"
    assert page.evaluate(boxes)
