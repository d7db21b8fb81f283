"""NumPy's functions on tensors: each module writes some of them in terms of primitives."""

from wengert.trace.numpy_functions import (
    array_creation as array_creation,
    building as building,
    calculus as calculus,
    calls as calls,
    choosing as choosing,
    contraction as contraction,
    diagonals as diagonals,
    einsum as einsum,
    fourier as fourier,
    joining as joining,
    linear_algebra as linear_algebra,
    ordering as ordering,
    padding as padding,
    reductions as reductions,
    selection as selection,
    shapes as shapes,
    statistics as statistics,
)
from wengert.trace.numpy_functions.table import call_function as call_function
