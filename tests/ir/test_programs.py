"""Programs: called, printed, counted, verified; immutable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wengert.errors import DTypeError, ShapeError, VerificationError, WengertError
from wengert.ir.evaluate import evaluate
from wengert.ir.node import make_constant, make_input, make_node
from wengert.ir.primitive import REGISTRY, Primitive
from wengert.ir.program import Program, ancestors, reading_order
from wengert.ir.provenance import Provenance, region
from wengert.ir.types import tensor_type
from wengert.ir.verify import verify
from wengert.trace.tracing import trace

F64 = np.dtype(np.float64)
VECTOR = tensor_type((3,), F64)


def sines() -> tuple[Any, Any, Any, Program]:
    x = make_input("x", VECTOR)
    y = make_node(REGISTRY["sin"], [x])
    z = make_node(REGISTRY["mul"], [y, make_constant(np.asarray(2.0))])
    return x, y, z, Program([x], [z])


def test_a_program_without_a_signature_takes_arrays() -> None:
    *_, program = sines()
    np.testing.assert_allclose(program(np.ones(3))[0], 2 * np.sin(np.ones(3)))
    assert repr(program) == "<program: 1 inputs, 2 lines, 1 outputs>"
    assert program.flops == 33
    with pytest.raises(WengertError, match=r"takes 1 arrays \(x\), got 2"):
        program(np.ones(3), np.ones(3))
    with pytest.raises(WengertError, match="takes 1 arrays"):
        program(x=np.ones(3))


def test_arguments_are_checked() -> None:
    *_, program = sines()
    with pytest.raises(ShapeError, match=r"argument 'x' has shape \(2,\); the program takes \(3,\)"):
        program(np.ones(2))
    with pytest.raises(DTypeError, match="argument 'x' is float32; the program takes float64"):
        program(np.ones(3, np.float32))
    with pytest.raises(DTypeError, match="argument 'x': masked arrays are refused"):
        program(np.ma.masked_array(np.ones(3), [0, 0, 1]))
    scalar = trace(lambda x, n: x * n, np.float32(2), 3)
    assert scalar(1.5, 2) == 3.0  # Python numbers take the input's dtype


def test_programs_are_immutable() -> None:
    *_, program = sines()
    with pytest.raises(AttributeError, match="programs are immutable"):
        program.outputs = ()
    with pytest.raises(AttributeError, match="programs are immutable"):
        del program.outputs


def test_orders_are_topological() -> None:
    x, y, z, program = sines()
    for order in (ancestors([z]), reading_order([z]), program.nodes):
        places = {node: place for place, node in enumerate(order)}
        assert places[x] < places[y] < places[z]
    assert program.lines == (y, z)


def test_free_inputs_are_not_evaluated() -> None:
    x, _, z, _ = sines()
    program = Program([], [z])
    assert program.free == (x,)
    with pytest.raises(WengertError, match="reads values of an enclosing trace"):
        evaluate(program, [])
    with pytest.raises(VerificationError, match="reads an input that the program does not declare"):
        verify(program)


def test_the_side_table_keeps_what_belongs_to_the_program() -> None:
    x, y, z, _ = sines()
    stranger, named = (make_node(REGISTRY[name], [x]) for name in ("cos", "tan"))
    table = {y: Provenance("y"), stranger: Provenance(rule="none"), named: Provenance("kept")}
    program = Program([x], [z], table)
    assert set(program.provenance) == {y, named}


def test_a_right_program_is_returned_by_verify() -> None:
    *_, program = sines()
    assert verify(program) is program


def wrong(program: Program, **fields: Any) -> Program:
    """Return the program with fields replaced, past its constructor."""
    for name, value in fields.items():
        object.__setattr__(program, name, value)
    return program


def test_wrong_programs_are_found() -> None:
    x, y, z, program = sines()
    with pytest.raises(VerificationError, match="an input is declared twice"):
        verify(Program([x, x], [z]))
    constant = z.inputs[1]
    with pytest.raises(
        VerificationError, match=r"line 0 \(sin f64\[3\]\): operand .* is not computed before it"
    ):
        verify(wrong(Program([x], [z]), nodes=(y, x, constant, z)))
    with pytest.raises(VerificationError, match=r"output .* is never computed"):
        verify(wrong(Program([x], [z]), nodes=(x, y)))
    assert program.nodes[-1] is z


def test_a_wrong_type_is_found() -> None:
    x = make_input("x", VECTOR)
    y = make_node(REGISTRY["arctan"], [x])
    right = y.type
    object.__setattr__(y, "type", tensor_type((4,), F64))
    try:
        with pytest.raises(VerificationError, match=r"line 1 \(arctan f64\[4\]\): its rule gives f64\[3\]"):
            verify(Program([x], [y]))
    finally:
        object.__setattr__(y, "type", right)


def test_an_unknown_primitive_is_found() -> None:
    sin = REGISTRY["sin"]
    fields = {name: getattr(sin, name) for name in sin.__slots__}
    unregistered = Primitive(**{**fields, "name": "sinus"})
    x = make_input("x", VECTOR)
    with pytest.raises(VerificationError, match=r"sinus .* is not in the registry"):
        verify(Program([x], [make_node(unregistered, [x])]))


def test_regions_close_also_when_their_body_fails() -> None:
    from wengert.ir.provenance import current_regions

    def fails() -> None:
        with region("layer", "layers.0"):
            assert [one.name for one in current_regions()] == ["layers.0"]
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert current_regions() == ()


def test_no_error_handling_is_left_changed() -> None:
    program = trace(lambda x: np.log(x) / x, 0.0)
    with np.errstate(all="raise"):
        assert np.isnan(program(0.0)) or program(0.0) == -np.inf
        assert np.geterr()["divide"] == "raise"
