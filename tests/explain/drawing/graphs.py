"""Random acyclic graphs with boxes and labels of many sizes."""

from hypothesis import strategies as st

from wengert.explain.drawing.layered.graph import Arrow


@st.composite
def graphs(draw, most=18):
    count = draw(st.integers(1, most))
    sizes = st.tuples(st.floats(5, 200), st.floats(5, 120))
    boxes = draw(st.lists(sizes, min_size=count, max_size=count))
    labels = st.one_of(st.just((0.0, 0.0)), st.tuples(st.floats(1, 150), st.floats(1, 40)))
    pairs = {}
    for head in range(1, count):
        tails = draw(st.lists(st.integers(0, head - 1), max_size=3, unique=True))
        pairs |= {(tail, head): draw(labels) for tail in tails}
    # The numbering need not be topological.
    order = draw(st.permutations(range(count)))
    arrows = [Arrow(order[tail], order[head], label) for (tail, head), label in pairs.items()]
    return boxes, arrows
