"""Provenance: the variable that holds a value, the line that computed it, the layers around it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from wengert.errors import WengertError
from wengert.ir.composite import COMPOSITES, composite
from wengert.ir.program import Program
from wengert.ir.provenance import region
from wengert.trace import source
from wengert.trace.tracing import trace


def names(program: Program) -> list[tuple[str, str | None]]:
    """Return (primitive, user's name) of the lines, in the order of recording."""
    lines = sorted(program.lines, key=lambda node: node.serial)
    return [(node.primitive.name, program.provenance[node].name) for node in lines]


def relu(z: Any) -> Any:
    return np.maximum(0, z)


def test_assignments_give_names() -> None:
    def function(W: Any, x: Any) -> Any:
        z = x @ W + 1
        hidden = relu(z)
        first = second = np.exp(hidden)
        if (norm := (first * 2).sum()) > 0:
            second = second / norm
        return second

    program = trace(function, np.ones((3, 3)), np.ones(3))
    assert names(program) == [
        ("matmul", None), ("add", "z"), ("maximum", "hidden"), ("exp", "first"), ("mul", None),
        ("sum", "norm"), ("div", "second"),
    ]  # fmt: skip


def test_one_call_that_records_several_lines_names_the_last() -> None:
    def function(x: Any) -> Any:
        spread = np.var(x)
        length = np.linalg.norm(x)
        return spread * length

    program = trace(function, np.ones(3))
    named = {program.provenance[node].name: node.primitive.name for node in program.lines}
    assert named["spread"] == "mean"
    assert named["length"] == "where"
    counts = [program.provenance[node].name for node in program.lines]
    assert counts.count("spread") == 1
    assert counts.count("length") == 1


def test_a_loop_names_each_iteration() -> None:
    def function(x: Any) -> Any:
        for _ in range(3):
            x = np.sin(x)
        return x

    assert names(trace(function, np.ones(3))) == [("sin", "x")] * 3


def test_unpacking_gives_no_wrong_name() -> None:
    def function(x: Any) -> Any:
        a, b = x
        c, d = np.split(x, 2)
        return a * b + c[0] + d[0]

    program = trace(function, np.ones(2))
    given = {
        program.provenance[node].name for node in program.lines if node.primitive.name in ("slice", "squeeze")
    }
    assert given == {None}


def test_names_in_closures_globals_and_loops_over_rows() -> None:
    def function(x: Any) -> Any:
        total = 0.0

        def inner() -> None:
            nonlocal total
            total = total + x.sum()

        inner()
        for row in x:
            total = total + row[0]
        return total

    program = trace(function, np.ones((2, 2)))
    assert ("add", "total") in names(program)
    assert ("squeeze", "row") in names(program)
    space: dict[str, Any] = {"np": np, "trace": trace}
    exec(
        "def f(x):\n    global kept\n    kept = np.exp(x)\n    return kept * 2\nprogram = trace(f, 1.0)",
        space,
    )
    assert names(space["program"]) == [("exp", "kept"), ("mul", None)]


def test_a_function_with_hundreds_of_variables() -> None:
    # Its instructions have extended arguments.
    body = "\n".join(f"    a{i} = {i}.0" for i in range(300))
    space: dict[str, Any] = {"np": np}
    exec(f"def f(x):\n{body}\n    last = np.exp(x)\n    return last * a299", space)
    assert names(trace(space["f"], 1.0)) == [("exp", "last"), ("mul", None)]


def test_lines_and_functions() -> None:
    program = trace(relu, np.ones(3))
    found = program.provenance[program.lines[0]].source
    assert found is not None
    start = inspect.getsourcelines(relu)[1]
    assert (found.file, found.line, found.function) == (__file__, start + 1, "relu")
    assert str(found) == f"{__file__}:{start + 1}, in relu"


def test_inputs_carry_the_names_of_arguments() -> None:
    def function(first: Any, *rest: Any, scale: Any, **options: Any) -> Any:
        return first + sum(rest) * scale + options["shift"]

    program = trace(function, 1.0, 2.0, 3.0, scale=4.0, shift=5.0)
    assert [node.param("name") for node in program.inputs] == [
        "first",
        "rest0",
        "rest1",
        "scale",
        "shift",
    ]
    nested = trace(lambda layers: layers[0]["W"] + layers[1], [{"W": 1.0}, 2.0])
    assert [node.param("name") for node in nested.inputs] == ["layers.0.W", "layers.1"]
    assert [node.param("name") for node in trace(np.sin, 1.0).inputs] != []
    assert [node.param("name") for node in trace(max, 2.0, 1.0).inputs] == ["argument0", "argument1"]


def test_layers_and_composites() -> None:
    @composite
    def swish(x: Any) -> Any:
        return x / (1 + np.exp(-x))

    def function(x: Any) -> Any:
        with region("layer", "layers.0"):
            x = x * 2
            x = swish(x)
        return swish(x + 1)

    try:
        program = trace(function, np.ones(3))
    finally:
        del COMPOSITES["swish"]
    paths = [[(one.kind, one.name) for one in program.provenance[node].regions] for node in program.lines]
    assert paths.count([("layer", "layers.0")]) == 1
    assert paths.count([("layer", "layers.0"), ("composite", "swish")]) == 4
    assert paths.count([("composite", "swish")]) == 4
    numbers = {
        one.number
        for node in program.lines
        for one in program.provenance[node].regions
        if one.kind == "composite"
    }
    assert len(numbers) == 2
    assert swish.__name__ == "swish"


def test_the_tables_of_places_stay_small(monkeypatch: Any) -> None:
    monkeypatch.setattr(source, "_KEPT", 3)
    for number in range(20):
        space: dict[str, Any] = {"np": np}
        exec(f"def f(x):\n    y{number} = np.exp(x)\n    z = y{number} * 2\n    return z", space)
        assert names(trace(space["f"], 1.0)) == [("exp", f"y{number}"), ("mul", "z")]
        assert len(source._sites) <= 4
        assert len(source._library) <= 4


def test_code_without_a_user(monkeypatch: Any) -> None:
    # Where all frames belong to libraries the origin is empty, and nothing fails.
    monkeypatch.setattr(source, "_is_library", lambda frame: True)
    program = trace(np.exp, 1.0)
    assert program.provenance[program.lines[0]].source is None
    with pytest.raises(WengertError) as caught:
        trace(lambda x: x[5], np.ones(3))
    assert str(caught.value) == "index 5 is outside axis 0, which has 3 entries"
