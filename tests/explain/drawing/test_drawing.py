"""`wengert.draw`: what drawings show agrees with the engine, and how they are written."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from tests.explain.random_programs import random_function

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, GradientError, NonFiniteError
from wengert.explain.drawing.cards import derivative_of
from wengert.explain.printers.blocks import block

SVG = "{http://www.w3.org/2000/svg}"


def lecture(W, V, a, y):
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    ε = np.sum((e - y) ** 2)
    return ε


def lecture_arguments():
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in [(3, 2), (2, 2), (1, 3), (1, 2)]]


def cosine(x):
    t = x**2
    J = np.cos(np.sin(t) + 3 * t)
    return J


def network():
    return nn.Sequential(nn.Dense(2, 3, "relu"), nn.Dense(3, 2)).initialise(0, np.float64)


def flat(piece):
    return " ".join(line.strip() for line in block(piece).lines)


def values_of(drawing):
    return {value.symbol.name: value for value in drawing.contents.values}


def derivatives_of(drawing):
    contents = drawing.contents
    names = [value.symbol.name for value in contents.values]
    return {(names[use.tail], names[use.head]): flat(derivative_of(use, contents)) for use in contents.uses}


def test_values_and_adjoints_are_those_of_the_engine():
    arguments = lecture_arguments()
    found = values_of(wg.draw(lecture, *arguments))

    a, W = arguments[2], arguments[0]
    np.testing.assert_allclose(found["c"].value, np.tanh(a @ W))
    for name, expected in zip("WVay", wg.grad(lecture, argnums=(0, 1, 2, 3))(*arguments), strict=True):
        np.testing.assert_allclose(found[name].adjoint, expected)


def test_names_are_the_users():
    assert set(values_of(wg.draw(lecture, *lecture_arguments()))) == {*"WVaybceε", "v1", "v2"}


def test_local_derivatives_of_numbers_have_formula_and_value():
    x = 0.7
    found = derivatives_of(wg.draw(cosine, x))

    assert found["x", "t"] == "2 x = 1.4"
    assert found["t", "v1"] == f"cos(t) = {np.cos(x**2):.4g}"
    assert found["t", "v2"] == "3"
    assert found["v1", "v3"] == found["v2", "v3"] == "1"


def test_local_derivatives_of_matrices_are_the_factor_of_the_adjoint():
    found = derivatives_of(wg.draw(lecture, *lecture_arguments()))

    assert found["a", "b"] == "· Wᵀ"
    assert found["W", "b"] == "aᵀ ·"
    assert found["b", "c"] == "1 − c²"
    assert found["y", "v1"] == "−1"
    assert found["v1", "v2"] == "2 v_1"


def test_a_sum_over_an_axis_spreads_the_adjoint_over_it():
    def rows(A):
        s = np.sum(A, axis=1)
        return np.sum(s**2)

    def columns(A):
        s = np.sum(A, axis=0)
        return np.sum(s**2)

    A = np.arange(6.0).reshape(2, 3)
    assert derivatives_of(wg.draw(rows, A))["A", "s"] == "·ᵀ 𝟏ᵀ"
    assert derivatives_of(wg.draw(columns, A))["A", "s"] == "𝟏 ·"


def test_what_is_not_computed_shows_a_dash_and_never_zero():
    drawing = wg.draw(lecture, *lecture_arguments(), wrt="W")
    found = values_of(drawing)

    assert found["V"].adjoint is None
    assert found["y"].adjoint is None
    assert derivatives_of(drawing)["V", "e"] == "—"
    assert "∂ε/∂V = —" in drawing.to_dot()
    assert "—: not computed" in texts(drawing)


def test_a_true_zero_is_shown_as_zero():
    drawing = wg.draw(lambda x, y: np.maximum(0, x) + y, -1.0, 2.0)

    assert values_of(drawing)["x"].adjoint == 0
    assert "∂L/∂x = 0" in drawing.to_dot()


def test_without_a_number_to_differentiate_there_are_local_derivatives_only():
    drawing = wg.draw(network(), np.ones((4, 2)))

    assert all(value.adjoint is None for value in drawing.contents.values)
    assert "∂L" not in drawing.to_dot()
    assert derivatives_of(drawing)["x", "v1"].startswith("· W")
    assert drawing.contents.values[-1].role == "output"


def softmax_loss(Z, T):
    P = wg.softmax(Z)
    return nn.nllm(P, T)


Z, T = np.array([[0.5, -1.0, 0.2]]), np.array([[0.0, 1.0, 0.0]])


def test_composites_are_folded_or_open():
    folded = wg.draw(softmax_loss, Z, T)
    opened = wg.draw(softmax_loss, Z, T, fold="nothing")

    assert set(values_of(folded)) == {"Z", "T", "P", "L"}
    assert "P = softmax(Z)" in folded.to_dot()
    assert "L = nllm(P, T)" in folded.to_dot()
    assert derivatives_of(folded)["Z", "P"] == "diag(P) − Pᵀ P"
    assert len(opened.contents.values) > len(folded.contents.values)
    assert "softmax\\nP = exp(Z − v_1)" in opened.to_dot()
    np.testing.assert_allclose(values_of(folded)["Z"].adjoint, values_of(opened)["Z"].adjoint)


def test_one_composite_can_be_folded_by_name():
    found = values_of(wg.draw(softmax_loss, Z, T, fold=["nllm"]))

    assert [region.name for region in found["P"].regions] == ["softmax"]
    assert found["L"].regions == ()


def test_cross_entropy_from_logits_has_the_derivative_of_the_lectures():
    found = derivatives_of(wg.draw(lambda Z, T: nn.nllm_from_logits(Z, T), Z, T))

    assert found["Z", "L"] == "softmax(Z) − T"


def test_layers_are_folded_or_open():
    x, t = np.ones((1, 2)), np.zeros((1, 2))
    folded = wg.draw(network(), x, t, loss=nn.squared_error, fold="layers")
    opened = wg.draw(network(), x, t, loss=nn.squared_error)

    assert "= layers.0(x, W_1, b_1)" in folded.to_dot()
    assert {value.regions[0].name for value in opened.contents.values if value.regions} == {
        "layers.0",
        "layers.1",
    }
    gradient = wg.grad(lambda net: nn.squared_error(net(x), t))(network())
    np.testing.assert_allclose(values_of(folded)["W1"].adjoint, gradient.layers[0].weight)


def test_a_folded_region_that_cannot_be_written_out_keeps_its_name():
    found = derivatives_of(wg.draw(tail_sum, np.arange(1.0, 5.0)))

    assert found["x", "v1"] == "∂v_1/∂x"


@wg.composite
def tail_of(x):
    return np.cumsum(x)[1:] * 2


def tail_sum(x):
    u = tail_of(x)
    return np.sum(u)


def test_large_arrays_show_their_shape_and_true_corners():
    rng = np.random.default_rng(1)
    big = rng.normal(size=(30, 40))
    text = wg.draw(lambda A: np.sum(A * A), big).to_dot()

    assert "A  [30×40]" in text
    assert "…" in text
    for corner in (big[0, 0], big[0, -1], big[-1, 0], big[-1, -1]):
        assert f"{corner:.4g}".replace("-", "−") in text


@pytest.mark.parametrize("seed", range(40))
def test_every_formula_of_random_programs_agrees_with_the_engine(seed):
    """`draw` raises DerivationError where one does not."""
    function, arguments = random_function(seed)
    found = values_of(wg.draw(function, *arguments))

    expected = wg.grad(function, argnums=(0, 1, 2))(*arguments)
    for name, gradient in zip("xyz", expected, strict=True):
        adjoint = found[name].adjoint if name in found else None
        if adjoint is None:
            assert not np.any(gradient)
        else:
            np.testing.assert_allclose(adjoint, gradient, rtol=1e-9, atol=1e-12)


def texts(drawing):
    root = ElementTree.fromstring(drawing.to_svg())
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_svg_is_self_contained_and_its_text_selectable():
    svg = wg.draw(cosine, 0.7).to_svg()

    assert not re.search(
        r"(href|src|url\()\s*=?\s*[\"']?https?:", svg.replace("http://www.w3.org/2000/svg", "")
    )
    assert "prefers-color-scheme:dark" in svg
    shown = texts(wg.draw(cosine, 0.7))
    assert "J = cos(v3)" in shown
    assert "∂J/∂x = −5.068" in shown


def test_svg_escapes_names():
    drawing = wg.draw(cosine, 0.7, names={"t": "<&>"})

    assert any("<&>" in text for text in texts(drawing))


def test_dot_escapes_names():
    assert 'label="a\\"b\\\\ = x²\\n0.49' in wg.draw(cosine, 0.7, names={"t": 'a"b\\'}).to_dot()


def test_boxes_fit_their_text():
    picture = wg.draw(lecture, *lecture_arguments()).picture
    for box in picture.boxes:
        for _, marks in box.card.parts:
            for mark in marks:
                x = getattr(mark, "x", 0.0)
                assert 0 <= x <= box.card.width
        assert box.x >= 0
        assert box.x + box.card.width <= picture.width
        assert box.y + box.card.height <= picture.height


@pytest.mark.parametrize("suffix", ["svg", "png", "dot"])
def test_save_writes_the_form_of_the_suffix(tmp_path, suffix):
    if suffix == "png":
        pytest.importorskip("resvg_py", reason="PNG is drawn by resvg-py")
    path = tmp_path / f"graph.{suffix}"
    wg.draw(cosine, 0.7).save(path)

    start = {"svg": b"<svg ", "png": b"\x89PNG\r\n", "dot": b"digraph "}[suffix]
    assert path.read_bytes().startswith(start)


def test_png_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wengert\[draw\]'"):
        wg.draw(cosine, 0.7).to_png()


def test_the_same_in_every_process():
    code = (
        "import numpy as np, wengert as wg; "
        "print(wg.draw(lambda x, y: np.sum(np.exp(x * y) / (1 + np.exp(x)) + x), np.ones(3), 2.0).to_svg())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_notebooks_show_the_svg():
    assert wg.draw(cosine, 0.7)._repr_svg_().startswith("<svg ")


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"fold='softmx' is not one of .*did you mean 'softmax'"):
        wg.draw(softmax_loss, Z, T, fold="softmx")
    with pytest.raises(ConfigurationError, match=r"wrt='w': no such argument .*did you mean 'W'"):
        wg.draw(lecture, *lecture_arguments(), wrt="w")
    with pytest.raises(ConfigurationError, match=r"graph\.pdf: a drawing is saved as \.svg, \.png, \.dot"):
        wg.draw(cosine, 0.7).save("graph.pdf")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NonFiniteError, match="not finite"):
        wg.draw(np.log, 0.0)
    with pytest.raises(GradientError, match=r"returns i64\[\]"):
        wg.draw(lambda x: x + 1, 1)
    with pytest.raises(ConfigurationError, match="loss= goes with a network"):
        wg.draw(cosine, 0.7, loss=nn.squared_error)


def test_an_element_that_is_picked_keeps_its_place():
    text = wg.draw(lambda x: x[1] * x[0] ** 2, np.array([2.0, 3.0])).to_dot()

    assert "v_1 = x_1²" in text
    assert "L = x_2 v_1" in text
