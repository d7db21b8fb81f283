"""What each kind of Markdown becomes in LaTeX; `test_pages.py` sets the lecture pages themselves."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.explain import lectures
from tools.lectures import latex_page, script
from tools.lectures.pages import Output

import wengert as wg

PAGE = """# 005: a page

Of **everything** a little: $x^2$, W_ij, ∂L/∂W¹, x̃, `a_b['c']`, 50 %, see [there](#there),
[the errata](errata.md#000-1) and [lecture 003](003.md).

> **Rule 1.** Boxed, with a formula
>
> $$y = x^2 \\tag{1}$$

## There

5. five,
6. six.

| f | f′ |
|---|---|
| $\\frac{1}{x}$ | $-\\frac{1}{x^2}$ |

| long |
|---|
| WORDS |

![A ∂ in its caption](images/p.svg)

```python
print(derivation)
```

<!-- Definitions; Result -->
```text
```

```text
┌ │ ✓
```
""".replace("WORDS", "word " * 40)


@pytest.fixture(scope="module")
def page():
    return latex_page.document(
        PAGE, [Output(("Definitions", "Result"), [lectures.row_vectors()[0], "L_1\n"])]
    )


def test_each_kind_of_markdown_has_its_latex(page):
    for written in (
        r"\lecturetitle{005-a-page}{005: a page}{005: a page}",
        r"\textbf{everything}",
        "$x^2$, $W_{ij}$, ∂$L$/∂$W$¹, $\\tilde x$, ",
        r"{\ttfamily a\_b[\straightquote{}c\straightquote{}]}, 50 \%",
        r"\hyperlink{there}{there}",
        r"\href{errata.pdf\#000-1}{the errata}",
        r"\href{003.pdf}{lecture 003}",
        "\\begin{rulebox}\n\\textbf{Rule 1.} Boxed",
        "\\[y = x^2 \\tag{1}\\]",
        r"\heading{section}{there}{There}",
        "\\setcounter{enumi}{4}\n\\item five,",
        "\\begin{cells}{ll}",
        "\\begin{cells}{>{\\raggedright\\arraybackslash}p{",
        r"\pictured{0.8}{images/p.pdf}{A ∂ in its caption}",
        "\\wholetrue\\begin{code}\nprint(derivation)\n\\end{code}",
        "\\begin{printed}\nL_1\n\\end{printed}",
        "\\begin{printed}\n┌ │ ✓\n\\end{printed}",
    ):
        assert written in page
    assert re.findall(r"\\subsection\*\{(.*?)\}", page) == ["Definitions", "Result"]
    assert r"\frac{\partial \varepsilon }{\partial {v}_{jk}}" in page


def test_a_page_compiles(page, tmp_path, monkeypatch):
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no pdflatex here")
    (tmp_path / "images").mkdir()
    drawn = tmp_path / "p.svg"
    wg.draw(lambda x: np.sin(x) ** 2, 0.5).save(drawn)
    (tmp_path / "images" / "p.pdf").write_bytes(script.pdf(drawn))
    path = tmp_path / "005.tex"
    # The contents, a page long, move what they name: the third run prints where that is.
    again = "\\heading{subsection}{again}{Again}\n\nWords.\n\n"
    many = page.replace(r"\heading{section}{there}", 60 * again + r"\heading{section}{there}")
    count = r"\typeout{figures: \thefigure}\end{document}"
    path.write_text(many.replace(r"\end{document}", count), encoding="utf-8")

    runs, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *given, **how: runs.append(run(*given, **how)) or runs[-1])

    log = script.typeset(path)

    assert not overfull(log)
    assert "figures: 1" in log
    assert len(runs) == 3
    path.write_text(page.replace(r"\tag{1}", r"\unknown"), encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"005\.tex: pdflatex stopped(.|\n)*Undefined control sequence"):
        script.typeset(path)


def overfull(log):
    """Return by how many points boxes stick out, where it is more than 2."""
    return [float(one) for one in re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log) if float(one) > 2]


def test_a_picture_is_set_in_the_fonts_of_drawings(tmp_path):
    drawn = tmp_path / "p.svg"
    wg.draw(lambda x: np.sin(x) ** 2, 0.5).save(drawn)

    written = script.pdf(drawn)

    assert written.startswith(b"%PDF")
    assert b"STIXTwoMath" in written


@given(st.lists(st.text("ab(,", min_size=1, max_size=30), max_size=40), st.integers(0, 30))
def test_long_lines_of_code_are_folded_and_nothing_is_lost(words, indent):
    line = " " * indent + " ".join(words)
    shown = latex_page.document(f"```text\n{line}\n```\n", [])
    found = re.search(r"\\begin\{printed\}\n(.*)\n\\end\{printed\}", shown, flags=re.DOTALL)
    pieces = found[1].splitlines() if found else []

    assert all(len(piece) <= 110 for piece in pieces)
    assert "".join(pieces).replace("↪", "").split() == words


def test_markdown_that_no_page_has_is_refused():
    with pytest.raises(NotImplementedError, match=r"^hr in line \(0, 1\): write its LaTeX in"):
        latex_page.document("---\n", [])
    with pytest.raises(NotImplementedError, match=r"^hardbreak: write its LaTeX in"):
        latex_page.document("a  \nb\n", [])
