"""One application of every primitive, on operands drawn from its domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.contract import structural_cases
from tests.contract.structural_oracles import Case, Indices, shape_of

import wengert.primitives  # noqa: F401  # fills the registry
from wengert.ir.node import CONSTANT, INPUT, make_input
from wengert.ir.primitive import REGISTRY, Interval, Kind, NotDifferentiable, Primitive
from wengert.ir.program import Program
from wengert.ir.types import tensor_type
from wengert.primitives.kinds import REAL_LINE
from wengert.trace.tensor import Tensor, Trace

FLOAT, INT, WORD, BOOL = np.float64, np.int64, np.uint32, np.bool_


@dataclass(frozen=True)
class Example:
    """Operand shapes and dtypes, and the parameters."""

    shapes: tuple[tuple[int, ...], ...]
    params: dict[str, Any]
    dtypes: tuple[Any, ...] = ()
    highest_index: int = 0


EXAMPLES: dict[str, Example] = {
    "matmul": Example(((2, 3), (3, 4)), {}),
    "outer": Example(((2,), (3,)), {}),
    "einsum": Example(((2, 3, 4), (4, 3)), {"subscripts": "aij,ji->ai"}),
    "reshape": Example(((2, 3),), {"shape": (6,)}),
    "transpose": Example(((2, 3),), {"axes": (1, 0)}),
    "expand_dims": Example(((2, 3),), {"axes": (1,)}),
    "squeeze": Example(((2, 1, 3),), {"axes": (1,)}),
    "broadcast_to": Example(((3,),), {"shape": (2, 3)}),
    "concatenate": Example(((2, 3), (2, 1)), {"axis": 1}),
    "pad": Example(((2, 3),), {"low": (1, 0), "high": (0, 2), "interior": (0, 0)}),
    "flip": Example(((2, 3),), {"axes": (1,)}),
    "slice": Example(((4, 3),), {"start": (1, 0), "stop": (4, 3), "step": (2, 1)}),
    "gather": Example(((4, 3), (2,)), {"axes": (0,)}, (FLOAT, INT), 4),
    "scatter_add": Example(((2, 3), (2,)), {"axes": (0,), "shape": (4, 3)}, (FLOAT, INT), 4),
    "one_hot": Example(((3,),), {"count": 4, "dtype": np.dtype(FLOAT)}, (INT,), 4),
    "random_uniform": Example(((2,),), {"shape": (2, 3), "dtype": np.dtype(FLOAT)}, (WORD,)),
    "fold_in": Example(((2,), ()), {}, (WORD, INT)),
    "astype": Example(((2, 3),), {"dtype": np.dtype(np.float32)}),
    "solve": Example(((2, 2), (2, 3)), {}),
    "solve_triangular": Example(((2, 2), (2, 3)), {"lower": True}),
    "solve_sylvester": Example(((2, 2), (2, 2), (2, 2)), {}),
    "cholesky_cotangent": Example(((2, 2), (2, 2)), {}),
    "recursion": Example(((3,), (2, 5)), {}),
    **dict.fromkeys(
        ("polygamma", "jv", "yv", "ive", "kve", "gammainc", "gammaincc", "zeta"),
        Example(((3,), (2, 3)), {}, (INT, FLOAT), 5),
    ),
    "betainc": Example(((3,), (3,), (2, 3)), {}, (INT, INT, FLOAT), 5),
    "pinv": Example(((3, 2),), {"rcond": 1e-15}),
    "eigh": Example(((2, 2),), {"lower": True}),
    "svd": Example(((3, 2),), {}),
    "qr": Example(((3, 2),), {}),
    "cross": Example(((2, 3), (3,)), {}),
    "full_rank": Example(((2, 2),), {"of": "the test"}),
    "over_gaps": Example(((2, 2), (2,)), {"refuse": True}),
    "over_values": Example(((3, 2), (2,)), {"refuse": True}),
    "argsort": Example(((2, 3),), {}),
    "argpartition": Example(((2, 3),), {"kth": 1}),
    "searchsorted": Example(((3,), (2, 3)), {"side": "left"}),
    "invert": Example(((2, 3),), {}, (INT,)),
    **dict.fromkeys(
        ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"),
        Example(((2, 3), (2, 3)), {}, (INT, INT)),
    ),
    **dict.fromkeys(("fft", "ifft", "rfft"), Example(((2, 3),), {"axis": 1, "norm": "backward"})),
    "irfft": Example(((2, 3),), {"axis": 1, "n": 4, "norm": "backward"}),
    **dict.fromkeys(("dct", "dst"), Example(((2, 3),), {"axis": 1, "type": 2})),
    "where": Example(((2, 3), (2, 3), (2, 3)), {}, (BOOL, FLOAT, FLOAT)),
}


def example_of(primitive: Primitive) -> Example:
    """Return the example: its own, one for all primitives of its kind, or the first case of its oracle."""
    if primitive.name in EXAMPLES:
        return EXAMPLES[primitive.name]
    if primitive.kind is Kind.SCAN:
        return Example(((2, 3),), {"axis": 1})
    if primitive.kind is Kind.REDUCTION:
        dtypes = (BOOL,) if primitive.name in ("any", "all") else ()
        return Example(((2, 3),), {"axes": (1,), "keepdims": False}, dtypes)
    if primitive.kind is Kind.LIBRARY:
        return Example(((2, 2),) * len(primitive.domain), {})
    if primitive.kind is not Kind.ELEMENTWISE:
        return _first_case(structural_cases.ORACLES[primitive.name].cases[0])
    dtypes = (BOOL,) * len(primitive.domain) if primitive.name.startswith("logical") else ()
    return Example(((2, 3),) * len(primitive.domain), {}, dtypes)


def _first_case(case: Case) -> Example:
    indices = [one for one in case.operands if isinstance(one, Indices)]
    return Example(
        tuple(shape_of(one) for one in case.operands),
        case.params,
        tuple(INT if one in indices else FLOAT for one in case.operands),
        min((one.extent for one in indices), default=0),
    )


# Loops and branches take programs; tests/contract/region_examples.py has functions with them.
PRIMITIVES = [
    one
    for one in REGISTRY.values()
    if one not in (INPUT, CONSTANT) and one.kind not in (Kind.REGION, Kind.ITEM)
]
DIFFERENTIABLE = [one for one in PRIMITIVES if not isinstance(one.vjp, NotDifferentiable)]
NAMES = "xyz"


def program_of(primitive: Primitive, dtype: Any = FLOAT) -> Program:
    """Return the program of one line that applies a primitive."""
    example = example_of(primitive)
    dtypes = example.dtypes or (FLOAT,) * len(example.shapes)
    inputs = [
        make_input(name, tensor_type(shape, np.dtype(dtype if own is FLOAT else own)))
        for name, shape, own in zip(NAMES, example.shapes, dtypes, strict=False)
    ]
    trace = Trace()
    with trace.recording():
        outputs = [primitive(*[Tensor(node, trace) for node in inputs], **example.params).node]
    return Program(inputs, outputs, trace.provenance)


def arguments_for(
    program: Program, primitive: Primitive, rng: np.random.Generator
) -> list[np.ndarray[Any, Any]]:
    """Return operands from the primitive's domain; for linear algebra, well-conditioned matrices."""
    example = example_of(primitive)
    if primitive.kind is Kind.LIBRARY and primitive in DIFFERENTIABLE and {*primitive.domain} == {REAL_LINE}:
        return [regular(node.type.shape, rng).astype(node.type.dtype) for node in program.inputs]
    intervals = [*primitive.domain, *[primitive.domain[-1]] * len(program.inputs)]
    return [
        draw(node.type, interval, example.highest_index, rng)
        for node, interval in zip(program.inputs, intervals, strict=False)
    ]


def regular(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return matrices with positive eigenvalues that are apart, symmetric where square; or numbers."""
    noise = rng.uniform(-0.4, 0.4, shape)
    if len(shape) < 2:
        return noise
    if shape[-1] == shape[-2]:
        noise = (noise + np.swapaxes(noise, -1, -2)) / 2
    return noise + np.eye(*shape[-2:]) * (2 + np.arange(shape[-1]))


def draw(type_: Any, interval: Interval, indices: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return an array of a type from an interval."""
    if type_.dtype.kind == "f":
        return np.asarray(rng.uniform(interval.low, interval.high, type_.shape)).astype(type_.dtype)
    lowest = int(interval.low) if interval.integer else 0
    return np.asarray(rng.integers(lowest, indices or 2, type_.shape)).astype(type_.dtype)


def run_source(source: str, name: str = "program") -> Callable[..., Any]:
    """Return the function that emitted source defines, in a namespace of its own."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "<emitted>", "exec"), namespace)
    function = namespace[name]
    assert callable(function)
    return function
