"""Standalone documents of derivations, compiled: needs TeX (texlive-latex-base; texlive-xetex for one)."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from tests.explain import asked_functions, lectures

import wengert as wg
from wengert import nn
from wengert.explain.printers.latex import PREAMBLE

ENGINES = [name for name in ("pdflatex", "xelatex") if shutil.which(name)]
if not ENGINES:
    pytest.skip("there is no TeX here", allow_module_level=True)

NET = nn.Sequential(nn.Dense(4, 3, "relu"), nn.Dense(3, 3)).initialise(seed=0)
X, LABELS = np.random.default_rng(6).normal(size=(6, 4)), np.array([2, 0, 1, 1, 0, 2])
VIEWS = ("index", "matrix", "delta", "adjoint", "numbers")


def pages(document, engine, folder):
    """Compile a document and return its number of pages."""
    (folder / "derivation.tex").write_text(document, encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "derivation.tex"]
    outcome = subprocess.run([engine, *options], cwd=folder, capture_output=True, text=True, errors="replace")
    assert outcome.returncode == 0, outcome.stdout[-2000:]
    return int(re.search(r"Output written on .*?\((\d+) page", outcome.stdout.replace("\n", ""))[1])


@pytest.mark.parametrize("name", lectures.CASES)
def test_each_lecture_compiles_to_at_most_two_pages(name, tmp_path):
    for derivation in lectures.CASES[name]():
        assert pages(derivation.to_latex(standalone=True), ENGINES[0], tmp_path) <= 2


@pytest.mark.skipif("xelatex" not in ENGINES, reason="there is no xelatex here")
def test_all_lectures_compile_with_xelatex_too(tmp_path):
    everything = [one.to_latex() for derive in lectures.CASES.values() for one in derive()]
    document = PREAMBLE + "\\newpage\n".join(everything) + "\\end{document}\n"

    assert pages(document, "xelatex", tmp_path) >= len(everything)


@pytest.mark.parametrize(
    ("view", "rows"), [*((view, 0) for view in VIEWS), *((view, slice(None)) for view in (*VIEWS, "batch"))]
)
def test_a_two_layer_network_fits_on_two_pages_in_every_view(view, rows, tmp_path):
    derivation = wg.explain(NET, X[rows], LABELS[rows], loss=nn.nllm_from_logits, view=view)

    assert pages(derivation.to_latex(standalone=True), ENGINES[0], tmp_path) <= 2


def test_the_adjoint_view_of_a_batch_with_the_log_loss_fits_on_two_pages(tmp_path):
    net = nn.Sequential(nn.Dense(4, 3, "sigmoid"), nn.Dense(3, 1, "sigmoid")).initialise(seed=0)
    derivation = wg.explain(net, X, LABELS[:, None] % 2 * 1.0, loss=nn.nll, view="adjoint")

    assert pages(derivation.to_latex(standalone=True), ENGINES[0], tmp_path) <= 2


def test_letters_and_words_of_factorisations_are_set(tmp_path):
    def spectrum(A, Λ, Φ):
        lam, Q = np.linalg.eigh(A)
        return np.sum(np.log(lam) * Λ) + np.sum(Q * Φ) + np.sum(lam[::3])

    derivation = wg.explain(spectrum, np.diag([1.0, 2, 3, 5]), np.ones(4), np.ones((4, 4)))

    assert pages(derivation.to_latex(standalone=True), ENGINES[0], tmp_path) <= 2


def test_no_row_is_wider_than_the_page(tmp_path):
    """Formulas have no width for TeX, which therefore does not complain: they are measured here."""
    shown = [one for derive in lectures.CASES.values() for one in derive()]
    for name in ("gelu", "recurrent"):
        function, arguments = asked_functions.CASES[name]
        shown += [wg.explain(function, *arguments, view=view) for view in ("index", "numbers")]
    fragments = "\n".join(one.to_latex() for one in shown)
    rows = re.findall(
        r"^(.*?)&(\S+) \\rlap\{\$\\displaystyle (.*?)\$\}(?=\\hspace| &&| \\\\|$)",
        fragments,
        flags=re.MULTILINE,
    )
    measured = "".join(
        rf"\setbox0\hbox{{$\displaystyle {left}{sign} {formula}$}}\typeout{{ROW \the\wd0}}" + "\n"
        for left, sign, formula in rows
    )
    document = PREAMBLE + r"\typeout{PAGE \the\linewidth}" + measured + r"\end{document}"
    (tmp_path / "rows.tex").write_text(document, encoding="utf-8")
    command = [ENGINES[0], "-interaction=nonstopmode", "-halt-on-error", "rows.tex"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace").stdout

    assert "! " not in printed, printed[-1500:]
    (page,) = map(float, re.findall(r"PAGE ([\d.]+)pt", printed))
    widths = list(map(float, re.findall(r"ROW ([\d.]+)pt", printed)))
    assert len(widths) == len(rows) > 200
    assert max(widths) <= page
    assert max(widths) > 0.7 * page  # they are folded no earlier than they have to be


def test_names_with_special_characters_compile(tmp_path):
    def function(a_b, θ, Größe):
        return np.sum(np.tanh(a_b * θ) + Größe**2)

    derivation = wg.explain(function, np.ones(3), 0.5, np.ones(3), step_size=0.1, numbers=True)

    assert pages(derivation.to_latex(standalone=True), ENGINES[0], tmp_path) <= 2
