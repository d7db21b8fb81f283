"""Types and nodes: interned, immutable, and equal only when they are the same."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from wengert.errors import DTypeError, ShapeError
from wengert.ir import node as node_module
from wengert.ir.node import CONSTANT, INPUT, Literal, make_constant, make_input, make_node
from wengert.ir.primitive import REGISTRY, Primitive
from wengert.ir.types import TensorType, tensor_type

F64 = np.dtype(np.float64)


def test_types_are_interned_in_native_byte_order() -> None:
    one = tensor_type((2, 3), F64)
    assert one is tensor_type((2, 3), np.dtype(">f8"))
    assert one is not tensor_type((3, 2), F64)
    assert (one.ndim, one.size, one.is_float) == (2, 6, True)
    assert not tensor_type((), np.dtype(bool)).is_float
    assert str(one) == "f64[2,3]"
    assert repr(one) == "TensorType(f64[2,3])"
    assert isinstance(one, TensorType)


def test_types_stay_one_object_among_many() -> None:
    kept = tensor_type((7, 11), F64)
    for extent in range(70_000):
        tensor_type((extent, 5), F64)
    assert tensor_type((7, 11), F64) is kept


@pytest.mark.parametrize("dtype", ["O", "U3", "M8[s]", "S2"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(DTypeError, match="a program holds booleans, integers, floating and complex"):
        tensor_type((), np.dtype(dtype))


def test_equal_nodes_are_identical() -> None:
    x = make_input("x", tensor_type((3,), F64))
    exp = REGISTRY["exp"]
    assert make_node(exp, [x]) is make_node(exp, (x,), {})
    total = REGISTRY["sum"]
    first = make_node(total, [x], {"axes": (0,), "keepdims": False})
    assert first is make_node(total, [x], {"keepdims": False, "axes": (0,)})
    assert first is not make_node(total, [x], {"axes": (0,), "keepdims": True})
    assert x is not make_input("x", x.type)
    assert repr(first) == "<node sum f64[]>"
    assert x.serial < first.serial


def test_nodes_are_immutable() -> None:
    x = make_input("x", tensor_type((), F64))
    with pytest.raises(AttributeError, match="nodes are immutable; cannot set 'type'"):
        x.type = None  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="nodes are immutable; cannot delete 'type'"):
        del x.type


def test_a_forgotten_node_can_be_made_again() -> None:
    x = make_input("x", tensor_type((3,), F64))
    serial = make_node(REGISTRY["cos"], [x]).serial
    gc.collect()
    assert make_node(REGISTRY["cos"], [x]).serial > serial


def test_a_late_farewell_does_not_forget_the_successor() -> None:
    x = make_input("x", tensor_type((3,), F64))
    y = make_node(REGISTRY["cos"], [x])
    (key,) = [key for key, reference in node_module._interned.items() if reference() is y]
    late = node_module._Reference(y)
    late.key = key
    node_module._forget(late)  # of an earlier node of the same key, whose collection took its time
    assert make_node(REGISTRY["cos"], [x]) is y


def test_two_threads_that_make_the_same_node_get_one() -> None:
    sin = REGISTRY["sin"]
    x = make_input("x", tensor_type((3,), F64))
    winners: list[Any] = []

    def infer(operand: TensorType) -> TensorType:
        if not winners:  # as if the other thread ran here
            winners.append(None)
            winners[0] = make_node(slow, [x])
        return operand

    slow = Primitive(**{**{name: getattr(sin, name) for name in sin.__slots__}, "infer": infer})
    assert make_node(slow, [x]) is winners[0]


def test_type_rules_run_when_a_node_is_made() -> None:
    x, y = (make_input(name, tensor_type((extent,), F64)) for name, extent in (("x", 2), ("y", 3)))
    with pytest.raises(ShapeError, match="do not broadcast"):
        make_node(REGISTRY["add"], [x, y])


def test_literals_compare_by_their_bytes() -> None:
    def same(a: Any, b: Any) -> bool:
        return Literal(np.asarray(a)) == Literal(np.asarray(b))

    assert same([1.0, 2.0], [1.0, 2.0])
    assert same(np.nan, np.nan)
    assert same(np.array([1.0], ">f8"), np.array([1.0]))
    assert not same(0.0, -0.0)
    assert not same([1.0], 1.0)
    assert not same(1, 1.0)
    assert not same(np.zeros((0, 2)), np.zeros((2, 0)))
    assert Literal(np.ones(2)) != "text"
    assert len({Literal(np.ones(2)), Literal(np.ones(2))}) == 1
    assert repr(Literal(np.ones(2))) == "Literal(array([1., 1.]))"


def test_constants_own_their_values() -> None:
    array = np.arange(4.0)[::-1]
    node = make_constant(array)
    array[:] = 0
    value = node.value
    assert value is not None
    np.testing.assert_array_equal(value, [3, 2, 1, 0])
    assert not value.flags.writeable
    assert value.flags.c_contiguous
    assert make_constant(np.array([3.0, 2.0, 1.0, 0.0])) is node
    assert make_input("x", node.type).value is None


def test_inputs_and_constants_have_values_and_no_rules() -> None:
    with pytest.raises(AssertionError, match="have values, not rules"):
        INPUT.numpy()
    assert CONSTANT.promote([]) == ()
    assert INPUT.promote([]) == ()
    assert CONSTANT.flops(None, (), {}) == 0
    assert CONSTANT.numpy(Literal(np.ones(2))).sum() == 2
