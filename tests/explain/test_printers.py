import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from scipy import special
from tests.explain import lectures

import wengert as wg
from wengert.errors import NonFiniteError
from wengert.explain.printers import html, latex


@pytest.mark.parametrize("name", lectures.CASES)
def test_the_html_is_well_formed_and_loads_nothing(name: str) -> None:
    for derivation in lectures.CASES[name]():
        assert_html_is_well_formed_and_loads_nothing(derivation.to_html())


def assert_html_is_well_formed_and_loads_nothing(page: str) -> None:
    body = re.sub(r"<(script|style)>.*?</\1>|<!--.*?-->", "", page, flags=re.DOTALL)
    body = body[body.index("<div") : body.rindex("</body>")].replace("<br>", "<br/>")

    root = ElementTree.fromstring(body)

    assert len(root.findall(".//math")) > 5
    assert not re.search(r"https?:|src=|@import|url\(|<link", body)
    assert re.findall(r"url\((.{10})", page) == ["data:font/"]
    assert "default-src 'none'" in page
    assert "SIL OPEN FONT LICENSE Version 1.1" in page


@pytest.mark.parametrize("name", lectures.CASES)
def test_the_latex_is_ascii_with_balanced_braces(name: str) -> None:
    for derivation in lectures.CASES[name]():
        assert_latex_is_ascii_with_balanced_braces(derivation.to_latex(standalone=True))


def assert_latex_is_ascii_with_balanced_braces(document: str) -> None:
    assert document.isascii(), {character for character in document if not character.isascii()}
    plain = document.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert len(re.findall(r"\\left\b", document)) == len(re.findall(r"\\right\b", document))
    assert document.count(r"\begin{alignat*}") == document.count(r"\end{alignat*}") > 0


def test_a_latex_document_needs_a_base_installation_only() -> None:
    document = lectures.row_vectors()[0].to_latex(standalone=True)

    always = re.sub(r"\\IfFileExists\{.*", "", document)
    packages = {
        name for found in re.findall(r"\\usepackage.*?\{(.*?)\}", always) for name in found.split(",")
    }
    assert packages == {"amsmath", "amssymb", "geometry"}  # of texlive-latex-base
    assert re.findall(r"\\IfFileExists\{(.*?)\}", document) == ["lmodern.sty"]


def test_names_in_words_are_set_as_in_formulas() -> None:
    assert latex.words("∂L/∂w2_jk′ → z1, x_i") == (
        r"$\partial$L/$\partial$$w_{jk'}^{(2)}$ $\to$ $z^{(1)}$, $x_{i}$"
    )
    assert (
        latex.words("softmax(z)_nk at 1e5 > 2×3, a_b_c")
        == r"softmax(z$)_{nk}$ at 1e5 $>$ 2$\times$3, a\_b\_c"
    )
    assert latex.words("by W₀1") == "by ${W_{0}}^{(1)}$"
    assert html._words("δ2 of w_ij") == "<i>δ</i><sup>(2)</sup> of <i>w</i><sub>ij</sub>"


def test_json_holds_the_tree() -> None:
    derivation = lectures.row_vectors()[0]

    tree = json.loads(derivation.to_json())

    steps = [step for section in tree["sections"] for step in section["steps"]]
    assert len(steps) == derivation.verification.lines
    result = tree["sections"][-1]["steps"][-1]
    assert result["after"]["text"] == "Σ_k 2 (e_k − y_k) v_jk (1 − c_j²) a_i"
    assert result["shape"] == [3, 2]
    assert np.shape(result["value"]) == (3, 2)


def test_a_notebook_gets_the_same_derivation() -> None:
    derivation = lectures.row_vectors()[0]

    assert derivation._repr_html_() in derivation.to_html()


def test_an_infinite_constant_is_written_and_what_is_made_of_it_must_be_finite() -> None:
    derivation = wg.explain(lambda x: np.sum(np.where(x > 0, x, -np.inf)), np.ones(2))
    assert "{x_i if [x_i > 0], else −∞}" in derivation.to_text(100)
    assert r"\infty" in derivation.to_latex()
    with pytest.raises(NonFiniteError, match="L is not finite"):
        wg.explain(lambda x: np.sum(np.where(x > 0, x, -np.inf)), -np.ones(2))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: special.erf(x), "2/√(π) exp(−x²)"),
        (lambda x: x**2 / (4 * np.pi), "1/(2 π) x"),
        (lambda x: 3 * x / np.pi, "3/π"),
    ],
)
def test_reciprocals_of_known_constants_are_one_fraction(function: Any, expected: str) -> None:
    assert f"∂L/∂x = {expected} = " in wg.explain(function, 0.5).to_text(100)


def test_an_asterisk_in_a_name_is_no_product_in_latex() -> None:
    derivation = wg.explain(lambda y, t: (y - t) ** 2, 2.0, 1.0, wrt="y", names={"t": "y*"})

    written = derivation.to_latex()
    assert r"y - y^{*}" in written
    assert "y*" not in written.replace(r"= 2, y* = 1", "")


def test_no_paragraph_ends_between_a_note_and_its_formulas() -> None:
    written = lectures.row_vectors()[0].to_latex()

    before = [part.splitlines()[-1] for part in written.split("\n\\begin{alignat*}")[:-1]]
    assert any(line.startswith("Each definition") for line in before)
    assert not [line for line in before if line.endswith(r"\par")]


def test_roots_accents_and_brackets_across_lines_have_their_latex() -> None:
    def function(größe: Any, b: Any) -> Any:
        return np.sum(np.sqrt(größe)) * np.sum(sum(np.sin(k * b) * np.cos(b / k) for k in range(1, 9)) ** 3)

    shown = wg.explain(function, np.arange(1.0, 4.0), np.arange(2.0), numbers=True).to_latex()

    assert r"\text{\itshape größe}" in shown
    assert r"\sqrt{" in shown
    assert shown.count(r"\bigl(") == shown.count(r"\bigr)") > 0
