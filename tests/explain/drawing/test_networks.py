"""Networks drawn as neurons and as units: what is shown is what the engine computes."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, ShapeError
from wengert.explain.drawing.metrics import text_width

SVG = "{http://www.w3.org/2000/svg}"


def columns(W1, b1, w2, x, t):
    a1 = W1 @ x + b1
    h = wg.sigmoid(a1)
    z = w2 @ h
    J = 0.5 * (t - z) ** 2
    return J


def rows(W1, b1, w2, x, t):
    a1 = x @ W1.T + b1
    h = wg.sigmoid(a1)
    z = h @ w2
    J = 0.5 * (t - z) ** 2
    return J


def mit(W1, b1, w2, x, t):
    a1 = W1.T @ x + b1
    h = wg.sigmoid(a1)
    z = w2 @ h
    J = 0.5 * (t - z) ** 2
    return J


def arguments(rng):
    return [rng.normal(size=shape) for shape in [(2, 2), (2,), (2,), (2,), ()]]


def layers(widths, activation="tanh"):
    return nn.Sequential(*[nn.Dense(m, n, activation) for m, n in pairwise(widths)]).initialise(0, np.float64)


def texts(drawing):
    root = ElementTree.fromstring(drawing.to_svg())
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("function", [columns, rows, mit])
def test_the_lines_are_the_derivatives_of_a_layer_by_the_one_before(function, rng):
    W1, b1, w2, x, t = arguments(rng)
    drawing = wg.draw(function, W1, b1, w2, x, t, wrt=["W1", "b1", "w2"], view="neurons")

    inputs, hidden, output = drawing.network.columns
    first = W1.T if function is mit else W1
    slopes = wg.jacobian(lambda x: first @ x + b1)(x)
    np.testing.assert_allclose(hidden.weights.values, slopes, rtol=1e-14)
    np.testing.assert_array_equal(hidden.weights.bias, b1)
    np.testing.assert_array_equal(output.weights.values, [w2])
    np.testing.assert_array_equal(inputs.values, x)
    h = wg.nn.sigmoid(first @ x + b1)
    np.testing.assert_allclose(hidden.values, h, rtol=1e-14)
    np.testing.assert_allclose(output.deltas, [w2 @ h - t], rtol=1e-12)
    np.testing.assert_allclose(hidden.deltas, (w2 @ h - t) * w2 * h * (1 - h), rtol=1e-12)
    assert drawing.network.loss.name is not None


def test_each_weight_of_a_small_network_is_written_and_can_be_pointed_at(rng):
    W1, b1, w2, x, t = np.array([[1.5, -2.0], [0.25, 3.0]]), np.ones(2), np.array([4.0, 5.0]), np.ones(2), 0.0
    drawing = wg.draw(columns, W1, b1, w2, x, t, wrt=["W1", "b1", "w2"], view="neurons")

    shown = texts(drawing)
    for number in ("1.5", "−2", "0.25", "3", "4", "5"):
        assert number in shown
    root = ElementTree.fromstring(drawing.to_svg())
    hints = [line[0].text for line in root.iter(f"{SVG}line") if len(line)]
    assert sorted(hints) == sorted(["1.5", "-2", "0.25", "3", "1", "1", "4", "5"])
    styles = {line[0].text: line.get("class") for line in root.iter(f"{SVG}line") if len(line)}
    assert styles["-2"] == "negative-stroke"
    assert styles["3"] == "positive-stroke"


def test_large_layers_are_folded_and_count_their_neurons():
    net = layers([784, 128, 10])
    drawing = wg.draw(net, np.linspace(-1, 1, 784), np.zeros(10), loss=nn.squared_error, view="neurons")

    root = ElementTree.fromstring(drawing.to_svg())
    assert len([one for one in root.iter(f"{SVG}circle") if one.get("class") == "paper"]) == 18
    shown = texts(drawing)
    assert shown.count("⋮") == 3
    assert "784 inputs" in shown
    assert "128 neurons" in shown


def test_a_small_network_is_read_on_a_telephone():
    pictures = [
        wg.draw(layers(widths), np.ones(2), np.zeros(widths[-1]), loss=nn.squared_error, view="neurons")
        for widths in ([2, 1], [2, 3, 2, 1])
    ]

    for drawing, widest in zip(pictures, (430, 720), strict=True):
        root = ElementTree.fromstring(drawing.to_svg())
        width = float(root.get("width"))
        assert width < widest
        spans = [span for text in root.iter(f"{SVG}text") for span in text]
        assert min(float(span.get("font-size")) for span in spans if "activation" in span.text) >= 11
        for span in spans:
            end = float(span.get("x")) + text_width(span.text, float(span.get("font-size")))
            assert 0 < float(span.get("x")) < end < width, span.text


def test_twelve_layers_fit_on_a_screen():
    drawing = wg.draw(layers([6] * 13), np.ones(6), np.zeros(6), loss=nn.squared_error, view="neurons")

    assert len(drawing.network.columns) == 13
    root = ElementTree.fromstring(drawing.to_svg())
    assert float(root.get("width")) <= 1280
    assert float(root.get("height")) <= 760


def test_the_output_of_the_last_layer_is_drawn_where_the_loss_uses_it_at_once():
    net = layers([3, 2, 2], "identity")
    x, t = np.array([1.0, -1.0, 2.0]), np.array([0.5, 0.0])
    drawing = wg.draw(net, x, t, loss=nn.squared_error, view="neurons")

    output = drawing.network.columns[-1]
    np.testing.assert_allclose(output.values, net(x), rtol=1e-14)
    slope = wg.grad(lambda z: nn.squared_error(z[None], t[None]))(net(x))
    np.testing.assert_allclose(output.deltas, slope, rtol=1e-12)


def test_a_network_without_a_loss_has_no_deltas():
    drawing = wg.draw(layers([2, 3, 1]), np.array([1.0, 2.0]), view="neurons")

    assert drawing.network.loss is None
    np.testing.assert_allclose(drawing.network.columns[-1].values, layers([2, 3, 1])(np.array([1.0, 2.0])))


@pytest.mark.parametrize(
    ("draw", "kind", "message"),
    [
        (lambda: wg.draw(np.sin, 1.0, view="neurons"), ConfigurationError, "here are none; view='graph'"),
        (lambda: wg.draw(np.sin, 1.0, view="neuron"), ConfigurationError, "did you mean 'neurons'"),
        (lambda: wg.draw(np.sin, 1.0, notation="column"), ConfigurationError, "did you mean 'columns'"),
        (
            lambda: wg.draw(layers([2, 1]), np.ones((4, 2)), view="neurons"),
            ShapeError,
            "give one row",
        ),
    ],
)  # fmt: skip
def test_what_is_no_network_at_one_example_is_refused(draw, kind, message):
    with pytest.raises(kind, match=message):
        draw()


def test_units_show_each_value_its_adjoint_and_the_derivatives_that_go_back():
    def neuron(w, x, y):
        z = w @ x
        a = wg.sigmoid(z)
        L = (a - y) ** 2
        return L

    w, x = np.array([0.5, 0.25]), np.array([2.0, -4.0])  # z = 0
    drawing = wg.draw(neuron, w, x, 1.0, wrt="w", view="units", notation="columns")

    assert drawing.contents.output is not None
    shown = " ".join(texts(drawing))
    for part in ("σ(z)", "0.25", "−1"):  # a (1 − a) and 2 (a − y) at z = 0
        assert part in shown
    root = ElementTree.fromstring(drawing.to_svg())
    back = [path for path in root.iter(f"{SVG}path") if path.get("class") == "adjoint-stroke"]
    assert len(back) == 2


def test_units_draw_each_contribution_on_an_arrow_of_its_own():
    def cosine(x):
        t = x**2
        u1 = np.sin(t)
        u2 = 3 * t
        J = np.cos(u1 + u2)
        return J

    root = ElementTree.fromstring(wg.draw(cosine, 0.7, view="units").to_svg())
    back = [path for path in root.iter(f"{SVG}path") if path.get("class") == "adjoint-stroke"]
    assert len(back) == 4


def test_names_stand_clear_of_circles_and_long_ones_are_cut():
    net = layers([2, 3, 2])
    names = {"W1": "a" * 200, "L": "b" * 200}
    drawing = wg.draw(net, np.ones(2), np.ones(2), loss=nn.squared_error, names=names, view="neurons")

    root = ElementTree.fromstring(drawing.to_svg())
    circles = [one for one in root.iter(f"{SVG}circle") if one.get("class") == "paper"]
    sheet, *papers = [one for one in root.iter(f"{SVG}rect") if one.get("class") == "paper"]
    patches = [tuple(float(one.get(key)) for key in ("x", "y", "width", "height")) for one in papers]
    for left, _, width, _ in patches:
        assert left >= 0
        assert left + width <= float(sheet.get("width"))
    assert len(circles) == 7
    for circle in circles:
        across, edge = float(circle.get("cx")), float(circle.get("cy")) - float(circle.get("r"))
        above = [top + height for left, top, width, height in patches if left < across < left + width]
        assert len([bottom for bottom in above if edge - 8 < bottom <= edge]) == 1
        assert not [bottom for bottom in above if edge < bottom < edge + 42]
    shown = texts(drawing)
    assert any(text.startswith("aaa") for text in shown)
    assert max(map(len, shown)) < 60


def deep(count, rng):
    """Return a chain of neurons, and where it is drawn."""

    def network(*given):
        *weights, x, t = given
        a = x
        for w in weights:
            a = np.tanh(w * a)
        L = (a - t) ** 2
        return L

    return network, [*rng.normal(size=count), 0.5, 1.0]


def units_of(drawing):
    """Return the size of the picture and the boxes in it: left, top, right, bottom."""
    root = ElementTree.fromstring(drawing.to_svg())
    width, height = (float(root.get(key)) for key in ("width", "height"))
    boxes = [
        [float(one.get(key)) for key in ("x", "y", "width", "height")]
        for one in root.iter(f"{SVG}rect")
        if one.get("class") != "paper"
    ]
    return width, height, [(x, y, x + w, y + h) for x, y, w, h in boxes]


def residual(W1, W2, W3, x, t):
    a = np.tanh(W1 @ x)
    b = np.tanh(W2 @ a) + a
    c = np.tanh(W3 @ b) + x
    L = np.sum((c - t) ** 2)
    return L


def drawn_units(name, rng):
    if name == "residual":
        given = [rng.normal(size=shape) for shape in [(2, 2)] * 3 + [(2,)] * 2]
        return wg.draw(residual, *given, view="units", notation="columns")
    if name == "layers":
        net = layers([2] * 13)
        return wg.draw(net, np.ones(2), np.ones(2), loss=nn.squared_error, view="units")
    network, given = deep(int(name), rng)
    return wg.draw(network, *given, view="units")


@pytest.mark.parametrize("name", ["1", "2", "5", "9", "20", "residual", "layers"])
def test_rows_of_units_keep_apart_and_every_derivative_comes_back(name, rng):
    drawing = drawn_units(name, rng)
    width, height, boxes = units_of(drawing)

    for place, one in enumerate(boxes):
        assert 0 <= one[0] < one[2] <= width
        assert 0 <= one[1] < one[3] <= height
        for other in boxes[:place]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)
    root = ElementTree.fromstring(drawing.to_svg())
    back = [path for path in root.iter(f"{SVG}path") if path.get("class") == "adjoint-stroke"]
    computed = {place for place, value in enumerate(drawing.contents.values) if value.formula is not None}
    assert len(back) == sum(use.tail in computed for use in drawing.contents.uses)


def test_few_units_are_read_on_a_telephone_and_twelve_layers_on_one_screen(rng):
    for name in ("2", "5", "residual"):
        width, _, _ = units_of(drawn_units(name, rng))
        assert width < 800

    width, height, _ = units_of(drawn_units("layers", rng))
    assert width < 1600
    assert height / width < 1  # so that it fits the screen that it fills across


def test_lines_from_row_to_row_pass_no_box(rng):
    drawing = drawn_units("9", rng)
    _, _, boxes = units_of(drawing)
    root = ElementTree.fromstring(drawing.to_svg())
    bent = [
        path.get("d") for path in root.iter(f"{SVG}path") if "Q" in path.get("d", "") and "L" in path.get("d")
    ]

    assert len(bent) >= 4  # a way forth and a way back between each two rows
    for path in bent:
        corners = [tuple(map(float, found)) for found in re.findall(r"Q(\S+) (\S+) ", path)]
        for (x1, y1), (x2, y2) in pairwise(corners):
            left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
            for box in boxes:
                assert right <= box[0] or left >= box[2] or bottom <= box[1] or top >= box[3]
