"""A primitive that is declared, and entered nowhere else, works in every backend."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.contract import onnx_backend
from tests.contract.new_primitives import NEWCOMERS, Newcomer, declared, log_sum, running_log_sum
from tests.transform.examples import run_source

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import GradientError, UnsupportedFunctionError, WengertError
from wengert.explain.derivation import VIEWS, Derivation
from wengert.io.formats.onnx_operators import is_native, written_out
from wengert.ir.primitive import REGISTRY, Kind, NotDifferentiable, Primitive
from wengert.ir.program import Program
from wengert.ir.verify import verify
from wengert.primitives.kinds import reduction
from wengert.run import xla_executor
from wengert.run.llvm import LLVMExecutor
from wengert.run.numpy import NumpyExecutor
from wengert.trace.tracing import trace
from wengert.transform.gradient import gradient
from wengert.transform.simplify import simplify

Arrays = list[np.ndarray]


def by_source(program: Program, arguments: Arrays) -> Arrays:
    results = run_source(program.to_python())(*arguments)
    return list(results) if isinstance(results, (tuple, list)) else [results]


def by_onnx(program: Program, arguments: Arrays) -> Arrays | None:
    """Run it in onnxruntime; None where it is refused by the name of a primitive that ONNX lacks."""
    left = {line.primitive.name for line in written_out(program).lines if not is_native(line)}
    if not left:
        return onnx_backend.run(program, arguments)
    with pytest.raises(UnsupportedFunctionError, match=rf"computes ({'|'.join(left)}) .*no ONNX operator"):
        onnx_backend.run(program, arguments)
    assert all(REGISTRY[name].decomposition is None for name in left)
    return None


# A new backend is a line here: it takes a program and arrays, and gives arrays, or None where it refuses.
BACKENDS: dict[str, Callable[[Program, Arrays], Arrays | None]] = {
    "NumPy": lambda program, arguments: NumpyExecutor().compile(program)(arguments),
    "LLVM": lambda program, arguments: LLVMExecutor().compile(program)(arguments),
    "source": by_source,
    "ONNX": by_onnx,
}
if importlib.util.find_spec("jax") is not None:
    BACKENDS["XLA"] = lambda program, arguments: xla_executor().compile(program)(arguments)


@pytest.fixture(params=NEWCOMERS)
def newcomer(request: pytest.FixtureRequest) -> Newcomer:
    return NEWCOMERS[request.param]


@pytest.fixture
def function(newcomer: Newcomer) -> Iterator[Callable[..., Any]]:
    with declared(newcomer) as made:
        yield made


def places_of_floats(arguments: Arrays) -> list[int]:
    return [place for place, one in enumerate(arguments) if one.dtype.kind == "f"]


def mixed(function: Callable[..., Any], params: dict[str, Any]) -> Callable[..., Any]:
    """Return a number made with the function among known lines, which read and follow it."""

    def value(*operands: Any) -> Any:
        floats = [place for place, one in enumerate(operands) if one.dtype.kind == "f"]
        given = [np.tanh(one) + 1 if place in floats else one for place, one in enumerate(operands)]
        made = function(*given, **params)
        # The operands are read again after it, and its result twice.
        total = np.sum(np.square(made)) + np.sum(np.sin(made) * made)
        for place in floats:
            total = total + np.sum(given[place] * operands[place].T)
        return total

    return value


def assert_same_everywhere(program: Program, arguments: Arrays) -> Arrays:
    verify(program)
    wanted = BACKENDS["NumPy"](program, arguments)
    for name, run in BACKENDS.items():
        found = run(program, arguments)
        if found is None:
            continue
        for got, oracle in zip(found, wanted, strict=True):
            assert (np.asarray(got).dtype, np.shape(got)) == (oracle.dtype, oracle.shape), name
            rtol = 1e-12 if oracle.dtype == np.float64 else 1e-5
            np.testing.assert_allclose(got, oracle, rtol=rtol, atol=rtol, err_msg=name)
    return wanted


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_alone(newcomer: Newcomer, function: Any, dtype: Any, rng: np.random.Generator) -> None:
    arguments = newcomer.operands(rng, dtype)
    program = trace(lambda *operands: function(*operands, **newcomer.params), *arguments)
    (got,) = assert_same_everywhere(program, arguments)
    np.testing.assert_allclose(got, function(*arguments, **newcomer.params), rtol=1e-5)


def test_among_other_lines_with_its_gradient(
    newcomer: Newcomer, function: Any, rng: np.random.Generator
) -> None:
    arguments = newcomer.operands(rng, np.float64)
    program = trace(mixed(function, newcomer.params), *arguments)
    assert_same_everywhere(program, arguments)
    wrt = places_of_floats(arguments)
    if not wrt:
        assert isinstance(function.vjp, NotDifferentiable)
        return
    both = simplify(gradient(program, wrt, with_value=True))
    _, *slopes = assert_same_everywhere(both, arguments)
    step = 1e-6
    for place, slope in zip(wrt, slopes, strict=True):
        direction = rng.normal(size=arguments[place].shape)
        values = []
        for sign in (1, -1):
            moved = list(arguments)
            moved[place] = arguments[place] + sign * step * direction
            (value,) = BACKENDS["NumPy"](program, moved)
            values.append(value)
        change = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(np.sum(slope * direction), change, rtol=1e-7)


def test_second_derivatives(newcomer: Newcomer, function: Any, rng: np.random.Generator) -> None:
    arguments = newcomer.operands(rng, np.float64)
    wrt = places_of_floats(arguments)
    if wrt:
        slope = wg.grad(mixed(function, newcomer.params))
        total = trace(lambda *given: np.sum(np.square(slope(*given))), *arguments)
        assert_same_everywhere(simplify(gradient(total, wrt[:1])), arguments)


def test_kernels_say_who_runs_it(newcomer: Newcomer, function: Any, rng: np.random.Generator) -> None:
    arguments = newcomer.operands(rng, np.float64)
    program = trace(lambda *operands: function(*operands, **newcomer.params), *arguments)
    kernels = LLVMExecutor().compile(program).kernels()  # type: ignore[attr-defined]
    reasons = [kernel.reason for kernel in kernels if kernel.form == "numpy"]
    if not isinstance(function, Primitive):
        assert not reasons
    elif newcomer.decomposition is None:
        (reason,) = reasons
        assert reason
        assert function.kind is Kind.SCAN or function.name in reason
    else:
        assert all(function.name not in kernel.operations for kernel in kernels)


def _latex_is_balanced(text: str) -> None:
    assert text.count("{") == text.count("}")
    assert not re.search(r"operatorname\{[^}]*(?<!\\)_", text), "an underscore is an index in LaTeX"


def _mathml_is_well_formed(page: str) -> None:
    formulas = re.findall(r"<math.*?</math>", page, flags=re.DOTALL)
    assert formulas
    for formula in formulas:
        ElementTree.fromstring(formula)


# Each says the derivation in its own form, after every line of it was compared with the engine.
PRINTERS: dict[str, Callable[[Derivation], None]] = {
    "text": lambda derivation: str(derivation),
    "LaTeX": lambda derivation: _latex_is_balanced(derivation.to_latex()),
    "HTML": lambda derivation: _mathml_is_well_formed(derivation._repr_html_()),
    "JSON": lambda derivation: json.loads(derivation.to_json()),
}


def squared(function: Callable[..., Any], newcomer: Newcomer) -> Callable[..., Any]:
    """Return a number made with the function alone, so that a page shows what is said of it."""

    def value(*operands: Any) -> Any:
        return np.sum(np.square(function(*operands, **newcomer.params)))

    return value


# The batch view is of functions with an axis of examples, one example of which is explained as in the others.
@pytest.mark.parametrize("view", [view for view in VIEWS if view != "batch"])
def test_explained(newcomer: Newcomer, function: Any, view: str, rng: np.random.Generator) -> None:
    arguments = newcomer.operands(rng, np.float64)
    if not places_of_floats(arguments):
        with pytest.raises(GradientError, match="no floating argument"):
            wg.explain(squared(function, newcomer), *arguments)
        return
    derivation = wg.explain(squared(function, newcomer), *arguments, view=view)
    assert derivation.verify().points
    for read in PRINTERS.values():
        read(derivation)


def test_the_derivation_names_what_was_differentiated(
    newcomer: Newcomer, function: Any, rng: np.random.Generator
) -> None:
    arguments = newcomer.operands(rng, np.float64)
    if not places_of_floats(arguments) or not isinstance(function, Primitive):
        return
    text = str(wg.explain(squared(function, newcomer), *arguments))
    written_out = newcomer.decomposition is not None and function.kind is not Kind.ELEMENTWISE
    assert (function.name in text) != written_out


@pytest.mark.parametrize("whole", [True, False])
def test_drawn(newcomer: Newcomer, function: Any, whole: bool, rng: np.random.Generator) -> None:
    arguments = newcomer.operands(rng, np.float64)
    if not places_of_floats(arguments):
        return
    asked = squared(function, newcomer) if whole else lambda *given: function(*given, **newcomer.params)
    drawing = wg.draw(asked, *arguments)
    svg = ElementTree.fromstring(drawing.to_svg())
    assert svg.tag.endswith("svg")
    assert drawing.to_dot().startswith("digraph")


@pytest.mark.parametrize("kind", ["elementwise", "elementwise, decomposed", "composite"])
def test_as_an_activation(kind: str, rng: np.random.Generator) -> None:
    """A step that generated code cannot run alone is taken by stretches of it, and by NumPy between them."""
    X, y = rng.normal(size=(16, 3)), rng.normal(size=(16, 1))
    losses = []
    with declared(NEWCOMERS[kind]) as function:
        hidden = nn.Dense(3, 4, lambda z: function(z * z + 1))
        net = nn.Sequential(hidden, nn.Dense(4, 1)).initialise(seed=0)
        settings = {"loss": "squared_error", "batch_size": 5, "epochs": 3, "progress": False}
        for executor in ("numpy", "llvm"):
            run = train.fit(net, X, y, optimizer=optim.SGD(0.01), executor=executor, **settings)
            losses.append([epoch.loss for epoch in run.history])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)  # float32


def test_a_scan_and_a_reduction_stand_for_methods_of_universal_functions(rng: np.random.Generator) -> None:
    # No NumPy function goes by these names, so nothing but the declaration says how they are called.
    x = rng.normal(size=(3, 4))
    with (
        declared(Newcomer(running_log_sum, lambda rng, dtype: [x])),
        declared(Newcomer(log_sum, lambda *_: [x])),
    ):
        program = trace(lambda x: (np.logaddexp.accumulate(x, axis=1), np.logaddexp.reduce(x)), x)
        assert {"running_log_sum", "log_sum"} <= {line.primitive.name for line in program.lines}
        for run in BACKENDS.values():
            found = run(program, [x])
            if found is not None:
                np.testing.assert_allclose(found[0], np.logaddexp.accumulate(x, axis=1), rtol=1e-12)
                np.testing.assert_allclose(found[1], np.logaddexp.reduce(x), rtol=1e-12)


def test_a_function_stands_for_one_primitive() -> None:
    before = dict(REGISTRY)
    with pytest.raises(WengertError, match="'second_sum' implements sum, for which 'sum' stands already"):
        reduction(
            "second_sum",
            numpy=np.sum,
            vjp=NotDifferentiable("of a test"),
            python="np.sum",
            implements=(np.sum,),
            source="DLMF 1.4.8",
        )
    assert before == REGISTRY


def test_there_is_one_of_every_kind() -> None:
    made = set()
    for one in NEWCOMERS.values():
        with declared(one) as function:
            made.add(getattr(function, "kind", None))
    # A loop or a branch is declared with its own rules, for which `test_regions.py` has examples.
    elsewhere = {Kind.INPUT, Kind.CONSTANT, Kind.REGION, Kind.ITEM}
    assert made == {None, *Kind} - elsewhere
