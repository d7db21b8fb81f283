"""The layered layout: what must hold of every drawing, on random graphs."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st
from tests.explain.drawing.graphs import graphs

from wengert.explain.drawing.layered.coordinates import coordinates
from wengert.explain.drawing.layered.graph import Arrow
from wengert.explain.drawing.layered.ordering import crossings, ordered
from wengert.explain.drawing.layered.placing import place
from wengert.explain.drawing.layered.ranks import ranks

EXACT = 1e-6


def corners(centre, size):
    (x, y), (width, height) = centre, size
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def apart(one, other):
    return (
        one[2] <= other[0] + EXACT
        or other[2] <= one[0] + EXACT
        or one[3] <= other[1] + EXACT
        or other[3] <= one[1] + EXACT
    )


def label_corners(route, arrow):
    x, y = route.label
    width, height = arrow.label
    return x, y - height / 2, x + width, y + height / 2


def curve(route, steps=12):
    """Points on the curve that is drawn: a cubic with upright ends between successive points."""
    for (x0, y0), (x1, y1) in itertools.pairwise(route.points):
        for step in range(steps + 1):
            t = step / steps
            blend = 3 * t**2 - 2 * t**3
            middle = (y0 + y1) / 2
            y = (1 - t) ** 3 * y0 + 3 * t * (1 - t) ** 2 * middle + 3 * t**2 * (1 - t) * middle + t**3 * y1
            yield x0 + blend * (x1 - x0), y


def label_shapes(found, arrows):
    return [
        label_corners(route, arrow)
        for route, arrow in zip(found.routes, arrows, strict=True)
        if route.label is not None
    ]


def no_box_and_no_label_lies_over_another(found, boxes, arrows):
    shapes = [corners(*pair) for pair in zip(found.centres, boxes, strict=True)]
    shapes += label_shapes(found, arrows)

    assert all(apart(one, other) for one, other in itertools.combinations(shapes, 2))


def every_label_has_a_place(found, boxes, arrows):
    assert [route.label is not None for route in found.routes] == [bool(one.label[0]) for one in arrows]


def arrows_run_downwards_from_box_to_box(found, boxes, arrows):
    for route, arrow in zip(found.routes, arrows, strict=True):
        left, _, right, bottom = corners(found.centres[arrow.tail], boxes[arrow.tail])
        assert left - EXACT <= route.points[0][0] <= right + EXACT
        assert route.points[0][1] == pytest.approx(bottom)
        left, top, right, _ = corners(found.centres[arrow.head], boxes[arrow.head])
        assert left - EXACT <= route.points[-1][0] <= right + EXACT
        assert route.points[-1][1] == pytest.approx(top)
        heights = [y for _, y in route.points]
        assert all(upper < lower for upper, lower in itertools.pairwise(heights))


def no_arrow_runs_through_a_box(found, boxes, arrows):
    shapes = [corners(*pair) for pair in zip(found.centres, boxes, strict=True)]

    for route in found.routes:
        for x, y in curve(route):
            for left, top, right, bottom in shapes:
                assert not (left + EXACT < x < right - EXACT and top + EXACT < y < bottom - EXACT)


def everything_lies_on_the_canvas(found, boxes, arrows):
    shapes = [corners(*pair) for pair in zip(found.centres, boxes, strict=True)]
    points = [point for route in found.routes for point in curve(route)]
    shapes += [(x, y, x, y) for x, y in points]
    shapes += label_shapes(found, arrows)

    assert min(shape[0] for shape in shapes) >= -EXACT
    assert min(shape[1] for shape in shapes) >= -EXACT
    assert max(shape[2] for shape in shapes) <= found.width + EXACT
    assert max(shape[3] for shape in shapes) <= found.height + EXACT


@settings(max_examples=30)
@given(graphs())
def test_a_drawing_has_its_properties(graph):
    boxes, arrows = graph
    found = place(boxes, arrows)

    no_box_and_no_label_lies_over_another(found, boxes, arrows)
    every_label_has_a_place(found, boxes, arrows)
    arrows_run_downwards_from_box_to_box(found, boxes, arrows)
    no_arrow_runs_through_a_box(found, boxes, arrows)
    everything_lies_on_the_canvas(found, boxes, arrows)


@settings(max_examples=20)
@given(graphs(most=10))
def test_the_same_graph_gives_the_same_drawing(graph):
    assert place(*graph) == place(*graph)


@settings(max_examples=40)
@given(graphs(most=5))
def test_ranks_have_the_least_length_in_all(graph):
    boxes, arrows = graph
    found = ranks(len(boxes), arrows)

    def length(rank):
        return sum(rank[one.head] - rank[one.tail] for one in arrows)

    def fits(rank):
        return all(rank[one.head] > rank[one.tail] for one in arrows)

    assert fits(found)
    possible = (one for one in itertools.product(range(len(boxes)), repeat=len(boxes)) if fits(one))
    assert length(found) == min(map(length, possible))


@st.composite
def layers(draw):
    """Ranks of vertices and the edges from each rank to the next."""
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    numbers = itertools.count()
    found = [[next(numbers) for _ in range(width)] for width in widths]
    edges = []
    for upper, lower in itertools.pairwise(found):
        edges += draw(st.lists(st.tuples(st.sampled_from(upper), st.sampled_from(lower)), unique=True))
    above = [[one for one, other in edges if other == vertex] for vertex in range(sum(widths))]
    below = [[other for one, other in edges if one == vertex] for vertex in range(sum(widths))]
    return found, edges, above, below


@given(layers())
def test_crossings_are_counted_as_by_looking_at_each_pair(case):
    found, edges, _, below = case
    place_of = {vertex: position for rank in found for position, vertex in enumerate(rank)}
    rank_of = {vertex: number for number, rank in enumerate(found) for vertex in rank}
    expected = sum(
        rank_of[a] == rank_of[c] and (place_of[a] - place_of[c]) * (place_of[b] - place_of[d]) < 0
        for (a, b), (c, d) in itertools.combinations(edges, 2)
    )

    assert crossings(found, below) == expected


@given(layers())
def test_reordering_keeps_the_ranks_and_adds_no_crossing(case):
    found, _, above, below = case
    better = ordered(found, above, below)

    assert [sorted(rank) for rank in better] == [sorted(rank) for rank in found]
    assert crossings(better, below) <= crossings(found, below)


def test_two_crossed_pairs_are_uncrossed():
    found = ordered([[0, 1], [2, 3]], [[], [], [1], [0]], [[3], [2], [], []])

    assert crossings(found, [[3], [2], [], []]) == 0


def test_a_parent_stands_over_the_middle_of_its_children():
    x = coordinates([[0], [1, 2]], [(0, 1, 1.0), (0, 2, 1.0)], [(10, 10), (20, 20), (30, 30)], gap=8)

    assert x[2] - x[1] == pytest.approx(20 + 8 + 30)
    assert x[0] == pytest.approx((x[1] + x[2]) / 2)


def test_boxes_without_arrows_stand_beside_one_another():
    found = place([(30, 10), (40, 20)], [])

    assert found.centres[0][1] == found.centres[1][1]
    assert found.centres[1][0] - found.centres[0][0] > 35


def test_a_long_arrow_goes_around_what_stands_in_between():
    boxes = [(100, 30)] * 3
    found = place(boxes, [Arrow(0, 1), Arrow(1, 2), Arrow(0, 2)])
    left, top, right, bottom = corners(found.centres[1], boxes[1])

    beside = [x for x, y in curve(found.routes[2]) if top < y < bottom]
    assert beside
    assert all(x < left or x > right for x in beside)
