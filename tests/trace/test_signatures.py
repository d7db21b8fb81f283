"""Every NumPy function that tensors take is called as NumPy's: by position, by name, with its defaults."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

from wengert.errors import UnsupportedFunctionError, WengertError
from wengert.trace.numpy_functions.table import entry_of, functions
from wengert.trace.tracing import trace

M = np.arange(1.0, 10).reshape(3, 3) + 9 * np.eye(3)  # positive definite
V = np.cumsum(M[0])
# What stands for the arguments that have no default.
REQUIRED: dict[str, Any] = {
    "arrays": [M, M], "arys": (M,), "args": (M, M), "tup": [M, M], "operands": ("ij,jk->ik", M, M),
    "arrays_and_dtypes": (M,), "indices": np.array([[0, 1, 1]]), "repeats": 2, "reps": 2, "shift": 1,
    "pad_width": 1, "shape": (9,), "axis": 0, "axis1": 0, "axis2": 1, "source": 0, "destination": 1,
    "indices_or_sections": 3, "fill_value": 2.0, "xi": (V, V), "new_shape": 6, "kth": 1, "obj": 1,
    "condlist": [M > 5, M < 3], "choicelist": [M, M], "funclist": [1.0, 2.0],
    "func1d": lambda part, *rest: np.cumsum(part),
}  # fmt: skip
# Whose defaults say that something is missing.
GIVEN: dict[tuple[Any, str], Any] = {
    (np.where, "x"): M, (np.where, "y"): M + 1, (np.clip, "a_min"): 2.0, (np.clip, "a_max"): 5.0,
    (np.broadcast_to, "shape"): (2, 3, 3),     (np.linalg.tensorinv, "ind"): 1,
    (np.linalg.matrix_power, "n"): 2, (np.linalg.outer, "x1"): V,
    (np.linalg.outer, "x2"): V, (np.linalg.lstsq, "b"): V, (np.linalg.tensorsolve, "b"): V,
    (np.correlate, "a"): V, (np.correlate, "v"): V, (np.convolve, "a"): V, (np.convolve, "v"): V,
    (np.polymul, "a1"): V, (np.polymul, "a2"): V, (np.polyfit, "x"): V[::-1] ** 2, (np.polyfit, "y"): V,
    (np.polyfit, "deg"): 1, (np.polyder, "p"): V, (np.vander, "x"): V, (np.resize, "a"): M,
    (np.astype, "dtype"): np.float32, (np.compress, "condition"): [True, False, True],
    (np.dsplit, "ary"): np.stack([M, M, M], axis=2), (np.choose, "a"): np.array([[0, 1, 1]] * 3),
    (np.choose, "choices"): [M, M], (np.insert, "values"): 2.0, (np.searchsorted, "a"): V,
    (np.digitize, "bins"): V[:2], (np.interp, "xp"): V, (np.interp, "fp"): V, (np.quantile, "q"): 0.3,
    (np.lib.stride_tricks.sliding_window_view, "window_shape"): (2, 2), (np.polyint, "p"): V,
    (np.poly, "seq_of_zeros"): V, (getattr(np, "cumulative_sum", None), "x"): V,
    (getattr(np, "cumulative_prod", None), "x"): V, (np.nanquantile, "q"): 0.3,
    (np.bincount, "x"): np.array([0, 1, 1]),
}  # fmt: skip
FUNCTIONS = functions()


def signature(function: Any) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:
        pytest.skip("this NumPy does not give the signature of functions written in C")


def required(parameter: inspect.Parameter) -> Any:
    return REQUIRED.get(parameter.name, M)


def given(function: Any, parameter: inspect.Parameter) -> Any:
    """Return the default of a parameter, or what stands for it where it has none that means anything."""
    if (function, parameter.name) in GIVEN:
        return GIVEN[function, parameter.name]
    return required(parameter) if parameter.default is parameter.empty else parameter.default


def with_traced(value: Any, x: Any) -> Any:
    """Return `value` with the matrix M replaced by the tensor that stands for it."""
    if isinstance(value, (tuple, list)):
        return type(value)(with_traced(one, x) for one in value)
    return x if value is M else np.cumsum(x[0]) if value is V else value


def agree(got: Any, wanted: Any) -> None:
    if isinstance(wanted, np.dtype):
        assert got == wanted
        return
    got, wanted = (list(one) if isinstance(one, (tuple, list)) else [one] for one in (got, wanted))
    for mine, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def agree_or_refuse(call: Any, wanted: Any, name: str) -> None:
    """Hold the program of `call` to NumPy's result, or its error to one that says the name."""
    try:
        program = trace(call, M)
    except WengertError as error:
        refusal = str(error)
    else:
        agree(program(M), wanted)
        return
    assert name in refusal


def recorded(call: Any) -> Any:
    """Return what `call` computes of a tensor; what is no array (a shape, a dtype) is returned as it is."""
    kept: list[Any] = []

    def function(x: Any) -> Any:
        result = call(x)
        kept.append(result)
        return result if not isinstance(result, np.dtype) else 0.0

    value = trace(function, M)(M)
    return kept[0] if isinstance(kept[0], np.dtype) else value


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_an_implementation_has_no_parameter_that_numpy_has_not(function: Any) -> None:
    numpys = signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in numpys.values()):
        pytest.skip("NumPy's own signature ends with **kwargs here")
    newer = {"copy", "correction", "axis1"}  # not in every NumPy that is supported
    assert entry_of(function).honoured - newer <= set(numpys)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_every_parameter_by_position_with_its_default(function: Any) -> None:
    positional: list[Any] = []
    for parameter in signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += required(parameter)
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            default = parameter.default
            positional.append(given(function, parameter))
            if default is parameter.empty or (function, parameter.name) in GIVEN:
                continue  # not all that it needs is given yet
        wanted = function(*positional)
        got = recorded(lambda x, given=tuple(positional): function(*with_traced(given, x)))
        agree(got, np.zeros_like(wanted) if function is np.empty_like else wanted)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_every_parameter_by_name_with_its_default(function: Any) -> None:
    positional, named = [], {}
    parameters = signature(function).parameters.values()
    listing = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += () if positional else required(parameter)
        elif parameter.kind is parameter.POSITIONAL_ONLY or (
            listing and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ):
            positional.append(given(function, parameter))
        elif parameter.kind is not parameter.VAR_KEYWORD:
            named[parameter.name] = given(function, parameter)
    if function in (np.clip,):
        named = {name: value for name, value in named.items() if name not in ("min", "max")}
    wanted = function(*positional, **named)

    def call(x: Any) -> Any:
        pairs = {name: with_traced(value, x) for name, value in named.items()}
        return function(*[with_traced(one, x) for one in positional], **pairs)

    agree(recorded(call), np.zeros_like(wanted) if function is np.empty_like else wanted)


class Odd:
    """An option that no function can honour."""

    def __repr__(self) -> str:
        return "odd"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_an_option_that_is_not_honoured_is_refused_by_name(function: Any) -> None:
    parameters = signature(function).parameters
    listed = [one for p in parameters.values() if p.kind is p.VAR_POSITIONAL for one in required(p)]
    needed = [
        given(function, p)
        for p in parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    for parameter in parameters.values():
        optional = (
            parameter.default is not parameter.empty and parameter.kind is not parameter.POSITIONAL_ONLY
        )
        if not optional or (parameter.name in entry_of(function).honoured and parameter.name != "out"):
            continue
        odd = np.zeros((3, 3)) if parameter.name == "out" else Odd()
        named = {parameter.name: odd}
        message = re.escape(f": the option {parameter.name}= has no rule")
        with pytest.raises(UnsupportedFunctionError, match=message):
            trace(lambda x, n=named: function(*with_traced((*needed, *listed), x), **n), M)


UFUNCS = [one for one in vars(np).values() if isinstance(one, np.ufunc) and one.nout == 1]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda one: one.__name__)
def test_universal_functions_take_their_options_or_refuse_them_by_name(ufunc: Any) -> None:
    values = [M] * ufunc.nin
    defaults = {
        "out": None,
        "where": True,
        "casting": "same_kind",
        "order": "K",
        "subok": True,
        "dtype": None,
    }
    try:
        with np.errstate(all="ignore"):
            wanted = ufunc(*values, **defaults)
    except TypeError:
        pytest.skip("has no meaning for float64")
    for options in ({}, defaults, {"dtype": wanted.dtype}):
        agree_or_refuse(lambda x, o=options: ufunc(*[x] * ufunc.nin, **o), wanted, ufunc.__name__)
    with pytest.raises(WengertError, match=ufunc.__name__):
        trace(lambda x: ufunc(*[x] * ufunc.nin, signature="dd->d"), M)


def test_a_dtype_is_that_in_which_a_universal_function_computes() -> None:
    small = np.array([100, 120], np.int8)
    for function in (
        lambda x: np.add(x, x, dtype=np.int64),
        lambda x: np.multiply(x, x, dtype=np.float32),
        lambda x: np.exp(x, dtype=np.float64),
        lambda x: np.square(x, dtype=np.int32),
    ):
        wanted = function(small)
        got = trace(function, small)(small)
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


METHODS = [
    name
    for name in dir(np.ndarray)
    if not name.startswith("__") and callable(getattr(np.ndarray, name)) and hasattr(np, name)
]


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_the_options_of_their_functions(name: str) -> None:
    """A method of arrays is the function without its first argument, or refused by name."""
    function = getattr(np, name)
    positional: list[Any] = []
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except ValueError:
        pytest.skip("this NumPy does not give the signature of functions written in C")
    if name == "astype":
        parameters, positional = [], [np.float32]
    for parameter in [None, *parameters]:
        if parameter is not None:
            if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
                break
            positional.append(given(function, parameter))
        try:
            wanted = getattr(M.copy(), name)(*positional)
        except (TypeError, ValueError):
            continue  # the method has fewer options than the function, or needs more arguments
        if wanted is None:
            continue  # it sorts in place
        agree_or_refuse(lambda x, given=tuple(positional): getattr(x, name)(*given), wanted, name)
