"""Every primitive is declared in full, and what it declares can be used."""

import copy
import math
import pickle
import string

import numpy as np
import pytest
from tests.contract import gate, scalar_oracles, structural_cases
from tests.contract.structural_oracles import Indices, shape_of

from wengert.errors import WengertError
from wengert.ir.primitive import REGISTRY, Interval, Kind, NotDifferentiable, register
from wengert.ir.types import tensor_type

# Those of loops and branches, which take programs, are in test_regions.py.
ELSEWHERE = (Kind.INPUT, Kind.CONSTANT, Kind.REGION, Kind.ITEM)
OPERATIONS = [name for name, one in REGISTRY.items() if one.kind not in ELSEWHERE]
RANDOM = [name for name, one in REGISTRY.items() if one.kind is Kind.RANDOM]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_primitive_has_an_oracle() -> None:
    known = {*scalar_oracles.EXPRESSIONS, *scalar_oracles.STEPS, *structural_cases.ORACLES, *RANDOM}
    missing = set(OPERATIONS) - known
    assert not missing, (
        f"{sorted(missing)} stand in the registry and have no oracle: add SymPy expressions (or a Python "
        "function, if piecewise constant) to tests/contract/scalar_oracles.py, or loops and cases to "
        "tests/contract/structural_cases.py"
    )
    stale = known - set(OPERATIONS)
    assert not stale, f"oracles for {sorted(stale)}, which are no primitives"


@pytest.mark.parametrize("name", REGISTRY)
def test_the_declaration_is_complete(name: str) -> None:
    primitive = REGISTRY[name]
    assert primitive.name == name
    assert len(primitive.source) > 5
    assert callable(primitive.numpy)
    assert callable(primitive.infer)
    assert callable(primitive.promote)
    if isinstance(primitive.vjp, NotDifferentiable):
        assert primitive.vjp.reason
    else:
        assert callable(primitive.vjp)
    assert all(isinstance(one, Interval) and one.low < one.high for one in primitive.domain)
    assert all(isinstance(one, float) for one in primitive.special)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_source_names_the_operands(name: str) -> None:
    primitive = REGISTRY[name]
    if isinstance(primitive.python, str):
        assert fields(primitive.python) == {str(place) for place in range(len(primitive.domain))}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_operations_are_counted(name: str) -> None:
    primitive = REGISTRY[name]
    if name in structural_cases.ORACLES:
        case = structural_cases.ORACLES[name].cases[0]
        types = [
            tensor_type(one.shape, np.dtype(np.int64))
            if isinstance(one, Indices)
            else tensor_type(shape_of(one), np.dtype(np.float64))
            for one in case.operands
        ]
        params = case.params
    elif name in RANDOM:
        key = tensor_type((2,), np.dtype(np.uint32))
        types = [key, tensor_type((), np.dtype(np.int64))][: len(primitive.domain)]
        params = {"shape": (3,), "dtype": np.dtype(np.float64)} if name == "random_uniform" else {}
    else:
        types = [tensor_type((5,), np.dtype(np.float64))] * len(primitive.domain)
        params = {}
    count = primitive.flops(primitive.infer(*types, **params), types, params)
    assert isinstance(count, int)
    free = name == "stop_gradient" or primitive.kind is Kind.MOVEMENT
    assert count > 0 or free


def test_ties_are_declared_where_a_derivative_jumps() -> None:
    for name in (
        "abs",
        "sign",
        "maximum",
        "minimum",
        "clip",
        "max",
        "min",
        "where",
        "sqrt",
        "pow",
        "xlogy",
        "hypot",
    ):
        assert REGISTRY[name].ties, f"{name} does not say what its derivative is where it has none"


def test_a_primitive_is_itself_after_copy_and_pickle() -> None:
    primitive = REGISTRY["tanh"]
    assert copy.deepcopy(primitive) is primitive
    assert pickle.loads(pickle.dumps(primitive)) is primitive
    assert repr(primitive) == "<primitive tanh>"


def variation(**changes: object) -> dict[str, object]:
    tanh = REGISTRY["tanh"]
    return {name: getattr(tanh, name) for name in tanh.__slots__} | changes


def test_a_name_is_taken_once() -> None:
    with pytest.raises(WengertError, match="'tanh' is declared twice"):
        register(REGISTRY["tanh"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "declares no name"),
        ({"source": ""}, "declares no source"),
        ({"derivative": ("1", "1")}, "write one derivative for each operand"),
    ],
)
def test_an_incomplete_declaration_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(WengertError, match=message):
        type(REGISTRY["tanh"])(**variation(**changes))
    with pytest.raises(TypeError, match="vjp"):
        type(REGISTRY["tanh"])(**{name: value for name, value in variation().items() if name != "vjp"})


def test_domains_stay_clear_of_singularities() -> None:
    for name in scalar_oracles.EXPRESSIONS:
        primitive = REGISTRY[name]
        ends = [np.array([one.low, one.high]) for one in primitive.domain]
        values = scalar_oracles.evaluate(name, [end[:1] for end in ends])
        assert all(math.isfinite(value) for value in values), name
        assert gate.elementwise_operands(primitive, tuple((3,) for _ in ends), np.random.default_rng(0))
