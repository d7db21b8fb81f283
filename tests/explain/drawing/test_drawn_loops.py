"""Loops in drawings: one box with an arrow that returns, or open, every line with its loop above."""

import itertools

import numpy as np
import pytest

import wengert as wg
from wengert.errors import GradientError
from wengert.explain.drawing.cards import caption_of

RNG = np.random.default_rng(0)
ARGUMENTS = [RNG.normal(size=shape) for shape in [(2, 2), (3, 2), (4, 3), (4, 2)]]


def recurrent(W, U, x, y):
    def cell(h, x):
        z = h @ W + x @ U
        h = np.tanh(z)
        return h, h

    _, h = wg.scan(cell, np.zeros(2), x)
    return np.sum((h - y) ** 2)


def two_carries(a, x):
    def step(carry, x):
        u, v = carry
        u = np.sin(u * a + x)
        v = v + u * x
        return (u, v), None

    (_, v), _ = wg.scan(step, (0.0, 1.0), x)
    return v * v


def nested(x, g):
    def outer(s, row):
        def inner(r, e):
            r = np.tanh(g * r + e)
            return r, r

        r, every = wg.scan(inner, s, row)
        s = r * g
        return s, np.sum(every)

    s, sums = wg.scan(outer, 0.5, x)
    return s + np.sum(sums**2)


FUNCTIONS = [
    (recurrent, ARGUMENTS),
    (two_carries, [0.5, RNG.normal(size=3)]),
    (nested, [RNG.normal(size=(3, 4)), 0.4]),
]


def arrows(drawing):
    names = [value.symbol.name for value in drawing.contents.values]
    return {(names[use.tail], names[use.head]) for use in drawing.contents.uses if use.returns}


def test_a_folded_loop_is_one_box_with_an_arrow_that_returns():
    drawing = wg.draw(recurrent, *ARGUMENTS)
    assert arrows(drawing) == {("h", "h")}
    assert "z" not in {value.symbol.name for value in drawing.contents.values}
    assert "h = loop(W, U, x)" in drawing.to_dot()
    found = {value.symbol.name: value.adjoint for value in drawing.contents.values}
    np.testing.assert_allclose(found["W"], wg.grad(recurrent)(*ARGUMENTS), rtol=1e-12)


def test_what_a_folded_loop_carries_beside_its_result_is_inside():
    assert arrows(wg.draw(two_carries, 0.5, np.ones(3))) == {("v", "v")}


@pytest.mark.parametrize("fold", ["nothing", "composites", "loop"])
def test_an_open_loop_shows_its_lines_and_where_the_carry_goes(fold):
    drawing = wg.draw(recurrent, *ARGUMENTS, fold=fold)
    inside = {value.symbol.name for value in drawing.contents.values if caption_of(value) == "loop"}
    if fold == "nothing":
        assert {"z", "h"} <= inside
        ((tail, head),) = arrows(drawing)
        assert (tail, head in inside) == ("h", True)
    else:
        assert not inside


def test_a_loop_in_a_loop_is_named_by_both():
    captions = {caption_of(value) for value in wg.draw(*flat(nested, 2), fold="nothing").contents.values}
    assert captions == {"", "loop", "loop › loop"}


def flat(function, place):
    return function, *FUNCTIONS[place][1]


@pytest.mark.parametrize("fold", ["nothing", "composites"])
@pytest.mark.parametrize(("function", "arguments"), FUNCTIONS, ids=lambda one: getattr(one, "__name__", ""))
def test_an_arrow_that_returns_passes_no_box(function, arguments, fold):
    picture = wg.draw(function, *arguments, fold=fold).picture
    returning = [route for route in picture.routes if route.returns]
    assert returning
    for route, box in itertools.product(returning, picture.boxes):
        right, bottom = box.x + box.card.width, box.y + box.card.height
        for (x, y), (u, v) in itertools.pairwise(route.points):
            beside = max(x, u) <= box.x or min(x, u) >= right
            assert beside or max(y, v) <= box.y + 0.01 or min(y, v) >= bottom - 0.01, box.title
        assert max(x for x, _ in route.points) < picture.width


def test_views_of_layers_refuse_a_loop_by_its_line():
    with pytest.raises(GradientError, match=r"view='units'.* takes no loop \(at .*test_drawn_loops"):
        wg.draw(recurrent, *ARGUMENTS, view="units")
